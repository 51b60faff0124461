"""What one step sees: rows as a pure function of (seed, phase, epoch, position): a run can be entered anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.core.seeds import Streams
from benchmark.data.task_weights import EQUAL_WEIGHTS, TaskWeights

Order = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Part:
    """The rows of one task in one step."""

    task: int  # index into the suite's tasks
    rows: Order  # (rows,)
    weight: float = 1.0  # factor of its loss in the step's sum


Step = tuple[Part, ...]
"""One optimizer step: one part per task that takes part in it; their losses are summed by weight."""


@dataclass(frozen=True)
class Shuffled:
    """Every row once an epoch, in an order drawn anew each epoch; the last batch may be smaller.

    A step is one batch of one task. Several tasks take turns in a random order, each as often as it has batches, so
    that a large task has more steps: plain mixing, which knows nothing of tasks.
    """

    size: int  # rows per step
    epochs: int
    views: int = 1  # how many times the encoder sees each row of a step, under different dropout masks

    def steps_per_epoch(self, sizes: Mapping[str, int]) -> int:
        """Return the steps of an epoch over tasks with `sizes` (training rows by task)."""
        return sum(-(-size // self.size) for size in sizes.values())

    def epoch(self, sizes: Mapping[str, int], streams: Streams, phase: int, epoch: int) -> tuple[Step, ...]:
        """Return the steps of `epoch` (from 1) of `phase` (from 0). The order doesn't depend on the method: law 2."""
        steps: list[Step] = []
        for task, count in enumerate(sizes.values()):
            order = _order(streams, phase, task, epoch, count)
            steps += [(Part(task, order[start : start + self.size]),) for start in range(0, count, self.size)]
        if len(sizes) > 1:
            steps = [steps[i] for i in streams.numpy("turns", phase, epoch).permutation(len(steps))]
        return tuple(steps)


@dataclass(frozen=True)
class SharedBatches:
    """Several questions about the same rows: a step is one batch, and every task has a part in it with just these rows.

    The order is that of a single task, so that one of the questions asked alone meets the same batches.
    """

    size: int  # rows per step
    epochs: int
    views: int = 1

    def steps_per_epoch(self, sizes: Mapping[str, int]) -> int:
        """Return the steps of an epoch. Raises ValueError where tasks have different numbers of rows."""
        if len(set(sizes.values())) != 1:
            raise ValueError(f"tasks about the same rows have the same number of them, not {list(sizes.values())}")
        return -(-next(iter(sizes.values())) // self.size)

    def epoch(self, sizes: Mapping[str, int], streams: Streams, phase: int, epoch: int) -> tuple[Step, ...]:
        """Return the steps of `epoch` (from 1) of `phase` (from 0)."""
        order = _order(streams, phase, 0, epoch, next(iter(sizes.values())))
        batches = [order[start : start + self.size] for start in range(0, len(order), self.size)]
        return tuple(tuple(Part(task, rows) for task in range(len(sizes))) for rows in batches)


ROUND_ROBIN, PROPORTIONAL, TEMPERATURE = "round-robin", "proportional", "temperature"
MODES = (ROUND_ROBIN, PROPORTIONAL, TEMPERATURE)
EPOCH_LENGTHS = ("total", "largest", "smallest")


@dataclass(frozen=True)
class Alternating:
    """Batches alternate between tasks, and a step is one turn: as many batches as there are tasks, losses summed.

    vela-2024 section 4.6. ``round-robin``: one batch of each task. ``proportional``: the task of each batch is drawn
    with a probability proportional to its training rows n; ``temperature``: proportional to n^(1/temperature), which
    moves from proportional (1) towards even (Raffel et al. 2020, section 3.5.2).

    Each task has an endless row of batches: pass after pass over its rows, each pass in a new order (the same orders as
    `Shuffled`'s epochs), the last batch of a pass smaller. Turns take from it in order and go on across epochs, so that
    small tasks start over while large ones continue, and no row is favoured.
    """

    size: int  # rows per batch
    epochs: int
    mode: str = ROUND_ROBIN
    temperature: float = 1.0  # of TEMPERATURE alone
    epoch_length: str = "total"  # turns until so many batches were seen as all tasks, the largest or smallest have
    weights: TaskWeights = EQUAL_WEIGHTS
    views: int = 1

    def steps_per_epoch(self, sizes: Mapping[str, int]) -> int:
        """Return the steps (turns) of an epoch over tasks with `sizes` (training rows by task).

        ``total`` sees as many batches as plain mixing, up to one turn: epochs of both cost the same. ``largest`` and
        ``smallest``: until a task with as many batches was seen once in round robin.
        """
        batches = self._batches(list(sizes.values()))
        if self.epoch_length == "total":
            return -(-sum(batches) // len(batches))
        return max(batches) if self.epoch_length == "largest" else min(batches)

    def epoch(self, sizes: Mapping[str, int], streams: Streams, phase: int, epoch: int) -> tuple[Step, ...]:
        """Return the steps of `epoch` (from 1) of `phase` (from 0)."""
        turns = self._turns(sizes, streams, phase, epoch)  # (steps, parts): tasks
        counts, weights = list(sizes.values()), [self.weights.of(name) for name in sizes]
        seen = np.zeros(len(sizes), dtype=np.int64)  # batches that earlier epochs took of each task
        for earlier in range(1, epoch):
            seen += np.bincount(self._turns(sizes, streams, phase, earlier).ravel(), minlength=len(sizes))
        orders: dict[tuple[int, int], Order] = {}
        steps = []
        for turn in turns:
            parts = []
            for task in map(int, turn):
                rows = self._rows(task, int(seen[task]), counts, streams, phase, orders)
                parts.append(Part(task, rows, weights[task]))
                seen[task] += 1
            steps.append(tuple(parts))
        return tuple(steps)

    def _turns(self, sizes: Mapping[str, int], streams: Streams, phase: int, epoch: int) -> Order:
        shape = (self.steps_per_epoch(sizes), len(sizes))
        if self.mode == ROUND_ROBIN:
            return np.broadcast_to(np.arange(len(sizes)), shape)
        power = 1.0 if self.mode == PROPORTIONAL else 1.0 / self.temperature
        scaled = np.asarray(list(sizes.values()), dtype=np.float64) ** power
        return streams.numpy("turns", phase, epoch).choice(len(sizes), size=shape, p=scaled / scaled.sum())

    def _rows(
        self,
        task: int,
        batch: int,
        sizes: Sequence[int],
        streams: Streams,
        phase: int,
        orders: dict[tuple[int, int], Order],
    ) -> Order:
        """Return the rows of batch number `batch` (from 0) of `task`; `orders` remembers the orders of passes."""
        passed, place = divmod(batch, self._batches(sizes)[task])
        if (task, passed) not in orders:
            orders[task, passed] = _order(streams, phase, task, passed + 1, sizes[task])
        return orders[task, passed][place * self.size : (place + 1) * self.size]

    def _batches(self, sizes: Sequence[int]) -> list[int]:
        return [-(-size // self.size) for size in sizes]


def _order(streams: Streams, phase: int, task: int, number: int, count: int) -> Order:
    """Return the order of a task's `count` rows in pass `number` (from 1) of `phase`."""
    return streams.numpy("order", phase, task, number).permutation(count)
