"""Stochastic weight averaging (Izmailov et al. 2018, algorithm 1): gag-2025 §3.2.1, isayama-2025 §3.2.2."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn

from benchmark.train import (
    Answers,
    Baseline,
    Budget,
    Schedule,
    Technique,
    Validation,
    WeightTracker,
    parameter,
    restore_weights,
    technique,
)


@dataclass(frozen=True)
class AveragedWeights:
    """The mean of snapshots spread evenly over the last part of training, which has a learning rate of its own.

    Steps and learning rate are those of `torch.optim.swa_utils.SWALR` with ``anneal_strategy="cos"``, stepped after
    every step of the optimizer or, with `anneal_epochs`, after every epoch.
    """

    rowwise: ClassVar[bool] = True

    start: float  # fraction of training before averaging begins
    snapshots: int
    rate: float  # while averaging, as a fraction of the peak
    anneal: float | None  # fraction of the averaging window in which the rate glides to it, step by step …
    anneal_epochs: int | None = None  # … or so many epochs, epoch by epoch

    def tracker(self, total: int, epochs: int) -> WeightTracker:
        """Average at these steps."""
        return _RunningMean(self.steps(total, epochs))

    def begin(self, total: int, epochs: int) -> int:
        """Return the first step (from 0) of the averaging window; epoch by epoch it begins with an epoch."""
        if self.anneal_epochs is None:
            return int(self.start * total)
        return int(self.start * epochs) * (total // epochs)

    def steps(self, total: int, epochs: int) -> frozenset[int]:
        """Return the steps (from 1) after which a snapshot is taken; the last step is always one of them."""
        window = max(1, total - self.begin(total, epochs))
        count = min(self.snapshots, window)
        return frozenset(total - (window * i) // count for i in range(count))

    def override_factor(self, schedule: Schedule, step: int, total: int, epochs: int) -> float:
        """Return the schedule's factor before the window; in it glide along half a cosine to `rate`.

        The glide leaves from the factor at which averaging begins, whatever the schedule would say later.
        """
        begin = self.begin(total, epochs)
        if step < begin:
            return schedule.factor(step, total, epochs)
        if self.anneal_epochs is not None:
            passed, glide = (step - begin) // (total // epochs), self.anneal_epochs
        else:
            passed, glide = step - begin, round((self.anneal or 0.0) * (total - begin))
        progress = min(1.0, passed / glide) if glide else 1.0
        weight = (1.0 - math.cos(math.pi * progress)) / 2.0
        return self.rate * weight + schedule.factor(begin, total, epochs) * (1.0 - weight)


@dataclass
class _RunningMean:
    """Begins with the first snapshot, not with the weights at the start."""

    steps: frozenset[int]
    count: int = 0
    mean: list[Tensor] = field(default_factory=list)

    @torch.no_grad()
    def after_step(self, step: int, parameters: Sequence[nn.Parameter]) -> None:
        """Take a snapshot into the mean when it is time."""
        if step not in self.steps:
            return
        self.count += 1
        if self.count == 1:
            self.mean = [weight.detach().clone() for weight in parameters]
        else:
            torch._foreach_lerp_(self.mean, [weight.detach() for weight in parameters], 1.0 / self.count)

    def after_epoch(self, validation: Validation | None, parameters: Sequence[nn.Parameter]) -> None:
        """Ignore validation."""

    def restore(self, parameters: Sequence[nn.Parameter]) -> None:
        """Put the mean back."""
        restore_weights(parameters, self.mean)


@technique("swa", source="gag-2025 §3.2.1, isayama-2025 §3.2.2; Izmailov et al. 2018, algorithm 1")
@dataclass(frozen=True)
class StochasticWeightAveraging(Technique):
    """Stochastic weight averaging: the mean of snapshots from the last part of training comes back.

    The reports disagree on the learning rate while averaging (3 times the peak; a tenth of it): half of it is between.
    gag-2025: `swa_lr=3`; isayama-2025: `swa_lr=0.1`, `swa_anneal_epochs=5`, which is longer than its window. No batch
    normalisation statistics need an update: BERT has none.
    """

    swa_start: float = parameter(
        0.75, "when averaging begins", low=0.0, high=0.99, unit="fraction of training", search=(0.4, 0.95)
    )
    swa_lr: float = parameter(
        0.5, "learning rate while averaging", above=0.0, high=10.0, unit="fraction of lr", log=True, search=(0.05, 3.0)
    )
    swa_anneal: float = parameter(
        0.2,
        "glide from the schedule to that rate, step by step; above 1 it doesn't arrive",
        low=0.0,
        high=100.0,
        unit="fraction of the averaging window",
    )
    swa_anneal_epochs: int | None = parameter(
        None, "the glide epoch by epoch instead, as SWALR(anneal_epochs=…)", low=0, high=10_000, unit="epochs"
    )
    snapshots: int = parameter(10, "snapshots that are averaged, evenly spread", low=1, high=10_000)

    def answers(self, baseline: Baseline, budget: Budget) -> Answers:
        """Average weights; meanwhile the learning rate is overridden."""
        anneal = self.swa_anneal if self.swa_anneal_epochs is None else None
        averaged = AveragedWeights(self.swa_start, self.snapshots, self.swa_lr, anneal, self.swa_anneal_epochs)
        return Answers(weight_selection=averaged)
