"""Which store is meant, and whether it is any use: said in one line, before anything is written."""

from __future__ import annotations

import base64
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmark.core.errors import UsageError
from benchmark.tracking import Tracking, resolve_uri, store


def test_resolve_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert resolve_uri(None) == "sqlite:///mlruns/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    assert resolve_uri(None) == "http://localhost:5000"
    assert resolve_uri("sqlite:////tmp/x.db") == "sqlite:////tmp/x.db"


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("mlruns", r"give sqlite:///mlruns/mlflow.db$"),
        ("./mlruns/", r"give sqlite:///./mlruns/mlflow.db$"),
        ("/data/mlruns", r"give sqlite:////data/mlruns/mlflow.db$"),
        ("file:///data/mlruns", r"give sqlite:////data/mlruns/mlflow.db$"),
        ("file:mlruns", r"give sqlite:///mlruns/mlflow.db$"),
        ("mlruns/mlflow.db", r"give sqlite:///mlruns/mlflow.db$"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("databricks", "folder"),
        ("ftp://host/x", "unknown kind"),
    ],
)
def test_unusable_uris(uri: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        resolve_uri(uri)


def test_where_artifacts_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = store.locate("sqlite:///a b/x.db?timeout=9")
    assert found.artifacts == tmp_path / "a b" / "artifacts"
    assert found.uri == f"sqlite:///{tmp_path}/a b/x.db?timeout=9"
    assert store.locate("https://host/mlflow").artifacts is None
    assert store.locate("postgresql+psycopg2://me:secret@host/db").shown == "postgresql+psycopg2://me:***@host/db"


def test_a_store_that_does_not_exist_is_empty_and_stays_so(tmp_path: Path) -> None:
    tracking = Tracking(f"sqlite:///{tmp_path}/none/mlflow.db")
    assert not tracking.exists()
    assert tracking.records() == ()
    assert tracking.points("x") == ()
    tracking.check()
    with pytest.raises(UsageError):
        tracking.record("x")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty.db").touch()
    assert Tracking(f"sqlite:///{tmp_path}/empty.db").records() == ()
    assert (tmp_path / "empty.db").stat().st_size == 0


def test_reading_an_absent_store_does_not_import_mlflow(tmp_path: Path) -> None:
    code = (
        f"import sys; from benchmark.tracking import Tracking; t = Tracking('sqlite:///{tmp_path}/m.db'); t.check(); "
        "t.records(); sys.exit('mlflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_first_run_makes_the_store_in_silence(tmp_path: Path) -> None:
    code = f"from benchmark.tracking import Tracking; Tracking('sqlite:///{tmp_path}/new/mlflow.db').prepare()"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["mlflow.db"]


def fails(tracking: Tracking) -> str:
    """Return the one line that `check`, `prepare` and reading agree on."""
    lines = set()
    for ask in (tracking.check, tracking.prepare, tracking.records):
        with pytest.raises(UsageError) as raised:
            ask()
        lines.add(str(raised.value))
    (line,) = lines
    assert "\n" not in line
    return line


def set_revision(tracking: Tracking, revision: str) -> None:
    assert tracking.store.database
    with sqlite3.connect(tracking.store.database) as opened:
        opened.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    opened.close()


def test_stores_of_another_mlflow(tracking: Tracking) -> None:
    assert tracking.store.database
    set_revision(tracking, "ffffffffffff")
    before = tracking.store.database.read_bytes()
    assert "newer MLflow than the installed one: upgrade mlflow" in fails(tracking)
    assert tracking.store.database.read_bytes() == before
    set_revision(tracking, "451aebb31d03")
    before = tracking.store.database.read_bytes()
    assert f"`mlflow db upgrade {tracking.store.shown}`" in fails(tracking)
    assert tracking.store.database.read_bytes() == before


def test_the_newest_revision_is_mlflows() -> None:
    from mlflow.store.db.utils import _get_latest_schema_revision

    known, newest = store._revisions()
    assert newest == _get_latest_schema_revision()
    assert newest in known
    assert "451aebb31d03" in known


def test_files_that_are_no_store(tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("not a database, but long enough to look at: " * 50)
    assert "can't be read as an SQLite database" in fails(Tracking(f"sqlite:///{text}"))
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as opened:
        opened.execute("CREATE TABLE mine (x)")
    opened.close()
    before = other.read_bytes()
    assert "something else than MLflow" in fails(Tracking(f"sqlite:///{other}"))
    assert other.read_bytes() == before
    folder = tmp_path / "folder.db"
    folder.mkdir()
    assert "give another --tracking-uri" in fails(Tracking(f"sqlite:///{folder}"))


def cannot_write(tracking: Tracking) -> None:
    for ask in (tracking.check, tracking.prepare):
        with pytest.raises(UsageError, match=r"can't be written \(.*\): make it writable, or give --tracking-uri"):
            ask()


def test_folders_that_can_not_be_written(tracking: Tracking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    cannot_write(Tracking(f"sqlite:///{tmp_path}/file/mlflow.db"))
    cannot_write(Tracking("sqlite:////proc/mlflow.db"))  # even the superuser can't
    assert tracking.store.artifacts
    tracking.store.artifacts.touch()  # a file where the artifacts' folder should be
    cannot_write(tracking)
    tracking.store.artifacts.unlink()
    tracking.check()
    read_only = {tmp_path / "mlruns"}
    allowed: Callable[..., bool] = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) not in read_only and allowed(path, mode))
    cannot_write(tracking)
    assert tracking.records() == ()  # but it can be read
    read_only = {tmp_path / "mlruns" / "mlflow.db"}
    cannot_write(tracking)


def test_a_server_that_does_not_answer() -> None:
    assert "does not answer" in fails(Tracking("http://127.0.0.1:9"))


class Guarded(BaseHTTPRequestHandler):
    """An empty MLflow server that lets ``ann`` with the password ``S3/C@RET`` in, and nobody else."""

    def do_POST(self) -> None:
        """Answer every question alike."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def do_GET(self) -> None:
        """Answer that there is nothing."""
        wanted = "Basic " + base64.b64encode(b"ann:S3/C@RET").decode()
        known = self.headers.get("Authorization") == wanted
        self.send_response(200 if known else 401)
        self.end_headers()
        self.wfile.write(b"{}" if known else b"who are you?")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def guarded() -> Iterator[str]:
    """The address, without ``http://``, of a tracking server that asks for a password."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Guarded) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("password", ["S3%2FC%40RET", "S3/C@RET"])
def test_a_server_that_asks_for_a_password(guarded: str, password: str) -> None:
    tracking = Tracking(f"http://ann:{password}@{guarded}")
    assert tracking.exists()
    assert tracking.records() == ()
    assert tracking.store.shown == f"http://ann:***@{guarded}"


def test_a_wrong_password_is_not_repeated(guarded: str) -> None:
    for uri in (f"http://ann:wrong-S3CRET@{guarded}", f"http://127.0.0.1:9/u:wrong-S3CRET@{guarded}"):
        with pytest.raises(UsageError) as raised:
            Tracking(uri).records()
        assert "S3CRET" not in str(raised.value)
        assert raised.value.__suppress_context__  # nor would a traceback


@pytest.mark.parametrize(
    "uri",
    [
        "http://host:5000?token=S3CRET",
        "https://host#S3CRET",
        "http://:S3CRET@",
        "http://u:S3CRET@host:5000?x",
        "sqlite://u:S3CRET@host/x.db",
        "redis://u:S3/CRET@host",
        "u:S3CRET@host/x",
        "sqlite:///x.db?key=S3CRET",
        "1http://u:S3CRET@h",
    ],
)
def test_a_uri_that_is_refused_is_shown_without_its_password(uri: str) -> None:
    with pytest.raises(UsageError) as raised:
        resolve_uri(uri)
    assert "S3CRET" not in str(raised.value)
    assert "S3/CRET" not in str(raised.value)


def test_what_a_library_raises_is_one_line_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlalchemy

    found = store.locate("postgresql://ann:S3/C@RET@host:1/db?password=t0ken-x")

    def connect(uri: str) -> None:
        raise sqlalchemy.exc.OperationalError(
            f"no {uri}: password 'S3/C@RET' or 't0ken-x' is wrong\nmore", {}, OSError()
        )

    monkeypatch.setattr(sqlalchemy, "create_engine", connect)
    with pytest.raises(UsageError, match="can't be reached") as raised:
        store.exists(found)
    with pytest.raises(UsageError, match="failed") as again, store.reported(found):
        connect(found.uri)
    for said in (str(raised.value), str(again.value), repr(found)):
        assert not any(secret in said for secret in ("S3", "RET", "t0ken", "\n"))


def test_a_path_is_read_as_sqlalchemy_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert store.locate("sqlite:///a%20b/x%3F.db").database == tmp_path / "a b" / "x?.db"
    for uri, says in {
        "sqlite:///~/x.db": "write the folder out",
        "sqlite:///x.db?mode=ro": "nothing else",
        "sqlite:///a\udcff.db": "is not UTF-8",
        "sqlite:///folder/": "names no file",
    }.items():
        with pytest.raises(UsageError, match=says):
            store.locate(uri)


def test_a_database_with_a_view_alone_is_somebodys(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as opened:
        opened.execute("CREATE VIEW mine AS SELECT 1")
    opened.close()
    assert "something else than MLflow" in fails(Tracking(f"sqlite:///{tmp_path}/other.db"))
