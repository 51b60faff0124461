"""What lies where a store's file should be is looked at before it is touched, links and all."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.core.errors import UsageError
from benchmark.tracking import Tracking
from benchmark.tracking.regular_file import nearest_folder, obstacle
from benchmark.tracking.store import locate
from benchmark.tuning import storage


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with one of everything that is no regular file. The current folder, because a socket's path is short."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    Path("folder").mkdir()
    Path("todevice").symlink_to(os.devnull)
    Path("dangling").symlink_to("nowhere")
    Path("loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("socket")
        yield tmp_path


ODD = {
    "fifo": "is a named pipe, not a file",
    "folder": "is a folder, not a file",
    "todevice": "is a device, not a file",
    "dangling": "is a link to nowhere, which does not exist",
    "loop": "is a link that leads back to itself",
    "socket": "is a socket, not a file",
    os.devnull: "is a device, not a file",
}


def everything(folder: Path) -> list[tuple[str, int, int, int]]:
    found = [*folder.rglob("*"), Path(os.devnull)]
    stats = [(str(path), path.lstat()) for path in found]
    return sorted((name, stat.st_mode, stat.st_size, stat.st_ino) for name, stat in stats)


@pytest.mark.parametrize("name", ODD)
def test_no_store_is_made_where_something_else_lies(odd: Path, name: str) -> None:
    before = everything(odd)
    assert obstacle(Path(name)) == ODD[name]
    tracking = Tracking(f"sqlite:///{name}")
    for ask in (tracking.check, tracking.prepare, tracking.records):
        with pytest.raises(UsageError) as raised:
            ask()
        assert ODD[name] in str(raised.value)
        assert "\n" not in str(raised.value)
    for scheme in ("sqlite", "journal"):
        place = storage.locate(f"{scheme}:///{name}", locate("sqlite:///m.db"))
        with pytest.raises(UsageError, match=ODD[name]):
            storage.check(place)
    assert everything(odd) == before


def test_what_hinders_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link", "nothing", "no/folder/yet", "file/below"):
        assert obstacle(tmp_path / name) == ""
    assert obstacle(Path("a\0b")) == "can't be the name of a file"
    assert "can't be looked at" in obstacle(tmp_path / ("x" * 300))
    assert nearest_folder(tmp_path / "a" / "b") == tmp_path
    (tmp_path / "broken").symlink_to("gone")
    assert nearest_folder(tmp_path / "broken" / "b") == tmp_path / "broken"


def test_a_link_to_a_store_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "real.db").touch()
    (tmp_path / "mlflow.db").symlink_to("disk/real.db")
    tracking = Tracking(f"sqlite:///{tmp_path}/mlflow.db")
    tracking.prepare()
    assert (tmp_path / "mlflow.db").is_symlink()
    assert (tmp_path / "disk" / "real.db").stat().st_size > 0
    assert tracking.exists()


def test_a_broken_folder_is_known_before_anything_is_trained(tmp_path: Path) -> None:
    (tmp_path / "mlruns").symlink_to("gone")
    with pytest.raises(UsageError, match="is a broken link"):
        Tracking(f"sqlite:///{tmp_path}/mlruns/mlflow.db").check()
    with pytest.raises(UsageError, match="can't be written in"):
        storage.check(storage.locate(f"sqlite:///{tmp_path}/mlruns/optuna.db", locate("sqlite:///m.db")))


@pytest.mark.parametrize("name", ["a%20b c.db", "ünï#?/{x}&=+.db"])
def test_mlflow_and_optuna_open_the_file_that_was_named(tmp_path: Path, name: str) -> None:
    """SQLAlchemy decodes a path, and takes what follows a ``?`` for options."""
    from urllib.parse import quote

    given = quote(name, safe="/ #{}&=+")  # what SQLAlchemy would take for something else, and no more
    tracking = Tracking(f"sqlite:///{tmp_path}/{given}")
    tracking.prepare()
    assert tracking.records() == ()
    place = storage.locate(None, tracking.store)
    with storage.closing(place) as opened:
        assert opened.get_all_studies() == []
    made = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert made == sorted([name, str(Path(name).with_name("optuna.db"))])
    assert storage.exists(storage.locate(str(place), tracking.store))
