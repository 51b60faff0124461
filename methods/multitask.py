"""One model for several tasks whose batches take turns: vela-2024 section 4.6."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmark.train import (
    EPOCH_LENGTHS,
    MODES,
    ROUND_ROBIN,
    TEMPERATURE,
    Alternating,
    Answers,
    Baseline,
    Budget,
    Head,
    SkippedError,
    Technique,
    parameter,
    parse_weights,
    technique,
)


@technique("multitask", source="vela-2024 §4.6, §6.4; Raffel et al. 2020 §3.5.2 (mixing)")
@dataclass(frozen=True)
class MultiTask(Technique):
    """Batches alternate between the tasks, and the losses of a turn (one batch of each) are summed.

    An epoch has as many batches as all tasks have together, so that it costs what an epoch of plain mixing costs: small
    tasks start over, large ones go on in the next epoch. The report doesn't say how long its epochs are.
    """

    mode: str = parameter(
        ROUND_ROBIN,
        "a turn: one batch of each task, or as many drawn by size, or by size^(1/temperature)",
        choices=MODES,
    )
    mixing_temperature: float = parameter(
        2.0, "of mode=temperature: 1 is proportional to size, large values are even", low=1.0, high=100.0
    )
    epoch_length: str = parameter(
        "total",
        "an epoch's batches: as many as all tasks have, or turns as the largest or smallest has",
        choices=EPOCH_LENGTHS,
    )
    weights: str | None = parameter(None, "factors of the tasks' losses, such as sst=1,quora=0.5; none: all 1")

    def canonical(self) -> MultiTask:
        """Write the weights in one way."""
        return replace(self, weights=str(parse_weights(self.weights)) or None)

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise SkippedError for a single task: nothing alternates. Raise UsageError for weights of other tasks."""
        if len(heads) < 2:
            raise SkippedError("alternating between tasks needs two of them, and this suite has one")
        parse_weights(self.weights).check([head.name for head in heads])

    def answers(self, baseline: Baseline, budget: Budget) -> Answers:
        """Other batches, in which tasks count by their weights."""
        return Answers(
            batches=Alternating(
                budget.batch_size,
                budget.epochs,
                self.mode,
                self.mixing_temperature if self.mode == TEMPERATURE else 1.0,
                self.epoch_length,
                parse_weights(self.weights),
            )
        )
