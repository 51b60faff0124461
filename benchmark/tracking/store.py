"""Where records are kept: tracking URIs, and what can be said of a store before MLflow is imported or a byte written.

A store that is no use must be known before the first cell trains, and MLflow itself finds out late and loudly: it
migrates an older database without being asked, adds its tables to anybody's SQLite file, and answers a newer one with a
traceback. So the questions are asked here, with the standard library.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import http.client
import importlib.util
import os
import re
import sqlite3
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.core import uri as uris
from benchmark.core.errors import UnreadableError, UsageError
from benchmark.core.uri import Uri
from benchmark.tracking import sqlite
from benchmark.tracking.regular_file import nearest_folder, obstacle

VARIABLE = "MLFLOW_TRACKING_URI"
DEFAULT = "sqlite:///mlruns/mlflow.db"
DATABASES = ("postgresql", "mysql", "mssql")
SERVERS = ("http", "https")
LIBRARIES = ("alembic", "mlflow", "requests", "sqlalchemy", "urllib3")
"""Whose exceptions are a store's failure. Anything else that is raised is a defect."""
PAGE = 1000
"""Runs asked of a server at once."""
ANSWER_SECONDS = 10
"""How long a tracking server may take to answer the first question."""


@dataclass(frozen=True)
class Store:
    """A tracking store, located but not yet looked at."""

    given: Uri
    uri: str = field(repr=False)  # for MLflow: an SQLite path is absolute, so that a later chdir moves nothing
    database: Path | None  # the SQLite file; None for a database or tracking server
    artifacts: Path | None  # the folder of the artifacts; None: the tracking server chooses

    @property
    def shown(self) -> str:
        """The URI for people: as given, without its secrets."""
        return str(self.given)

    @property
    def is_server(self) -> bool:
        """Whether it is an MLflow tracking server, asked over HTTP."""
        return self.given.scheme in SERVERS


def resolve_uri(given: str | None) -> str:
    """Return the tracking URI: `given` (``--tracking-uri``), else the environment's, else the default SQLite file.

    Raises UsageError for a URI that can't keep records, such as a folder (MLflow's legacy file store).
    """
    uri = given or os.environ.get(VARIABLE) or DEFAULT
    locate(uri)
    return uri


def locate(uri: str) -> Store:
    """Return the store that `uri` names, without looking at it. Raises UsageError for a URI that can't keep records."""
    shown = uris.shown(uri)
    if uri.startswith("file:") or "://" not in uri:
        path = shown.removeprefix("file:").replace("///", "/", 1) if uri.startswith("file:") else shown
        file = path if path.endswith((".db", ".sqlite")) else f"{path.rstrip('/')}/mlflow.db"
        raise UsageError(f"tracking URI {shown!r} is a folder (MLflow's legacy file store): give sqlite:///{file}")
    try:
        given = uris.parse(uri)
    except ValueError as error:
        raise UsageError(f"tracking URI {error}") from None
    if given.kind == "sqlite":
        database = sqlite_file(given, "tracking URI", DEFAULT)
        return Store(given, sqlite_uri(database, given), database, database.parent / "artifacts")
    if given.kind in DATABASES:
        return Store(given, given.encoded, None, Path("mlruns/artifacts").absolute())
    if given.scheme in SERVERS:
        if not given.host or given.query or given.fragment:
            raise UsageError(
                f"tracking URI {shown!r} is no address of a tracking server: give {given.scheme}://HOST:PORT without "
                "?query and #fragment (a token goes into MLFLOW_TRACKING_TOKEN)"
            )
        return Store(given, given.encoded, None, None)
    known = ", ".join(f"{name}://…" for name in (*DATABASES, *SERVERS))
    raise UsageError(f"tracking URI {shown!r} is of an unknown kind: give sqlite:///PATH/mlflow.db, or {known}")


def sqlite_file(given: Uri, noun: str, instead: str) -> Path:
    """Return the absolute path of the file that ``sqlite:///PATH`` names (percent-decoded, as SQLAlchemy does).

    Raises UsageError, which begins with `noun` and recommends `instead`, where it names none.
    """
    name = urllib.parse.unquote(given.path.removeprefix("/"))
    if given.host or not given.path or name in ("", ":memory:") or name.startswith("file:") or name.endswith("/"):
        raise UsageError(f"{noun} {str(given)!r} names no file, so nothing would be kept: give {instead}")
    if name.startswith("~"):
        raise UsageError(f"{noun} {str(given)!r}: '~' stands for nothing here: write the folder out")
    if given.query and not re.fullmatch(r"timeout=\d+(\.\d+)?", given.query):
        raise UsageError(f"{noun} {str(given)!r}: ?timeout=SECONDS can follow a path, nothing else; write a ? as %3F")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{noun}: the path {name!a} is not UTF-8: give another one") from None
    return Path(name).absolute()


def sqlite_uri(file: Path, given: Uri | None = None) -> str:
    """Return the URI of the SQLite `file` for SQLAlchemy, with driver and timeout as `given`."""
    name = re.sub("[%?#]", lambda found: urllib.parse.quote(found[0]), str(file))
    query = f"?{given.query}" if given and given.query else ""
    return f"{given.scheme if given else 'sqlite'}:///{name}{query}"


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
        nearest = nearest_folder(folder)
        try:
            if not nearest.is_dir():
                raise NotADirectoryError(20, f"{nearest} {'is a broken link' if nearest.is_symlink() else 'is a file'}")
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
    except (UsageError, UnreadableError):
        raise
    except (sqlite3.Error, OSError, UnicodeError) as error:
        raise UsageError(_failure(store, error)) from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in LIBRARIES:
            raise
        raise UsageError(_failure(store, error)) from None  # what is raised may hold the password


def _failure(store: Store, error: Exception) -> str:
    first = _reason(store, error)
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        return (
            f"tracking store {store.shown} is damaged ({first}): take a backup of it, "
            f"or save what is left with `sqlite3 {store.database} .recover`"
        )
    return f"tracking store {store.shown} failed ({first}): check that it is reachable, writable and has space left"


def _reason(store: Store, error: object) -> str:
    """Return the first line of what a library says, without the store's secrets."""
    first = (str(error).strip() or type(error).__name__).split("\n", 1)[0]
    return store.given.redact("".join(mark if mark.isprintable() else " " for mark in first))


def _sqlite_revision(store: Store, database: Path) -> str | None:
    """Return the schema's revision in an SQLite file; None where there is no file, or an empty one."""
    try:
        if hindrance := obstacle(database):
            raise UsageError(f"tracking store: {database} {hindrance}: give another --tracking-uri")
        if not database.exists() or database.stat().st_size == 0:
            return None
        with sqlite.connection(database) as opened:
            tables = {name for (name,) in opened.execute("SELECT name FROM sqlite_master")}
            if not tables:
                return None
            if not {"alembic_version", "experiments", "runs", "tags"} <= tables:
                raise UsageError(
                    f"{store.shown} is an SQLite database of something else than MLflow: give another --tracking-uri"
                )
            row = opened.execute("SELECT version_num FROM alembic_version").fetchone()
    except (sqlite3.Error, OSError, UnicodeError) as error:  # SQLite's own message may quote what isn't text
        reason = _reason(store, error) if not isinstance(error, UnicodeError) else "it is damaged"
        raise UsageError(
            f"{database} can't be read as an SQLite database ({reason}): give another --tracking-uri, or move it"
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
        raise UsageError(f"tracking store {store.shown} needs the package {error.name}: install it") from None
    except (sqlalchemy.exc.SQLAlchemyError, OSError, ValueError, TypeError) as error:
        reason = _reason(store, error)
        raise UsageError(f"tracking store {store.shown} can't be reached ({reason}): start it") from None


def _ask(store: Store) -> None:
    """Raise UsageError unless an MLflow server answers. MLflow's client would retry for long before it says so."""
    given = store.given
    try:
        request = urllib.request.Request(f"{given.without_user.rstrip('/')}/health")
        if given.user is not None:  # urllib takes it for a part of the host; not sent on to where a redirect leads
            pair = f"{given.user}:{given.password or ''}".encode()
            request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(pair).decode()}")
        urllib.request.urlopen(request, timeout=ANSWER_SECONDS).close()
    except urllib.error.HTTPError as error:
        error.close()
        return  # it answers; whether this user may come in, the first request tells
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = _reason(store, getattr(error, "reason", error))
        raise UsageError(
            f"tracking server {store.shown} does not answer ({reason}): start it, or give another --tracking-uri"
        ) from None


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
