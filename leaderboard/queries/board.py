"""The leaderboard's frame: a line per row of the table, from `analysis.rows` and `analysis.standings`."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from benchmark.analysis.rows import Row
from benchmark.analysis.standings import Board
from benchmark.core.cell import Protocol, TaskIdentity
from benchmark.core.record import Record
from leaderboard.queries.table import Table

COLUMNS = (
    "group",  # the row's key: the frame's index
    "method",
    "origin",
    "tie",  # letters; rows that share one can't be told apart
    "test",  # mean of the headline score
    "half",  # half-width of its 95% interval over seeds
    "validation",
    "loss",  # mean over tasks of the test loss per example
    "trainable",  # parameters
    "share",  # of all parameters
    "epoch_seconds",  # median over seeds
    "fit_seconds",  # mean over seeds: all phases, validation included
    "memory",  # bytes: the largest peak of a seed
    "tuning_trials",
    "tuning_seconds",  # of those trials, wall clock
    "done",  # seeds with a score
    "others",  # seeds without
    "status",
    "reasons",
)


def board(table: Table, shown: Sequence[Row], judged: Board | None) -> pd.DataFrame:
    """Return a line for each of `shown` with `COLUMNS` and `of_tasks`; no tie letters without `judged`."""
    letters = {place.row.cell.group: place.letters for place in judged.places} if judged else {}
    lines = [_line(table, row, row.cell.group, letters) for row in shown]
    return pd.DataFrame(lines, columns=[*COLUMNS, *of_tasks(table.protocol)]).set_index("group")


def of_tasks(protocol: Protocol) -> dict[str, TaskIdentity]:
    """Return the columns of the tasks' own metrics on test, on those metrics' scales; none where there is one task."""
    return {f"task {task.name}": task for task in protocol.tasks} if len(protocol.tasks) > 1 else {}


def _line(table: Table, row: Row, group: str, letters: dict[str, str]) -> dict[str, Any]:
    scored = [record for record in table.records_of[group] if record.cell.seed in row.seeds]
    head = next((phase for record in scored if (phase := record.cost.headline)), None)
    peaks = [record.cost.peak_memory_bytes for record in scored if record.cost.peak_memory_bytes is not None]
    fits = [record.cost.fit_seconds for record in scored]
    tuning = next((record.tuning for record in scored if record.tuning), None)
    own = zip(of_tasks(table.protocol), row.tasks, strict=False)  # none where there is one task
    return {
        "group": group,
        **{name: task.test.mean if task.test else None for name, task in own},
        "method": row.label,
        "origin": row.cell.origin,
        "tie": letters.get(group, ""),
        "test": row.test.mean if row.test else None,
        "half": row.test.half_width if row.test else None,
        "validation": row.validation.mean if row.validation else None,
        "loss": row.loss,
        "trainable": row.trainable,
        "share": row.trainable / head.total if head and head.total and row.trainable is not None else None,
        "epoch_seconds": row.epoch_seconds,
        "fit_seconds": statistics.fmean(fits) if fits else None,
        "memory": max(peaks) if peaks else None,
        "tuning_trials": tuning.trials if tuning else None,
        "tuning_seconds": tuning.seconds if tuning else None,
        "done": len(row.seeds),
        "others": len(row.others),
        "status": row.status,
        "reasons": "; ".join(dict.fromkeys(other.reason for other in row.others if other.reason)),
    }


def without_score(table: Table, shown: Iterable[Row]) -> pd.DataFrame:
    """Return a line for every cell of `shown` that has no score: method, seed, status, reason."""
    lines = [
        {"method": table.names[row.cell.group], "seed": other.seed, "status": other.status, "reason": other.reason}
        for row in shown
        for other in row.others
    ]
    return pd.DataFrame(lines, columns=["method", "seed", "status", "reason"])


def runs(records: Iterable[Record]) -> pd.DataFrame:
    """Return a line for each record: what a row is made of. Scores are shares, times seconds, memory bytes."""
    lines = [
        {
            "run": record.run,
            "seed": record.cell.seed,
            "status": record.status,
            "test": record.headline("test"),
            "validation": record.headline("validation"),
            "loss": record.loss("test"),
            "fit_seconds": record.cost.fit_seconds or None,
            "memory": record.cost.peak_memory_bytes,
            "memory_of": record.cost.peak_memory_of,
            "device": record.environment.device if record.environment else "",
            "started": record.environment.started[:16].replace("T", " ") if record.environment else "",
            "reason": record.reason,
        }
        for record in records
    ]
    return pd.DataFrame(lines)
