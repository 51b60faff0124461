"""What suites and tasks may be called: names that file systems, MLflow and metric names can all hold.

A task's name is a file of predictions and a part of metric names (``finetune/validation/NAME/accuracy/layer_08``, of
which MLflow takes 250 characters); a suite's name is an MLflow experiment (255 on MySQL) and part of a study's name.
"""

from __future__ import annotations

import re

from benchmark.core.errors import UsageError

LONGEST_NAME = 64
"""Characters."""
ALLOWED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})
"""What Windows calls its devices: no file can have such a name there, whatever its suffix."""


def check_name(name: str, what: str) -> None:
    """Raise UsageError, which begins with `what`, unless a suite or task can be called `name`."""
    if not ALLOWED.fullmatch(name):
        raise UsageError(
            f"{what} must be made of letters, digits, '-', '_' and '.', and begin with a letter or digit, "
            f"not {name!r:.80}"
        )
    if len(name) > LONGEST_NAME:
        raise UsageError(f"{what} has {len(name):,} characters: use at most {LONGEST_NAME}")
    if name.endswith(".") or name.partition(".")[0].lower() in RESERVED:
        raise UsageError(f"{what} can't be {name!r}, which is no file name on Windows: choose another one")
