"""Where records are kept: tracking URIs, and what can be said of a store before MLflow is imported or a byte written.

A store that is no use must be known before the first cell trains, and MLflow itself finds out late and loudly: it
migrates an older database without being asked, adds its tables to anybody's SQLite file, and answers a newer one with a
traceback. So the questions are asked here, with the standard library.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import re
import sqlite3
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.core.errors import UsageError
from benchmark.tracking import sqlite

VARIABLE = "MLFLOW_TRACKING_URI"
DEFAULT = "sqlite:///mlruns/mlflow.db"
DATABASES = ("postgresql", "mysql", "mssql")
SERVERS = ("http", "https")
PAGE = 1000
"""Runs asked of a server at once."""
ANSWER_SECONDS = 10
"""How long a tracking server may take to answer the first question."""


@dataclass(frozen=True)
class Store:
    """A tracking store, located but not yet looked at."""

    shown: str  # for people: as given, a password hidden
    uri: str  # for MLflow: an SQLite path is absolute, so that a later chdir moves nothing
    database: Path | None  # the SQLite file; None for a database or tracking server
    artifacts: Path | None  # the folder of the artifacts; None: the tracking server chooses

    @property
    def is_server(self) -> bool:
        """Whether it is an MLflow tracking server, asked over HTTP."""
        return self.uri.split("://")[0] in SERVERS


def resolve_uri(given: str | None) -> str:
    """Return the tracking URI: `given` (``--tracking-uri``), else the environment's, else the default SQLite file.

    Raises UsageError for a URI that can't keep records, such as a folder (MLflow's legacy file store).
    """
    uri = given or os.environ.get(VARIABLE) or DEFAULT
    locate(uri)
    return uri


def hidden(uri: str) -> str:
    """Return `uri` as it is shown to people: a password hidden."""
    return re.sub(r"(://[^/@]*?):[^/@]*@", r"\1:***@", uri)


def locate(uri: str) -> Store:
    """Return the store that `uri` names, without looking at it. Raises UsageError for a URI that can't keep records."""
    scheme, separator, rest = uri.partition("://")
    if uri.startswith("file:") or not separator:
        path = uri.removeprefix("file:").replace("///", "/", 1) if uri.startswith("file:") else uri
        file = path if path.endswith((".db", ".sqlite")) else f"{path.rstrip('/')}/mlflow.db"
        raise UsageError(f"tracking URI {uri!r} is a folder (MLflow's legacy file store): give sqlite:///{file}")
    kind = scheme.partition("+")[0]
    shown = hidden(uri)
    if kind == "sqlite":
        name, mark, query = rest.removeprefix("/").partition("?")
        if not rest.startswith("/") or name in ("", ":memory:") or name.startswith("file:"):
            raise UsageError(f"tracking URI {uri!r} names no file, so nothing would be kept: give {DEFAULT}")
        database = Path(name).absolute()
        return Store(shown, f"{scheme}:///{database}{mark}{query}", database, database.parent / "artifacts")
    if kind in DATABASES:
        return Store(shown, uri, None, Path("mlruns/artifacts").absolute())
    if scheme in SERVERS:
        return Store(shown, uri, None, None)
    known = ", ".join(f"{name}://…" for name in (*DATABASES, *SERVERS))
    raise UsageError(f"tracking URI {shown!r} is of an unknown kind: give sqlite:///PATH/mlflow.db, or {known}")


def exists(store: Store) -> bool:
    """Return whether the store holds MLflow's tables, at the schema of the installed MLflow. Writes nothing.

    False: there is nothing yet, and `check` has nothing against making it. Raises UsageError for a store that the
    installed MLflow can't use: written by a newer one, by an older one, of another program, or out of reach.
    """
    if store.is_server:
        _ask(store)
        return True
    revision = _sqlite_revision(store, store.database) if store.database else _server_revision(store)
    if revision is None:
        return False
    known, newest = _revisions()
    if revision not in known:
        raise UsageError(
            f"tracking store {store.shown} was written by a newer MLflow than the installed one: upgrade mlflow, "
            f"or give another --tracking-uri"
        )
    if revision != newest:
        raise UsageError(
            f"tracking store {store.shown} was written by an older MLflow: back it up and run "
            f"`mlflow db upgrade {store.shown}`, or give another --tracking-uri"
        )
    return True


def check_writable(store: Store) -> None:
    """Raise UsageError unless database and artifacts can be written where the store has them. Leaves nothing behind."""
    for folder in {store.database.parent if store.database else None, store.artifacts} - {None}:
        assert folder is not None
        nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
        try:
            if not nearest.is_dir():
                raise NotADirectoryError(20, f"{nearest} is a file")
            if not os.access(nearest, os.W_OK | os.X_OK):
                raise PermissionError(13, "read-only")
            tempfile.TemporaryFile(dir=nearest).close()  # a read-only file system, or a superuser's view of one
        except OSError as error:
            raise UsageError(_unwritable(folder, error)) from error
    if store.database and store.database.exists() and not os.access(store.database, os.W_OK):
        raise UsageError(_unwritable(store.database, PermissionError(13, "read-only")))


def local_path(uri: str) -> Path | None:
    """Return the folder that an artifact URI names on this machine; None for one elsewhere."""
    parts = urllib.parse.urlparse(uri)
    if parts.scheme == "file":
        return Path(urllib.request.url2pathname(parts.path))
    return None if parts.scheme else Path(uri)


def pages(ask: Callable[..., Any], **question: Any) -> list[Any]:
    """Return all that `ask`, a search of MLflow's client, finds, page after page."""
    found: list[Any] = []
    token: str | None = None
    while True:
        page = ask(max_results=PAGE, page_token=token, **question)
        found += page
        token = page.token
        if not token:
            return found


@contextlib.contextmanager
def reported(store: Store) -> Iterator[None]:
    """Turn what a store raises into one line. MLflow is not imported to find out what it might raise."""
    try:
        yield
    except UsageError:
        raise
    except (sqlite3.Error, OSError) as error:
        raise UsageError(_failure(store, str(error))) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("mlflow", "sqlalchemy", "alembic", "requests"):
            raise
        raise UsageError(_failure(store, str(error))) from error


def _failure(store: Store, reason: str) -> str:
    first = reason.strip().split("\n", 1)[0]
    return f"tracking store {store.shown} failed ({first}): check that it is reachable, writable and has space left"


def _sqlite_revision(store: Store, database: Path) -> str | None:
    """Return the schema's revision in an SQLite file; None where there is no file, or an empty one."""
    try:
        if not database.exists() or database.stat().st_size == 0:
            return None
        with sqlite.connection(database) as opened:
            tables = {name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not tables:
                return None
            if not {"alembic_version", "experiments", "runs", "tags"} <= tables:
                raise UsageError(
                    f"{store.shown} is an SQLite database of something else than MLflow: give another --tracking-uri"
                )
            row = opened.execute("SELECT version_num FROM alembic_version").fetchone()
    except (sqlite3.Error, OSError) as error:
        raise UsageError(
            f"{database} can't be read as an SQLite database ({error}): give another --tracking-uri, or move it"
        ) from error
    return str(row[0]) if row else ""


def _server_revision(store: Store) -> str | None:
    """Return the schema's revision in a database server's database; None where it has no MLflow tables."""
    import sqlalchemy

    try:
        engine = sqlalchemy.create_engine(store.uri)
        with contextlib.closing(engine.connect()) as opened:
            if not sqlalchemy.inspect(opened).has_table("alembic_version"):
                return None
            return str(opened.execute(sqlalchemy.text("SELECT version_num FROM alembic_version")).scalar() or "")
    except ImportError as error:
        raise UsageError(f"tracking store {store.shown} needs the package {error.name}: install it") from error
    except sqlalchemy.exc.SQLAlchemyError as error:
        reason = str(error).split("\n", 1)[0]
        raise UsageError(f"tracking store {store.shown} can't be reached ({reason}): start it") from error


def _ask(store: Store) -> None:
    """Raise UsageError unless an MLflow server answers. MLflow's client would retry for long before it says so."""
    try:
        urllib.request.urlopen(f"{store.uri.rstrip('/')}/health", timeout=ANSWER_SECONDS).close()
    except urllib.error.HTTPError:
        return  # it answers; whether this user may come in, the first request tells
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise UsageError(
            f"tracking server {store.shown} does not answer ({reason}): start it, or give another --tracking-uri"
        ) from error


@functools.cache
def _revisions() -> tuple[frozenset[str], str]:
    """Return the schema revisions that the installed MLflow knows and the newest of them, read from its migrations."""
    found = importlib.util.find_spec("mlflow")
    assert found
    assert found.submodule_search_locations
    folder = Path(found.submodule_search_locations[0]) / "store" / "db_migrations" / "versions"
    texts = [file.read_text(encoding="utf-8") for file in folder.glob("*.py")]
    known = {match for text in texts for match in re.findall(r'^revision = "(\w+)"', text, re.MULTILINE)}
    before = {match for text in texts for match in re.findall(r'^down_revision = "(\w+)"', text, re.MULTILINE)}
    (newest,) = known - before
    return frozenset(known), newest


def _unwritable(path: Path, error: OSError) -> str:
    return (
        f"tracking store: {path} can't be written ({error.strerror}): make it writable, "
        f"or give --tracking-uri sqlite:///PATH/mlflow.db in a folder that is"
    )
