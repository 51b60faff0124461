"""Scores of predictions: each metric states its direction, its range, what it takes and which kinds of tasks it fits.

A metric is a pure function of ``logits`` (rows, outputs) and ``labels`` (rows,), so that stored test predictions are
enough to compute a metric that did not exist when the cell ran. A single column of logits is a binary logit (above 0
means 1) or the predicted number itself; several columns are classes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.integer] | npt.NDArray[np.floating]

CLASSES = ("classes", "pair-classes")
BINARY = ("pair-binary",)
NUMBER = ("pair-regression",)


@dataclass(frozen=True)
class Metric:
    """One score of one split."""

    name: str
    direction: Literal["higher", "lower"]
    low: float
    high: float
    unit: str
    function: Callable[[Floats, Labels], float]
    kinds: tuple[str, ...]  # of the tasks that it fits
    of_order: bool = False  # fits classes, too, where their numbers mean something: similarity rounded to 0..5

    def __call__(self, logits: Floats, labels: Labels) -> float:
        """Return the score; nan when a logit is not finite, for the largest of such has no meaning.

        Raises ValueError when the arrays don't belong together or are empty.
        """
        if len(logits) != len(labels) or len(labels) == 0:
            raise ValueError(f"{self.name}: {len(logits)} rows of logits for {len(labels)} labels")
        if not np.isfinite(logits).all():
            return float("nan")
        return float(self.function(logits, labels))

    @property
    def ranks(self) -> bool:
        """Whether it can be a task's own metric: only a bounded one can be averaged over tasks."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def normalised(self, value: float) -> float:
        """Return `value` on a scale from 0 (worst) to 1 (best): accuracy as it is, a correlation r as (r + 1) / 2.

        So the course computes the mean over its tasks. Raises ValueError for a metric without bounds.
        """
        if not self.ranks:
            raise ValueError(f"{self.name} has no bounds: it has no place on a scale from 0 to 1")
        fraction = (value - self.low) / (self.high - self.low)
        return fraction if self.direction == "higher" else 1.0 - fraction


def accuracy(logits: Floats, labels: Labels) -> float:
    """Fraction of rows whose predicted class is the label → 0..1. logits (rows, classes or 1), labels (rows,)."""
    return float(np.mean(predicted(logits) == labels))


def cross_entropy(logits: Floats, labels: Labels) -> float:
    """Mean over rows of -log softmax(logits)[label], in nats: the suite's own loss. logits (rows, classes)."""
    wide = logits.astype(np.float64)
    shifted = wide - wide.max(axis=1, keepdims=True)  # (rows, classes), so that exp can't overflow
    log_total = np.log(np.exp(shifted).sum(axis=1))  # (rows,)
    picked = shifted[np.arange(len(labels)), labels.astype(np.int64)]  # (rows,)
    return float(np.mean(log_total - picked))


def binary_cross_entropy(logits: Floats, labels: Labels) -> float:
    """Mean over rows of -log of the label's probability, in nats, where 1 has sigmoid(logit). logits (rows, 1).

    log(1 + exp(z)) - label · z, by `numpy.logaddexp`, which doesn't overflow.
    """
    wide = logits[:, 0].astype(np.float64)  # (rows,)
    return float(np.mean(np.logaddexp(0.0, wide) - labels * wide))


def mean_squared_error(logits: Floats, labels: Labels) -> float:
    """Mean over rows of (prediction - label)², in the label's unit squared. logits (rows, 1)."""
    return float(np.mean((logits[:, 0].astype(np.float64) - labels) ** 2))


def macro_f1(logits: Floats, labels: Labels) -> float:
    """Unweighted mean of F1 over the classes that occur in labels or predictions (scikit-learn's convention) → 0..1."""
    answers = predicted(logits)
    scores = []
    for name in np.union1d(labels, answers):
        hits = np.sum((answers == name) & (labels == name))
        scores.append(2.0 * hits / (np.sum(answers == name) + np.sum(labels == name)))
    return float(np.mean(scores))


def pearson(logits: Floats, labels: Labels) -> float:
    """Pearson's correlation of predictions and labels → -1..1. logits (rows, 1); (rows, classes): the class's number.

    Predictions that are all the same have a covariance of 0 with anything, and score 0: such a model has learned
    nothing and says so in a row of the table, as accuracy does for a model that knows one class. (The quotient would be
    0 / 0, which scipy gives as nan.) Labels that are all the same make every correlation meaningless: nan.
    """
    return _correlation(_values(logits), labels.astype(np.float64))


def spearman(logits: Floats, labels: Labels) -> float:
    """Spearman's rank correlation → -1..1: Pearson's of the ranks, ties sharing their mean rank. Constants as there."""
    from scipy import stats  # here, because `bench --help` has no use for it

    return _correlation(stats.rankdata(_values(logits)), stats.rankdata(labels))


def predicted(logits: Floats) -> npt.NDArray[np.int64]:
    """Return the predicted class of every row, (rows,): 1 where a single logit is above 0, else the largest's index."""
    answers = logits[:, 0] > 0 if logits.shape[1] == 1 else np.argmax(logits, axis=1)
    return answers.astype(np.int64)


def _values(logits: Floats) -> npt.NDArray[np.float64]:
    """Return the predicted number of every row, (rows,)."""
    return (logits[:, 0] if logits.shape[1] == 1 else predicted(logits)).astype(np.float64)


def _correlation(values: npt.NDArray[np.float64], labels: npt.NDArray[np.float64]) -> float:
    if np.ptp(labels) == 0.0:
        return float("nan")
    if np.ptp(values) == 0.0:
        return 0.0
    values = values / np.abs(values).max()  # (rows,), so that squares neither overflow nor vanish
    values, labels = values - values.mean(), labels - labels.mean()
    return float(np.clip(values @ labels / (np.linalg.norm(values) * np.linalg.norm(labels)), -1.0, 1.0))


INFINITY = float("inf")
METRICS: tuple[Metric, ...] = (
    Metric("accuracy", "higher", 0.0, 1.0, "fraction", accuracy, CLASSES + BINARY),
    Metric("cross_entropy", "lower", 0.0, INFINITY, "nats per example", cross_entropy, CLASSES),
    Metric("binary_cross_entropy", "lower", 0.0, INFINITY, "nats per example", binary_cross_entropy, BINARY),
    Metric("mean_squared_error", "lower", 0.0, INFINITY, "label's unit squared", mean_squared_error, NUMBER),
    Metric("macro_f1", "higher", 0.0, 1.0, "fraction", macro_f1, CLASSES + BINARY),
    Metric("pearson", "higher", -1.0, 1.0, "correlation", pearson, NUMBER, of_order=True),
    Metric("spearman", "higher", -1.0, 1.0, "correlation", spearman, NUMBER, of_order=True),
)


def metric(name: str) -> Metric:
    """Return the metric called `name`. Raises KeyError."""
    for known in METRICS:
        if known.name == name:
            return known
    raise KeyError(f"no metric is called {name!r}; there are {', '.join(known.name for known in METRICS)}")


def metrics_for(kind: str, *, ordered: bool = False) -> tuple[Metric, ...]:
    """Return the metrics that fit a task of `kind`; `ordered`: its pairs have classes that are consecutive numbers."""
    return tuple(m for m in METRICS if kind in m.kinds or (ordered and kind == "pair-classes" and m.of_order))


def ordered(classes: Sequence[str]) -> bool:
    """Return whether `classes` are consecutive whole numbers in order, as a rounded similarity's are: 0, 1, … 5."""
    numbers = [int(name) for name in classes if name.lstrip("-").isdecimal()]
    return len(numbers) == len(classes) > 1 and all(b - a == 1 for a, b in itertools.pairwise(numbers))
