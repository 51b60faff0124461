"""Which weights come back: the last, or those of the epoch with the best validation score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn

from benchmark.train.recipe import Schedule, Validation, WeightTracker

SCORE, LOSS = "score", "loss"


@dataclass(frozen=True)
class LastWeights:
    """The weights after the last step."""

    rowwise: ClassVar[bool] = True

    def tracker(self, total: int, epochs: int) -> WeightTracker:
        """Follow nothing."""
        return _NoTracker()

    def override_factor(self, schedule: Schedule, step: int, total: int, epochs: int) -> float:
        """Return the schedule's own factor."""
        return schedule.factor(step, total, epochs)


@dataclass(frozen=True)
class BestWeights:
    """The weights of the epoch that validation likes best, the earliest of equals; without validation the last.

    By its score (the mean of the tasks' metrics), or by the sum of the tasks' losses (vela-2024 section 4.2).
    """

    by: str = SCORE

    rowwise: ClassVar[bool] = True

    def tracker(self, total: int, epochs: int) -> WeightTracker:
        """Follow the scores."""
        return _BestTracker(self.by)

    def override_factor(self, schedule: Schedule, step: int, total: int, epochs: int) -> float:
        """Return the schedule's own factor."""
        return schedule.factor(step, total, epochs)


class _NoTracker:
    def after_step(self, step: int, parameters: Sequence[nn.Parameter]) -> None: ...

    def after_epoch(self, validation: Validation | None, parameters: Sequence[nn.Parameter]) -> None: ...

    def restore(self, parameters: Sequence[nn.Parameter]) -> None: ...


@dataclass
class _BestTracker:
    by: str
    best: float = float("-inf")
    weights: list[Tensor] = field(default_factory=list)

    def after_step(self, step: int, parameters: Sequence[nn.Parameter]) -> None: ...

    def after_epoch(self, validation: Validation | None, parameters: Sequence[nn.Parameter]) -> None:
        """Copy the weights when the epoch is the best so far."""
        if validation is None:
            return
        merit = -validation.loss if self.by == LOSS else validation.score
        if merit > self.best:
            self.best = merit
            self.weights = [parameter.detach().clone() for parameter in parameters]

    def restore(self, parameters: Sequence[nn.Parameter]) -> None:
        """Put the best epoch's weights back."""
        restore_weights(parameters, self.weights)


@torch.no_grad()
def restore_weights(parameters: Sequence[nn.Parameter], weights: Sequence[Tensor]) -> None:
    """Copy `weights` into `parameters`, in place; nothing when there are none."""
    for parameter, weight in zip(parameters, weights, strict=bool(weights)):
        parameter.copy_(weight)
