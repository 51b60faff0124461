"""Learning-rate warm-up over a share of training: yang-2025 (first 10% of the steps), zheng-2024 (2 of 10 epochs)."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.core.parameters import parameter
from benchmark.core.registry import technique
from benchmark.train.baseline import Baseline
from benchmark.train.recipe import Answers, Budget
from benchmark.train.schedules import Linear
from benchmark.train.techniques import Technique


@technique("warmup", source="yang-2025 §3.1, zheng-2024 table 3; Goyal et al. 2017 §2.2")
@dataclass(frozen=True)
class WarmUp(Technique):
    """Linear warm-up over the first share of the steps, then linear decay to zero."""

    warmup_fraction: float = parameter(
        0.1, "share of the steps from 0 up to the peak", low=0.0, high=0.9, unit="share of all steps", search=(0.0, 0.5)
    )

    def answers(self, baseline: Baseline, budget: Budget) -> Answers:
        """Another schedule."""
        return Answers(schedule=Linear(warmup_fraction=self.warmup_fraction))
