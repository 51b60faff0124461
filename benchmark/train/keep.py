"""Which weights come back: the last, or those of the epoch with the best validation score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from benchmark.train.recipe import Keeper


@dataclass(frozen=True)
class Last:
    """The weights after the last step."""

    def keeper(self, total: int) -> Keeper:
        """Nothing is followed."""
        return _Nothing()

    def hold(self, factor: float, step: int, total: int) -> float:
        """The schedule decides."""
        return factor


@dataclass(frozen=True)
class Best:
    """The weights of the epoch with the best validation score, the earliest of equals; without scores the last."""

    def keeper(self, total: int) -> Keeper:
        """Follow the scores."""
        return _BestSoFar()

    def hold(self, factor: float, step: int, total: int) -> float:
        """The schedule decides."""
        return factor


class _Nothing:
    def after_step(self, step: int, weights: Sequence[nn.Parameter]) -> None: ...

    def after_epoch(self, score: float | None, weights: Sequence[nn.Parameter]) -> None: ...

    def restore(self, weights: Sequence[nn.Parameter]) -> None: ...


@dataclass
class _BestSoFar:
    score: float = float("-inf")
    kept: list[Tensor] = field(default_factory=list)

    def after_step(self, step: int, weights: Sequence[nn.Parameter]) -> None: ...

    def after_epoch(self, score: float | None, weights: Sequence[nn.Parameter]) -> None:
        """Copy the weights when `score` is the best so far."""
        if score is not None and score > self.score:
            self.score = score
            self.kept = [weight.detach().clone() for weight in weights]

    def restore(self, weights: Sequence[nn.Parameter]) -> None:
        """Put the best epoch's weights back."""
        put_back(weights, self.kept)


@torch.no_grad()
def put_back(weights: Sequence[nn.Parameter], kept: Sequence[Tensor]) -> None:
    """Copy `kept` into `weights`, in place; nothing when nothing was kept."""
    for weight, value in zip(weights, kept, strict=bool(kept)):
        weight.copy_(value)
