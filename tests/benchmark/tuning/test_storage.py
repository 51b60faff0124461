"""Where studies are kept: found, judged and made, or refused in one line."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from optuna.study import StudyDirection

from benchmark.core.errors import UsageError
from benchmark.tracking.store import locate as locate_store
from benchmark.tuning.storage import StudyStorage, check, closing, exists, locate


def place(given: str | None, tracking: str = "sqlite:///mlruns/mlflow.db") -> StudyStorage:
    return locate(given, locate_store(tracking))


def test_the_default_lies_beside_the_tracking_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(place(None)) == "sqlite:///mlruns/optuna.db"
    assert place(None).file == tmp_path / "mlruns" / "optuna.db"
    other = place(None, f"sqlite:///{tmp_path}/other/mlflow.db")
    assert (str(other), other.file) == (f"sqlite:///{tmp_path}/other/optuna.db", tmp_path / "other" / "optuna.db")
    assert str(place(None, "http://localhost:5000")) == "sqlite:///mlruns/optuna.db"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "given", ["nowhere", "mlruns/optuna.db", "redis://x", "sqlite://", "sqlite:///", "journal:///a/"]
)
def test_what_names_no_storage_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="--storage"):
        place(given)


def test_a_password_is_not_shown() -> None:
    found = place("postgresql://ann:secret@host/db")
    assert "secret" not in str(found)
    assert "secret" in found.url


@pytest.mark.parametrize("scheme", ["sqlite", "journal"])
def test_a_storage_is_made_when_it_is_connected_and_not_before(scheme: str, tmp_path: Path) -> None:
    found = place(f"{scheme}:///{tmp_path}/deep/er/studies")
    check(found)
    assert not exists(found)
    assert list(tmp_path.iterdir()) == []
    with closing(found) as opened:
        opened.create_new_study([StudyDirection.MAXIMIZE], "one")
    assert exists(found)
    with closing(found) as opened:
        assert [study.study_name for study in opened.get_all_studies()] == ["one"]


def test_what_is_something_else_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "notes.db") as database:
        database.execute("CREATE TABLE notes (text)")
    (tmp_path / "text.db").write_text("no database at all, but long enough to look at" * 99, encoding="utf-8")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for given, says in (
        (f"sqlite:///{tmp_path}/notes.db", "something else than Optuna"),
        (f"sqlite:///{tmp_path}/text.db", "can't be read"),
        (f"journal:///{tmp_path}/text.db", "no journal of Optuna's"),
        (f"sqlite:///{tmp_path}/file/optuna.db", "can't be"),
    ):
        with pytest.raises(UsageError, match=says):
            check(place(given))
