"""Studies: their trials, the parameters one can draw, the surface between the points, and what it all cost."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.interpolate import griddata
from scipy.spatial import QhullError

from benchmark.core.cell import Protocol
from benchmark.core.record import Record
from benchmark.tuning.space import Dimension, text

if TYPE_CHECKING:
    from benchmark.tuning.report import StudyReport, TrialRow

PARAMETER = "parameter "
"""What a parameter's column begins with: it may be called like another column."""
SCORES = ("validation", "last", "ahead")
"""Columns of `trials` that hold scores."""
WIDE = 20
"""Listed numbers whose largest is so many times the smallest stand on a logarithmic axis."""
FEWEST = 4
"""Points without which there is no surface."""


@dataclass(frozen=True)
class Axis:
    """A searched parameter as it is drawn."""

    name: str
    numeric: bool
    log: bool = False

    @property
    def column(self) -> str:
        """Its column in `trials`."""
        return f"{PARAMETER}{self.name}"


def axes(report: StudyReport) -> tuple[Axis, ...]:
    """Return the searched parameters in the study's order."""
    return tuple(_axis(dimension) for dimension in report.definition.space)


def _axis(dimension: Dimension) -> Axis:
    if not dimension.values:
        return Axis(dimension.name, True, dimension.log)
    numbers = [value for value in dimension.values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < len(dimension.values):
        return Axis(dimension.name, False)
    return Axis(dimension.name, True, min(numbers) > 0 and max(numbers) >= WIDE * min(numbers))


def first_two(found: Sequence[Axis]) -> tuple[str, ...]:
    """Return which numeric parameters are drawn unasked: a learning rate and a temperature where there are such."""
    names = [axis.name for axis in found if axis.numeric]

    def rank(name: str) -> int:
        wanted = (r"lr", r"temperature", r".*(_lr|lr_.*|learning_rate)", r".*temperature.*")
        return next((place for place, pattern in enumerate(wanted) if re.fullmatch(pattern, name)), len(wanted))

    return tuple(sorted(names, key=rank)[:2])


def ordered(reports: Sequence[StudyReport], protocol: Protocol) -> tuple[StudyReport, ...]:
    """Return the studies under `protocol` first, in their order, and then the others."""
    return tuple(sorted(reports, key=lambda report: report.definition.protocol != protocol))


def trials(report: StudyReport) -> pd.DataFrame:
    """Return a line per trial, by number. Scores are as recorded; a parameter's column begins with `PARAMETER`.

    ``validation`` is the score of a trial that is done, ``last`` that of any trial's last epoch with one, ``ahead`` the
    best score up to this trial; ``runs`` are the ids of its runs, joined by spaces.
    """
    lines = []
    ahead: float | None = None
    for trial in report.trials:
        if trial.status == "done" and trial.value is not None and report.definition.better(trial.value, ahead):
            ahead = trial.value
        lines.append(_line(report, trial, ahead))
    names = [axis.column for axis in axes(report)]
    columns = ["number", "status", *SCORES, "epochs", "seconds", "best", "note", "reason", "started", "runs", *names]
    return pd.DataFrame(lines, columns=columns).astype(dict.fromkeys((*SCORES, "seconds"), float))


def _line(report: StudyReport, trial: TrialRow, ahead: float | None) -> dict[str, Any]:
    notes = ["defaults"] if trial.defaults else []
    notes += [f"trial {trial.again} again"] if trial.again is not None else []
    return {
        "number": trial.number,
        "status": trial.status,
        "validation": trial.value,
        "last": trial.scores[-1][1] if trial.scores else trial.value,
        "ahead": ahead,
        "epochs": len(trial.scores),
        "seconds": trial.seconds,
        "best": report.best is not None and report.best.number == trial.number,
        "note": ", ".join(notes),
        "reason": trial.reason,
        "started": trial.started[:16].replace("T", " "),
        "runs": " ".join(trial.runs),
        **{f"{PARAMETER}{name}": value for name, value in trial.parameters},
    }


def scaled(frame: pd.DataFrame, factor: float) -> pd.DataFrame:
    """Return `frame` with its scores multiplied by `factor`."""
    return frame.assign(**{name: frame[name] * factor for name in SCORES if name in frame})


def by_epoch(report: StudyReport) -> pd.DataFrame:
    """Return a line per trial and epoch with a validation score: number, status, epoch (from 1), score."""
    lines = [(trial.number, trial.status, epoch + 1, score) for trial in report.trials for epoch, score in trial.scores]
    return pd.DataFrame(lines, columns=["number", "status", "epoch", "last"])


@dataclass(frozen=True)
class Surface:
    """The score between the points, on a grid even on the axes' scales; nan outside the points' hull."""

    across: npt.NDArray[np.float64]  # (columns,)
    up: npt.NDArray[np.float64]  # (rows,)
    score: npt.NDArray[np.float64]  # (rows, columns)


def surface(frame: pd.DataFrame, across: Axis, up: Axis, steps: int = 40) -> Surface | None:
    """Return the score of done trials interpolated linearly over two numeric parameters.

    None where there are fewer than `FEWEST` points, or all lie on one line.
    """
    done = frame.dropna(subset=["validation", across.column, up.column])
    known = done.groupby([across.column, up.column], as_index=False)["validation"].mean()
    if len(known) < FEWEST:
        return None
    flat = [_unit(known[axis.column].to_numpy(dtype=float), axis) for axis in (across, up)]
    even = np.linspace(0.0, 1.0, steps)
    try:
        found = griddata(np.stack(flat, axis=1), known["validation"].to_numpy(), tuple(np.meshgrid(even, even)))
    except QhullError:
        return None
    if np.isnan(found).all():
        return None
    ends = [known[axis.column].to_numpy(dtype=float) for axis in (across, up)]
    return Surface(_spread(ends[0], across, even), _spread(ends[1], up, even), found)


def _unit(values: npt.NDArray[np.float64], axis: Axis) -> npt.NDArray[np.float64]:
    """Return `values` between 0 and 1 on the axis' scale, so that neither axis outweighs the other."""
    on_scale = np.log(values) if axis.log else values
    width = np.ptp(on_scale)
    return np.asarray((on_scale - on_scale.min()) / (width if width > 0 else 1.0))


def _spread(values: npt.NDArray[np.float64], axis: Axis, even: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    low, high = values.min(), values.max()
    if axis.log:
        return np.asarray(np.exp(math.log(low) + even * (math.log(high) - math.log(low))))
    return np.asarray(low + even * (high - low))


def ledger(reports: Sequence[StudyReport]) -> pd.DataFrame:
    """Return a line per study: what it searched, what it cost, its best score (``validation``)."""
    lines = [
        {
            "study": report.name,
            "method": report.definition.method,
            "status": report.status,
            "trials": report.count,
            "asked": report.asked,
            "pruned": report.counts.get("pruned", 0),
            "unsuccessful": sum(report.counts.get(status, 0) for status in ("failed", "diverged", "skipped")),
            "seconds": report.seconds,
            "validation": report.best.value if report.best else None,
            "best_trial": report.best.number if report.best else None,
            "searched": ", ".join(str(dimension) for dimension in report.definition.space),
            "sampler": report.definition.sampler,
            "pruner": report.definition.pruner,
            "seeds": len(report.definition.seeds),
            "device": report.definition.device,
            "begun": report.started[:16].replace("T", " "),
        }
        for report in reports
    ]
    return pd.DataFrame(lines)


def costs(reports: Sequence[StudyReport], records: Sequence[Record]) -> pd.DataFrame:
    """Return a line per tuned method: trials and seconds of all its studies, and whether a tuned cell was run.

    The sums are those that a tuned cell records, for all of a method's studies were there to be chosen from.
    """
    methods = dict.fromkeys(sorted(report.definition.method for report in reports))
    tuned = [record for record in records if record.tuning]
    lines = []
    for method in methods:
        own = [report for report in reports if report.definition.method == method]
        cells = [record for record in tuned if record.cell.method == method]
        lines.append(
            {
                "method": method,
                "studies": len(own),
                "tuning_trials": sum(report.count for report in own),
                "tuning_seconds": sum(report.seconds for report in own),
                "cells": len(cells),
                "recorded": next((record.tuning.trials for record in cells if record.tuning), None),
            }
        )
    return pd.DataFrame(lines)


def shown(value: Any) -> str:
    """Return a parameter's value as people type it."""
    return text(value)
