"""What one step sees: rows as a pure function of (seed, phase, epoch, position): a run can be entered anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.seeds import Streams


@dataclass(frozen=True, eq=False)
class Part:
    """The rows of one task in one step."""

    task: int  # index into the suite's tasks
    rows: npt.NDArray[np.int64]  # (rows,)


Step = tuple[Part, ...]
"""One optimizer step: one part per task that takes part in it."""


@dataclass(frozen=True)
class Shuffled:
    """Every row once an epoch, in an order drawn anew each epoch; the last batch may be smaller."""

    size: int  # rows per step
    epochs: int
    views: int = 1  # how many times the encoder sees each row of a step, under different dropout masks

    def steps_per_epoch(self, sizes: Sequence[int]) -> int:
        """Return the steps of an epoch over tasks with `sizes` training rows."""
        return sum(-(-size // self.size) for size in sizes)

    def epoch(self, sizes: Sequence[int], streams: Streams, phase: int, epoch: int) -> tuple[Step, ...]:
        """Return the steps of `epoch` (from 1) of `phase` (from 0). The order doesn't depend on the method: law 2."""
        steps: list[Step] = []
        for task, count in enumerate(sizes):
            order = streams.numpy("order", phase, task, epoch).permutation(count)
            steps += [(Part(task, order[start : start + self.size]),) for start in range(0, count, self.size)]
        if len(sizes) > 1:
            steps = [steps[i] for i in streams.numpy("turns", phase, epoch).permutation(len(steps))]
        return tuple(steps)
