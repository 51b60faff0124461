"""Imports modules that anybody may have written: whatever they do while they are imported becomes one line.

A method's file is code of its own. It may be broken anywhere, end the process, print, or close the streams that
results are written to. None of that may reach the command that merely looks for methods.
"""

from __future__ import annotations

import contextlib
import dis
import importlib
import os
import pkgutil
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

LONGEST_REASON = 300
"""Characters of a reason that are kept."""


def import_all(name: str) -> Iterator[tuple[str, str]]:
    """Import the module `name` and, where it is a package, every module in it; what is imported already is kept.

    Yields each module's name, and why it could not be imported ("" where it could).
    """
    reason = import_one(name)
    yield name, reason
    if reason:
        return
    try:
        found = [module.name for module in pkgutil.iter_modules(sys.modules[name].__path__, prefix=f"{name}.")]
    except AttributeError:
        return  # no package
    except Exception as error:  # noqa: BLE001 — a module may have set its path to anything
        yield f"{name}.*", _told(error, "")
        return
    for module in found:
        yield module, import_one(module)


def import_one(name: str) -> str:
    """Import the module `name` and return "", or in one line why that failed. Raises KeyboardInterrupt on Ctrl-C."""
    try:
        with _streams_kept():
            importlib.import_module(name)
    except KeyboardInterrupt as error:
        if not _raised_by_code(error.__traceback__):
            raise
        return _told(error, name)
    except BaseException as error:  # noqa: BLE001 — SystemExit as well: a file that calls exit() is broken
        return _told(error, name)
    return ""


def _told(error: BaseException, module: str) -> str:
    """Return what `error` is, what it says, and where in the file of `module` it came from."""
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 — anybody's class
        said = ""
    text = type(error).__name__ + (f": {said}" if said else "")
    text = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    text = text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"
    if isinstance(error, SyntaxError):  # says itself where
        return text
    last = module.rpartition(".")[2]
    lines = [frame.lineno for frame in _frames(error) if Path(frame.filename).stem in (last, "__init__") and last]
    return f"{text} (line {lines[-1]})" if lines else text


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    found = traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__), limit=50, lookup_lines=False)
    return [frame for frame in found if "importlib" not in frame.filename and frame.filename != __file__]


def _raised_by_code(found: TracebackType | None) -> bool:
    """Return whether an exception comes from a ``raise`` in Python code, and not from a signal between two steps."""
    if found is None:
        return False
    while found.tb_next:
        found = found.tb_next
    return dis.opname[found.tb_frame.f_code.co_code[found.tb_lasti]] == "RAISE_VARARGS"


@contextlib.contextmanager
def _streams_kept() -> Iterator[None]:
    """Send what a block prints to stderr, and let it close neither stdout nor stderr, nor their descriptors."""
    streams = {name: getattr(sys, name) for name in ("stdout", "stderr", "__stdout__", "__stderr__")}
    for stream in streams.values():
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or None where there is no console
            stream.flush()
    kept = {number: _duplicate(number) for number in (1, 2)}
    if kept[1] is not None and kept[2] is not None:
        os.dup2(kept[2], 1)
    for name in streams:
        setattr(sys, name, _Passing(streams["stderr"]))
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            streams["stderr"].flush()
        for name, stream in streams.items():
            setattr(sys, name, stream)
        for number, copy in kept.items():
            if copy is not None:
                os.dup2(copy, number)
                os.close(copy)


def _duplicate(number: int) -> int | None:
    try:
        return os.dup(number)
    except OSError:  # closed before we came
        return None


class _Passing:
    """A stream that passes on what is written, and that can be closed without harm."""

    def __init__(self, target: object) -> None:
        self._target = target

    def __getattr__(self, name: str) -> object:
        return getattr(self._target, name)

    def close(self) -> None:
        """Keep the stream open."""
