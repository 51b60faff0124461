"""Linear decay of the learning rate, as isayama-2025 (section 3.2.1) and yang-2025 (section 3) used it."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.train import (
    Answers,
    Baseline,
    Budget,
    Constant,
    Cosine,
    Cyclic,
    Linear,
    PerEpoch,
    PeriodicCosine,
    StepDecay,
    Technique,
    parameter,
    technique,
)

LINEAR, COSINE, CONSTANT, STEP, CYCLIC = SHAPES = ("linear", "cosine", "constant", "step", "cyclic")
EACH_STEP, EACH_EPOCH = "step", "epoch"


@technique("schedule", source="isayama-2025 §3.2.1; transformers' get_linear_schedule_with_warmup; torch's schedulers")
@dataclass(frozen=True)
class LearningRateSchedule(Technique):
    """Linear decay to zero, after a fixed number of warm-up steps; or another shape, step by step or epoch by epoch.

    zheng-2024 and gag-2025 stepped `CosineAnnealingLR(T_max=10)` once an epoch: `shape=cosine`, `stepped=epoch`,
    `period=10`, `floor=0.01`. With a period shorter than the phase the rate rises again, as torch's does.
    """

    shape: str = parameter(LINEAR, "of the decay; cosine, step and cyclic as torch has them", choices=SHAPES)
    warmup_steps: int = parameter(0, "of linear: steps from 0 up to the peak", low=0, high=1_000_000, unit="steps")
    stepped: str = parameter(EACH_STEP, "how often the rate changes", choices=(EACH_STEP, EACH_EPOCH))
    period: int | None = parameter(
        None,
        "of cosine: down to the floor; of step: between steps; of cyclic: up and down; none: the phase, of step 1",
        low=1,
        high=10_000,
        unit="epochs",
    )
    gamma: float = parameter(0.1, "of step: rate after a step over the rate before", above=0.0, high=1.0)
    floor: float = parameter(0.0, "of cosine and cyclic: the lowest rate", low=0.0, high=1.0, unit="fraction of lr")

    def answers(self, baseline: Baseline, budget: Budget) -> Answers:
        """Another schedule."""
        schedule = self._schedule()
        steady = self.stepped == EACH_STEP or isinstance(schedule, Constant | StepDecay)  # which change by epoch anyway
        return Answers(schedule=schedule if steady else PerEpoch(schedule))

    def _schedule(self) -> Linear | Cosine | PeriodicCosine | Constant | StepDecay | Cyclic:
        if self.shape == COSINE:
            return Cosine(self.floor) if self.period is None else PeriodicCosine(self.period, self.floor)
        if self.shape == STEP:
            return StepDecay(self.period or 1, self.gamma)
        if self.shape == CYCLIC:
            return Cyclic(self.period, self.floor)
        return Constant() if self.shape == CONSTANT else Linear(warmup_steps=self.warmup_steps)
