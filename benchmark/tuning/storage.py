"""Where studies are kept: Optuna's storages, found and judged before anything is trained or written."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core import uri as uris
from benchmark.core.errors import UsageError
from benchmark.core.uri import Uri
from benchmark.tracking import sqlite
from benchmark.tracking.regular_file import nearest_folder, obstacle
from benchmark.tracking.store import Store, sqlite_file, sqlite_uri

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

FILE = "optuna.db"
DEFAULT = f"sqlite:///mlruns/{FILE}"
SERVERS = ("postgresql", "mysql")
KINDS = "sqlite:///PATH.db, journal:///PATH.log, postgresql://… or mysql://…"
FIRST_LINE = 1 << 20
"""Longest first line of a journal that is looked at, in bytes."""
WAIT_SECONDS = 30
"""How long a locked SQLite file is waited for."""


@dataclass(frozen=True)
class StudyStorage:
    """A storage, located but not yet looked at. `str` shows it to people, a password hidden."""

    given: Uri
    url: str = field(repr=False)  # for Optuna; a path in it is absolute
    file: Path | None  # of SQLite or a journal; None for a database server
    journal: bool = False

    @property
    def shown(self) -> str:
        """The URL for people: as given, without its secrets."""
        return str(self.given)

    def __str__(self) -> str:
        return self.shown


def locate(given: str | None, tracking: Store) -> StudyStorage:
    """Return the storage that ``--storage`` names; None: `optuna.db` beside the SQLite file of `tracking`.

    Raises UsageError for a URL that names no storage. Touches nothing.
    """
    if given is None and tracking.database:
        beside = tracking.database.with_name(FILE)
        given = DEFAULT if beside == Path("mlruns", FILE).absolute() else sqlite_uri(beside)
    url = given or DEFAULT
    try:
        parsed = uris.parse(url)
    except ValueError:
        raise UsageError(f"--storage takes {KINDS}, not {uris.shown(url)!r}") from None
    if parsed.kind in ("sqlite", "journal"):
        path = sqlite_file(parsed, "--storage", DEFAULT)
        return StudyStorage(parsed, sqlite_uri(path, parsed), path, parsed.kind == "journal")
    if parsed.kind in SERVERS:
        return StudyStorage(parsed, parsed.encoded, None)
    raise UsageError(f"--storage takes {KINDS}, not {str(parsed)!r}")


def exists(place: StudyStorage) -> bool:
    """Return whether there is something in the storage. Writes nothing. Raises UsageError for what is no storage."""
    if place.file is None:
        return True  # it can be asked only by connecting, and Optuna's tables in it hurt nobody
    try:
        if hindrance := obstacle(place.file):
            raise UsageError(f"storage {place} {hindrance}: give another --storage")
        if not place.file.exists() or place.file.stat().st_size == 0:
            return False
        if place.journal:
            if not _is_journal(place.file):
                raise UsageError(f"storage {place} is no journal of Optuna's: give another --storage")
            return True
        with sqlite.connection(place.file) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    except (sqlite3.Error, OSError, UnicodeError) as error:
        raise UsageError(f"storage {place} can't be read ({error}): give another --storage, or move it") from error
    if tables and not {"studies", "trials"} <= tables:
        raise UsageError(f"storage {place} is an SQLite database of something else than Optuna: give another --storage")
    return bool(tables)


def _is_journal(file: Path) -> bool:
    """Return whether the first line of `file` is an entry of Optuna's journal, however the file ends."""
    with file.open("rb") as opened:
        line = opened.readline(FIRST_LINE)
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(entry, dict) and {"op_code", "worker_id"} <= set(entry)


def check(place: StudyStorage) -> None:
    """Raise UsageError unless studies can be read from the storage and written to it. Writes nothing."""
    exists(place)
    if place.file is None:
        return
    folder = nearest_folder(place.file.parent)
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"storage {place} can't be written in {folder}: make it writable, or give another --storage")
    if place.file.exists() and not os.access(place.file, os.W_OK):
        raise UsageError(f"storage {place} can't be written: make it writable, or give another --storage")


def connect(place: StudyStorage) -> BaseStorage:
    """Return the storage, made where there is none: look with `exists` first. Raises UsageError."""
    import optuna
    import sqlalchemy
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        if place.file:
            place.file.parent.mkdir(parents=True, exist_ok=True)
        if place.file and place.journal:
            path = str(place.file)
            return optuna.storages.JournalStorage(JournalFileBackend(path, JournalFileOpenLock(path)))
        arguments = {"connect_args": {"timeout": WAIT_SECONDS}} if place.file else {"pool_pre_ping": True}
        # Optuna fills in {SCHEMA_VERSION}; a brace in a file's name is none of that.
        url = place.url.replace("{", "{{").replace("}", "}}") if place.file else place.url
        return optuna.storages.RDBStorage(url, engine_kwargs=arguments)
    except ImportError as error:
        reason = place.given.redact(str(error))
        raise UsageError(f"storage {place} needs a database driver ({reason}): install it") from None
    except RuntimeError as error:  # a schema of another version
        raise UsageError(f"storage {place}: {place.given.redact(' '.join(str(error).split()))}") from None
    except (sqlalchemy.exc.SQLAlchemyError, OSError, ValueError, KeyError, TypeError) as error:
        reason = place.given.redact(str(error).strip().split("\n", 1)[0])
        todo = "move it" if place.file else "start it"
        raise UsageError(f"storage {place} can't be used ({reason}): {todo}, or give another --storage") from None


@contextlib.contextmanager
def closing(place: StudyStorage) -> Iterator[BaseStorage]:
    """Give the storage to a block, and its connections back afterwards."""
    opened = connect(place)
    try:
        yield opened
    finally:
        opened.remove_session()
        engine = getattr(opened, "engine", None)
        if engine is not None:
            engine.dispose()
