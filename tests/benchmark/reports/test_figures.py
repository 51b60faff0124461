"""What a figure draws: every row, at its place, with ticks that one can read; equal figures are equal files."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from benchmark.analysis import columns
from benchmark.analysis.stats.ranks import ranks
from benchmark.core.scales import Scale
from benchmark.reports import figures, style
from benchmark.reports.content import Curve, OverSuites, gather
from benchmark.reports.figures import Dot
from tests.support.results import Results

PERCENT = Scale("accuracy", 100.0, 1, "%")


@pytest.mark.parametrize(("value", "words"), [(22_816_402, "22.8M"), (150_000, "150k"), (0.25, "0.25"), (0, "0")])
def test_short_numbers(value: float, words: str) -> None:
    assert figures.short(value) == words


def dot(label: str, cost: float, score: float, place: int = 0, **more: Any) -> Dot:
    return Dot(label, place, cost, score, **{"half": None, "tied": False, "front": False, **more})


def drawn(found: list[Dot]) -> tuple[Any, Any]:
    with style.settings():
        figure = figures.pareto(found, ("cost", "score"), PERCENT)
        figure.canvas.draw()
        return figure, figure.axes[0]


def test_rows_far_below_stand_on_the_edge_and_rows_without_cost_are_named(three: Results) -> None:
    (section,) = gather(three.records, three.predictions, "2026-01-01").sections
    found, absent = figures.dots(section, columns.TRAINABLE)
    assert [(one.label, one.cost, one.tied, one.below) for one in found] == [
        ("good", 20_050, True, False),
        ("same", 200, True, False),
        ("bad", 100, False, True),
    ]
    assert absent == []
    drawing = figures.trade_off(section, columns.TRAINABLE)
    assert drawing
    assert "triangles at the lower edge" in drawing.caption
    assert "bad (39.8)" in drawing.svg
    assert figures.dots(section, columns.TUNING_TRIALS) == (
        [],
        [f"{name}: tuning trials not recorded" for name in ("good", "same", "bad")],
    )


def test_captions_speak_of_what_is_drawn_only(results: Results) -> None:
    results.add(results.cell("a", 0), [True, False] * 10)
    (section,) = gather(results.records, results.predictions, "2026-01-01").sections
    drawing = figures.trade_off(section, columns.EPOCH_SECONDS)
    assert drawing
    assert drawing.caption == ""


def test_ticks_of_costs_are_words_on_both_kinds_of_axis() -> None:
    for costs, kind in (([176_914, 22_816_402], "log"), ([7.5, 9.1], "linear")):
        _, axes = drawn([dot("a", costs[0], 80), dot("b", costs[1], 81, 1)])
        assert axes.get_xscale() == kind
        low, high = axes.get_xlim()
        ticks = [
            text.get_text()
            for at, text in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
            if low <= at <= high
        ]
        assert len(ticks) >= 2
        assert all(re.fullmatch(r"[\d.]+[kMG]?", tick) for tick in ticks), ticks
        assert len(set(ticks)) == len(ticks)
        assert low < min(costs) < max(costs) < high


def test_no_label_lies_on_another_or_on_a_point() -> None:
    found = [dot(f"method {place}", 22_816_402, 80 + place / 3, place) for place in range(14)]
    figure, axes = drawn([*found, dot("lora", 176_914, 81, 14)])
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in axes.texts]
    assert len(boxes) == 15
    for one, other in itertools.combinations(boxes, 2):
        assert not one.shrunk(0.95, 0.85).overlaps(other.shrunk(0.95, 0.85))
    points = axes.transData.transform([(one.cost, one.score) for one in found])
    assert not any(box.contains(x, y) for box in boxes for x, y in points)
    page = figure.bbox
    assert all(box.x1 <= page.x1 + 1 and box.x0 >= 0 for box in boxes)


def test_names_in_figures_are_text(three: Results) -> None:
    with style.settings():
        made = style.svg(figures.pareto([dot("<i>&$x$\x1b", 0, 80), dot("x", 100, 90, 1)], ("c", "s"), PERCENT), "n")
    assert "&lt;i&gt;&amp;$x$\ufffd" in made
    assert "<i>" not in made


def test_equal_figures_are_equal_to_the_byte(three: Results) -> None:
    (section,) = gather(three.records, three.predictions, "2026-01-01").sections
    first, second = (figures.trade_off(section, columns.TRAINABLE) for _ in range(2))
    assert first == second
    assert first
    assert "<metadata" not in first.svg
    assert "var(--ink)" in first.svg
    assert not any(colour in first.svg for colour in style.VARIABLES)


def test_panels_stand_in_the_order_of_training_losses_first() -> None:
    values = ((1, 0.5, 0.4, 0.6), (2, 0.6, 0.5, 0.7))
    curves = [
        Curve("plain", "main", "validation/x/accuracy", values),
        Curve("plain", "main", "train/loss", values[:1]),
        Curve("two", "pretext", "train/loss", values),
        Curve("two", "main", "train/loss", values),
    ]
    found = figures.panels("p", curves, ["plain", "two"])
    assert [(panel.phase, panel.labels) for panel in found] == [
        ("pretext", ("two",)),
        ("main", ("plain", "two")),
        ("main", ("plain",)),
    ]
    assert "training loss" in found[0].drawing.svg
    assert "<title>two</title>" in found[0].drawing.svg


def test_ranks_over_suites_name_every_method() -> None:
    methods = tuple(f"m{place}" for place in range(5))
    scores = [[0.9, 0.8, 0.7, 0.6, 0.5], [0.9, 0.7, 0.8, 0.6, 0.5], [0.8, 0.9, 0.7, 0.5, 0.6]]
    drawing = figures.critical_difference(OverSuites(("a", "b", "c"), methods, ranks(scores)))
    assert all(name in drawing.svg for name in methods)
    assert "critical difference" in drawing.svg
