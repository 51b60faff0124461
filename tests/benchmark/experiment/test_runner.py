"""The runner with a real store: what becomes of a cell, whatever its method does, and what the next call does."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
import torch

from benchmark.cli.progress import PlainDisplay
from benchmark.core.errors import DivergedError, SkippedError
from benchmark.core.record import SHARED_PROCESS, EpochEnded, PhaseStarted, Point, Record
from benchmark.data.task import Split, TrainingData
from benchmark.experiment import runner
from benchmark.experiment.plan import Plan
from benchmark.tracking import Tracking
from benchmark.train.run import Run

Logits = Callable[[Split], npt.NDArray[np.float32]]
Fit = Callable[[Sequence[TrainingData], Run], Logits]

COLOURS = ("blue", "green", "red")


def right(split: Split) -> npt.NDArray[np.float32]:
    """Logits that are always right, with numbers that have no short decimal form."""
    return np.eye(3, dtype=np.float32)[split.targets.astype(np.int64)] / np.float32(3)


def measure(made: Plan, tracking: Tracking, rerun: bool = False) -> tuple[tuple[Record, ...], list[str]]:
    """Run the plan; return its records and the lines that were shown."""
    shown = io.StringIO()
    records = runner.run(made, tracking, PlainDisplay(shown), rerun, "bench run …")
    return records, shown.getvalue().splitlines()


def digest(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def raising(error: BaseException) -> Fit:
    def fit(tasks: Sequence[TrainingData], run: Run) -> Logits:
        raise error

    return fit


def giving(logits: Logits) -> Fit:
    def fit(tasks: Sequence[TrainingData], run: Run) -> Logits:
        return logits

    return fit


FULL = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate"
ENDINGS: dict[str, tuple[Fit, str, str]] = {
    "a-good": (giving(right), "done", ""),
    "b-raises": (raising(RuntimeError("boom\nand a second line")), "failed", "RuntimeError: boom"),
    "c-silent": (raising(AssertionError()), "failed", "AssertionError"),
    "d-nan": (giving(lambda split: right(split) * np.float32("nan")), "diverged", "are not finite"),
    "e-infinite": (giving(lambda split: right(split) - np.float32("inf")), "diverged", "are not finite"),
    "f-cuda": (
        raising(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has 1 GiB")),
        "failed",
        "out of memory: CUDA out of memory. Tried to allocate 2.00 GiB.: try a smaller --batch-size",
    ),
    "g-memory": (raising(MemoryError()), "failed", "out of memory: MemoryError: try a smaller --batch-size"),
    "h-cpu": (raising(RuntimeError(FULL)), "failed", f"out of memory: {FULL}: try a smaller --batch-size"),
    "i-diverges": (raising(DivergedError("the loss is nan")), "diverged", "the loss is nan"),
    "j-skips": (raising(SkippedError("one task is too few")), "skipped", "one task is too few"),
    "k-shape": (giving(lambda split: right(split)[1:]), "failed", "ValueError: "),
    "l-good": (giving(right), "done", ""),
}


def test_whatever_a_method_does_is_recorded_and_the_others_go_on(
    toys: Callable[[str, Fit], None], planned: Callable[..., Plan], tracking: Tracking
) -> None:
    calls: list[str] = []

    def counted(name: str, fit: Fit) -> Fit:
        def counting(tasks: Sequence[TrainingData], run: Run) -> Logits:
            calls.append(name)
            return fit(tasks, run)

        return counting

    for name, (fit, _, _) in ENDINGS.items():
        toys(name, counted(name, fit))
    made = planned(*ENDINGS)
    records, lines = measure(made, tracking)

    assert calls == list(ENDINGS)
    assert [record.cell for record in records] == list(made.cells)
    assert {record.cell.method: record.status for record in records} == {n: e[1] for n, e in ENDINGS.items()}
    for record in records:
        reason = ENDINGS[record.cell.method][2]
        assert reason in record.reason if reason else not record.reason
        assert "\n" not in record.reason
        assert bool(record.scores) == (record.status == "done")
    assert runner.exit_status(records, len(records)) == 1
    good = [record for record in records if record.status in ("done", "skipped")]
    assert runner.exit_status(good, len(good)) == 0
    assert runner.exit_status(good, len(good) + 1) == 1  # a planned cell that has no record
    assert "RuntimeError: boom" in lines  # the traceback's end, for whoever fixes it
    assert any(line.endswith("j-skips seed 0: skipped: one task is too few") for line in lines)

    stored = {record.cell.id: record for record in tracking.records()}
    assert {record.cell.id: (record.status, record.reason) for record in records} == {
        cell: (record.status, record.reason) for cell, record in stored.items()
    }

    calls.clear()  # a failure may not come again; what is a function of the cell would
    again, lines = measure(made, tracking)
    assert calls == [name for name, (_, status, _) in ENDINGS.items() if status == "failed"]
    assert lines[0] == "6 cells were finished already: 6 to run"
    assert [(record.cell, record.status) for record in again] == [(record.cell, record.status) for record in records]
    assert len(tracking.records()) == len(ENDINGS) + 6


def test_a_second_call_trains_nothing_says_so_and_touches_nothing(
    planned: Callable[..., Plan], tracking: Tracking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = planned("finetune", "zero-shot", seeds=(0, 1))
    records, lines = measure(made, tracking)
    assert lines[0] == "4 cells to run"
    assert [record.status for record in records] == ["done"] * 4
    before = digest(tmp_path / "mlruns")

    monkeypatch.setattr(runner, "Bench", None)  # what trains is not even made
    again, lines = measure(planned("finetune", "zero-shot", seeds=(0, 1)), tracking)
    assert lines == ["4 cells were finished already: nothing to train"]
    assert again == tuple(dataclasses.replace(record, points=()) for record in records)
    assert digest(tmp_path / "mlruns") == before


def test_more_seeds_train_the_new_ones_and_rerun_all_of_them(
    toys: Callable[[str, Fit], None], planned: Callable[..., Plan], tracking: Tracking
) -> None:
    seeds: list[int] = []

    def fit(tasks: Sequence[TrainingData], run: Run) -> Logits:
        seeds.append(run.streams.seed)
        return right

    toys("toy", fit)
    first, _ = measure(planned("toy", seeds=(1,)), tracking)
    both, lines = measure(planned("toy", seeds=(0, 1)), tracking)
    assert seeds == [1, 0]
    assert lines[0] == "1 cell was finished already: 1 to run"
    assert [record.cell.seed for record in both] == [0, 1]
    assert both[1].run == first[0].run
    again, _ = measure(planned("toy", seeds=(0, 1)), tracking, rerun=True)
    assert seeds == [1, 0, 0, 1]
    assert [record.scores for record in again] == [record.scores for record in both]
    assert not {record.run for record in again} & {record.run for record in both}
    assert len(tracking.records()) == 4
    newest, _ = measure(planned("toy", seeds=(0, 1)), tracking)
    assert [record.run for record in newest] == [record.run for record in again]


def test_a_cell_that_failed_once_is_finished_once_it_is_done(
    toys: Callable[[str, Fit], None], planned: Callable[..., Plan], tracking: Tracking
) -> None:
    errors: list[Exception] = [OSError("no space left on device")]

    def fit(tasks: Sequence[TrainingData], run: Run) -> Logits:
        if errors:
            raise errors.pop()
        return right

    toys("toy", fit)
    statuses = [measure(planned("toy"), tracking)[0][0].status for _ in range(3)]
    assert statuses == ["failed", "done", "done"]
    assert [record.status for record in tracking.records()] == ["done", "failed"]


def test_ctrl_c_records_the_running_cell_and_the_next_call_goes_on(
    toys: Callable[[str, Fit], None], planned: Callable[..., Plan], tracking: Tracking
) -> None:
    calls: list[str] = []

    def fit(name: str) -> Fit:
        def fitting(tasks: Sequence[TrainingData], run: Run) -> Logits:
            calls.append(name)
            run.watcher.phase_started(PhaseStarted("main", 2, 6, 10, 1, 11))
            run.watcher.epoch_ended(EpochEnded("main", 1, 0.5, 18, (Point("main", 1, "train/loss", 0.25),)))
            if calls.count("b") == 1 and name == "b":
                raise KeyboardInterrupt
            return right

        return fitting

    for name in "abc":
        toys(name, fit(name))
    made = planned(*"abc")
    with pytest.raises(KeyboardInterrupt) as stopped:  # the wider one: pytest takes a stray one for the user's
        measure(made, tracking)
    assert isinstance(stopped.value, runner.Interrupted)
    assert calls == ["a", "b"]
    records = stopped.value.records
    assert [(record.cell.method, record.status) for record in records] == [("a", "done"), ("b", "interrupted")]
    assert runner.exit_status(records, 3) == 1
    kept = tracking.record(records[1].run)
    assert (kept.status, kept.reason) == ("interrupted", "stopped by Ctrl-C")
    assert kept.points == (Point("main", 1, "train/loss", 0.25),)
    assert kept.scores == ()

    again, lines = measure(made, tracking)
    assert calls == ["a", "b", "b", "c"]
    assert lines[0] == "1 cell was finished already: 2 to run"
    assert [(record.cell.method, record.status) for record in again] == [(name, "done") for name in "abc"]


def test_the_test_split_is_read_once_and_after_training(
    planned: Callable[..., Plan], tracking: Tracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    encode = Run.encode

    def spy(self: Run, split: Split) -> Any:
        events.append(split.name)
        return encode(self, split)

    class Spying(PlainDisplay):
        def step_ended(self, done: int, total: int) -> None:
            events.append("step")

    made = planned("finetune", "swa", seeds=(0,), epochs=2)
    measure(planned("zero-shot"), tracking)  # once per call, texts that are too long are counted, in all splits
    monkeypatch.setattr(Run, "encode", spy)
    runner.run(made, tracking, Spying(io.StringIO()))
    counting = ["train", "validation", "test"]
    assert events[:3] == counting
    cell = ["train", "validation", *["step"] * 6, "validation", "test"]
    assert events[3:] == cell * 2


def test_fit_is_given_no_test_rows(
    toys: Callable[[str, Fit], None], planned: Callable[..., Plan], tracking: Tracking
) -> None:
    seen: list[Sequence[TrainingData]] = []

    def fit(tasks: Sequence[TrainingData], run: Run) -> Logits:
        seen.append(tasks)
        return right

    toys("toy", fit)
    made = planned("toy")
    measure(made, tracking)
    ((task,),) = seen
    assert {field.name for field in dataclasses.fields(task)} == {"head", "train", "validation"}
    texts = {text for split in (task.train, task.validation) for text in split.texts}
    assert set(made.tasks[0].test.texts) - texts
    assert task == made.tasks[0].without_test()


def test_stored_predictions_give_every_score_again_to_the_bit(
    planned: Callable[..., Plan], tracking: Tracking, tmp_path: Path
) -> None:
    made = planned("finetune", epochs=2)
    (record,), _ = measure(made, tracking)
    (stored,) = tracking.predictions(record.run)
    assert stored.scores() == tuple(score for score in record.scores if score.split == "test")
    assert {score.split for score in record.scores} == {"validation", "test"}
    assert {score.task for score in record.scores} == {"scenario"}

    # And without the project's code.
    (file,) = tmp_path.joinpath("mlruns", "artifacts").rglob("*.parquet")
    rows = pq.read_table(file).to_pylist()
    test = made.tasks[0].test
    assert [row["id"] for row in rows] == list(test.ids)
    assert [row["label"] for row in rows] == list(test.labels)
    assert [row["label_name"] for row in rows] == [COLOURS[int(label)] for label in test.labels]
    hits = [int(np.argmax(row["logits"])) == row["label"] for row in rows]
    assert record.score("test", "scenario", "accuracy") == sum(hits) / len(hits)


def test_what_was_found_in_the_data_is_recorded(planned: Callable[..., Plan], tracking: Tracking) -> None:
    (record,), _ = measure(planned("zero-shot"), tracking)
    (facts,) = record.data
    assert facts.rows == (("train", 18), ("validation", 6), ("test", 9))
    assert dict(facts.duplicates) == {"train ∩ validation": 0, "train ∩ test": 2, "validation ∩ test": 1}
    assert dict(facts.truncated) == {"train": 0, "validation": 0, "test": 1}
    assert not facts.synthetic
    assert tracking.records()[0].data == record.data
    (builtin,), _ = measure(planned("zero-shot", data=None, limit_train=40), tracking)
    assert builtin.data[0].synthetic
    assert builtin.data[0].notes == ("train limited to 40 of 1000 rows by a hash of the row",)


def test_a_record_says_what_it_cost_and_where_it_ran(planned: Callable[..., Plan], tracking: Tracking) -> None:
    (record,), _ = measure(planned("finetune", epochs=3), tracking)
    cost = record.cost
    assert cost.headline
    assert cost.headline.trainable_encoder > 0 < cost.headline.trainable_head
    assert cost.headline.trainable == cost.headline.total
    assert cost.headline.epoch_seconds
    assert cost.headline.first_epoch_seconds
    assert cost.fit_seconds > cost.headline.first_epoch_seconds + 2 * cost.headline.epoch_seconds > 0
    assert (cost.peak_memory_bytes, cost.peak_memory_of) == (None, SHARED_PROCESS)
    assert record.environment
    assert record.environment.command == "bench run …"
    keys = {"train/loss"} | {f"validation/scenario/{name}" for name in ("accuracy", "cross_entropy", "macro_f1")}
    assert {(point.epoch, point.key) for point in record.points} == {(n, key) for n in (1, 2, 3) for key in keys}
    assert tracking.record(record.run) == record
