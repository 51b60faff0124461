"""Metrics against scikit-learn, against values by hand, and against what they claim of themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score, log_loss

from benchmark.core.metrics import METRICS, Floats, Labels, Metric, metric, metrics_for, ordered
from benchmark.core.predictions import Predictions


def case(seed: int, rows: int = 200, classes: int = 7) -> tuple[Floats, Labels]:
    random = np.random.Generator(np.random.PCG64(seed))
    logits = (random.normal(size=(rows, classes)) * 3).astype(np.float32)
    return logits, random.integers(0, classes, rows)


def case_for(found: Metric, seed: int, rows: int = 200) -> tuple[Floats, Labels]:
    """A case that the metric `found` takes: classes where it can, else one column."""
    if "classes" in found.kinds:
        return case(seed, rows)
    random = np.random.Generator(np.random.PCG64(seed))
    logits = (random.normal(size=(rows, 1)) * 3).astype(np.float32)
    labels: Labels = random.integers(0, 2, rows) if "pair-binary" in found.kinds else random.uniform(0, 5, rows)
    return logits, labels


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
    if "classes" in found.kinds:
        good = np.eye(4, dtype=np.float32)[labels] * 50
        bad = np.roll(good, 1, axis=1)
    elif "pair-binary" in found.kinds:
        labels = labels % 2
        good = (labels[:, None] * 100.0 - 50.0).astype(np.float32)
        bad = -good
    else:
        good = labels[:, None].astype(np.float32)
        bad = -good
    right, wrong = found(good, labels), found(bad, labels)
    assert (right > wrong) == (found.direction == "higher")
    assert right == pytest.approx(found.high if found.direction == "higher" else found.low, abs=1e-12)
    for seed in range(20):
        assert found.low <= found(*case_for(found, seed)) <= found.high
    assert found.unit
    assert found.kinds


@pytest.mark.parametrize("found", METRICS, ids=lambda found: found.name)
@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_logits_that_are_not_finite_have_no_score(found: Metric, odd: float) -> None:
    logits, labels = case_for(found, 0)
    logits[3, -1] = odd
    assert math.isnan(found(logits, labels))


@pytest.mark.parametrize("found", METRICS, ids=lambda found: found.name)
@pytest.mark.parametrize(("rows", "labels"), [(0, 0), (3, 2), (2, 3)])
def test_arrays_that_do_not_belong_together(found: Metric, rows: int, labels: int) -> None:
    with pytest.raises(ValueError, match=f"{found.name}: {rows} rows of logits for {labels} labels"):
        found(np.zeros((rows, 2)), np.zeros(labels, dtype=np.int64))


def test_unknown_metric() -> None:
    with pytest.raises(KeyError, match="there are accuracy, cross_entropy, binary_cross_entropy"):
        metric("bleu")


def test_names_are_unique() -> None:
    assert len({found.name for found in METRICS}) == len(METRICS) == 7


def test_predictions_give_every_metric() -> None:
    logits, labels = case(1)
    ids = tuple(str(number) for number in range(len(labels)))
    scores = Predictions(
        "test", "t", tuple("abcdefg"), ids, labels.astype(np.int64), logits.astype(np.float32)
    ).scores()
    assert [score.key for score in scores] == ["test/t/accuracy", "test/t/cross_entropy", "test/t/macro_f1"]
    assert [score.value for score in scores] == [found(logits, labels) for found in metrics_for("classes")]


def test_metrics_by_kind() -> None:
    names = {kind: [found.name for found in metrics_for(kind)] for kind in ("pair-binary", "pair-regression")}
    assert names == {
        "pair-binary": ["accuracy", "binary_cross_entropy", "macro_f1"],
        "pair-regression": ["mean_squared_error", "pearson", "spearman"],
    }
    assert metrics_for("pair-classes") == metrics_for("classes")
    numbers = [found.name for found in metrics_for("pair-classes", ordered=True)]
    assert numbers == ["accuracy", "cross_entropy", "macro_f1", "pearson", "spearman"]


@pytest.mark.parametrize(
    ("classes", "expected"),
    [(tuple("012345"), True), (("-1", "0", "1"), True), (("a", "b"), False), (("0", "2"), False), ((), False)],
)
def test_classes_that_are_consecutive_numbers(classes: tuple[str, ...], expected: bool) -> None:
    assert ordered(classes) is expected


def column(*values: float) -> Floats:
    return np.array(values, dtype=np.float32)[:, None]


def test_one_logit_means_yes_above_zero() -> None:
    logits, labels = column(0.1, -0.1, 0.0, 3.0), np.array([1, 1, 0, 0])
    assert metric("accuracy")(logits, labels) == 0.5  # 0 is a no
    # yes: 1 hit of 2 answers and 2 labels; no: the same
    assert metric("macro_f1")(logits, labels) == 0.5


def test_binary_cross_entropy_by_hand() -> None:
    logits, labels = column(math.log(3), 0.0, -math.log(4)), np.array([1, 0, 1])  # probabilities 3/4, 1/2, 1/5
    expected = -(math.log(3 / 4) + math.log(1 / 2) + math.log(1 / 5)) / 3
    assert metric("binary_cross_entropy")(logits, labels) == pytest.approx(expected, rel=1e-7)


def test_binary_cross_entropy_is_that_of_two_classes_and_does_not_overflow() -> None:
    random = np.random.Generator(np.random.PCG64(3))
    logits, labels = random.normal(size=(50, 1)) * 5, random.integers(0, 2, 50)
    two = np.concatenate([np.zeros_like(logits), logits], axis=1)
    assert metric("binary_cross_entropy")(logits, labels) == pytest.approx(metric("cross_entropy")(two, labels))
    assert metric("binary_cross_entropy")(column(1e30, -1e4, -1e4), np.array([1, 0, 1])) == pytest.approx(1e4 / 3)


def test_mean_squared_error_by_hand() -> None:
    assert metric("mean_squared_error")(column(1.0, 4.0, 2.5), np.array([0.0, 5.0, 2.5])) == pytest.approx(2 / 3)


def test_correlations_by_hand() -> None:
    logits, labels = column(1.0, 2.0, 3.0), np.array([1.0, 3.0, 2.0])
    assert metric("pearson")(logits, labels) == pytest.approx(0.5)  # 1 / (√2 · √2)
    assert metric("spearman")(column(1.0, 10.0, 100.0), labels) == pytest.approx(0.5)
    assert metric("pearson")(column(0.0, 1.0, 5.0), np.array([5.0, 4.0, 0.0])) == pytest.approx(-1.0)
    # ties share their mean rank: 1.5, 1.5, 3 against 1, 2, 3
    assert metric("spearman")(column(7.0, 7.0, 8.0), np.array([0.0, 1.0, 2.0])) == pytest.approx(math.sqrt(3) / 2)


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
def test_correlations_against_scipy(scale: float) -> None:
    random = np.random.Generator(np.random.PCG64(5))
    labels = np.round(random.uniform(0, 5, 300), 1)
    logits = ((labels + random.normal(size=300))[:, None] * scale).astype(np.float32)
    wide = logits[:, 0].astype(np.float64) / scale
    assert metric("pearson")(logits, labels) == pytest.approx(stats.pearsonr(wide, labels).statistic, abs=1e-9)
    assert metric("spearman")(logits, labels) == pytest.approx(stats.spearmanr(wide, labels).statistic, abs=1e-12)


@pytest.mark.parametrize("name", ["pearson", "spearman"])
def test_a_constant_prediction_has_no_correlation_and_constant_labels_no_score(name: str) -> None:
    labels = np.array([0.0, 1.0, 5.0])
    assert metric(name)(column(0.1, 0.1, 0.1), labels) == 0.0
    assert metric(name)(column(0.0, 0.0, 0.0), labels) == 0.0
    assert math.isnan(metric(name)(column(1.0, 2.0, 3.0), np.array([2.0, 2.0, 2.0])))


def test_correlation_of_classes_is_that_of_their_numbers() -> None:
    labels = np.array([0, 5, 2, 3])
    logits = np.eye(6, dtype=np.float32)[[1, 5, 2, 2]]
    expected = stats.pearsonr([1, 5, 2, 2], labels).statistic
    assert metric("pearson")(logits, labels) == pytest.approx(expected)


def test_the_scale_of_the_headline() -> None:
    assert metric("accuracy").normalised(0.507) == 0.507
    assert metric("pearson").normalised(0.310) == pytest.approx(0.655)
    assert [metric("pearson").normalised(value) for value in (-1.0, 0.0, 1.0)] == [0.0, 0.5, 1.0]
    with pytest.raises(ValueError, match="cross_entropy has no bounds"):
        metric("cross_entropy").normalised(1.0)
