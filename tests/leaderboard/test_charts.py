"""The figures: what is drawn is what the frame says, and a user's string is never HTML."""

from __future__ import annotations

import pandas as pd
import pytest

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
        (words.memory(970_121_216), "970 MB"),
        (words.count(22_816_402), "22,816,402"),
    ],
)
def test_numbers_have_units(text: str, said: str) -> None:
    assert text == said


def test_a_curve_is_shown_on_the_scale_of_its_metric() -> None:
    assert words.curve_scale("validation/sst/accuracy") == (100.0, " %")
    assert words.curve_scale("validation/sts/pearson") == (1.0, "")  # a correlation is no percentage
    assert words.curve_scale("validation/sts/mean_squared_error") == (1.0, "")
    assert words.curve_scale("train/loss") == (1.0, "")


def test_rows_that_share_a_colour_differ_in_symbol() -> None:
    looks = {(style.colour(place), style.symbol(place)) for place in range(80)}
    assert len(looks) == 80
    assert style.faint(0, 0.5).startswith("rgba(59,130,246,")


def test_a_cost_of_zero_stands_at_the_left_of_a_logarithmic_axis() -> None:
    frame = pd.DataFrame(
        {"test": [80.0, 70.0, 10.0], "half": [1.0, None, None], "cost": [1e6, 1e3, 0.0], "front": [True, True, False]},
        index=["a", "b", "c"],
    )
    names = {"a": EVIL, "b": "b", "c": "c"}
    made = tradeoffs.scatter(frame, "cost", ("cost", "score"), names, {"a": 0, "b": 1, "c": 2})
    points = {trace.name: trace.x[0] for trace in made.data[1:]}
    assert points["c"] == 100.0
    assert made.layout.xaxis.type == "log"
    assert all("<a " not in trace.name for trace in made.data)
    assert tradeoffs.zoom(made, frame, "cost") == ["c"]
    low, high = made.layout.yaxis.range
    assert low < 70.0 < 81.0 < high
    assert made.layout.xaxis.type == "log"  # a and b are a thousandfold apart


def test_costs_of_the_same_size_are_told_apart_once_the_rest_is_cut_off() -> None:
    frame = pd.DataFrame(
        {"test": [80.0, 79.0, 10.0], "half": [None] * 3, "cost": [23e6, 22e6, 1e5], "front": [True, True, True]},
        index=["a", "b", "c"],
    )
    names = {name: name for name in frame.index}
    made = tradeoffs.scatter(frame, "cost", ("cost", "score"), names, {"a": 0, "b": 1, "c": 2})
    assert tradeoffs.zoom(made, frame, "cost") == ["c"]
    assert made.layout.xaxis.type == "linear"
    low, high = made.layout.xaxis.range
    assert 21e6 < low < 22e6 < 23e6 < high < 24e6


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
