"""Tracking against a real MLflow store in SQLite."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.cell import Cell, Protocol, TaskIdentity
from benchmark.core.errors import UsageError
from benchmark.core.predictions import Predictions
from benchmark.core.record import (
    Cost,
    DataFacts,
    Environment,
    EpochEnded,
    PhaseCost,
    PhaseStarted,
    Point,
    Record,
    Score,
    Status,
)
from benchmark.tracking import Tracking, scheme, sqlite

ROWS = 40


def make_cell(seed: int = 0, suite: str = "quick", method: str = "finetune") -> Cell:
    tasks = (TaskIdentity("scenario", "classes", "accuracy", "a" * 64, "b" * 64, "c" * 64),)
    protocol = Protocol(suite, tasks, "tiny", "rev", "d" * 64, 2, 16, 32, "best", None)
    parameters = (("head", "mlp"), ("lr", 2e-5), ("steps", None), ("warm", 3))
    return Cell(protocol, method, parameters, seed, "default", "cpu", "fp32", "e" * 64, (("torch", "2.13.0"),))


def make_environment(command: str = "bench run") -> Environment:
    packages = (("torch", "2.13.0"), ("numpy", "2.4"))
    return Environment(
        "2026-01-01T00:00:00Z", "f" * 40, True, "3.11.2", packages, "Linux", "A processor", "cpu", 2, command
    )


DATA = (
    DataFacts("scenario", "builtin", True, (("train", 1000), ("test", ROWS)), (("train ∩ test", 3),), (), ("cut",)),
)


def make_predictions(task: str = "scenario") -> Predictions:
    random = np.random.Generator(np.random.PCG64(7))
    logits = random.normal(size=(ROWS, 5)).astype(np.float32) * np.float32(1e3)
    logits[0] = [np.nextafter(np.float32(1), np.float32(2)), 1e-45, -0.0, 3.4e38, 0.1]
    ids = tuple(f"row {number} é" for number in range(ROWS))
    return Predictions("test", task, ("a", "b, c", "ü", "<d>", "e"), ids, random.integers(0, 5, ROWS), logits)


def make_record(cell: Cell | None = None) -> Record:
    phase = PhaseCost("finetune", 100, 10, 120, 3.5, 2.5, 400.0)
    return Record(
        cell or make_cell(),
        "done",
        scores=(*make_predictions().scores(), Score("validation", "scenario", "accuracy", 0.1 + 0.2)),
        points=points("finetune", 1) + points("finetune", 2),
        cost=Cost((phase,), 9.25, 12345, "device memory allocated"),
        environment=make_environment(),
        data=DATA,
    )


def points(phase: str, epoch: int, value: float = 0.3) -> tuple[Point, ...]:
    return (
        Point(phase, epoch, "train/loss", value / epoch),
        Point(phase, epoch, "validation/scenario/accuracy", 1 / 3 + epoch),
    )


def run(tracking: Tracking, record: Record, predictions: tuple[Predictions, ...] = ()) -> Record:
    live = tracking.begin(record.cell, make_environment(), DATA)
    return live.finish(record, predictions)


def test_a_record_comes_back_as_it_was(tracking: Tracking) -> None:
    saved = run(tracking, make_record(), (make_predictions(),))
    assert len(saved.run) == 32
    assert tracking.records() == (dataclasses.replace(saved, points=()),)
    assert tracking.record(saved.run) == saved
    assert tracking.record(saved.cell.id) == saved
    assert tracking.record(saved.run[:8]) == saved
    assert tracking.records()[0].cell.id == make_cell().id


def test_predictions_are_enough_to_compute_every_score_again(tracking: Tracking) -> None:
    saved = run(tracking, make_record(), (make_predictions(),))
    (found,) = tracking.predictions(saved.run)
    before = make_predictions()
    assert found.logits.tobytes() == before.logits.tobytes()
    assert found.labels.tolist() == before.labels.tolist()
    assert (found.split, found.task, found.classes, found.ids) == ("test", "scenario", before.classes, before.ids)
    reported = tuple(score for score in tracking.records()[0].scores if score.split == "test")
    assert reported == found.scores()
    assert len(reported) == 3


def test_predictions_are_plain_parquet(tracking: Tracking, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    saved = run(tracking, make_record(), (make_predictions(),))
    folder = tmp_path / "mlruns" / "artifacts" / "quick" / saved.run / "artifacts"
    assert sorted(str(file.relative_to(folder)) for file in folder.rglob("*.*")) == [
        "cell.json",
        "predictions/scenario.parquet",
        "record.json",
    ]
    table = pq.read_table(folder / "predictions" / "scenario.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert types == {"id": "string", "label": "int64", "label_name": "string", "logits": "list<element: float>"}
    label = table["label"][3].as_py()
    assert table["label_name"][3].as_py() == ("a", "b, c", "ü", "<d>", "e")[label]
    cell = json.loads((folder / "cell.json").read_text(encoding="utf-8"))
    assert cell["id"] == saved.cell.id
    assert cell["protocol"]["encoder"] == "tiny"


@pytest.mark.parametrize("shape", [(0, 5), (3, 1), (1, 60)])
def test_predictions_of_odd_shapes(tracking: Tracking, shape: tuple[int, int]) -> None:
    rows, outputs = shape
    logits = np.full(shape, np.nan, dtype=np.float32)
    given = Predictions("validation", "t", ("a",), ("x",) * rows, np.zeros(rows, dtype=np.int64), logits)
    saved = run(tracking, make_record(), (given,))
    (found,) = tracking.predictions(saved.run)
    assert found.logits.shape == (rows, outputs)
    assert found.logits.tobytes() == logits.tobytes()
    assert found.split == "validation"


def test_a_moved_store_still_finds_its_predictions(tracking: Tracking, tmp_path: Path) -> None:
    saved = run(tracking, make_record(), (make_predictions(),))
    (tmp_path / "mlruns").rename(tmp_path / "elsewhere")
    (found,) = Tracking(f"sqlite:///{tmp_path}/elsewhere/mlflow.db").predictions(saved.run)
    assert found.scores() == make_predictions().scores()


def test_what_mlflow_shows(tracking: Tracking) -> None:
    saved = run(tracking, make_record(make_cell(2, method="swa+reinit")), (make_predictions(),))
    from mlflow import MlflowClient

    client = MlflowClient(tracking.store.uri)
    found = client.get_run(saved.run)
    assert found.info.run_name == "swa+reinit seed 2"
    assert found.info.status == "FINISHED"
    assert client.get_experiment(found.info.experiment_id).name == "quick"
    assert found.data.params["parameter/lr"] == "2e-05"
    assert found.data.params["seed"] == "2"
    assert "parameter/steps" not in found.data.params
    assert found.data.metrics["test/scenario/accuracy"] == saved.score("test", "scenario", "accuracy")
    assert found.data.metrics["cost/trainable"] == 110
    assert found.data.metrics["cost/epoch_seconds"] == 2.5
    assert [metric.step for metric in client.get_metric_history(saved.run, "finetune/train/loss")] == [1, 2]
    assert "synthetic" in found.data.tags["mlflow.note.content"]
    assert json.loads(found.data.tags["bench.json.environment"])["processor"] == "A processor"


@pytest.mark.parametrize(
    ("status", "ending"),
    [
        ("done", "FINISHED"),
        ("skipped", "FINISHED"),
        ("failed", "FAILED"),
        ("diverged", "FAILED"),
        ("interrupted", "KILLED"),
    ],
)
def test_endings(tracking: Tracking, status: Status, ending: str) -> None:
    from mlflow import MlflowClient

    record = Record(make_cell(), status, "a reason\nof two lines")
    saved = run(tracking, record)
    assert MlflowClient(tracking.store.uri).get_run(saved.run).info.status == ending
    (found,) = tracking.records()
    assert (found.status, found.reason) == (status, "a reason\nof two lines")
    assert found.environment == make_environment()  # the runner's record need not repeat what `begin` was told
    assert tracking.predictions(saved.run) == ()


def test_a_run_in_progress_can_be_watched(tracking: Tracking) -> None:
    live = tracking.begin(make_cell(), make_environment(), DATA)
    watcher = Tracking(tracking.store.uri)
    with pytest.raises(ValueError, match="a phase can't be called 'test'"):
        live.phase_started(PhaseStarted("test", 1, 1, 1, 1, 1))
    assert [record.status for record in watcher.records()] == ["running"]
    live.phase_started(PhaseStarted("contrast", 2, 20, 100, 10, 120))
    live.step_ended(1, 20)
    assert watcher.points(live.record.run) == ()
    live.epoch_ended(EpochEnded("contrast", 1, 1.0, 40, points("contrast", 1)))
    assert watcher.points(live.record.run) == points("contrast", 1)
    ((_, tags),) = watcher._rows("quick")
    assert tags["bench.progress"] == "contrast: epoch 1 of 2"
    live.epoch_ended(EpochEnded("contrast", 2, 1.0, 40, points("contrast", 2)))
    live.phase_started(PhaseStarted("classify", 1, 10, 100, 10, 120))
    live.epoch_ended(EpochEnded("classify", 1, 1.0, 40, points("classify", 1)))
    seen = points("contrast", 1) + points("contrast", 2) + points("classify", 1)
    assert watcher.points(live.record.run) == seen
    live.finish(dataclasses.replace(make_record(), points=seen))  # logged once, not twice
    assert watcher.record(live.record.run).points == seen
    assert [value[2] for value in watcher._metric_values(live.record.run) if value[0] == "contrast/train/loss"] == [
        1,
        2,
    ]


def test_numbers_that_are_not_finite(tracking: Tracking) -> None:
    odd = (Point("finetune", 1, "train/loss", math.nan), Point("finetune", 2, "train/loss", -math.inf))
    live = tracking.begin(make_cell(), make_environment(), DATA)
    live.phase_started(PhaseStarted("finetune", 2, 20, 100, 10, 120))
    live.epoch_ended(EpochEnded("finetune", 1, 1.0, 40, odd[:1]))
    scores = (Score("test", "scenario", "cross_entropy", math.inf), Score("test", "scenario", "accuracy", 0.5))
    saved = live.finish(Record(make_cell(), "diverged", "the loss is nan", scores, odd))
    assert saved.reason == "the loss is nan; test/scenario/cross_entropy is inf"
    (found,) = tracking.records()
    assert found.reason == saved.reason
    assert found.score("test", "scenario", "cross_entropy") == math.inf
    first, second = tracking.points(saved.run)
    assert math.isnan(first.value)
    assert second.value == -math.inf
    from mlflow import MlflowClient

    assert "test/scenario/cross_entropy" not in MlflowClient(tracking.store.uri).get_run(saved.run).data.metrics


def test_a_store_that_fails_for_a_while_loses_no_point(tracking: Tracking, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.exceptions import MlflowException

    def fails(*_: object, **__: object) -> None:
        raise MlflowException("database is locked")

    live = tracking.begin(make_cell(), make_environment(), DATA)
    live.phase_started(PhaseStarted("finetune", 2, 20, 100, 10, 120))
    with monkeypatch.context() as patch:
        patch.setattr(live._client, "log_batch", fails)
        live.epoch_ended(EpochEnded("finetune", 1, 1.0, 40, points("finetune", 1)))
        with pytest.raises(UsageError, match=r"tracking store .* failed \(database is locked\): check"):
            live.finish(make_record())
    live.epoch_ended(EpochEnded("finetune", 2, 1.0, 40, points("finetune", 2)))
    assert tracking.points(live.record.run) == points("finetune", 1) + points("finetune", 2)


def test_records_are_selected_and_newest_come_first(tracking: Tracking) -> None:
    for seed in range(3):
        run(tracking, make_record(make_cell(seed)))
    run(tracking, dataclasses.replace(make_record(make_cell(suite="other")), status="failed", reason="why"))
    run(tracking, make_record(make_cell(0)))  # cell of seed 0 again
    assert [record.cell.seed for record in tracking.records("quick")] == [0, 2, 1, 0]
    assert [record.cell.protocol.suite for record in tracking.records(statuses=("failed", "diverged"))] == ["other"]
    assert tracking.records("unknown") == ()
    assert tracking.record(make_cell(0).id).run == tracking.records("quick")[0].run
    from_mlflow = [(run, sorted(tags.items())) for run, tags in tracking._search(None)]
    assert from_mlflow == [(run, sorted(tags.items())) for run, tags in tracking._rows(None)]
    assert len(from_mlflow) == 5
    assert [row[0] for row in tracking._search("other")] == [row[0] for row in tracking._rows("other")]


def test_points_read_with_sql_and_by_mlflow_agree(tracking: Tracking) -> None:
    saved = run(tracking, make_record())
    own = sorted(value for value in tracking._metric_values(saved.run) if scheme.point(value[0], 0, 0.0))
    tracking.store = dataclasses.replace(tracking.store, database=None)
    assert sorted(tracking._metric_values(saved.run)) == own
    assert len(own) == 4
    assert tracking._metric_values("no such run") == tracking._metric_values("0" * 32) == []
    with pytest.raises(UsageError, match="no run in"):
        tracking._artifact_uri("0" * 32)


def test_runs_of_others_in_the_store_are_passed_over(tracking: Tracking) -> None:
    from mlflow import MlflowClient

    saved = run(tracking, make_record())
    client = MlflowClient(tracking.store.uri)
    experiment = client.get_run(saved.run).info.experiment_id
    client.create_run(experiment, run_name="mine")
    client.create_run("0", tags={"bench.cell": "1", "bench.status": "done", "bench.json.cell": "{"})
    client.create_run("0", tags={"bench.status": "done", **{f"bench.json.{noun}": "[]" for noun in scheme.NOUNS}})
    broken = client.create_run(experiment, tags=dict(tracking._rows("quick")[0][1]) | {"bench.json.cell": '{"seed":1}'})
    assert [record.run for record in tracking.records()] == [saved.run]
    assert broken.info.run_id not in {record.run for record in tracking.records()}
    client.delete_run(saved.run)
    assert tracking.records() == ()


def test_unknown_and_ambiguous_names(tracking: Tracking) -> None:
    with pytest.raises(UsageError, match="`bench list runs`"):
        tracking.record("abc")
    for seed in range(17):  # two of them begin with the same hexadecimal digit
        tracking.begin(make_cell(seed), make_environment(), DATA)
    firsts = [record.run[0] for record in tracking.records()]
    twice = next(first for first in firsts if firsts.count(first) > 1)
    with pytest.raises(UsageError, match=f"runs begin with '{twice}' .*more digits"):
        tracking.record(twice)
    for name in ("", "no such run"):
        with pytest.raises(UsageError, match="no run in"):
            tracking.record(name)
    with pytest.raises(UsageError, match="no run in"):
        tracking.predictions("no such run")


def test_long_values_are_divided(tracking: Tracking) -> None:
    facts = dataclasses.replace(DATA[0], notes=tuple(f"note {number} ∩ é 🙂" for number in range(1500)))
    record = dataclasses.replace(make_record(), data=(facts,), reason="long " * 4000)
    run(tracking, record)
    (found,) = tracking.records()
    assert found.data == (facts,)
    assert found.reason.startswith("long long")
    assert len(found.reason) == scheme.TAG_LENGTH
    from mlflow.utils.validation import MAX_TAG_VAL_LENGTH

    assert scheme.TAG_LENGTH <= MAX_TAG_VAL_LENGTH


def test_odd_names(tracking: Tracking) -> None:
    cell = make_cell(suite="my suite/é: (1)", method="../m")
    scores = (Score("test", "a//b (é)|../c", "accuracy", 0.5),)
    saved = run(tracking, dataclasses.replace(make_record(cell), scores=scores), (make_predictions("a/b: ../c"),))
    assert tracking.records("my suite/é: (1)")[0].scores == scores
    assert tracking.predictions(saved.run)[0].task == "a/b: ../c"


@pytest.mark.parametrize("how", ["kill", "other host", "alive"])
def test_a_run_whose_process_is_gone(tracking: Tracking, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "kill":
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        described = f"{os.uname().nodename}:{child.pid}:{scheme._started(child.pid)}"
        assert not scheme.is_gone(described)
        child.kill()
        while scheme._started(child.pid) != "ended":
            pass
        assert scheme.is_gone(described)  # over, but not yet waited for
        child.communicate()
        monkeypatch.setattr(scheme, "process", lambda: described)
    if how == "other host":
        monkeypatch.setattr(scheme, "process", lambda: "elsewhere:1:1")
    tracking.begin(make_cell(), make_environment(), DATA)
    (found,) = tracking.records()
    expected = ("interrupted", "its process is gone") if how == "kill" else ("running", "")
    assert (found.status, found.reason) == expected
    gone = tracking.records(statuses=["interrupted"])
    assert len(gone) == (how == "kill")


def test_a_deleted_experiment(tracking: Tracking) -> None:
    from mlflow import MlflowClient

    saved = run(tracking, make_record())
    client = MlflowClient(tracking.store.uri)
    client.delete_experiment(client.get_run(saved.run).info.experiment_id)
    assert tracking.records() == ()
    with pytest.raises(UsageError, match="mlflow experiments restore --experiment-id"):
        tracking.begin(make_cell(), make_environment(), DATA)


def test_a_finished_store_can_be_read_while_another_process_writes(tracking: Tracking) -> None:
    saved = run(tracking, make_record())
    assert tracking.store.database
    with sqlite.connection(tracking.store.database) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert [record.run for record in tracking.records()] == [saved.run]
        writer.execute("ROLLBACK")


def test_two_processes_make_one_store(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); import test_runs as t;"
        "t.run(t.Tracking(f'sqlite:///{sys.argv[1]}/mlflow.db'), t.make_record(t.make_cell(int(sys.argv[3]))))"
    )
    here = str(Path(__file__).parent)
    both = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), here, str(seed)]) for seed in range(2)]
    assert [child.wait() for child in both] == [0, 0]
    assert sorted(record.cell.seed for record in Tracking(f"sqlite:///{tmp_path}/mlflow.db").records()) == [0, 1]
