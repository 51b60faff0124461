"""A report as one HTML file: no script, nothing from elsewhere. jinja2 escapes every string that stands in it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from benchmark.analysis import formats
from benchmark.analysis.columns import EPOCH_SECONDS, TRAINABLE
from benchmark.analysis.tradeoffs import lowest_near
from benchmark.core.scales import of_headline
from benchmark.core.text import pluralize
from benchmark.reports import figures, style, table
from benchmark.reports.content import Report, Section
from benchmark.reports.escape import visible
from benchmark.reports.text import EFFECT_HEADS, EFFECTS, about_effects, effect_rows, over_suites

if TYPE_CHECKING:
    from jinja2 import Environment

BAD = ("failed", "diverged")
TEMPLATE = "report.html.j2"
PAIR_HEADS = ("pair", "difference, 95% interval", "p", "p, Holm", "seeds", "test")


def page(report: Report) -> str:
    """Return the report as one HTML document."""
    over = None
    if report.over_suites:
        drawn = figures.critical_difference(report.over_suites)
        over = figures.Drawing(drawn.svg, drawn.says, over_suites(report.over_suites))
    return (
        _templates()
        .get_template(TEMPLATE)
        .render(
            report=report,
            names=" · ".join(dict.fromkeys(section.protocol.suite for section in report.sections)),
            parts=[_part(section) for section in report.sections],
            over_suites=over,
        )
    )


@functools.cache
def _templates() -> Environment:
    """Return jinja2 with autoescape; the filter ``visible`` makes control characters harmless."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("benchmark.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["visible"] = lambda text: visible(str(text))
    return made


def _part(section: Section) -> dict[str, Any]:
    """Return what the template shows of one protocol."""
    headings = table.headings(section.protocol, table.costs(section))
    drawings = [figures.trade_off(section, cost) for cost in (TRAINABLE, EPOCH_SECONDS)]
    return {
        "title": table.title(section),
        "headings": headings,
        "figures": range(len(headings))[table.FIGURES],
        "score": table.SCORE,
        "rows": _rows(section),
        "notes": section.notes,
        "trade_offs": [drawing for drawing in drawings if drawing],
        "phases": _phases(section),
        "effects": _effects(section),
        "pairs": _pairs(section),
        "facts": section.facts,
    }


def _rows(section: Section) -> list[dict[str, Any]]:
    winner = table.winner(section)
    return [
        {
            "cells": table.cells(place, table.costs(section)),
            "best": place is winner,
            "bad": any(other.status in BAD for other in place.row.others),
            "colour": style.colour(number),
            "range": span,
        }
        for number, (place, span) in enumerate(zip(section.board.places, _ranges(section), strict=True))
    ]


def _ranges(section: Section) -> list[tuple[float, float, float] | None]:
    """Return each row's interval as left end, width and mean, in percent of a scale from the lowest to the highest end.

    The scale leaves out rows far below the best, which have None.
    """
    tests = [row.test for row in section.rows]
    best = max((test.mean for test in tests if test), default=0.0)
    near = [test for test in tests if test and test.mean >= lowest_near(best)]
    low = min((test.mean - (test.half_width or 0.0) for test in near), default=0.0)
    high = max((test.mean + (test.half_width or 0.0) for test in near), default=0.0)
    wide = (high - low) or 1.0

    def percent(value: float) -> float:
        return round(4 + 92 * (value / wide), 1)

    ranges: list[tuple[float, float, float] | None] = []
    for test in tests:
        if test is None or test not in near:
            ranges.append(None)
            continue
        half = test.half_width or 0.0
        left = percent(test.mean - half - low)
        ranges.append((left, round(percent(test.mean + half - low) - left, 1), percent(test.mean - low)))
    return ranges


def _phases(section: Section) -> list[dict[str, Any]]:
    labels = [row.label for row in section.rows]
    panels = figures.panels(section.protocol.id, section.curves, labels)
    phases = []
    for phase in dict.fromkeys(panel.phase for panel in panels):
        own = [panel for panel in panels if panel.phase == phase]
        shown = {label for panel in own for label in panel.labels}
        legend = [
            {"label": label, "colour": style.colour(place), "dashes": _dashes(place)}
            for place, label in enumerate(labels)
            if label in shown
        ]
        phases.append({"name": phase, "legend": legend, "drawings": [panel.drawing for panel in own]})
    return phases


def _dashes(place: int) -> str:
    """Return the dashes of a row's line as SVG writes them."""
    dash = style.dash(place)
    return "none" if isinstance(dash, str) else " ".join(f"{2 * length:g}" for length in dash[1])


def _effects(section: Section) -> dict[str, Any] | None:
    if not section.effects or not section.effects.found:
        return None
    return {
        "title": EFFECTS,
        "headings": EFFECT_HEADS,
        "rows": effect_rows(section),
        "note": about_effects(section.effects),
    }


def _pairs(section: Section) -> dict[str, Any]:
    """Return every comparison: the letters' evidence."""
    labels = {row.cell.group: row.label for row in section.rows}
    scale = of_headline(section.protocol)
    rows: Sequence[Sequence[str]] = [
        (
            f"{labels[pair.first]} − {labels[pair.second]}",
            formats.difference(pair.difference, pair.half_width, scale),
            formats.p_value(pair.p),
            formats.p_value(pair.p_holm),
            ", ".join(map(str, pair.seeds)) or formats.NONE,
            pair.test or pair.reason,
        )
        for pair in section.board.pairs
    ]
    return {"title": f"All {pluralize(len(rows), 'pair')} of rows", "headings": PAIR_HEADS, "rows": rows}
