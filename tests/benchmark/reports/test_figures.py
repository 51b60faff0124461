"""Scales, ticks, fronts: what a figure says must be where it says."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from benchmark.reports import svg
from benchmark.reports.content import Curve, gather
from benchmark.reports.figures import Dot, dots, front, panels, pareto


def test_axes_map_values_to_pixels() -> None:
    axis = svg.Axis(0.0, 10.0, 100, 200)
    assert (axis(0), axis(5), axis(10), axis(-3), axis(12)) == (100, 150, 200, 100, 200)
    assert axis.ticks() == [0, 2, 4, 6, 8, 10]
    log = svg.Axis(1, 10_000, 0, 400, log=True)
    assert (log(1), log(100), log(10_000), log(0)) == (0, 200, 400, 0)
    assert log.ticks() == [1, 10, 100, 1000, 10_000]
    assert svg.Axis(150, 30_000, 0, 1, log=True).ticks() == [200, 500, 1000, 2000, 5000, 10_000, 20_000]
    assert svg.Axis(3.0, 3.0, 0, 100)(3.0) == 50


@pytest.mark.parametrize(("value", "words"), [(22_816_402, "22.8M"), (150_000, "150k"), (0.25, "0.25"), (0, "0")])
def test_short_numbers(value: float, words: str) -> None:
    assert svg.short(value) == words


def dot(label: str, cost: float, score: float) -> Dot:
    return Dot(label, 0, cost, score, None, tied=False)


def test_the_front_is_what_no_other_beats() -> None:
    found = [
        dot("dear", 9, 90),
        dot("bad", 5, 70),
        dot("cheap", 1, 80),
        dot("same cost, worse", 1, 60),
        dot("no", 9, 80),
    ]
    assert [one.label for one in front(found)] == ["cheap", "dear"]


def test_rows_far_below_and_rows_without_cost_are_named_and_not_drawn(three: Any) -> None:
    (section,) = gather(three.records, three.predictions, "2026-01-01").sections
    found, absent = dots(section, lambda row: row.trainable if row.label != "same" else None)
    assert [(one.label, one.cost, one.tied) for one in found] == [("good", 20_050, True)]
    assert absent == ["same has no such cost", "bad (39.8) lies below the axis"]


def test_names_in_figures_are_text(three: Any) -> None:
    drawn = pareto([dot("<i>&", 0, 80), dot("x", 100, 90)], ("cost", "score"))
    assert "&lt;i&gt;&amp;" in drawn
    assert "<i>" not in drawn


def test_labels_do_not_lie_on_each_other() -> None:
    drawn = pareto([dot(f"method {place}", 100, 80 + place / 100) for place in range(8)], ("cost", "score"))
    places = [
        tuple(map(float, pair)) for pair in re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]* class="label"', drawn)
    ]
    assert len(places) >= 6
    for place, (x, y) in enumerate(places):
        for other_x, other_y in places[place + 1 :]:
            assert abs(y - other_y) >= 11 or abs(x - other_x) >= np.floor(8 * svg.CHARACTER)


def test_panels_stand_in_the_order_of_training_losses_first() -> None:
    values = ((1, 0.5, 0.4, 0.6), (2, 0.6, 0.5, 0.7))
    curves = [
        Curve("plain", "main", "validation/x/accuracy", values),
        Curve("plain", "main", "train/loss", values[:1]),
        Curve("two", "pretext", "train/loss", values),
        Curve("two", "main", "train/loss", values),
    ]
    found = panels(curves, ["plain", "two"])
    assert [(phase, labels) for phase, _, labels in found] == [
        ("pretext", ["two"]),
        ("main", ["plain", "two"]),
        ("main", ["plain"]),
    ]
    assert "training loss" in found[0][1]
