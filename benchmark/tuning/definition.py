"""What a study is: whose parameters it searches, under which protocol, how. Equal definitions are one study."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from benchmark.core.cell import TRIAL, Cell, Protocol
from benchmark.core.errors import UsageError
from benchmark.core.metrics import metric
from benchmark.core.parameters import Settings, Value
from benchmark.core.serialization import added_later, digest
from benchmark.experiment.request import FIRST_TUNING_SEED
from benchmark.tuning.space import Dimension


@dataclass(frozen=True)
class Definition:
    """All that the trials of a study depend on, but for how many there are, the code and the versions."""

    protocol: Protocol
    method: str
    fixed: Settings  # the parameters that are not searched
    space: tuple[Dimension, ...]
    sampler: str
    pruner: str
    seed: int  # of the sampler's choices
    seeds: tuple[int, ...]  # each trial is the mean over these; never a reporting seed
    device: str  # kind of device
    precision: str
    grid: int | None = None  # values of each range, for the sampler that walks a grid
    forward: str = added_later("stock")

    @property
    def name(self) -> str:
        """What the study is called: ``suite/method/1a2b3c4d``."""
        return f"{self.protocol.suite}/{self.method}/{digest(self)[:8]}"

    @property
    def metric_name(self) -> str:
        """What the trials' values are, for whoever opens the study with Optuna's own tools."""
        tasks = self.protocol.tasks
        score = f"{tasks[0].name} {tasks[0].metric}" if len(tasks) == 1 else f"mean over {len(tasks)} tasks"
        return f"validation {score}"

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """Which way the headline score is better. Raises UsageError where the tasks disagree."""
        directions = {metric(task.metric).direction for task in self.protocol.tasks}
        if len(directions) > 1:
            raise UsageError(
                f"suite {self.protocol.suite!r} has scores to raise and scores to lower: tune one task alone"
            )
        return "minimize" if directions == {"lower"} else "maximize"

    def better(self, value: float, other: float | None) -> bool:
        """Return whether the score `value` beats `other`; any beats none."""
        return other is None or (value > other if self.direction == "maximize" else value < other)

    def settings(self, chosen: dict[str, Value]) -> Settings:
        """Return every parameter of a trial whose searched ones are `chosen`."""
        return tuple(sorted({**dict(self.fixed), **chosen}.items()))


def define(cell: Cell, space: tuple[Dimension, ...], sampler: str, pruner: str, seed: int, seeds: int) -> Definition:
    """Return the definition of the study that searches `space` around the parameters of `cell`."""
    searched = {dimension.name for dimension in space}
    return Definition(
        protocol=cell.protocol,
        method=cell.method,
        fixed=tuple((name, value) for name, value in cell.parameters if name not in searched),
        space=space,
        sampler=sampler,
        pruner=pruner,
        seed=seed,
        seeds=tuple(range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + seeds)),
        device=cell.device,
        precision=cell.precision,
        forward=cell.forward,
    )


def trial_cell(cell: Cell, settings: Settings, seed: int) -> Cell:
    """Return the cell of a trial: `cell` with other parameters and a seed for tuning."""
    return dataclasses.replace(cell, parameters=settings, seed=seed, origin=TRIAL)
