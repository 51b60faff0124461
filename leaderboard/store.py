"""Reads the tracking store for all sessions of the server, once per change of it.

Records are frozen, so that sessions share them: nothing is copied or pickled. The stamp is part of every key, which is
what makes a page new when the store is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYetError
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from benchmark.analysis import standings
from benchmark.analysis.standings import Board
from benchmark.core.predictions import Predictions
from benchmark.core.record import Point, Record
from benchmark.tracking import Tracking, files
from benchmark.tracking.store import locate
from leaderboard.queries.table import ResultsTable, tables
from leaderboard.queries.texts import Texts, texts

if TYPE_CHECKING:
    from benchmark.tuning.report import StudyReport
    from benchmark.tuning.storage import StudyStorage

EVERY = 2.5
"""Seconds between two looks at the store's change stamp."""
SERVER_SECONDS = 15
"""How long what a tracking server said is believed: it can't be asked cheaply whether something changed."""
RUNNING_SECONDS = 30
"""How long a running record is believed where nothing is written: its process may be gone."""


@dataclass(frozen=True)
class Snapshot:
    """The tracking store as it is at one `stamp`. Everything raises UsageError where the store can't be used."""

    uri: str
    stamp: str

    @property
    def shown(self) -> str:
        """The URI for people: without a password."""
        return locate(self.uri).shown

    def records(self) -> tuple[Record, ...]:
        """Return all records, newest first, without their curves."""
        return _records(self.uri, self.stamp)

    def trials(self) -> tuple[Record, ...]:
        """Return the records of all trials of all studies, oldest first, without their curves."""
        return _trials(self.uri, self.stamp)

    def studies(self) -> tuple[StudyReport, ...]:
        """Return the studies in Optuna's storage beside the store, newest first; none where there is no storage."""
        return _studies(self.uri, studies_stamp(self.uri))

    def tables(self) -> Mapping[str, ResultsTable]:
        """Return the table of each protocol by the protocol's id, the newest first.

        Where nothing but trials was recorded yet, a table without rows stands for each protocol of theirs.
        """
        return _tables(self.uri, self.stamp)

    def board(self, table: ResultsTable) -> Board | None:
        """Return who is ahead in `table` and who is tied; None while that is computed. The page is rerun then."""
        key, found = self._asked(table, PATIENCE)
        st.session_state[WAITING] = key if found is None else None
        return found

    def prepare(self) -> None:
        """Make the tables of all protocols, and have the board of the newest one computed in the background."""
        made = list(self.tables().values())
        for table in made:
            _ = table.places, table.records_of, table.names  # made when first asked for, and kept
        if made:
            self._asked(made[0], 0.0)

    def _asked(self, table: ResultsTable, patience: float) -> tuple[str, Board | None]:
        """Return the key of the board of `table`, and the board unless it takes longer than `patience`."""
        key = _board_key(self.uri, self.stamp, table.protocol.id)
        uri, records = self.uri, table.records

        def judge() -> Board:
            return standings.standings(records, Tracking(uri).predictions).boards[0]

        return key, _worker().ask(key, judge, patience)

    def is_new(self) -> bool:
        """Return whether there is something that was not there when the page was made."""
        running = any(record.status == "running" for record in self.records())
        waiting = st.session_state.get(WAITING)
        return stamp(self.uri, running) != self.stamp or (waiting is not None and _worker().knows(waiting))

    def points(self, record: Record) -> tuple[Point, ...]:
        """Return the curves of `record`; of one in progress, what there is so far."""
        return _points(self.uri, record.run, self.stamp if record.status == "running" else "")

    def predictions(self, record: Record) -> tuple[Predictions, ...]:
        """Return the stored test predictions of `record`; none where it has none. Raises UnreadableError."""
        return _predictions(self.uri, record.run) if record.status == "done" else ()

    def files(self, record: Record) -> str:
        """Return, for people, where the files of `record` lie."""
        return files.place(locate(self.uri), record)

    def texts(self, record: Record, task: str) -> Texts:
        """Return the texts of the test rows by id, or why the rows that `record` was scored on aren't at hand."""
        return _texts(record, task, record.cell.protocol.id)


def open_store(uri: str) -> Snapshot:
    """Return the store at `uri` as it is now."""
    first = Snapshot(uri, _written(uri))
    return Snapshot(uri, stamp(uri, running=any(record.status == "running" for record in first.records())))


def stamp(uri: str, running: bool) -> str:
    """Return what is another text once the store changed, or may have; `running`: it has running records."""
    return f"{_written(uri)}{f' {time.time() // RUNNING_SECONDS:.0f}' if running else ''}"


def studies_place(uri: str) -> StudyStorage:
    """Return where the studies are whose trials are in the store at `uri`."""
    from benchmark.tuning import storage  # late, as is Optuna below: most pages need none of it

    return storage.locate(None, locate(uri))


def studies_stamp(uri: str) -> str:
    """Return what is another text once the studies changed, or may have: a running trial's process may be gone."""
    file = studies_place(uri).file
    if file is None:
        return f"{time.time() // SERVER_SECONDS:.0f}"
    written = " ".join(_state(Path(f"{file}{suffix}")) for suffix in ("", "-wal"))
    running = any(report.status == "running" for report in _studies(uri, written))
    return f"{written} {time.time() // RUNNING_SECONDS:.0f}" if running else written


def _written(uri: str) -> str:
    database = locate(uri).database
    if database is None:
        return f"{time.time() // SERVER_SECONDS:.0f}"
    return " ".join(_state(Path(f"{database}{suffix}")) for suffix in ("", "-wal"))


def _state(file: Path) -> str:
    try:
        found = file.stat()
    except OSError:
        return "-"
    return f"{found.st_mtime_ns}:{found.st_size}"


@st.cache_resource(max_entries=4, show_spinner="Reading the tracking store")
def _records(uri: str, stamp: str) -> tuple[Record, ...]:  # noqa: ARG001 - part of the key
    return Tracking(uri).records()


@st.cache_resource(max_entries=2, show_spinner="Reading the trials")
def _trials(uri: str, stamp: str) -> tuple[Record, ...]:  # noqa: ARG001 - part of the key
    return Tracking(uri).trials()


@st.cache_resource(max_entries=4, show_spinner="Reading the studies")
def _studies(uri: str, stamp: str) -> tuple[StudyReport, ...]:  # noqa: ARG001 - part of the key
    from benchmark.tuning.report import studies

    return studies(studies_place(uri), importance=True)


@st.cache_resource(max_entries=4, show_spinner=False)
def _tables(uri: str, stamp: str) -> dict[str, ResultsTable]:
    records = _records(uri, stamp)
    protocols = dict.fromkeys(trial.cell.protocol for trial in reversed(() if records else _trials(uri, stamp)))
    return tables(records) or {protocol.id: ResultsTable(protocol, ()) for protocol in protocols}


@st.cache_resource(max_entries=64, show_spinner=False)
def _board_key(uri: str, stamp: str, protocol: str) -> str:
    return f"{uri} {standings.key(_tables(uri, stamp)[protocol].records)}"


@st.cache_resource(max_entries=4000, show_spinner=False)
def _points(uri: str, run: str, stamp: str) -> tuple[Point, ...]:  # noqa: ARG001 - part of the key
    return _tracking(uri).points(run)


@st.cache_resource(max_entries=128, show_spinner=False)
def _predictions(uri: str, run: str) -> tuple[Predictions, ...]:
    return _tracking(uri).predictions(run)


@st.cache_resource(max_entries=2, show_spinner=False)
def _tracking(uri: str) -> Tracking:
    return Tracking(uri)


@st.cache_resource(max_entries=16, show_spinner="Looking for the texts")
def _texts(_record: Record, task: str, protocol: str) -> Texts:  # noqa: ARG001 - part of the key
    return texts(_record, task)


WAITING = "waiting for"
"""Session's entry: the key of the board that its page lacks."""
PATIENCE = 0.25
"""Seconds that a page waits for a board before it is shown without."""


class BoardWorker:
    """Computes boards in the background, one after another: the tests of many rows take seconds, a page may not."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="board")
        self._found: dict[str, Future[Board]] = {}
        self._lock = threading.Lock()

    def ask(self, key: str, judge: Callable[[], Board], patience: float) -> Board | None:
        """Return the board with this `key`, made by `judge`; None where that takes longer than `patience` seconds.

        Raises what `judge` raised.
        """
        with self._lock:
            if key not in self._found:
                self._found[key] = self._pool.submit(judge)
                for old in list(self._found)[:-64]:
                    self._found.pop(old).cancel()
            future = self._found[key]
        try:
            return future.result(patience)
        except NotYetError:
            return None

    def knows(self, key: str) -> bool:
        """Return whether the board with this `key` is there, or has failed."""
        future = self._found.get(key)
        return future is None or future.done()


@st.cache_resource(show_spinner=False)
def _worker() -> BoardWorker:
    return BoardWorker()
