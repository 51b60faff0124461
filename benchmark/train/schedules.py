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


@dataclass(frozen=True)
class Constant:
    """The peak throughout."""

    def factor(self, step: int, total: int, epochs: int = 1) -> float:
        """Return 1."""
        return 1.0


@dataclass(frozen=True)
class PeriodicCosine:
    """Half a cosine down within `period` epochs, up again in the next: torch's `CosineAnnealingLR(T_max=period)`."""

    period: int  # epochs
    floor: float = 0.0

    def factor(self, step: int, total: int, epochs: int = 1) -> float:
        """Return the factor of the peak at `step` of `total` steps in `epochs` epochs."""
        passed = step / total * epochs  # epochs
        return self.floor + (1.0 - self.floor) * 0.5 * (1.0 + math.cos(math.pi * passed / self.period))


@dataclass(frozen=True)
class StepDecay:
    """`gamma` times the rate every `period` epochs: torch's `StepLR`."""

    period: int  # epochs
    gamma: float

    def factor(self, step: int, total: int, epochs: int = 1) -> float:
        """Return the factor of the peak at `step` of `total` steps in `epochs` epochs."""
        return float(self.gamma ** (step * epochs // total // self.period))


@dataclass(frozen=True)
class Cyclic:
    """Up from `floor` to the peak and down again within `period` epochs: torch's `CyclicLR`, triangular."""

    period: int | None  # epochs; None: the phase's
    floor: float = 0.0

    def factor(self, step: int, total: int, epochs: int = 1) -> float:
        """Return the factor of the peak at `step` of `total` steps in `epochs` epochs."""
        passed = step / total * epochs / (self.period or epochs) % 1.0  # of a cycle
        return self.floor + (1.0 - self.floor) * (1.0 - abs(2.0 * passed - 1.0))


@dataclass(frozen=True)
class PerEpoch:
    """Another schedule that moves after every epoch and not after every step."""

    schedule: Cosine | Linear | PeriodicCosine | StepDecay | Cyclic | Constant

    def factor(self, step: int, total: int, epochs: int = 1) -> float:
        """Return the other's factor at the beginning of the epoch."""
        return self.schedule.factor(step * epochs // total, epochs, epochs)


@dataclass(frozen=True)
class WarmedUp:
    """Linear warm-up, then another schedule over what is left: as `get_cosine_schedule_with_warmup` for a cosine."""

    schedule: Cosine | Constant
    fraction: float  # of all steps, rounded down

    def factor(self, step: int, total: int, epochs: int = 1) -> float:
        """Return the factor of the peak at `step` of `total` steps."""
        warmup = int(self.fraction * total)
        if step < warmup:
            return step / max(1, warmup)
        return self.schedule.factor(step - warmup, total - warmup, epochs)
