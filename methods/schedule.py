"""Linear decay of the learning rate, as isayama-2025 (section 3.2.1) and yang-2025 (section 3) used it."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.train import Answers, Baseline, Budget, Linear, Technique, parameter, technique


@technique("schedule", source="isayama-2025 §3.2.1; transformers' get_linear_schedule_with_warmup")
@dataclass(frozen=True)
class LinearDecay(Technique):
    """Linear decay to zero, after a fixed number of warm-up steps."""

    warmup_steps: int = parameter(0, "steps from 0 up to the peak", low=0, high=1_000_000, unit="steps")

    def answers(self, baseline: Baseline, budget: Budget) -> Answers:
        """Another schedule."""
        return Answers(schedule=Linear(warmup_steps=self.warmup_steps))
