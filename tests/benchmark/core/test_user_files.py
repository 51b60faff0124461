"""Files that a person named: what is no regular file is never opened, and each error says what to do."""

from __future__ import annotations

import gzip
import os
import socket
from pathlib import Path

import pytest

from benchmark.core.errors import UsageError
from benchmark.core.user_files import expand, is_folder, read_bytes, read_text


def test_text_comes_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("\ufeffé\r\nb\rc".encode())
    assert read_text(tmp_path / "a", "it") == "é\r\nb\rc"
    (tmp_path / "empty").touch()
    assert read_text(tmp_path / "empty", "it") == ""


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"a\nb\xff", r"it is not UTF-8 \(line 2\): save it as UTF-8"),
        ("text,label".encode("utf-16"), "it is UTF-16, not UTF-8: save it as UTF-8"),
        (gzip.compress(b"text,label", mtime=0), r"it is compressed \(gzip\): unpack it first"),
    ],
)
def test_what_is_no_text(tmp_path: Path, data: bytes, says: str) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(UsageError, match=says):
        read_text(tmp_path / "a", "it")


def test_nothing_but_regular_files_is_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for path in (tmp_path / "pipe", tmp_path / "socket", Path("/dev/zero")):
            with pytest.raises(UsageError, match="it is neither a file nor a folder"):
                read_bytes(path, "it")
    with pytest.raises(UsageError, match="it can't be read: Is a directory"):
        read_bytes(tmp_path, "it")


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "broken").symlink_to(tmp_path / "nothing")
    (tmp_path / "file").touch()
    cases = {
        "loop": "it can't be read: Too many levels of symbolic links",
        "broken": "it doesn't exist: check the path",
        "file/x": "it can't be read: Not a directory",
        "x" * 300: "it can't be read: File name too long",
        "a\0b": "it can't be read: embedded null byte",
    }
    for name, says in cases.items():
        with pytest.raises(UsageError, match=says):
            is_folder(tmp_path / name, "it")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read anything")
def test_no_permission(tmp_path: Path) -> None:
    (tmp_path / "secret").touch(mode=0)
    with pytest.raises(UsageError, match="it can't be read: Permission denied"):
        read_bytes(tmp_path / "secret", "it")


def test_home_folders() -> None:
    assert expand("~/x") == Path.home() / "x"
    with pytest.raises(UsageError, match="~nosuchuser/x: no such user"):
        expand("~nosuchuser/x")
