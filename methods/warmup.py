"""Learning-rate warm-up over the first steps: yang-2025 (10% of all), zheng-2024 (2 of 10 epochs)."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.train import (
    Answers,
    Baseline,
    Budget,
    Constant,
    Cosine,
    Linear,
    Technique,
    WarmedUp,
    parameter,
    technique,
)

LINEAR, COSINE, CONSTANT = "linear", "cosine", "constant"


@technique("warmup", source="yang-2025 §3.1, zheng-2024 table 3; Goyal et al. 2017 §2.2")
@dataclass(frozen=True)
class WarmUp(Technique):
    """Linear warm-up over the first fraction of the steps, then linear decay to zero, or a cosine."""

    warmup_fraction: float = parameter(
        0.1,
        "fraction of the steps from 0 up to the peak",
        low=0.0,
        high=0.9,
        unit="fraction of all steps",
        search=(0.0, 0.5),
    )

    after_warmup: str = parameter(
        LINEAR, "what follows, down to 0; or the peak throughout", choices=(LINEAR, COSINE, CONSTANT)
    )

    def answers(self, baseline: Baseline, budget: Budget) -> Answers:
        """Another schedule."""
        if self.after_warmup == LINEAR:
            return Answers(schedule=Linear(warmup_fraction=self.warmup_fraction))
        return Answers(schedule=WarmedUp(Cosine() if self.after_warmup == COSINE else Constant(), self.warmup_fraction))
