"""Kinds of tasks: each has a loss and a metric that fit it, and heads that say how many numbers they give."""

from __future__ import annotations

import pytest

from benchmark.core.metrics import metric, metrics_for
from benchmark.core.task_kinds import KINDS, Kind, current_name, kind
from benchmark.data.task import Head


def test_there_are_four() -> None:
    assert [found.name for found in KINDS] == ["classes", "pair-binary", "pair-regression", "pair-classes"]
    assert [found.sentences for found in KINDS] == [1, 2, 2, 2]


@pytest.mark.parametrize("found", KINDS, ids=lambda found: found.name)
def test_loss_and_metric_fit(found: Kind) -> None:
    fitting = {one.name for one in metrics_for(found.name)}
    assert {found.loss, found.metric} <= fitting
    assert metric(found.loss).direction == "lower"
    assert metric(found.metric).ranks
    assert kind(found.name) is found


def test_unknown() -> None:
    with pytest.raises(KeyError, match="no kind of task is called 'poem'; there are classes, pair-binary"):
        kind("poem")


@pytest.mark.parametrize(
    ("head", "sentences", "outputs", "loss"),
    [
        (Head("t", "classes", "accuracy", ("a", "b", "c")), 1, 3, "cross_entropy"),
        (Head("t", "pair-binary", "accuracy", ("0", "1")), 2, 1, "binary_cross_entropy"),
        (Head("t", "pair-regression", "pearson", (), 0.0, 5.0), 2, 1, "mean_squared_error"),
        (Head("t", "pair-classes", "pearson", tuple("012345"), 0.0, 5.0), 2, 6, "cross_entropy"),
    ],
)
def test_heads(head: Head, sentences: int, outputs: int, loss: str) -> None:
    assert (head.sentences, head.outputs, head.loss) == (sentences, outputs, loss)


def test_a_former_name_is_read_as_todays() -> None:
    assert kind(current_name("pair-number")) is kind("pair-regression")
    assert [current_name(found.name) for found in KINDS] == [found.name for found in KINDS]
