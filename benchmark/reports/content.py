"""What a report says, whatever its format: one section per protocol, with figures, letters, notes and provenance."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmark import __version__
from benchmark.analysis.evidence import Load
from benchmark.analysis.rows import Row, latest
from benchmark.analysis.standings import Board, Place, standings
from benchmark.analysis.stats.effects import Effects
from benchmark.analysis.stats.ranks import Ranks, ranks
from benchmark.analysis.technique_effects import factor_effects
from benchmark.core import layer_scores
from benchmark.core.cell import Protocol
from benchmark.core.record import Point, Record
from benchmark.reports import provenance
from benchmark.reports.line import Line
from benchmark.reports.wording import notes

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
    lines: tuple[Line, ...]
    facts: dict[str, str]  # provenance, by name
    notes: tuple[str, ...]
    effects: Effects | None
    curves: tuple[Curve, ...]

    @property
    def protocol(self) -> Protocol:
        """What all rows of the section were measured under."""
        return self.board.protocol


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
        cells: dict[str, list[Record]] = {}
        for record in own:
            cells.setdefault(record.cell.group, []).append(record)
        scored = [_scored(place.row, cells[place.row.cell.group]) for place in board.places]
        lines = tuple(_line(place, found) for place, found in zip(board.places, scored, strict=True))
        sections.append(
            Section(
                board,
                lines,
                provenance.facts(board.protocol, own, made),
                notes(board),
                factor_effects(own),
                tuple(_curves(lines, scored, curves)) if curves else (),
            )
        )
    return Report(made, __version__, tuple(sections), _over_suites(sections))


def _scored(row: Row, records: Sequence[Record]) -> list[Record]:
    """Return those of the `records` of `row` that have a score, by seed."""
    return sorted((record for record in records if record.cell.seed in row.seeds), key=lambda record: record.cell.seed)


def _line(place: Place, scored: Sequence[Record]) -> Line:
    totals = [phase.total for record in scored if (phase := record.cost.headline)]
    peaks = [record.cost.peak_memory_bytes for record in scored if record.cost.peak_memory_bytes is not None]
    return Line(
        place,
        tuple(record.run for record in scored),
        totals[0] if totals else None,
        statistics.fmean(record.cost.fit_seconds for record in scored) if scored else None,
        max(peaks, default=None),
        place.row.tuning.trials if place.row.tuning else None,
        place.row.tuning.seconds if place.row.tuning else None,
    )


def _curves(lines: Sequence[Line], scored: Sequence[Sequence[Record]], load: Curves) -> Iterable[Curve]:
    """Yield the curves of each row, those of one phase and key together.

    Values that aren't finite are left out, and the hundreds of curves by layer: ``bench show --plot`` draws those.
    """
    for line, records in zip(lines, scored, strict=True):
        found: dict[tuple[str, str], dict[int, list[float]]] = {}
        for record in records:
            for point in load(record.run):
                if math.isfinite(point.value) and not layer_scores.is_by_layer(point.key):
                    found.setdefault((point.phase, point.key), {}).setdefault(point.epoch, []).append(point.value)
        for (phase, key), epochs in found.items():
            values = tuple((at, statistics.fmean(seen), min(seen), max(seen)) for at, seen in sorted(epochs.items()))
            yield Curve(line.row.label, phase, key, values)


def _over_suites(sections: Sequence[Section]) -> OverSuites | None:
    """Compare methods with default parameters over suites: of each suite the protocol with the most of them."""
    scores: dict[str, dict[str, float]] = {}
    for section in sections:
        own = {
            line.row.cell.method: line.row.test.mean
            for line in reversed(section.lines)  # the best row of a method counts
            if line.row.test and line.row.cell.origin == "default"
        }
        if len(own) > len(scores.get(section.protocol.suite, {})):
            scores[section.protocol.suite] = own
    shared = sorted(set.intersection(*map(set, scores.values()))) if scores else []
    if len(scores) < 2 or len(shared) < 2:
        return None
    table = [[own[method] for method in shared] for own in scores.values()]
    return OverSuites(tuple(scores), tuple(shared), ranks(table))
