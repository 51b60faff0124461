"""The figures that rank: headline and loss over several tasks, against values worked out by hand."""

from __future__ import annotations

import dataclasses

import pytest

from benchmark.core.cell import Cell, Protocol, TaskIdentity
from benchmark.core.record import Cost, DataFacts, PhaseCost, Record, Score

SST = TaskIdentity("sst", "classes", "accuracy", "a", "b", "c")
QUORA = TaskIdentity("quora", "pair-binary", "accuracy", "a", "b", "c")
STS = TaskIdentity("sts", "pair-regression", "pearson", "a", "b", "c", 0.0, 5.0)


def record(tasks: tuple[TaskIdentity, ...], *scores: Score) -> Record:
    protocol = Protocol("cs224n", tasks, "tiny", "r", "e", 1, 16, 64, "best", None)
    return Record(Cell(protocol, "m", (), 0, "default", "cpu", "fp32", "c0de", ()), "done", scores=scores)


SCORES = (
    Score("test", "sst", "accuracy", 0.507),
    Score("test", "quora", "accuracy", 0.784),
    Score("test", "sts", "pearson", 0.310),
    Score("test", "sst", "cross_entropy", 1.2),
    Score("test", "quora", "binary_cross_entropy", 0.5),
    Score("test", "sts", "mean_squared_error", 2.2),
)


def test_the_overall_score_is_the_courses() -> None:
    # vela-2024, combined model: 0.507, 0.784 and a correlation of 0.310, overall 0.649.
    found = record((SST, QUORA, STS), *SCORES)
    assert found.headline("test") == pytest.approx((0.507 + 0.784 + 0.655) / 3)
    assert round(found.headline("test") or 0.0, 3) == 0.649


def test_heads_alone_as_the_report_says() -> None:
    scores = (0.500, 0.798, 0.098)
    found = record(
        (SST, QUORA, STS), *[Score("test", s.task, s.metric, v) for s, v in zip(SCORES, scores, strict=False)]
    )
    assert round(found.headline("test") or 0.0, 3) == 0.616  # the report rounds 0.6157 down: 0.615


def test_the_loss_is_the_mean_of_each_tasks_own() -> None:
    assert record((SST, QUORA, STS), *SCORES).loss("test") == pytest.approx((1.2 + 0.5 + 2.2) / 3)


def test_one_task_is_n_1() -> None:
    found = record((SST,), *SCORES)
    assert found.headline("test") == 0.507  # to the bit: accuracy is its own scale
    assert found.loss("test") == 1.2
    assert record((STS,), *SCORES).headline("test") == 0.310  # a correlation stays one where nothing is averaged


@pytest.mark.parametrize("missing", range(3))
def test_no_mean_of_some_tasks_alone(missing: int) -> None:
    scores = [score for place, score in enumerate(SCORES) if place not in (missing, missing + 3)]
    found = record((SST, QUORA, STS), *scores)
    assert found.headline("test") is None
    assert found.loss("test") is None
    assert found.headline("validation") is None


def test_the_share_of_rows_that_were_cut() -> None:
    facts = DataFacts("t", "s", False, (("train", 200), ("test", 0)), (), (("train", 30), ("test", 0)), ())
    assert facts.truncated_fractions == (("train", 0.15),)


def test_heads_on_a_frozen_encoder_add_up() -> None:
    first = PhaseCost("probe-sst", 0, 30, 1030, 3.0, 2.0, 50.0, 7.0)  # 100 examples an epoch
    second = PhaseCost("probe-sts", 0, 10, 1010, 1.0, 0.5, 400.0, 5.0)  # 200
    both = Cost((first, second)).headline
    assert both == PhaseCost("probe-sst + probe-sts", 0, 40, 1040, 4.0, 2.5, 120.0, 12.0)
    assert Cost((first,)).headline == first
    assert Cost((first, dataclasses.replace(second, epoch_seconds=None))).headline == dataclasses.replace(
        both, epoch_seconds=None, examples_per_second=None
    )
    encoder = dataclasses.replace(second, trainable_encoder=5)
    assert Cost((first, encoder, first)).headline == encoder
    assert Cost().headline is None
