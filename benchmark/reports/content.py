"""What a report says, whatever its format: one section per protocol, with figures, letters, notes and provenance."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmark import __version__
from benchmark.analysis import facts, notes
from benchmark.analysis.evidence import Load
from benchmark.analysis.rows import Row, latest
from benchmark.analysis.standings import Board, standings
from benchmark.analysis.stats.effects import Effects
from benchmark.analysis.stats.ranks import Ranks, ranks
from benchmark.analysis.technique_effects import technique_effects
from benchmark.core import layer_scores
from benchmark.core.cell import Protocol
from benchmark.core.errors import UnreadableError
from benchmark.core.record import Point, Record

Curves = Callable[[str], tuple[Point, ...]]
"""Returns the curves of a run by its id: `Tracking.points`."""


@dataclass(frozen=True)
class Curve:
    """One curve of one row: mean, lowest and highest value over seeds, by epoch."""

    label: str
    phase: str
    key: str  # ``train/loss``, ``validation/scenario/accuracy``
    epochs: tuple[tuple[int, float, float, float], ...]  # epoch, mean, lowest, highest


@dataclass(frozen=True)
class Section:
    """Everything of one protocol."""

    board: Board
    facts: dict[str, str]  # provenance, by name
    notes: tuple[str, ...]
    effects: Effects | None
    curves: tuple[Curve, ...]

    @property
    def protocol(self) -> Protocol:
        """What all rows of the section were measured under."""
        return self.board.protocol

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of the table, best test score first."""
        return tuple(place.row for place in self.board.places)


@dataclass(frozen=True)
class OverSuites:
    """Methods compared over several suites."""

    suites: tuple[str, ...]
    methods: tuple[str, ...]
    ranks: Ranks


@dataclass(frozen=True)
class Report:
    """What is written."""

    made: str  # UTC, ISO 8601
    bench: str  # version
    sections: tuple[Section, ...]
    over_suites: OverSuites | None


def gather(records: Iterable[Record], predictions: Load, made: str, curves: Curves | None = None) -> Report:
    """Return the report of `records` at the time `made`; without `curves` it has none.

    Records of one protocol make a section; those of several are never mixed.
    """
    kept = latest(records)
    sections = []
    for board in standings(kept, predictions).boards:
        own = [record for record in kept if record.cell.protocol == board.protocol]
        drawn, unreadable = _curves(board, curves) if curves else ((), ())
        sections.append(
            Section(
                board,
                facts.provenance(board.protocol, own, made),
                (*notes.of_board(board), *unreadable),
                technique_effects(own),
                drawn,
            )
        )
    return Report(made, __version__, tuple(sections), _over_suites(sections))


def _curves(board: Board, load: Curves) -> tuple[tuple[Curve, ...], tuple[str, ...]]:
    """Return the curves of each row, those of one phase and key together, and which runs' can't be read.

    Values that aren't finite are left out, and the hundreds of curves by layer: ``bench show --plot`` draws those.
    """
    curves: list[Curve] = []
    unreadable: list[str] = []
    for row in (place.row for place in board.places):
        found: dict[tuple[str, str], dict[int, list[float]]] = {}
        for run in row.runs:
            try:
                points = load(run)
            except UnreadableError as error:
                unreadable.append(f"No curves of one run of {row.label}: {error}.")
                continue
            for point in points:
                if math.isfinite(point.value) and not layer_scores.is_by_layer(point.key):
                    found.setdefault((point.phase, point.key), {}).setdefault(point.epoch, []).append(point.value)
        for (phase, key), epochs in found.items():
            values = tuple((at, statistics.fmean(seen), min(seen), max(seen)) for at, seen in sorted(epochs.items()))
            curves.append(Curve(row.label, phase, key, values))
    return tuple(curves), tuple(unreadable)


def _over_suites(sections: Sequence[Section]) -> OverSuites | None:
    """Compare methods with default parameters over suites: of each suite the protocol with the most of them."""
    scores: dict[str, dict[str, float]] = {}
    for section in sections:
        own = {
            row.cell.method: row.test.mean
            for row in reversed(section.rows)  # the best row of a method counts
            if row.test and row.cell.origin == "default"
        }
        if len(own) > len(scores.get(section.protocol.suite, {})):
            scores[section.protocol.suite] = own
    shared = sorted(set.intersection(*map(set, scores.values()))) if scores else []
    if len(scores) < 2 or len(shared) < 2:
        return None
    table = [[own[method] for method in shared] for own in scores.values()]
    return OverSuites(tuple(scores), tuple(shared), ranks(table))
