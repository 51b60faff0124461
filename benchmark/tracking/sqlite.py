"""Reads an MLflow SQLite store with SQL: runs by their tags, curves, places of artifacts.

MLflow's own search builds an object for every tag, parameter and metric: 3.4 s for 2,000 runs, after 1.1 s of import.
A board must be there within 3 s, so the tables that a record is made of are read directly, in a few hundredths. They
have stood unchanged since MLflow 1; `store.exists` refuses any other schema than the installed MLflow's, and a
test holds this reader and MLflow's search against each other.
"""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

MOST_RUNS = 500
"""Runs of one question: SQLite takes a limited number of parameters."""
Row = tuple[str, dict[str, str]]
"""A run's id and its tags."""
DAMAGED = "bench.damaged"
"""Tag that stands for those of a run that the file can't give any more. Never stored."""
RUNS = "runs JOIN experiments USING (experiment_id)"
WANTED = """runs.lifecycle_stage = 'active' AND experiments.lifecycle_stage = 'active'
            AND (:suite IS NULL OR experiments.name = :suite)"""


@contextlib.contextmanager
def connection(database: Path) -> Iterator[sqlite3.Connection]:
    """Open the SQLite file `database` to read it; never create it. Raises sqlite3.Error.

    It is opened read-write where that is allowed, because after a crash SQLite must roll a journal back to read at all.
    """
    mode = "rw" if os.access(database, os.W_OK) and os.access(database.parent, os.W_OK) else "ro"
    with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode={mode}", uri=True, timeout=20)) as opened:
        opened.text_factory = _text
        yield opened


def _text(value: bytes) -> str:
    """Return text of the database; bytes that are damaged become marks that no JSON has, and so are found there."""
    return value.decode("utf-8", errors="replace")


def rows(database: Path, suite: str | None, prefix: str) -> list[Row]:
    """Return the runs with tags that begin with `prefix`, and those tags, newest first; of one experiment, or all.

    Of a damaged file it is what can still be read, run by run; a run that can't has the tag `DAMAGED`, which says why.
    """
    query = f"""
        SELECT runs.run_uuid, tags.key, tags.value
        FROM {RUNS} JOIN tags USING (run_uuid)
        WHERE {WANTED} AND tags.key >= :low AND tags.key < :high
        ORDER BY runs.start_time DESC, runs.run_uuid
    """
    given = {"low": prefix, "high": prefix + "\uffff", "suite": suite}
    found: dict[str, dict[str, str]] = {}
    with connection(database) as opened:
        try:
            for run, key, value in opened.execute(query, given):
                found.setdefault(str(run), {})[str(key)] = value if isinstance(value, str) else ""
        except sqlite3.OperationalError:  # locked, no space, …: not the file's contents
            raise
        except sqlite3.DatabaseError:
            return _run_by_run(opened, given)
    return list(found.items())


def _run_by_run(opened: sqlite3.Connection, given: dict[str, str | None]) -> list[Row]:
    """Return what `rows` does, read in many small steps, so that a damaged page takes down no other run."""
    runs = opened.execute(f"SELECT run_uuid FROM {RUNS} WHERE {WANTED} ORDER BY start_time DESC, run_uuid", given)
    found: list[Row] = []
    for (run,) in runs.fetchall():
        try:
            tags = opened.execute(
                "SELECT key, value FROM tags WHERE run_uuid = :run AND key >= :low AND key < :high",
                {**given, "run": run},
            ).fetchall()
        except sqlite3.DatabaseError as error:
            tags = [(DAMAGED, str(error))]
        if tags:
            found.append((str(run), {str(key): value if isinstance(value, str) else "" for key, value in tags}))
    return found


def metric_values(database: Path, run: str) -> list[tuple[str, int, int, float]]:
    """Return every logged value of the run's metrics: name, time in ms, step, value."""
    query = "SELECT key, timestamp, step, value, is_nan FROM metrics WHERE run_uuid = ?"
    with connection(database) as opened:
        values = opened.execute(query, (run,)).fetchall()
    return [
        (str(key), at, step, math.nan if is_nan else float(value))
        for key, at, step, value, is_nan in values
        if isinstance(at, int) and isinstance(step, int) and (is_nan or isinstance(value, int | float))  # not damaged
    ]


def metric_values_of(database: Path, runs: Sequence[str]) -> dict[str, list[tuple[str, int, int, float]]]:
    """Return what `metric_values` does for each of `runs`, by one connection: to open one takes longer than to read."""
    found: dict[str, list[tuple[str, int, int, float]]] = {run: [] for run in runs}
    with connection(database) as opened:
        for start in range(0, len(runs), MOST_RUNS):
            asked = runs[start : start + MOST_RUNS]
            query = (
                "SELECT run_uuid, key, timestamp, step, value, is_nan FROM metrics "
                f"WHERE run_uuid IN ({', '.join('?' * len(asked))})"
            )
            for run, key, at, step, value, is_nan in opened.execute(query, list(asked)):
                found[run].append((key, at, step, math.nan if is_nan else value))
    return found


def artifact_uris(database: Path) -> dict[str, str]:
    """Return where the artifacts of each run are."""
    with connection(database) as opened:
        return {str(run): str(uri) for run, uri in opened.execute("SELECT run_uuid, artifact_uri FROM runs")}
