"""Metrics against scikit-learn, against values by hand, and against what they claim of themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss

from benchmark.metrics import METRICS, Floats, Labels, Metric, metric
from benchmark.predictions import Predictions


def case(seed: int, rows: int = 200, classes: int = 7) -> tuple[Floats, Labels]:
    random = np.random.Generator(np.random.PCG64(seed))
    logits = (random.normal(size=(rows, classes)) * 3).astype(np.float32)
    return logits, random.integers(0, classes, rows)


def softmax(logits: Floats) -> Floats:
    wide = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(wide / wide.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("rows", "classes"), [(200, 7), (10, 60), (1, 3)])
def test_against_scikit_learn(seed: int, rows: int, classes: int) -> None:
    logits, labels = case(seed, rows, classes)
    predicted = logits.argmax(axis=1)
    assert metric("accuracy")(logits, labels) == accuracy_score(labels, predicted)
    assert metric("macro_f1")(logits, labels) == pytest.approx(
        f1_score(labels, predicted, average="macro", zero_division=0), abs=1e-12
    )
    expected = log_loss(labels, softmax(logits), labels=range(classes))
    assert metric("cross_entropy")(logits, labels) == pytest.approx(expected, rel=1e-6)


def test_by_hand() -> None:
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]]))
    labels = np.array([0, 1, 2, 1])
    assert metric("accuracy")(logits, labels) == 0.5
    assert metric("cross_entropy")(logits, labels) == pytest.approx(-np.mean(np.log([0.5, 0.8, 0.1, 0.3])))
    # class 0: 1 hit of 2 predicted and 1 true; class 1: 1 of 2 and 2; class 2: never predicted
    assert metric("macro_f1")(logits, labels) == pytest.approx((2 / 3 + 2 / 4 + 0) / 3)


def test_cross_entropy_does_not_overflow() -> None:
    logits = np.array([[1e30, 0.0], [-1e4, 1e4]], dtype=np.float32)
    assert metric("cross_entropy")(logits, np.array([0, 1])) == 0.0
    assert metric("cross_entropy")(logits[1:], np.array([0])) == 2e4


def test_even_logits_cost_log_of_the_classes() -> None:
    assert metric("cross_entropy")(np.zeros((9, 60)), np.arange(9)) == pytest.approx(math.log(60))


@pytest.mark.parametrize("found", METRICS, ids=lambda found: found.name)
def test_direction_and_range_are_as_claimed(found: Metric) -> None:
    labels = np.arange(12) % 4
    good = np.eye(4, dtype=np.float32)[labels] * 50
    right, wrong = found(good, labels), found(np.roll(good, 1, axis=1), labels)
    assert (right > wrong) == (found.direction == "higher")
    assert right == pytest.approx(found.high if found.direction == "higher" else found.low, abs=1e-12)
    for seed in range(20):
        assert found.low <= found(*case(seed)) <= found.high
    assert found.unit


@pytest.mark.parametrize("found", METRICS, ids=lambda found: found.name)
@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_logits_that_are_not_finite_have_no_score(found: Metric, odd: float) -> None:
    logits, labels = case(0)
    logits[3, 2] = odd
    assert math.isnan(found(logits, labels))


@pytest.mark.parametrize("found", METRICS, ids=lambda found: found.name)
@pytest.mark.parametrize(("rows", "labels"), [(0, 0), (3, 2), (2, 3)])
def test_arrays_that_do_not_belong_together(found: Metric, rows: int, labels: int) -> None:
    with pytest.raises(ValueError, match=f"{found.name}: {rows} rows of logits for {labels} labels"):
        found(np.zeros((rows, 2)), np.zeros(labels, dtype=np.int64))


def test_unknown_metric() -> None:
    with pytest.raises(KeyError, match="there are accuracy, cross_entropy, macro_f1"):
        metric("bleu")


def test_names_are_unique() -> None:
    assert len({found.name for found in METRICS}) == len(METRICS) == 3


def test_predictions_give_every_metric() -> None:
    logits, labels = case(1)
    ids = tuple(str(number) for number in range(len(labels)))
    scores = Predictions(
        "test", "t", tuple("abcdefg"), ids, labels.astype(np.int64), logits.astype(np.float32)
    ).scores()
    assert [score.key for score in scores] == ["test/t/accuracy", "test/t/cross_entropy", "test/t/macro_f1"]
    assert [score.value for score in scores] == [found(logits, labels) for found in METRICS]
