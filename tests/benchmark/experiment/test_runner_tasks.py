"""Cells of several tasks through runner and store: scores of every kind, cut pairs, and methods without a meaning."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from benchmark.analysis.rows import rows
from benchmark.cli.progress import PlainDisplay
from benchmark.core import registry
from benchmark.core.errors import SkippedError
from benchmark.core.record import Record
from benchmark.data.task import Head, Split, TrainingData
from benchmark.experiment import runner
from benchmark.experiment.plan import Plan, plan
from benchmark.experiment.request import Request
from benchmark.tracking import Tracking
from benchmark.train.run import Run
from tests.support.encoders import TinyEncoder

SUITE = """
name = "two"
title = "Two"
encoder = "tiny"
epochs = 1
batch_size = 8
max_length = 12
selection = "last"

[[tasks]]
name = "same"
kind = "pair-binary"
source = { type = "files", dataset = "none" }

[[tasks]]
name = "close"
kind = "pair-regression"
low = 0
high = 5
source = { type = "files", dataset = "none" }
"""


@dataclass(frozen=True)
class Known:
    """A predictor that knows the numbers and says yes to every question."""

    def logits(self, task: str, split: Split) -> npt.NDArray[np.float32]:
        if task == "same":
            return np.ones((len(split), 1), dtype=np.float32)
        return np.asarray(split.targets, dtype=np.float32)[:, None]


@pytest.fixture
def nothing_registered() -> Iterator[None]:
    """No method but those that the test registers."""
    with registry.isolated(empty=True):
        yield


@pytest.fixture
def made(nothing_registered: None, tmp_path: Path, tiny_encoder: TinyEncoder, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A plan of two throw-away methods on two tasks of pairs."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))

    @registry.method("knows", source="this test")
    @dataclass(frozen=True)
    class Knows:
        """It knows."""

        def check(self, layers: int, heads: Sequence[Head]) -> None:
            assert [head.name for head in heads] == ["same", "close"]

        def fit(self, tasks: Sequence[TrainingData], run: Run) -> Known:
            return Known()

    @registry.method("picky", source="this test")
    @dataclass(frozen=True)
    class Picky:
        """It wants nine tasks."""

        def check(self, layers: int, heads: Sequence[Head]) -> None:
            raise SkippedError(f"wants nine tasks, not {len(heads)}")

        def fit(self, tasks: Sequence[TrainingData], run: Run) -> Known:
            raise AssertionError("a method without a meaning is not fitted")

    short, long = "wake me up", "wake me up " * 8
    tables: dict[str, list[tuple[str, str, float]]] = {
        "same": [(short, long, 1), (long, long, 0), (short, short, 1), (long, short, 1)],
        "close": [(short, short, 0.5), (long, short, 4), (short, short, 2.5), (short, short, 1)],
    }
    for task, found in tables.items():
        folder = tmp_path / "data" / task
        folder.mkdir(parents=True)
        lines = "".join(f"{one}\t{two}\t{label}\n" for one, two, label in found)
        for split in ("train", "validation", "test"):
            (folder / f"{split}.tsv").write_text(f"text1\ttext2\tlabel\n{lines}", encoding="utf-8")
    (tmp_path / "two.toml").write_text(SUITE, encoding="utf-8")
    suite, data = str(tmp_path / "two.toml"), str(tmp_path / "data")
    return plan(Request(suite=suite, data=data, encoder=str(tiny_encoder()), device="cpu"))


@pytest.fixture
def records(made: Plan, tracking: Tracking) -> dict[str, Record]:
    found = runner.run(made, tracking, PlainDisplay(io.StringIO()), False, "bench run …")
    return {record.cell.method: record for record in found}


def test_scores_cut_pairs_and_skipped_cells(records: dict[str, Record], made: Plan, tracking: Tracking) -> None:
    knows, picky = records["knows"], records["picky"]
    assert knows.score("test", "same", "accuracy") == 0.75
    assert knows.score("test", "close", "pearson") == pytest.approx(1.0)
    assert knows.score("test", "close", "mean_squared_error") == 0.0
    assert knows.headline("test") == pytest.approx((0.75 + 1.0) / 2)
    # Of task "same" three pairs of four lost an end: one its second sentence, one its first, one both.
    assert [dict(facts.truncated)["test"] for facts in knows.data] == [3, 1]
    assert dict(knows.data[0].truncated_fractions)["test"] == 0.75
    assert (picky.status, picky.reason) == ("skipped", "wants nine tasks, not 2")
    assert runner.exit_status(tuple(records.values()), len(made.cells)) == 0
    assert set(runner.finished(made, tracking)) == {cell.id for cell in made.cells}
    # What is stored is enough to compute every score again.
    stored = tracking.predictions(knows.run)
    assert {score for one in stored for score in one.scores()} == {s for s in knows.scores if s.split == "test"}
    first, second = rows(records.values())
    assert (first.label, second.status) == ("knows", "skipped")
    assert [scores.metric for scores in first.tasks] == ["accuracy", "pearson"]
