"""The figures: what is drawn is what the frame says, and a user's string is never HTML."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pandas as pd
import pytest

from benchmark.analysis import columns
from benchmark.reports import labels
from leaderboard import words
from leaderboard.charts import curves, errors, style, sweeps, tradeoffs

EVIL = "<a href='https://example.com'>$x$ **b**</a>"


def test_strings_are_made_harmless() -> None:
    assert "<" not in words.chart(EVIL)
    assert words.chart("x" * 100).endswith("…")
    assert words.markdown(EVIL) == r"\<a href\=\'https\:\/\/example\.com\'\>\$x\$ \*\*b\*\*\<\/a\>"
    assert words.markdown("one\n# two") == r"one \# two"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (words.seconds(0.824), "0.82 s"),
        (words.seconds(750), "12:30 min"),
        (words.seconds(3750), "1:02:30 h"),
        (words.seconds(None), "–"),
        (columns.MEMORY.with_unit(970_121_216), "970 MB"),
        (columns.TRAINABLE.with_unit(22_816_402), "22,816,402"),
        (columns.EPOCH_SECONDS.text(9.214), "9.21"),
        (columns.EPOCH_SECONDS.text(61.4), "61"),
        (columns.FRACTION.with_unit(0.0077), "0.77 %"),
    ],
)
def test_numbers_have_units(text: str, said: str) -> None:
    assert text == said


def test_a_curve_is_shown_on_the_scale_of_its_metric() -> None:
    assert words.curve_scale("validation/sst/accuracy") == (100.0, " %")
    assert words.curve_scale("validation/sts/pearson") == (1.0, "")  # a correlation is no percentage
    assert words.curve_scale("validation/sts/mean_squared_error") == (1.0, "")
    assert words.curve_scale("train/loss") == (1.0, "")


def test_no_two_of_eighty_rows_look_alike() -> None:
    looks = {(style.colour(place), style.symbol(place)) for place in range(80)}
    assert len(looks) == 80
    assert style.faint(0, 0.5).startswith("rgba(59,130,246,")


def drawn(near: bool = True, /, **rows: tuple[float | None, float | None, float | None, bool]) -> Any:
    """The scatter of rows given as score, half-width, trainable parameters and whether they are on the front."""
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["test", "half", "trainable", "front"])
    names = {name: EVIL if name == "a" else name for name in rows}
    places = {name: place for place, name in enumerate(rows)}
    return tradeoffs.scatter(frame, columns.TRAINABLE, "score", names, places, near)


def test_a_cost_of_zero_stands_at_the_left_of_a_logarithmic_axis() -> None:
    made = drawn(
        a=(80.0, 1.0, 1e6, True), b=(79.0, None, 1e3, True), c=(78.0, None, 0.0, True), d=(1.0, 1.0, None, False)
    )
    points = {trace.name: trace.x[0] for trace in made.data if trace.mode == "markers"}
    assert set(points) == {words.chart(EVIL), "b", "c"}
    assert made.layout.xaxis.type == "log"
    assert 10 ** made.layout.xaxis.range[0] < points["c"] < 1e3
    assert all("<a " not in str(trace.name) for trace in made.data)
    assert all("<a " not in note.text for note in made.layout.annotations)


def test_no_row_lies_outside_the_axes() -> None:
    """A small adapter that scores far lower is drawn on the lower edge, with its score, and not left out."""
    rows = {f"m{place}": (80.0 + place / 3, 0.5, 22_816_402.0, False) for place in range(14)}
    made = drawn(**rows, lora=(38.3, 2.0, 176_914.0, True))
    (low, high), (left, right) = made.layout.yaxis.range, made.layout.xaxis.range
    assert low > 70
    for trace in made.data:
        assert low < trace.y[0] < high
        assert left < math.log10(trace.x[0]) < right
    assert {note.text for note in made.layout.annotations} >= {"lora (38.3)", "m0", "m13"}
    every = drawn(False, **rows, lora=(38.3, 2.0, 176_914.0, True))
    assert every.layout.yaxis.range[0] < 38.3


def test_labels_overlap_nothing() -> None:
    points = [(400.0, 20.0 + 14 * place) for place in range(14)]
    sizes = [(60.0 + 3 * place, 12.0) for place in range(14)]
    boxes = [box for box in labels.place(points, sizes, labels.Box(0, 0, 880, 300)) if box]
    assert len(boxes) == 14
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    assert not any(box.left < x < box.right and box.low < y < box.high for box in boxes for x, y in points)
    assert labels.place(points[:1], [(900.0, 12.0)], labels.Box(0, 0, 880, 300)) == [None]


def test_ticks_of_a_logarithmic_axis_say_their_whole_number() -> None:
    assert sweeps.ticks(pd.Series([0.03, 0.4]))["ticktext"] == [
        "0.01",
        "0.02",
        "0.05",
        "0.1",
        "0.2",
        "0.5",
        "1",
        "2",
        "5",
    ]
    assert sweeps.ticks(pd.Series([1e-6, 1.0]))["ticktext"] == ["1e-06", "1e-05", "0.0001", "0.001", "0.01", "0.1", "1"]
    assert sweeps.ticks(pd.Series([float("nan")])) == {}


def test_a_band_lies_below_its_line() -> None:
    bands = pd.DataFrame(
        {"group": ["a", "a"], "epoch": [1, 2], "mean": [2.0, 1.0], "low": [1.5, 0.5], "high": [2.5, 1.5], "n": [2, 2]}
    )
    band, line = curves.lines(bands, "loss", {"a": EVIL}, {"a": 0}).data
    assert list(band.y) == [2.5, 1.5, 0.5, 1.5]
    assert list(line.y) == [2.0, 1.0]
    assert "<a " not in line.name


def test_the_confusion_matrix_shows_shares_of_the_label() -> None:
    cells = pd.DataFrame([[3, 1], [0, 2]], index=[EVIL, "y"], columns=[EVIL, "y"])
    (trace,) = errors.confusion(cells).data
    assert trace.z.tolist() == [[75.0, 25.0], [0.0, 100.0]]
    assert trace.customdata[0][1][1].startswith("&lt;a")
    assert trace.customdata[0][1][2] == "y"
    (mistakes,) = errors.confusion(cells, hide_right=True).data
    assert mistakes.z[0][1] == 25.0
    assert mistakes.z[0][0] != mistakes.z[0][0]  # not a number: not drawn
