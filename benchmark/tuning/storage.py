"""Where studies are kept: Optuna's storages, found and judged before anything is trained or written."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.errors import UsageError
from benchmark.tracking import sqlite
from benchmark.tracking.store import Store, hidden

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

FILE = "optuna.db"
DEFAULT = f"sqlite:///mlruns/{FILE}"
SERVERS = ("postgresql", "mysql")
KINDS = "sqlite:///PATH.db, journal:///PATH.log, postgresql://… or mysql://…"
WAIT_SECONDS = 30
"""How long a locked SQLite file is waited for."""


@dataclass(frozen=True)
class StudyStorage:
    """A storage, located but not yet looked at. `str` shows it to people, a password hidden."""

    url: str  # for Optuna; a path in it is absolute
    shown: str
    file: Path | None  # of SQLite or a journal; None for a database server
    journal: bool = False

    def __str__(self) -> str:
        return self.shown


def locate(given: str | None, tracking: Store) -> StudyStorage:
    """Return the storage that ``--storage`` names; None: `optuna.db` beside the SQLite file of `tracking`.

    Raises UsageError for a URL that names no storage. Touches nothing.
    """
    if given is None and tracking.database:
        beside = tracking.database.with_name(FILE)
        given = DEFAULT if beside == Path("mlruns", FILE).absolute() else f"sqlite:///{beside}"
    url = given or DEFAULT
    scheme, separator, rest = url.partition("://")
    shown = hidden(url)
    kind = scheme.partition("+")[0]
    if separator and kind in ("sqlite", "journal"):
        name = rest.removeprefix("/").partition("?")[0]
        if not rest.startswith("/") or name in ("", ":memory:") or name.endswith("/"):
            raise UsageError(f"--storage {shown!r} names no file, so nothing would be kept: give {DEFAULT}")
        path = Path(name).absolute()
        return StudyStorage(f"{scheme}:///{path}", shown, path, kind == "journal")
    if separator and kind in SERVERS:
        return StudyStorage(url, shown, None)
    raise UsageError(f"--storage takes {KINDS}, not {shown!r}")


def exists(place: StudyStorage) -> bool:
    """Return whether there is something in the storage. Writes nothing. Raises UsageError for what is no storage."""
    if place.file is None:
        return True  # it can be asked only by connecting, and Optuna's tables in it hurt nobody
    try:
        if not place.file.exists() or place.file.stat().st_size == 0:
            return False
        if place.journal:
            with place.file.open("rb") as opened:
                if not opened.read(1) == b"{":
                    raise UsageError(f"storage {place} is no journal of Optuna's: give another --storage")
            return True
        with sqlite.connection(place.file) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except (sqlite3.Error, OSError) as error:
        raise UsageError(f"storage {place} can't be read ({error}): give another --storage, or move it") from error
    if tables and not {"studies", "trials"} <= tables:
        raise UsageError(f"storage {place} is an SQLite database of something else than Optuna: give another --storage")
    return bool(tables)


def check(place: StudyStorage) -> None:
    """Raise UsageError unless studies can be read from the storage and written to it. Writes nothing."""
    exists(place)
    if place.file is None:
        return
    folder = next(parent for parent in place.file.parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"storage {place} can't be written in {folder}: make it writable, or give another --storage")
    if place.file.exists() and not (place.file.is_file() and os.access(place.file, os.W_OK)):
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
        raise UsageError(f"storage {place} needs a database driver ({error}): install it") from error
    except RuntimeError as error:  # a schema of another version
        raise UsageError(f"storage {place}: {' '.join(str(error).split())}") from error
    except (sqlalchemy.exc.SQLAlchemyError, OSError, ValueError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise UsageError(f"storage {place} can't be reached ({reason}): start it, or give another --storage") from error


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
