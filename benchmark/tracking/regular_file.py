"""Whether a store's file can lie at a path: a regular file, or nothing yet. Asked before a byte is written.

An empty path in a store's URI is filled with a new database. A device, a FIFO or a socket is "empty", too; so what lies
there is looked at first, links included. For MLflow's and for Optuna's files alike.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


def obstacle(path: Path) -> str:
    """Return what hinders a file at `path`, such as ``is a device, not a file``; "" where nothing does.

    A folder that is still to be made hinders nothing. Never opens anything, because a FIFO would wait for a writer.
    """
    try:
        path.lstat()
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            return f"is a link to {path.readlink()}, which does not exist"
        return ""
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "is a link that leads back to itself"
        return f"can't be looked at ({error.strerror})"
    except ValueError:
        return "can't be the name of a file"
    if stat.S_ISREG(mode):
        return ""
    return f"is {next((words for test, words in _KINDS if test(mode)), 'something special')}, not a file"


def nearest_folder(folder: Path) -> Path:
    """Return `folder`, or what stands first on the way to it: a folder, or what hinders one (a file, a broken link)."""
    return next(parent for parent in (folder, *folder.parents) if os.path.lexists(parent))
