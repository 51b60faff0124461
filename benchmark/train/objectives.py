"""What tasks ask: the loss of each kind of head, and how much each task counts."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from benchmark.core.errors import UsageError
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


def mean_squared_error(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:  # noqa: ARG001 — as its sisters
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

    smoothing: float = 0.0  # share of the target that is spread over all classes
    phase: str = "classification"
    predicts: bool = True

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Any tasks will do."""

    def about(self, tasks: Sequence[TrainingData]) -> Sequence[TrainingData]:
        """The suite's tasks."""
        return tasks

    def loss(self, model: Model, head: Head, vectors: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss. vectors (sentences · rows, width), labels (rows,)."""
        return LOSSES[head.loss](model.head(head.name)(vectors), labels, self.smoothing)


@dataclass(frozen=True)
class Weights:
    """How much each task counts: the factor of its loss in the sum, 1 for a task that isn't named."""

    factors: tuple[tuple[str, float], ...] = ()

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise UsageError for a task that the suite lacks, or where none is left that counts."""
        names = [head.name for head in heads]
        for unknown in (name for name, _ in self.factors if name not in names):
            near = difflib.get_close_matches(unknown, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
            raise UsageError(f"weights: the suite has no task {unknown!r}: {hint}")
        if names and not any(self.of(name) for name in names):
            raise UsageError("weights: every task counts 0: give one of them more")

    def of(self, task: str) -> float:
        """Return the factor of the task's loss."""
        return dict(self.factors).get(task, 1.0)


def parse_weights(text: str | None) -> Weights:
    """Return the weights in ``sst=1,quora=0.5``; None: every task counts the same. Raises UsageError."""
    found: dict[str, float] = {}
    for word in text.split(",") if text else ():
        name, separator, number = (piece.strip() for piece in word.partition("="))
        try:
            factor = float(number)
        except ValueError:
            factor = math.nan
        if not separator or not name or name in found or not math.isfinite(factor) or factor < 0.0:
            raise UsageError(f"weights takes task=factor pairs such as sst=1,quora=0.5, each task once, not {text!r}")
        found[name] = factor
    return Weights(tuple(sorted(found.items())))
