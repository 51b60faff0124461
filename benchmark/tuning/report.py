"""What came of studies, as plain data: for `bench list`, `bench show`, the board. Optuna is asked and left behind."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import optuna
from optuna.trial import FrozenTrial, TrialState

from benchmark.core.errors import UsageError
from benchmark.core.parameters import Settings
from benchmark.tracking.scheme import is_gone
from benchmark.tuning import storage, study
from benchmark.tuning.definition import Definition
from benchmark.tuning.storage import StudyStorage

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

FEWEST = 4
"""Complete trials without which nothing is said about a parameter's importance."""


@dataclass(frozen=True)
class TrialRow:
    """One trial. Its curves stand in tracking, under the ids `runs`."""

    number: int
    status: str  # done | pruned | diverged | failed | skipped | interrupted | running | waiting
    value: float | None  # validation score, mean over the tuning seeds; None where it isn't done
    parameters: Settings  # those that are searched
    settings: Settings  # all
    seconds: float | None  # wall clock; None of one that was cut short
    reason: str
    runs: tuple[str, ...]
    defaults: bool  # its parameters are the method's defaults
    again: int | None  # number of the trial, cut short, whose parameters it has
    started: str  # ISO 8601, UTC; "" of a waiting one
    scores: tuple[tuple[int, float], ...]  # validation score after each epoch that has one, counted from 0

    @property
    def counts(self) -> bool:
        """Whether it is one of the study's trials: over, and not cut short."""
        return self.status not in ("interrupted", "running", "waiting")


@dataclass(frozen=True)
class StudyReport:
    """One study and all of its trials, by number."""

    name: str
    definition: Definition
    asked: int  # trials, in all
    ended: str  # trials | timeout; "" while it is not over
    trials: tuple[TrialRow, ...]
    importance: tuple[tuple[str, float], ...] = ()  # share by parameter, largest first (PED-ANOVA); () if not computed

    @property
    def best(self) -> TrialRow | None:
        """The best complete trial, the earliest of equals."""
        found: TrialRow | None = None
        for trial in self.trials:
            if trial.status == "done" and trial.value is not None:
                found = trial if self.definition.better(trial.value, found.value if found else None) else found
        return found

    @property
    def count(self) -> int:
        """Trials that are over, those left out that were cut short and run again."""
        return sum(trial.counts for trial in self.trials)

    @property
    def counts(self) -> dict[str, int]:
        """Trials by status."""
        statuses = [trial.status for trial in self.trials]
        return {status: statuses.count(status) for status in dict.fromkeys(statuses)}

    @property
    def seconds(self) -> float:
        """Wall clock of the trials that are over."""
        return sum(trial.seconds or 0.0 for trial in self.trials)

    @property
    def status(self) -> str:
        """``finished``, ``running`` or ``unfinished``."""
        if self.ended:
            return "finished"
        return "running" if any(trial.status == "running" for trial in self.trials) else "unfinished"

    @property
    def started(self) -> str:
        """When its first trial began: ISO 8601, UTC; "" where none has."""
        return min((trial.started for trial in self.trials if trial.started), default="")


def studies(place: StudyStorage, importance: bool = False) -> tuple[StudyReport, ...]:
    """Return every study of the benchmark's in the storage, newest first; none where there is no storage.

    Writes nothing. `importance` is computed where it is asked for. Raises UsageError.
    """
    if not storage.exists(place):
        return ()
    with storage.closing(place) as opened:
        found = list(_reports(opened, importance))
    return tuple(sorted(found, key=lambda report: report.started, reverse=True))


def one(place: StudyStorage, name: str) -> StudyReport:
    """Return the study called `name`, or the only one whose name begins so. Raises UsageError."""
    known = [report.name for report in studies(place)]
    found = [full for full in known if full == name] or [full for full in known if full.startswith(name)]
    if not found:
        raise UsageError(f"no study in {place} is called {name!r}: `bench list studies` shows their names")
    if len(found) > 1:
        raise UsageError(f"{len(found)} studies begin with {name!r} ({', '.join(found[:3])}…): give more of the name")
    return next(report for report in studies(place, importance=True) if report.name == found[0])


def _reports(opened: BaseStorage, importance: bool) -> Iterator[StudyReport]:
    for frozen in opened.get_all_studies():
        definition = study.read_definition(frozen.user_attrs)
        if definition is None:
            continue
        trials = opened.get_all_trials(frozen._study_id, deepcopy=False)  # noqa: SLF001 — Optuna's own key of it
        yield StudyReport(
            name=frozen.study_name,
            definition=definition,
            asked=int(frozen.user_attrs.get(study.ASKED) or 0),
            ended=str(frozen.user_attrs.get(study.ENDED) or ""),
            trials=tuple(_row(trial) for trial in trials),
            importance=_importance(opened, frozen.study_name) if importance else (),
        )


def _row(trial: FrozenTrial) -> TrialRow:
    noted = trial.user_attrs
    parameters = trial.params or trial.system_attrs.get("fixed_params", {})
    return TrialRow(
        number=trial.number,
        status=_status(trial),
        value=trial.value if trial.state == TrialState.COMPLETE else None,
        parameters=tuple(sorted(parameters.items())),
        settings=tuple((str(name), value) for name, value in noted.get(study.SETTINGS, ())),
        seconds=noted.get(study.SECONDS),
        reason=str(noted.get(study.REASON, "")),
        runs=tuple(noted.get(study.RUNS, ())),
        defaults=bool(noted.get(study.FIRST)),
        again=noted.get(study.AGAIN),
        started=_utc(trial.datetime_start),
        scores=tuple(sorted(trial.intermediate_values.items())),
    )


def _status(trial: FrozenTrial) -> str:
    if trial.state == TrialState.WAITING:
        return "waiting"
    if trial.state == TrialState.RUNNING:
        return "interrupted" if is_gone(str(trial.user_attrs.get(study.PROCESS, ""))) else "running"
    return str(trial.user_attrs.get(study.STATUS) or "failed")


def _utc(moment: datetime.datetime | None) -> str:
    """Return Optuna's local time as UTC."""
    return moment.astimezone(datetime.UTC).isoformat(timespec="seconds") if moment else ""


def _importance(opened: BaseStorage, name: str) -> tuple[tuple[str, float], ...]:
    loaded = optuna.load_study(study_name=name, storage=opened)
    if len(loaded.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))) < FEWEST:
        return ()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the evaluator's: experimental
        found = optuna.importance.get_param_importances(loaded)
    return tuple((str(parameter), float(share)) for parameter, share in found.items())
