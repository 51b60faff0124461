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


class UnreadableError(Exception):
    """What a store holds of a run can't be read. Whoever shows many runs passes over this one, and names it.

    The message is one line: the run, the part, and why.
    """

    def __init__(self, run: str, reason: str) -> None:
        super().__init__(f"run {run[:12]} can't be read: {reason}")
        self.run = run
        self.reason = reason
