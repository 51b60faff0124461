"""The errors that a person meets. Everything else that is raised is a defect, or a cell's own failure."""

from __future__ import annotations


class UsageError(Exception):
    """Something the user gave can't be used. The message is one line and says what to do; ``bench`` exits with 2."""


class DivergedError(Exception):
    """Training produced a loss that is not finite. The cell is recorded as diverged, with this message as reason."""


class PrunedError(Exception):
    """A trial of a sweep is stopped early: others were better at this epoch. Recorded as pruned, with this reason."""


class SkippedError(Exception):
    """A method has no meaning for this suite. The cell is recorded as skipped, with this message as reason."""
