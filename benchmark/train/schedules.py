"""Learning-rate schedules as pure functions of the step: nothing to save, nothing to step."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Cosine:
    """Half a cosine from the peak to `floor`, a fraction of the peak (Loshchilov and Hutter 2017, eq. 5)."""

    floor: float = 0.0

    def factor(self, step: int, total: int, epochs: int = 1) -> float:
        """Return the factor of the peak at `step` of `total` steps."""
        return self.floor + (1.0 - self.floor) * 0.5 * (1.0 + math.cos(math.pi * step / max(1, total)))


@dataclass(frozen=True)
class Linear:
    """Linear warm-up, then linear decay to zero: step for step `transformers.get_linear_schedule_with_warmup`."""

    warmup_steps: int = 0  # a number of steps …
    warmup_fraction: float = 0.0  # … or, rounded down, a fraction of all steps; they add up

    def factor(self, step: int, total: int, epochs: int = 1) -> float:
        """Return the factor of the peak at `step` of `total` steps."""
        warmup = self.warmup_steps + int(self.warmup_fraction * total)
        if step < warmup:
            return step / max(1, warmup)
        return max(0.0, (total - step) / max(1, total - warmup))
