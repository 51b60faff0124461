"""How much each of several tasks counts: the factor of its loss in the sum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.core.errors import UsageError
from benchmark.core.text import did_you_mean


@dataclass(frozen=True)
class TaskWeights:
    """The factor of each task's loss: 1 for a task that isn't named."""

    factors: tuple[tuple[str, float], ...] = ()  # sorted by task, none of them 1

    def check(self, tasks: Sequence[str]) -> None:
        """Raise UsageError for a task that is none of `tasks`, or where every task counts 0."""
        for unknown in (name for name, _ in self.factors if name not in tasks):
            hint = did_you_mean(unknown, tasks) or f"there are {', '.join(tasks)}"
            raise UsageError(f"weights: the suite has no task {unknown!r}: {hint}")
        if tasks and not any(self.of(name) for name in tasks):
            raise UsageError("weights: every task counts 0: give one of them more")

    def of(self, task: str) -> float:
        """Return the factor of the task's loss."""
        return dict(self.factors).get(task, 1.0)

    def __str__(self) -> str:
        return ",".join(f"{name}={factor!r}" for name, factor in self.factors)


EQUAL_WEIGHTS = TaskWeights()


def parse_weights(text: str | None) -> TaskWeights:
    """Return the weights in ``sst=1,quora=0.5``; None: every task counts the same. Raises UsageError."""
    factors: dict[str, float] = {}
    for word in text.split(",") if text else ():
        name, separator, number = (piece.strip() for piece in word.partition("="))
        try:
            factor = float(number)
        except ValueError:
            factor = math.nan
        if not separator or not name or name in factors or not math.isfinite(factor) or factor < 0.0:
            raise UsageError(f"weights takes task=factor pairs such as sst=1,quora=0.5, each task once, not {text!r}")
        factors[name] = factor
    return TaskWeights(tuple(sorted((name, factor) for name, factor in factors.items() if factor != 1.0)))
