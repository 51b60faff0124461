"""The losses of tasks, one for each kind of head, and the objective that minimises them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from benchmark.core.record import Point, Score
from benchmark.data.task import Head, TrainingData
from benchmark.model.model import Model

Loss = Callable[[Tensor, Tensor, float], Tensor]


def cross_entropy(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Return the mean of -log softmax(logits)[label], in nats. logits (rows, classes), labels (rows,) int64."""
    return nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing)


def binary_cross_entropy(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Return the mean of -log of the label's probability, in nats, 1 having sigmoid(logit). logits (rows, 1).

    Smoothing moves the targets 0 and 1 towards a half, as cross-entropy's does with two classes.
    """
    targets = labels.to(logits.dtype)
    return nn.functional.binary_cross_entropy_with_logits(logits[:, 0], targets + smoothing * (0.5 - targets))


def mean_squared_error(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:  # noqa: ARG001 — the signature of all losses
    """Return the mean of (prediction - label)², in the label's unit squared. logits (rows, 1). Never smoothed."""
    return nn.functional.mse_loss(logits[:, 0], labels.to(logits.dtype))


LOSSES: dict[str, Loss] = {
    "cross_entropy": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
    "mean_squared_error": mean_squared_error,
}
"""By the name of the metric that is a head's loss."""


@dataclass(frozen=True)
class TaskLoss:
    """Each head's own loss, mean over the batch: cross-entropy (also binary) or squared error (vela-2024 §4.5)."""

    rowwise: ClassVar[bool] = True

    smoothing: float = 0.0  # fraction of the target that is spread over all classes
    phase: str = "classification"
    measured_splits: tuple[str, ...] = ("validation",)

    def training_tasks(self, tasks: Sequence[TrainingData]) -> Sequence[TrainingData]:
        """Return the suite's tasks."""
        return tasks

    def loss(self, model: Model, head: Head, vectors: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss. vectors (sentences · rows, width), labels (rows,)."""
        return LOSSES[head.loss](model.head(head.name)(vectors), labels, self.smoothing)

    def curve(self, score: Score) -> str:
        """Return the score's own key."""
        return score.key

    def summary(self, history: Sequence[Point]) -> Mapping[str, float]:
        """Return nothing."""
        return {}
