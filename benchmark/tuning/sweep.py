"""Runs studies: one trial after another, the methods in turn, so that a sweep cut short has as much of each.

The trials are cells like any others, run by the runner, but with seeds of their own and without a row of a test split.
"""

from __future__ import annotations

import importlib.util
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import optuna
from optuna.trial import FrozenTrial

from benchmark.core.cell import Cell
from benchmark.core.errors import PrunedError, UsageError
from benchmark.core.record import EpochEnded, PhaseStarted, Record, Trial
from benchmark.core.text import pluralize
from benchmark.experiment.display import Display, score_text, validation_score
from benchmark.experiment.plan import Plan, plan
from benchmark.experiment.request import Request
from benchmark.experiment.runner import Bench, TrialRun
from benchmark.tracking import Tracking
from benchmark.train.method_handle import resolve_method
from benchmark.tuning import storage
from benchmark.tuning.definition import Definition, define, trial_cell
from benchmark.tuning.space import Override, spaces, text
from benchmark.tuning.storage import StudyStorage
from benchmark.tuning.study import FIRST, Study, create, find, refuse_a_busy


@dataclass(frozen=True)
class SweepRequest:
    """What a person asked of ``bench tune``."""

    request: Request  # methods, data, budget, machine; its seeds are not used
    trials: int  # in all, of each study
    params: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()
    sampler: str = "tpe"
    pruner: str = "none"
    seed: int = 0
    seeds_per_trial: int = 1
    timeout: float | None = None  # seconds after which no trial is begun
    resume: bool = False


@dataclass(frozen=True)
class PlannedStudy:
    """One study that is to be run."""

    definition: Definition
    cell: Cell  # the method at its defaults
    trials: int


@dataclass(frozen=True)
class Sweep:
    """Studies to be run, and what they are made of: no row of a test split."""

    plan: Plan
    studies: tuple[PlannedStudy, ...]
    left_out: tuple[str, ...]  # of --methods all: those with nothing to search


def prepare(asked: SweepRequest) -> Sweep:
    """Return the studies of `asked`. Nothing is trained or written. Raises UsageError for whatever can't be done."""
    plan_of_cells = plan(replace(asked.request, seeds=(0,)))
    cells = {cell.method: cell for cell in plan_of_cells.cells if cell.method not in plan_of_cells.skipped}
    if len(cells) + len(plan_of_cells.skipped) < len(plan_of_cells.cells):
        raise UsageError(
            "--set gives several values: a parameter that isn't searched has one; to search it, use --space"
        )
    space_of = spaces({name: resolve_method(name).parameters for name in cells}, asked.params, asked.overrides)
    empty = [name for name, space in space_of.items() if not space]
    if empty and "all" not in asked.request.methods:
        names = [*asked.params, *(override.name for override in asked.overrides)]
        what = f"has no parameter {' or '.join(dict.fromkeys(names))}" if names else "has no parameter with a range"
        raise UsageError(f"method {empty[0]!r} {what}: leave it out of --methods, or give --params and --space for it")
    studies = []
    for name, cell in cells.items():
        if space_of[name]:
            definition = define(cell, space_of[name], asked.sampler, asked.pruner, asked.seed, asked.seeds_per_trial)
            definition, trials = _gridded(definition, asked.trials)
            assert definition.direction  # raises where scores disagree about it
            studies.append(PlannedStudy(definition, cell, trials))
    if not studies:
        raise UsageError("no method has a parameter to search: `bench show METHOD` shows ranges; --space gives one")
    _sampler_is_there(asked.sampler)
    return Sweep(plan_of_cells.without_test(), tuple(studies), tuple(empty))


def run(
    sweep: Sweep, asked: SweepRequest, place: StudyStorage, tracking: Tracking, display: Display, command: str = ""
) -> tuple[str, ...]:
    """Run the trials that are missing and return the studies' names. Raises KeyboardInterrupt on Ctrl-C, UsageError.

    A trial cut short, now or by a kill before, is queued again and not counted.
    """
    storage.check(place)
    with storage.closing(place) as opened:
        existing = [find(opened, planned.definition) for planned in sweep.studies]
        for planned, known in zip(sweep.studies, existing, strict=True):
            if known:
                _refuse(known, planned, asked)
        studies = [
            known or create(opened, planned.definition) for known, planned in zip(existing, sweep.studies, strict=True)
        ]
        before = [len(study.counted()) for study in studies]
        todo = [max(0, planned.trials - done) for planned, done in zip(sweep.studies, before, strict=True)]
        display.started(sum(todo) + sum(before), sum(before))
        try:
            if any(todo):
                _Sweeper(sweep, studies, tracking, display, command, asked.timeout).run()
        finally:
            display.finished()
    return tuple(study.name for study in studies)


def _refuse(study: Study, planned: PlannedStudy, asked: SweepRequest) -> None:
    """Raise UsageError for an existing study that this call must not go on with."""
    done = len(study.counted())
    refuse_a_busy(study, asked.resume)
    if done < planned.trials and not asked.resume:
        raise UsageError(
            f"study {study.name} has {done} of {pluralize(planned.trials, 'trial')}: go on with it by --resume, "
            "or start another with --seed or --storage"
        )


class _Sweeper:
    """What the trials of one call share."""

    def __init__(
        self,
        sweep: Sweep,
        studies: Sequence[Study],
        tracking: Tracking,
        display: Display,
        command: str,
        timeout: float | None,
    ) -> None:
        self.sweep, self.studies, self.tracking, self.display, self.timeout = sweep, studies, tracking, display, timeout
        self.bench = Bench(sweep.plan, tracking, display, command)
        self.began = time.monotonic()
        self.number = 0

    def run(self) -> None:
        """Run what is missing of every study, in turn."""
        pairs = list(zip(self.studies, self.sweep.studies, strict=True))
        pairs = [(study, planned) for study, planned in pairs if len(study.counted()) < planned.trials]
        for study, planned in pairs:
            study.begin(planned.trials)
        try:
            while pairs and not self._late():
                for study, planned in pairs:
                    if not self._late():
                        self._trial(study, planned)
                for study, _ in [pair for pair in pairs if len(pair[0].counted()) >= pair[1].trials]:
                    self._end(study, "trials")
                pairs = [pair for pair in pairs if len(pair[0].counted()) < pair[1].trials]
        except BaseException:
            for study, _ in pairs:
                self._note(study, finished=False)
            raise
        for study, planned in pairs:
            done = f"{len(study.counted())} of {pluralize(planned.trials, 'trial')}"
            self.display.note(f"{study.name}: the time is up after {done}; --resume goes on")
            self._end(study, "timeout")

    def _late(self) -> bool:
        return self.timeout is not None and time.monotonic() - self.began >= self.timeout

    def _trial(self, study: Study, planned: PlannedStudy) -> None:
        """Run one trial of `study` and tell it what came of it."""
        trial = study.ask(planned.cell.parameters)
        began = time.perf_counter()
        records: list[Record] = []
        watcher = PruningWatcher(trial, planned.cell)
        settings = planned.definition.settings(trial.params)
        try:
            for seed in planned.definition.seeds:
                self.number += 1
                how = self._how(study, trial, watcher, seed, records)
                records.append(self.bench.measure(trial_cell(planned.cell, settings, seed), self.number, how))
                if records[-1].status != "done":
                    break
            if records[-1].status == "interrupted":
                raise KeyboardInterrupt
            study.tell(trial, records, time.perf_counter() - began, _mean(records, len(planned.definition.seeds)))
        except BaseException as error:  # Ctrl-C, or a store that fails: no trial is lost
            running = study.inner.trials[trial.number]
            if not running.state.is_finished():
                study.put_back(running, "stopped by Ctrl-C" if isinstance(error, KeyboardInterrupt) else str(error))
            raise

    def _how(
        self, study: Study, trial: optuna.Trial, watcher: PruningWatcher, seed: int, before: Sequence[Record]
    ) -> TrialRun:
        definition = study.definition
        several = f" seed {seed}" if len(definition.seeds) > 1 else ""
        defaults = " (defaults)" if trial.user_attrs.get(FIRST) else ""
        words = ", ".join(f"{dimension.name} {text(trial.params[dimension.name])}" for dimension in definition.space)
        best = study.best()

        def remark(record: Record) -> str:
            value = _mean([*before, record], len(definition.seeds))
            return f", {words}{defaults}{_standing(definition, record.cell, value, best)}"

        label = f"{definition.method} trial {trial.number}{several}"
        return TrialRun(Trial(definition.name, trial.number), label, watcher, remark)

    def _end(self, study: Study, why: str) -> None:
        study.end(why)
        self._note(study, finished=True)

    def _note(self, study: Study, finished: bool) -> None:
        """Write on the study's run in tracking how it stands."""
        cell = next(planned.cell for planned in self.sweep.studies if planned.definition.name == study.name)
        run = self.tracking.study_run(cell.protocol.suite, study.name, self.bench.environment)
        trials, best = study.counted(), study.best()
        lines = [f"**study {study.name}**: {pluralize(len(trials), 'trial')}"]
        metrics = {"study/trials": float(len(trials))}
        if best and best.value is not None:
            metrics["study/best"] = best.value
            lines.append(f"best: trial {best.number}, validation {score_text(best.value, cell)}")
            lines += [f"- {name}: {text(value)}" for name, value in sorted(best.params.items())]
        self.tracking.end_study(run, "\n\n".join(lines), metrics, finished)


@dataclass
class PruningWatcher:
    """A `Watcher` that reports each epoch's validation score to Optuna and stops a trial that the pruner gives up.

    Phases that don't predict have no score, and are not reported. Several seeds are one row of epochs.
    """

    trial: optuna.Trial
    cell: Cell
    step: int = field(default=0)

    def phase_started(self, event: PhaseStarted) -> None:
        """No score yet."""

    def step_ended(self, done: int, total: int) -> None:
        """A step has no score."""

    def epoch_ended(self, event: EpochEnded) -> None:
        """Report the epoch. Raises PrunedError."""
        score = validation_score(event.points, self.cell)
        if score is None or score != score:
            return
        self.trial.report(score, self.step)
        self.step += 1
        if self.trial.should_prune():
            raise PrunedError(
                f"after epoch {event.epoch} of phase {event.phase}, validation {score_text(score, self.cell)}: "
                "others were better there"
            )


def _standing(definition: Definition, cell: Cell, value: float | None, best: FrozenTrial | None) -> str:
    """Return how a trial with `value` stands to the `best` before it."""
    if value is not None and definition.better(value, best.value if best else None):
        mean = f", mean {score_text(value, cell)}" if len(definition.seeds) > 1 else ""
        return f"{mean}; the best so far"
    if best is None:
        return ""
    return f"; best so far {score_text(best.value, cell)} (trial {best.number})"


def _mean(records: Sequence[Record], seeds: int) -> float | None:
    """Return the mean validation score of `records`; None unless all `seeds` of them are done and have one."""
    values = [record.headline("validation") for record in records if record.status == "done"]
    present = [value for value in values if value is not None]
    return statistics.fmean(present) if len(present) == seeds else None


def _gridded(definition: Definition, trials: int) -> tuple[Definition, int]:
    """Return the definition and number of trials of a grid with at most `trials` points; else both as they are."""
    if definition.sampler != "grid":
        return definition, trials

    def size(count: int) -> int:
        return math.prod(len(dimension.grid(count)) for dimension in definition.space)

    least = size(2)
    if least > trials:
        raise UsageError(
            f"a grid over {', '.join(dimension.name for dimension in definition.space)} has at least {least} points: "
            f"give --trials {least} or more, or fewer --params"
        )
    count = 2
    while not all(dimension.exhausted(count) for dimension in definition.space) and size(count + 1) <= trials:
        count += 1
    return replace(definition, grid=count), size(count)


def _sampler_is_there(name: str) -> None:
    if name == "cmaes" and importlib.util.find_spec("cmaes") is None:
        raise UsageError("--sampler cmaes needs the package cmaes: `pip install cmaes`, or use tpe")
