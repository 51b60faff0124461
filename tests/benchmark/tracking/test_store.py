"""Which store is meant, and whether it is any use: said in one line, before anything is written."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
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
    assert newest == _get_latest_schema_revision()  # type: ignore[no-untyped-call]
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
