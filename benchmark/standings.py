"""Who is ahead, and who can't be told apart: rows of the table with tie letters and every paired comparison.

Pure over records and their stored predictions. One board for each protocol, so that nothing is compared across them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmark.cell import Protocol
from benchmark.predictions import Predictions
from benchmark.record import Record
from benchmark.tables import Row

ALPHA = 0.05
"""Level of every test, and the complement of every interval's confidence."""


@dataclass(frozen=True)
class Pair:
    """Two rows of one board, compared over the seeds that both have. Differences are shares: 0.01 is a point."""

    first: str  # `Cell.group` of the row that stands higher
    second: str
    seeds: tuple[int, ...]  # that both have
    difference: float | None  # mean over `seeds` of first minus second; None where no seed is common
    half_width: float | None  # of its 95% interval
    p: float | None  # two-sided; None where nothing could be tested
    p_holm: float | None  # adjusted over all tested pairs of the board
    test: str  # "two-level bootstrap" | "McNemar" | "paired t" | "" where nothing could be tested
    reason: str = ""  # why nothing could be tested

    @property
    def separated(self) -> bool:
        """Whether the test tells the two apart."""
        return self.p_holm is not None and self.p_holm < ALPHA


@dataclass(frozen=True)
class Place:
    """A row of the table and where it stands."""

    row: Row
    letters: str  # rows that share a letter can't be told apart; "" for a row that can't be tested
    reason: str  # why it has no letters
    tied_with_best: bool  # it is the first row, or the tests can't tell it from the first row


@dataclass(frozen=True)
class Board:
    """The rows of one protocol, best test score first."""

    protocol: Protocol
    places: tuple[Place, ...]
    pairs: tuple[Pair, ...]  # first above second, in the order of `places`
    fewest_parameters: Place | None  # of the rows tied with the best: trains the fewest parameters
    fastest: Place | None  # of the rows tied with the best: the fewest seconds per epoch

    def pair(self, one: str, other: str) -> Pair | None:
        """Return the comparison of the rows with these groups, in either order."""
        return next((found for found in self.pairs if {found.first, found.second} == {one, other}), None)


@dataclass(frozen=True)
class Standings:
    """One board for each protocol, in order of appearance."""

    boards: tuple[Board, ...]


def key(records: Iterable[Record]) -> str:
    """Return 16 hex digits that are equal where `standings` gives the same: a key for caches."""
    raise NotImplementedError


def standings(records: Iterable[Record], predictions: Callable[[str], tuple[Predictions, ...]]) -> Standings:
    """Return the boards of `records`; `predictions` gives those stored under a run's id (`Tracking.predictions`)."""
    raise NotImplementedError
