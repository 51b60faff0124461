"""Where text goes: consoles for stdout and stderr, and JSON documents.

A table goes to stdout, because it is the result; progress and notes go to stderr, so that ``bench run > table.txt`` and
``bench run --json | jq`` keep them apart. Without a terminal a console is at least 120 columns wide and sends no escape
codes. Names that a user gave are data: they are printed as `rich.text.Text` or plain strings without markup.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from rich.console import Console

WIDE = 120
"""Columns of a console that is no terminal."""


def err() -> Console:
    """Return a console on stderr."""
    return make_console(sys.stderr)


def make_console(stream: TextIO) -> Console:
    """Return a console on `stream`: as wide as its terminal, or without colour and `WIDE` or wider where it is none."""
    if is_terminal(stream):
        return Console(file=stream, markup=False, highlight=False, emoji=False)
    columns = os.environ.get("COLUMNS", "")
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


def is_terminal(stream: TextIO) -> bool:
    """Say whether somebody watches `stream`: a terminal that can move its cursor, and not a CI's log."""
    if os.environ.get("CI") or os.environ.get("TERM") in ("dumb", "unknown"):
        return False
    return not stream.closed and stream.isatty()


@contextlib.contextmanager
def stdout_kept() -> Iterator[TextIO]:
    """Send whatever a block prints to stderr and yield the real stdout, which nothing but one document may reach."""
    real = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        yield real


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
