"""What one cell gave: scores, curves, cost, environment. And the events that a running cell sends while it gives it.

A record is complete in itself: with the stored test predictions, every reported score can be computed again, and a new
metric needs no new run.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Literal, Protocol

from benchmark.core import scales
from benchmark.core.cell import Cell
from benchmark.core.suite import Source
from benchmark.core.task_kinds import kind

SHARED_PROCESS = "cells share one process, whose memory is not the cell's own"
"""Why there is no peak memory on the CPU (`Cost.peak_memory_of`)."""
Status = Literal["running", "done", "diverged", "failed", "skipped", "interrupted", "pruned"]


@dataclass(frozen=True)
class Score:
    """One metric on one split of one task."""

    split: str
    task: str
    metric: str
    value: float

    @property
    def key(self) -> str:
        """Its name in tracking: ``test/scenario/accuracy``."""
        return f"{self.split}/{self.task}/{self.metric}"


@dataclass(frozen=True)
class Point:
    """One value of a curve: the live weights' figures after an epoch, not yet those that `keep` brings back."""

    phase: str
    epoch: int  # counted from 1
    key: str  # ``train/loss``, ``validation/scenario/accuracy``
    value: float


@dataclass(frozen=True)
class PhaseStarted:
    """A phase of training is about to begin."""

    phase: str
    epochs: int
    steps: int  # optimizer steps in all
    trainable_encoder: int  # parameters that move, adapters included
    trainable_head: int
    total: int  # parameters of encoder and heads as trained
    encode_seconds: float = 0.0  # before it: encoding the rows once, where the encoder doesn't move


@dataclass(frozen=True)
class EpochEnded:
    """An epoch is over. `seconds` is training alone, the device synchronised at both ends; validation is not in it."""

    phase: str
    epoch: int
    seconds: float
    examples: int
    points: tuple[Point, ...]


class Watcher(Protocol):
    """Whoever wants to know how a cell is doing: progress display, tracking, the record's own collector."""

    def phase_started(self, event: PhaseStarted) -> None:
        """A phase begins."""

    def step_ended(self, done: int, total: int) -> None:
        """`done` of `total` steps of the phase are over. Called once a step: must cost next to nothing."""

    def epoch_ended(self, event: EpochEnded) -> None:
        """An epoch is over."""


@dataclass(frozen=True)
class PhaseCost:
    """What one phase cost."""

    phase: str
    trainable_encoder: int
    trainable_head: int
    total: int
    first_epoch_seconds: float | None  # kept apart: it pays for warm-up of caches and kernels
    epoch_seconds: float | None  # median over the other epochs; over the only one where there is but one
    examples_per_second: float | None
    encode_seconds: float = 0.0  # once, before the first epoch; next to none where an earlier cell left states on disk

    @property
    def trainable(self) -> int:
        """Parameters that are trained in this phase."""
        return self.trainable_encoder + self.trainable_head


@dataclass(frozen=True)
class Cost:
    """What a cell cost."""

    phases: tuple[PhaseCost, ...] = ()
    fit_seconds: float = 0.0  # wall clock, all phases, validation and the final evaluation included
    peak_memory_bytes: int | None = None  # of the cell alone; None where that can't be measured
    peak_memory_of: str = ""  # "device memory allocated"; without bytes: why there are none

    @property
    def headline(self) -> PhaseCost | None:
        """The phase that trains the encoder (the last that does: for the tasks themselves); else all as one.

        Where the encoder is frozen throughout, the phases are about different tasks: their heads and seconds add up.
        """
        training = (phase for phase in reversed(self.phases) if phase.trainable_encoder > 0)
        return next(training, _together(self.phases) if self.phases else None)


def _together(phases: tuple[PhaseCost, ...]) -> PhaseCost:
    """Return the cost of phases that train heads on one and the same frozen encoder."""
    if len(phases) == 1:
        return phases[0]
    heads = sum(phase.trainable_head for phase in phases)
    seconds = [phase.epoch_seconds for phase in phases if phase.epoch_seconds is not None]
    first = [phase.first_epoch_seconds for phase in phases if phase.first_epoch_seconds is not None]
    seen = [
        phase.examples_per_second * phase.epoch_seconds
        for phase in phases
        if phase.examples_per_second is not None and phase.epoch_seconds is not None
    ]
    return PhaseCost(
        phase=" + ".join(phase.phase for phase in phases),
        trainable_encoder=0,
        trainable_head=heads,
        total=phases[0].total - phases[0].trainable_head + heads,
        first_epoch_seconds=sum(first) if len(first) == len(phases) else None,
        epoch_seconds=sum(seconds) if len(seconds) == len(phases) else None,
        examples_per_second=sum(seen) / sum(seconds) if len(seen) == len(phases) and sum(seconds) > 0 else None,
        encode_seconds=sum(phase.encode_seconds for phase in phases),
    )


@dataclass(frozen=True)
class DataFacts:
    """What was found in a task's rows: recorded with every cell, never silently changed."""

    task: str
    source: str
    synthetic: bool
    rows: tuple[tuple[str, int], ...]  # per split
    duplicates: tuple[tuple[str, int], ...]  # "train ∩ test" → rows of the latter whose text stands in the former
    truncated: tuple[tuple[str, int], ...]  # per split: rows of which a sentence was cut at max length
    notes: tuple[str, ...]  # "validation carved from train by a hash of the row (10%)"
    origin: Source | None = None  # how the rows were loaded, a folder or file by its whole path; None in older records

    @property
    def truncated_fractions(self) -> tuple[tuple[str, float], ...]:
        """Per split: the fraction of rows of which a sentence was cut, 0..1."""
        rows = dict(self.rows)
        return tuple((split, count / rows[split]) for split, count in self.truncated if rows.get(split))


@dataclass(frozen=True)
class Environment:
    """Where a cell ran."""

    started: str  # UTC, ISO 8601
    commit: str  # of the project's checkout, or "" outside one
    dirty: bool
    python: str
    packages: tuple[tuple[str, str], ...]
    platform: str
    processor: str
    device: str  # the device's own name
    threads: int
    command: str
    instructions: str = ""  # the CPU's instruction set that torch uses ("AVX512"): part of the kind of hardware


@dataclass(frozen=True)
class Trial:
    """Of which study a record is a trial. Such a record has no test scores and stands in no table of results."""

    study: str
    number: int  # the study's own, from 0


@dataclass(frozen=True)
class Tuning:
    """Where the parameters of a tuned cell come from, and what it cost to find them."""

    study: str
    trial: int  # whose parameters they are
    value: float  # its validation score, which chose it
    trials: int  # of all studies of this method under this protocol, pruned and failed ones included
    seconds: float  # of those trials, wall clock


@dataclass(frozen=True)
class Record:
    """One cell and what became of it."""

    cell: Cell
    status: Status
    reason: str = ""
    scores: tuple[Score, ...] = ()
    points: tuple[Point, ...] = ()
    cost: Cost = Cost()
    environment: Environment | None = None
    data: tuple[DataFacts, ...] = ()
    run: str = ""  # id of the run in tracking
    trial: Trial | None = None
    tuning: Tuning | None = None  # of a tuned cell
    notes: tuple[str, ...] = ()  # what its method did that it shouldn't, and what was done about it

    @property
    def own_data(self) -> str:
        """What the data are called if a person gave them (`Source.own_name`); nothing for the suite's own."""
        return ", ".join(dict.fromkeys(facts.origin.own_name for facts in self.data if facts.origin)).strip(", ")

    def score(self, split: str, task: str, metric: str) -> float | None:
        """Return one score, or None where it was not measured."""
        for found in self.scores:
            if (found.split, found.task, found.metric) == (split, task, metric):
                return found.value
        return None

    def headline(self, split: str) -> float | None:
        """Return the figure that ranks (`benchmark.core.scales.headline`); None where a task's metric is missing."""
        protocol = self.cell.protocol
        return scales.headline(protocol, [self.score(split, task.name, task.metric) for task in protocol.tasks])

    def loss(self, split: str) -> float | None:
        """Return the mean over the tasks of each task's own loss per example.

        In nats for classes and binary labels; numbers have a squared error, so that a mean over tasks of several kinds
        has no unit. None where a task's loss is missing.
        """
        tasks = self.cell.protocol.tasks
        losses = [self.score(split, task.name, kind(task.kind).loss) for task in tasks]
        known = [loss for loss in losses if loss is not None]
        return statistics.fmean(known) if known and len(known) == len(tasks) else None
