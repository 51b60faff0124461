"""Where text goes: consoles for stdout and stderr, and JSON documents.

A table goes to stdout, because it is the result; progress and notes go to stderr, so that ``bench run > table.txt`` and
``bench run --json | jq`` keep them apart. Without a terminal a console is at least 120 columns wide and sends no escape
codes. Names that a user gave are data: they are printed as `rich.text.Text` or plain strings without markup.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import math
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from rich.console import Console

STDIN, STDOUT, STDERR = 0, 1, 2
WIDE = 120
"""Columns of a console that is no terminal."""


def err() -> Console:
    """Return a console on stderr."""
    return make_console(sys.stderr)


def make_console(stream: TextIO) -> Console:
    """Return a console on `stream`: as wide as its terminal, or without colour and `WIDE` or wider where it is none."""
    columns = os.environ.get("COLUMNS", "")
    if is_terminal(stream):
        width = int(columns) if columns.isdecimal() and int(columns) > 0 else _columns(stream)
        return Console(file=stream, markup=False, highlight=False, emoji=False, width=width)
    width = max(WIDE, int(columns) if columns.isdecimal() else 0)
    return Console(
        file=stream,
        markup=False,
        highlight=False,
        emoji=False,
        width=width,
        force_terminal=False,
        color_system=None,
        no_color=True,
        legacy_windows=False,
    )


def _columns(stream: TextIO) -> int | None:
    """Return the width of the terminal behind `stream` where it isn't one of the standard three, which `rich` asks."""
    if _descriptor(stream) in (None, STDIN, STDOUT, STDERR):
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except OSError:
        return None


def is_terminal(stream: TextIO) -> bool:
    """Say whether somebody watches `stream`: a terminal that can move its cursor, and not a CI's log."""
    if os.environ.get("CI") or os.environ.get("TERM") in ("dumb", "unknown"):
        return False
    return not stream.closed and stream.isatty()


@contextlib.contextmanager
def stdout_kept() -> Iterator[TextIO]:
    """Send whatever a block prints to stderr and yield the real stdout, which nothing but one document may reach.

    Not only what Python prints: file descriptor 1 leads to stderr meanwhile, for libraries in C and for subprocesses.
    """
    real = sys.stdout
    if _descriptor(real) != STDOUT or _descriptor(sys.stderr) != STDERR:  # not the process's own, as in a test
        with contextlib.redirect_stdout(sys.stderr):
            yield real
        return
    real.flush()
    document = os.fdopen(os.dup(STDOUT), "w", encoding=real.encoding, errors=real.errors)
    os.dup2(STDERR, STDOUT)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield document
        document.flush()
    finally:
        _flush_c()
        os.dup2(document.fileno(), STDOUT)
        with contextlib.suppress(BrokenPipeError):  # nobody reads any more: `document.flush` has said so
            document.close()


def _descriptor(stream: TextIO | None) -> int | None:
    try:
        return stream.fileno() if stream else None
    except (OSError, ValueError):  # no file behind it, or closed
        return None


def _flush_c() -> None:
    """Write out what C's ``printf`` still holds, which would otherwise follow at the process's end."""
    with contextlib.suppress(OSError, AttributeError, TypeError):  # TypeError: Windows has no library of this process
        ctypes.CDLL(None).fflush(None)


def write_json(data: Any, stream: TextIO) -> None:
    """Write `data` as one JSON document. A number that isn't finite becomes null, because JSON has none."""
    json.dump(_finite(data), stream, ensure_ascii=False, allow_nan=False, indent=2)
    stream.write("\n")


def _finite(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data
