"""Files and folders that a person named: read if they are regular, else one line that says what is wrong.

Opening a pipe waits for whoever writes to it, and a device like ``/dev/zero`` never ends: neither is opened.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from benchmark.core.errors import UsageError

COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"PK\x03\x04": "zip",
}
"""First bytes of compressed files, which are common in the place of plain ones."""
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def expand(path: str) -> Path:
    """Return `path` with a leading ``~`` replaced by the user's home. Raises UsageError where there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{path}: no such user, so '~' can't be expanded: write the whole path") from error


def is_folder(path: Path, what: str) -> bool:
    """Return whether `path` is a folder; False for a regular file.

    Raises UsageError, which begins with `what`, for anything else: nothing there, no permission, a pipe, a device.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise UsageError(f"{what} doesn't exist: check the path") from error
    except OSError as error:
        raise UsageError(f"{what} can't be read: {error.strerror}: check the path") from error
    except ValueError as error:  # a NUL byte
        raise UsageError(f"{what} can't be read: {error}: check the path") from error
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise UsageError(f"{what} is neither a file nor a folder but a pipe, device or socket: give a regular file")
    return stat.S_ISDIR(mode)


def read_bytes(path: Path, what: str) -> bytes:
    """Return what the regular file `path` holds. Raises UsageError, which begins with `what`."""
    if is_folder(path, what):
        raise UsageError(f"{what} can't be read: {os.strerror(errno.EISDIR)}: give a file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{what} can't be read: {error.strerror}: check the path") from error


def read_text(path: Path, what: str) -> str:
    """Return the text of the regular file `path`: UTF-8, line ends as they are, without a byte order mark.

    Raises UsageError, which begins with `what`.
    """
    data = read_bytes(path, what)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        kind = next((kind for start, kind in COMPRESSED.items() if data.startswith(start)), "")
        if kind:
            raise UsageError(f"{what} is compressed ({kind}): unpack it first") from error
        line = data.count(b"\n", 0, error.start) + 1
        known = "UTF-16, not UTF-8" if data.startswith(UTF_16) else f"not UTF-8 (line {line})"
        raise UsageError(f"{what} is {known}: save it as UTF-8") from error
