"""The leaderboard's frame: a line per row of the table, from `analysis.rows` and `analysis.standings`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from benchmark.analysis.columns import COSTS
from benchmark.analysis.rows import Row
from benchmark.analysis.standings import Board
from benchmark.core.cell import Protocol, TaskIdentity
from benchmark.core.record import Record
from leaderboard.queries.table import ResultsTable

COLUMNS = (
    "group",  # the row's key: the frame's index
    "method",
    "origin",
    "tie",  # compact letter display: rows that share a letter are not significantly different
    "test",  # mean of the headline score
    "half",  # half-width of its 95% interval over seeds
    "validation",
    "loss",  # mean over tasks of the test loss per example
    *(column.key for column in COSTS),
    "done",  # seeds with a score
    "others",  # seeds without
    "status",
    "reasons",
)


def board(table: ResultsTable, shown: Sequence[Row], judged: Board | None) -> pd.DataFrame:
    """Return a line for each of `shown` with `COLUMNS` and `of_tasks`; no tie letters without `judged`."""
    letters = {place.row.cell.group: place.letters for place in judged.places} if judged else {}
    lines = [_line(table.protocol, row, letters) for row in shown]
    return pd.DataFrame(lines, columns=[*COLUMNS, *of_tasks(table.protocol)]).set_index("group")


def of_tasks(protocol: Protocol) -> dict[str, TaskIdentity]:
    """Return the columns of the tasks' own metrics on test, on those metrics' scales; none where there is one task."""
    return {f"task {task.name}": task for task in protocol.tasks} if len(protocol.tasks) > 1 else {}


def _line(protocol: Protocol, row: Row, letters: dict[str, str]) -> dict[str, Any]:
    own = zip(of_tasks(protocol), row.tasks, strict=False)  # none where there is one task
    return {
        "group": row.cell.group,
        **{name: task.test.mean if task.test else None for name, task in own},
        "method": row.label,
        "origin": row.cell.origin,
        "tie": letters.get(row.cell.group, ""),
        "test": row.test.mean if row.test else None,
        "half": row.test.half_width if row.test else None,
        "validation": row.validation.mean if row.validation else None,
        "loss": row.loss,
        **{column.key: column.value(row) for column in COSTS},
        "done": len(row.seeds),
        "others": len(row.others),
        "status": row.status,
        "reasons": "; ".join(dict.fromkeys(other.reason for other in row.others if other.reason)),
    }


def without_score(table: ResultsTable, shown: Iterable[Row]) -> pd.DataFrame:
    """Return a line for every cell of `shown` that ended without a score: method, seed, status, reason."""
    lines = [
        {"method": table.names[row.cell.group], "seed": other.seed, "status": other.status, "reason": other.reason}
        for row in shown
        for other in row.others
        if other.status != "running"
    ]
    return pd.DataFrame(lines, columns=["method", "seed", "status", "reason"])


def runs(records: Iterable[Record]) -> pd.DataFrame:
    """Return a line for each record: what a row is made of. Scores are fractions, times seconds, memory bytes."""
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
