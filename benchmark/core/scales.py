"""How scores are shown, and how those of several tasks become the one that ranks.

One task's score is its own metric: an accuracy in percent, a correlation as it is. Several tasks have an overall score,
the mean of each one's metric on a scale from 0 to 1, as the course of vela-2024 computes it: accuracies as they are, a
correlation r as (r + 1) / 2.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.core.cell import Protocol
from benchmark.core.metrics import metric
from benchmark.core.task_kinds import kind

LOSSES = {
    "cross_entropy": "cross-entropy in nats per example",
    "binary_cross_entropy": "binary cross-entropy in nats per example",
    "mean_squared_error": "the mean squared error",
}
"""What the loss of a kind of task is, by the name of its metric."""
OVERALL = "score"
"""What the mean over several tasks is called, where there is no room to say more."""


@dataclass(frozen=True)
class Scale:
    """How one kind of score is shown."""

    name: str  # accuracy | pearson | score
    factor: float  # what a score is multiplied by
    digits: int  # behind the point
    unit: str  # % | nothing

    @property
    def title(self) -> str:
        """The name with its unit: ``accuracy %``."""
        return f"{self.name} {self.unit}".rstrip()

    def text(self, value: float | None) -> str:
        """Return ``87.3%``, ``0.655``, or a dash for None."""
        return "–" if value is None else f"{self.factor * value:.{self.digits}f}{self.unit}"


def of_metric(name: str) -> Scale:
    """Return the scale of the metric called `name`: percent for what lies between 0 and 1. Raises KeyError."""
    own, words = metric(name), name.replace("_", " ")
    return Scale(words, 100.0, 1, "%") if (own.low, own.high) == (0.0, 1.0) else Scale(words, 1.0, 3, "")


def of_headline(protocol: Protocol) -> Scale:
    """Return the scale of the figure that ranks under `protocol`, `headline`."""
    return of_metric(protocol.tasks[0].metric) if len(protocol.tasks) == 1 else Scale(OVERALL, 100.0, 1, "%")


def headline(protocol: Protocol, scores: Sequence[float | None]) -> float | None:
    """Return the figure that ranks under `protocol`, from each task's own metric; None where one is missing."""
    known = [score for score in scores if score is not None]
    if not known or len(known) < len(protocol.tasks):
        return None
    if len(protocol.tasks) == 1:
        return known[0]
    return statistics.fmean(
        metric(task.metric).normalised(score) for task, score in zip(protocol.tasks, known, strict=True)
    )


def about_overall(protocol: Protocol) -> str:
    """Return how the overall score comes about: ``overall is the mean of sst accuracy, sts (pearson + 1) / 2``."""
    parts = []
    for task in protocol.tasks:
        words = of_metric(task.metric).name
        parts.append(f"{task.name} ({words} + 1) / 2" if metric(task.metric).low == -1.0 else f"{task.name} {words}")
    return f"overall is the mean of {', '.join(parts)}"


def loss_name(protocol: Protocol) -> str:
    """Return what the loss is called for programs: its metric's name where all tasks have the same, else ``loss``."""
    names = {kind(task.kind).loss for task in protocol.tasks}
    return names.pop() if len(names) == 1 else "loss"


def about_loss(protocol: Protocol) -> str:
    """Return what the loss is: ``cross-entropy in nats per example``, or the mean of the tasks' several losses."""
    losses = list(dict.fromkeys(LOSSES[kind(task.kind).loss] for task in protocol.tasks))
    return losses[0] if len(losses) == 1 else f"the mean over tasks of {', '.join(losses)}"
