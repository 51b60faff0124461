"""Who is ahead, and who isn't significantly different: rows of the table with tie letters and every paired comparison.

Pure over records and their stored predictions. One board for each protocol, so that nothing is compared across them.
Two rows are compared over the seeds that both have, by the test that the data allow (`analysis.evidence.judge`): over
seeds and test rows; or, on a board of one seed, over test rows (McNemar's test of one task's accuracy, otherwise t).
p values are adjusted over all tested pairs of a board. `docs/statistics.md` says how and how well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.analysis.evidence import ALPHA as ALPHA
from benchmark.analysis.evidence import Evidence, Judgement, Load, common, gather, judge
from benchmark.analysis.rows import Row, latest, rows
from benchmark.analysis.stats.planning import seeds_needed
from benchmark.analysis.stats.several import letters
from benchmark.core.cell import Protocol
from benchmark.core.record import Record
from benchmark.core.serialization import digest

PROCEDURE = 2
"""Of the tests: grows with every change of what they say about the same predictions."""
ENOUGH_POWER = 0.8
"""Of the number of seeds that a board names: the chance to show the largest difference that was seen, if it is real."""
MOST_SEEDS = 1000
"""A board names no larger number."""


@dataclass(frozen=True)
class Pair:
    """Two rows of one board, compared over the seeds that both have. Differences are shares: 0.01 is a point."""

    first: str  # `Cell.group` of the row that stands higher
    second: str
    seeds: tuple[int, ...]  # that both have
    difference: float | None  # mean over `seeds` of first minus second; None where nothing could be tested
    half_width: float | None  # of its 95% interval, not adjusted for the number of pairs
    p: float | None  # two-sided; None where nothing could be tested
    p_holm: float | None  # adjusted over all tested pairs of the board, step down
    test: str  # "seeds and rows" | "rows" | "McNemar" | "" where nothing could be tested
    reason: str = ""  # why nothing could be tested

    @property
    def separated(self) -> bool:
        """Whether the two differ significantly."""
        return self.p_holm is not None and self.p_holm < ALPHA

    @property
    def borderline(self) -> bool:
        """Whether p rounds to the level itself, 0.05: another seed or a few rows could turn the verdict."""
        return self.p_holm is not None and ALPHA - 0.005 <= self.p_holm < ALPHA + 0.005


@dataclass(frozen=True)
class Standing:
    """A row of the table and where it stands."""

    row: Row
    letters: str  # rows that share a letter are not significantly different; "" for a row that can't be tested
    reason: str  # why it has no letters
    tied_with_best: bool  # it is the best row, or not significantly different from it


@dataclass(frozen=True)
class Board:
    """The rows of one protocol, best test score first."""

    protocol: Protocol
    places: tuple[Standing, ...]
    pairs: tuple[Pair, ...]  # of all rows with a score, first above second, in the order of `places`
    fewest_parameters: Standing | None  # of the rows tied with the best: trains the fewest parameters
    fastest: Standing | None  # of the rows tied with the best: the fewest seconds per epoch
    least: float | None = None  # the difference at which half of the tested pairs would be significant
    seeds_needed: int | None = None  # to show the largest difference seen, where none is significant; None: unknown

    @property
    def tied(self) -> tuple[Standing, ...]:
        """The rows not significantly different from the best one, that one first; none where nothing was tested."""
        return tuple(place for place in self.places if place.tied_with_best)

    def pair(self, one: str, other: str) -> Pair | None:
        """Return the comparison of the rows with these groups, in either order."""
        return next((found for found in self.pairs if {found.first, found.second} == {one, other}), None)


@dataclass(frozen=True)
class Standings:
    """One board for each protocol, in order of appearance."""

    boards: tuple[Board, ...]


def key(records: Iterable[Record]) -> str:
    """Return 16 hex digits that are equal only where `standings` gives the same: a key for caches."""
    facts = [
        (record.cell.id, record.run, record.status, record.reason, record.headline("test"), record.cost.fit_seconds)
        for record in latest(records)
    ]
    return digest([PROCEDURE, ALPHA, *facts])[:16]


def standings(records: Iterable[Record], predictions: Load) -> Standings:
    """Return the boards of `records`; `predictions` loads what is stored under a run's id, once for each score.

    A row whose stored predictions are missing, cover other rows than its neighbours', or don't give the recorded
    score, has no letters and says why.
    """
    kept = latest(records)
    made = rows(kept)
    cells = {(record.cell.group, record.cell.seed): record for record in kept}
    boards = []
    for protocol in dict.fromkeys(row.protocol for row in made):
        own = [row for row in made if row.protocol == protocol]
        boards.append(_board(protocol, own, gather(protocol, own, cells, predictions)))
    return Standings(tuple(boards))


def _board(protocol: Protocol, rows: Sequence[Row], evidence: Sequence[Evidence]) -> Board:
    scored = [number for number, row in enumerate(rows) if row.seeds]
    judged = {
        (scored[one], scored[other]): found
        for (one, other), found in judge(protocol, [evidence[number] for number in scored]).items()
    }
    groups = [row.cell.group for row in rows]
    pairs = {
        (one, other): _pair(groups[one], groups[other], common(evidence[one], evidence[other]), found)
        for (one, other), found in judged.items()
    }
    places = _places(rows, evidence, pairs)
    tied = [place for place in places if place.tied_with_best]
    tested = [found for found in judged.values() if isinstance(found, Judgement)]
    return Board(
        protocol,
        places,
        tuple(pairs.values()),
        _least(tied, lambda row: row.trainable),
        _least(tied, lambda row: row.epoch_seconds),
        float(np.median([found.least for found in tested])) if tested else None,
        None if any(pair.separated for pair in pairs.values()) else _seeds_needed(tested),
    )


def _pair(first: str, second: str, seeds: tuple[int, ...], judged: Judgement | str) -> Pair:
    if isinstance(judged, str):
        return Pair(first, second, seeds, None, None, None, None, "", judged)
    found = judged.found
    return Pair(first, second, seeds, found.difference, found.half_width, found.p, judged.adjusted, found.test)


def _seeds_needed(tested: Sequence[Judgement]) -> int | None:
    """Return how many seeds would show the largest of the differences; None where that can't be known."""
    known = [found for found in tested if math.isfinite(found.spread)]
    widest = max(known, key=lambda found: abs(found.found.difference), default=None)
    if widest is None or widest.found.difference == 0:
        return None
    needed = seeds_needed(
        widest.spread, widest.found.difference, ENOUGH_POWER, ALPHA / len(tested), widest.noise, MOST_SEEDS
    )
    return needed if needed is None else max(needed, widest.found.n + 1)


def _places(
    rows: Sequence[Row], evidence: Sequence[Evidence], pairs: dict[tuple[int, int], Pair]
) -> tuple[Standing, ...]:
    """Return the rows with letters. A pair that couldn't be tested counts as not significantly different."""
    tested = sorted({number for numbers, pair in pairs.items() if pair.test for number in numbers})
    apart = np.zeros((len(tested), len(tested)), dtype=bool)
    for (one, other), pair in pairs.items():
        if pair.separated:
            i, j = tested.index(one), tested.index(other)
            apart[i, j] = apart[j, i] = True
    given = dict(zip(tested, letters(apart), strict=True))
    tied = {number for place, number in enumerate(tested) if not apart[0, place]}
    return tuple(
        Standing(row, given.get(number, ""), "" if number in given else _why(number, evidence, pairs), number in tied)
        for number, row in enumerate(rows)
    )


def _why(number: int, evidence: Sequence[Evidence], pairs: dict[tuple[int, int], Pair]) -> str:
    """Return why the row at `number` was compared with none."""
    if evidence[number].problem:
        return evidence[number].problem
    reasons = [pair.reason for numbers, pair in pairs.items() if number in numbers]
    return reasons[0] if reasons else "nothing to compare it with"


def _least(places: Sequence[Standing], cost: Callable[[Row], float | None]) -> Standing | None:
    """Return the place whose row costs least, the better one of equals; None where no cost is known."""
    known = [place for place in places if cost(place.row) is not None]
    return min(known, key=lambda place: cost(place.row) or 0.0, default=None)
