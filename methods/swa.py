"""Stochastic weight averaging (Izmailov et al. 2018, algorithm 1): gag-2025 §3.2.1, isayama-2025 §3.2.2."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

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
    """The mean of snapshots spread evenly over the last part of training, which has a learning rate of its own."""

    start: float  # fraction of training before the first snapshot
    snapshots: int
    rate: float  # while averaging, as a fraction of the peak
    anneal: float  # fraction of the averaging window in which the rate glides to it

    def tracker(self, total: int) -> WeightTracker:
        """Average at these steps."""
        return _RunningMean(self.steps(total))

    def steps(self, total: int) -> frozenset[int]:
        """Return the steps (from 1) after which a snapshot is taken; the last step is always one of them."""
        window = max(1, total - int(self.start * total))
        count = min(self.snapshots, window)
        return frozenset(total - (window * i) // count for i in range(count))

    def override_factor(self, schedule: Schedule, step: int, total: int, epochs: int) -> float:
        """Glide along half a cosine from the schedule's value at the start to `rate`; `torch.optim.swa_utils.SWALR`."""
        factor = schedule.factor(step, total, epochs)
        begin = int(self.start * total)
        if step < begin:
            return factor
        glide = max(1.0, self.anneal * (total - begin))
        progress = min(1.0, (step - begin) / glide)
        return self.rate + (factor - self.rate) * 0.5 * (1.0 + math.cos(math.pi * progress))


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
    No batch normalisation statistics need an update: BERT has none.
    """

    swa_start: float = parameter(
        0.75, "when averaging begins", low=0.0, high=0.99, unit="fraction of training", search=(0.4, 0.95)
    )
    swa_lr: float = parameter(
        0.5, "learning rate while averaging", above=0.0, high=10.0, unit="fraction of lr", log=True, search=(0.05, 3.0)
    )
    swa_anneal: float = parameter(
        0.2, "glide from the schedule to that rate", low=0.0, high=1.0, unit="fraction of the averaging window"
    )
    snapshots: int = parameter(10, "snapshots that are averaged, evenly spread", low=1, high=10_000)

    def answers(self, baseline: Baseline, budget: Budget) -> Answers:
        """Average weights; meanwhile the learning rate is overridden."""
        return Answers(weight_selection=AveragedWeights(self.swa_start, self.snapshots, self.swa_lr, self.swa_anneal))
