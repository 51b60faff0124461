"""One study in Optuna's storage: its trials asked for, told, counted, and put right after a kill.

Trials have a *place*: how many were over before. The sampler is made anew for each trial, from a stream named by the
place, so that a sweep that was killed and continued makes the same choices as one that wasn't. A trial that was cut
short is marked as failed, left out of every count, and queued again with its parameters.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from benchmark.core.errors import UsageError
from benchmark.core.parameters import Settings, Value
from benchmark.core.record import Record, Status
from benchmark.core.seeds import Streams
from benchmark.core.serialization import from_plain, to_plain
from benchmark.tracking.scheme import is_gone, process
from benchmark.tuning.definition import Definition
from benchmark.tuning.space import Dimension

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage

DEFINITION, ASKED, ENDED = "bench.definition", "bench.asked", "bench.ended"  # of a study
PROCESS, STATUS, REASON, SECONDS, RUNS, SETTINGS, AGAIN, FIRST = (
    f"bench.{name}" for name in ("process", "status", "reason", "seconds", "runs", "settings", "again", "defaults")
)  # of a trial
STARTUP = 5
"""Trials before TPE and the pruners form an opinion. Optuna's own 10 would leave a short sweep to chance alone."""


class Study:
    """A study that this process runs."""

    def __init__(self, definition: Definition, inner: optuna.Study, storage: BaseStorage) -> None:
        self.definition, self.inner, self.storage = definition, inner, storage
        inner.pruner = _pruner(definition.pruner)

    @property
    def name(self) -> str:
        """What the study is called."""
        return self.definition.name

    def counted(self) -> list[FrozenTrial]:
        """Return the trials that are over: complete, pruned, failed or diverged, and none of them twice."""
        return counted(self.inner.get_trials(deepcopy=False))

    def best(self) -> FrozenTrial | None:
        """Return the best complete trial, the earliest of equals; None while there is none."""
        return best(self.definition, self.counted())

    def begin(self, trials: int) -> None:
        """Say that the study is being run, up to `trials` in all; put right what a killed process left behind."""
        self.inner.set_user_attr(ASKED, trials)
        self.inner.set_user_attr(ENDED, None)
        for trial in self.inner.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self.put_back(trial, "its process is gone")

    def end(self, why: str) -> None:
        """Say that the study is over: it has its trials, or its time is up. Its best may be used from now on."""
        self.inner.set_user_attr(ENDED, why)

    def put_back(self, trial: FrozenTrial, reason: str) -> None:
        """Mark the running `trial` as cut short and queue its parameters again, first in line.

        In this order: killed in between, the next repair finds the trial still running and its parameters queued.
        """
        trials = self.inner.get_trials(deepcopy=False)
        queued = any(other.user_attrs.get(AGAIN) == trial.number for other in trials)
        if len(trial.params) == len(self.definition.space) and not queued:
            marks = {name: trial.user_attrs[name] for name in (FIRST,) if name in trial.user_attrs}
            self.inner.enqueue_trial(trial.params, user_attrs={AGAIN: trial.number, **marks})
        for name, value in ((STATUS, "interrupted"), (REASON, reason)):
            self.storage.set_trial_user_attr(trial._trial_id, name, value)  # noqa: SLF001 — of another process's trial
        self.inner.tell(trial.number, state=TrialState.FAIL)

    def ask(self, defaults: Settings) -> optuna.Trial:
        """Return the next trial, its parameters drawn. The very first one has the method's `defaults`."""
        trials = self.inner.get_trials(deepcopy=False)
        place = len(counted(trials))
        self.inner.sampler = _sampler(self.definition, place)
        if not any(trial.state == TrialState.WAITING for trial in trials):
            self._queue(place, dict(defaults))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            trial = self.inner.ask()
            trial.set_user_attr(PROCESS, process())
            for dimension in self.definition.space:
                _suggest(trial, dimension)
        trial.set_user_attr(SETTINGS, to_plain(self.definition.settings(trial.params)))
        return trial

    def tell(self, trial: optuna.Trial, records: Sequence[Record], seconds: float, value: float | None) -> FrozenTrial:
        """Write down what became of `trial`: `value` where all its `records` are done, else the last one's status."""
        last = records[-1]
        status: Status = last.status if value is not None or last.status != "done" else "failed"
        reason = last.reason or ("" if value is not None else "no validation score was recorded")
        found = {STATUS: status, REASON: reason, SECONDS: seconds, RUNS: [record.run for record in records]}
        for name, noted in found.items():
            trial.set_user_attr(name, noted)
        if status == "done":
            return self.inner.tell(trial, value)
        return self.inner.tell(trial, state=TrialState.PRUNED if status == "pruned" else TrialState.FAIL)

    def _queue(self, place: int, defaults: dict[str, Value]) -> None:
        """Queue the point that the trial at `place` is to have, where no sampler has to choose it."""
        if self.definition.grid:
            self.inner.enqueue_trial(points(self.definition)[place])
            return
        if place > 0:
            return
        chosen = {dimension.name: defaults[dimension.name] for dimension in self.definition.space}
        if all(dimension.holds(chosen[dimension.name]) for dimension in self.definition.space):
            self.inner.enqueue_trial(chosen, user_attrs={FIRST: True})


def find(storage: BaseStorage, definition: Definition) -> Study | None:
    """Return the study with this definition; None where there is none."""
    try:
        return Study(definition, optuna.load_study(study_name=definition.name, storage=storage), storage)
    except KeyError:
        return None


def create(storage: BaseStorage, definition: Definition) -> Study:
    """Make the study, without trials, or return the one that another process has made meanwhile."""
    inner = optuna.create_study(
        storage=storage, study_name=definition.name, direction=definition.direction, load_if_exists=True
    )
    inner.set_user_attr(DEFINITION, to_plain(definition))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        inner.set_metric_names([definition.metric_name])
    return Study(definition, inner, storage)


def refuse_a_busy(study: Study, resume: bool) -> None:
    """Raise UsageError when a process that may still live is running a trial of `study`.

    Of another machine's process nobody here can tell: with `resume` the user says that it is gone.
    """
    for trial in study.inner.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        owner = str(trial.user_attrs.get(PROCESS, ""))
        host, _, rest = owner.partition(":")
        elsewhere = host != process().partition(":")[0]
        if owner and owner != process() and not is_gone(owner) and not (elsewhere and resume):
            raise UsageError(
                f"study {study.name} is being run by process {rest.partition(':')[0]} on {host}: "
                "wait for it or stop it, then give the same command with --resume"
            )


def read_definition(attributes: dict[str, Any]) -> Definition | None:
    """Return the definition among the user attributes of a study; None for a study that isn't the benchmark's."""
    try:
        return from_plain(Definition, attributes[DEFINITION])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def counted(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return those of `trials` that are over and were not cut short."""
    return [trial for trial in trials if trial.state.is_finished() and trial.user_attrs.get(STATUS) != "interrupted"]


def best(definition: Definition, trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
    """Return the best complete one of `trials`, the earliest of equals; None where there is none."""
    found: FrozenTrial | None = None
    for trial in trials:
        if trial.state == TrialState.COMPLETE and trial.value is not None:
            found = trial if definition.better(trial.value, found.value if found else None) else found
    return found


def points(definition: Definition) -> list[dict[str, Value]]:
    """Return the points of the grid, the last parameter running fastest."""
    values = [dimension.grid(definition.grid or 2) for dimension in definition.space]
    names = [dimension.name for dimension in definition.space]
    return [dict(zip(names, point, strict=True)) for point in product(*values)]


def _suggest(trial: optuna.Trial, dimension: Dimension) -> None:
    """Have the sampler draw this parameter of `trial`."""
    if dimension.values or dimension.low is None or dimension.high is None:
        trial.suggest_categorical(dimension.name, dimension.values)
    elif dimension.whole:
        trial.suggest_int(dimension.name, int(dimension.low), int(dimension.high), log=dimension.log)
    else:
        trial.suggest_float(dimension.name, dimension.low, dimension.high, log=dimension.log)


def _sampler(definition: Definition, place: int) -> BaseSampler:
    """Return the sampler for the trial at `place`, seeded by the stream of that name."""
    seed = Streams(definition.seed).number("tuning", place) % 2**32
    if definition.sampler == "random" or definition.grid:
        return optuna.samplers.RandomSampler(seed=seed)
    if definition.sampler == "cmaes":
        return optuna.samplers.CmaEsSampler(seed=seed, n_startup_trials=STARTUP, warn_independent_sampling=False)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP)


def _pruner(name: str) -> BasePruner:
    if name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=STARTUP)
    return optuna.pruners.HyperbandPruner() if name == "hyperband" else optuna.pruners.NopPruner()
