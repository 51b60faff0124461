"""Scores of predictions: each metric states its direction, its range and what it takes.

A metric is a pure function of ``logits`` (rows, outputs) and ``labels`` (rows,), so that stored test predictions are
enough to compute a metric that did not exist when the cell ran.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.integer] | npt.NDArray[np.floating]


@dataclass(frozen=True)
class Metric:
    """One score of one split."""

    name: str
    direction: Literal["higher", "lower"]
    low: float
    high: float
    unit: str
    function: Callable[[Floats, Labels], float]

    def __call__(self, logits: Floats, labels: Labels) -> float:
        """Return the score; nan when a logit is not finite, for the largest of such has no meaning.

        Raises ValueError when the arrays don't belong together or are empty.
        """
        if len(logits) != len(labels) or len(labels) == 0:
            raise ValueError(f"{self.name}: {len(logits)} rows of logits for {len(labels)} labels")
        if not np.isfinite(logits).all():
            return float("nan")
        return float(self.function(logits, labels))


def accuracy(logits: Floats, labels: Labels) -> float:
    """Share of rows whose largest logit is the label's. logits (rows, classes), labels (rows,) → 0..1."""
    return float(np.mean(np.argmax(logits, axis=1) == labels))


def cross_entropy(logits: Floats, labels: Labels) -> float:
    """Mean over rows of -log softmax(logits)[label], in nats: the suite's own loss. logits (rows, classes)."""
    wide = logits.astype(np.float64)
    shifted = wide - wide.max(axis=1, keepdims=True)  # (rows, classes), so that exp can't overflow
    log_total = np.log(np.exp(shifted).sum(axis=1))  # (rows,)
    picked = shifted[np.arange(len(labels)), labels.astype(np.int64)]  # (rows,)
    return float(np.mean(log_total - picked))


def macro_f1(logits: Floats, labels: Labels) -> float:
    """Unweighted mean of F1 over the classes that occur in labels or predictions (scikit-learn's convention) → 0..1."""
    predicted = np.argmax(logits, axis=1)
    scores = []
    for name in np.union1d(labels, predicted):
        hits = np.sum((predicted == name) & (labels == name))
        scores.append(2.0 * hits / (np.sum(predicted == name) + np.sum(labels == name)))
    return float(np.mean(scores))


METRICS: tuple[Metric, ...] = (
    Metric("accuracy", "higher", 0.0, 1.0, "share", accuracy),
    Metric("cross_entropy", "lower", 0.0, float("inf"), "nats per example", cross_entropy),
    Metric("macro_f1", "higher", 0.0, 1.0, "share", macro_f1),
)


def metric(name: str) -> Metric:
    """Return the metric called `name`. Raises KeyError."""
    for found in METRICS:
        if found.name == name:
            return found
    raise KeyError(f"no metric is called {name!r}; there are {', '.join(found.name for found in METRICS)}")
