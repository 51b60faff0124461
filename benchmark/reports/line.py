"""One row of a report's table."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.analysis.rows import Row
from benchmark.analysis.standings import Place


@dataclass(frozen=True)
class Line:
    """A row of the table, and what its cells cost besides."""

    place: Place
    runs: tuple[str, ...]  # ids of those with a score, by seed
    total: int | None  # parameters of encoder and heads as trained
    fit_seconds: float | None  # mean over seeds: all phases, validation included
    memory: int | None  # bytes: the largest peak of a seed
    tuning_trials: int | None
    tuning_seconds: float | None

    @property
    def row(self) -> Row:
        """The row of the table."""
        return self.place.row
