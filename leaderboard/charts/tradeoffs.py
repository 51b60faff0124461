"""Score against cost, each point labelled where there is room."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from benchmark.analysis.columns import Column
from benchmark.analysis.tradeoffs import lowest_near
from benchmark.reports import labels
from leaderboard import words
from leaderboard.charts import style

LOGARITHMIC = 3.0
"""Costs of which the largest is more than so many times the smallest are drawn on a logarithmic axis."""
HEIGHT = 560
ROOM = labels.Box(0.0, 0.0, 880.0, 450.0)
"""Pixels of the plot on a laptop, about. A figure is as wide as its window: labels are placed for this one."""
CHARACTER, LINE = 6.3, 14.0
"""Pixels of a label's character and of its height."""
LONGEST = 30


def scatter(
    frame: pd.DataFrame, cost: Column, score: str, names: Mapping[str, str], places: Mapping[str, int], near: bool
) -> go.Figure:
    """Return a point per line of `frame` (`queries.board` as shown, and ``front``), with its interval and label.

    `score` heads the axis of scores. `near`: the axis of scores ends below those near the best, and rows further down
    stand on its lower edge, as triangles with their scores. A cost of 0 stands at the left end of a logarithmic axis.
    """
    known = frame.dropna(subset=["test", cost.key]).sort_values("test", ascending=False)
    made = style.figure(cost.heading, score, height=HEIGHT, hovermode="closest")
    if known.empty:
        return made
    below = is_below(known) if near else pd.Series(False, index=known.index)
    low, high = _ends(known[~below], spare=2.5 if below.any() else 1.0)
    made.update_yaxes(range=[low, high])
    left, right, wide = _across(known[cost.key])
    made.update_xaxes(
        **({"type": "log", "range": [math.log10(left), math.log10(right)]} if wide else {"range": [left, right]})
    )
    at = pd.DataFrame({"x": known[cost.key].clip(lower=_zero(known[cost.key]) if wide else None), "y": known["test"]})
    at.loc[below, "y"] = low + 0.03 * (high - low)
    _front(made, at[known["front"] & ~below])
    for (group, line), point in zip(known.iterrows(), at.itertuples(index=False), strict=True):
        _point(made, line, point, cost, names[str(group)], places[str(group)], below=bool(below[str(group)]))
    pixels = [
        ((_share(x, left, right, wide)) * ROOM.right, (y - low) / (high - low) * ROOM.high)
        for x, y in at.itertuples(index=False)
    ]
    texts = [
        words.chart(names[str(group)], LONGEST) + (f" ({line['test']:.1f})" if below[str(group)] else "")
        for group, line in known.iterrows()
    ]
    _labels(made, at, pixels, texts, wide)
    return made


def is_below(frame: pd.DataFrame) -> pd.Series[bool]:
    """Return for each line whether its score is far below the best."""
    return frame["test"] < lowest_near(float(frame["test"].max()))


def is_logarithmic(costs: pd.Series[float]) -> bool:
    """Return whether the axis of `costs` is logarithmic."""
    positive = costs[costs > 0]
    return not positive.empty and bool(positive.max() > LOGARITHMIC * positive.min())


def _ends(known: pd.DataFrame, spare: float) -> tuple[float, float]:
    """Return the ends of the axis of scores, intervals included; `spare`: how much room there is below, in margins."""
    half = known["half"].astype(float).fillna(0.0)
    low, high = float((known["test"] - half).min()), float((known["test"] + half).max())
    margin = 0.06 * (high - low) or 0.02 * abs(high) or 0.01
    return low - spare * margin, high + margin


def _zero(costs: pd.Series[float]) -> float:
    """Return where a cost of 0 stands on a logarithmic axis."""
    return float(costs[costs > 0].min()) / 6


def _across(costs: pd.Series[float]) -> tuple[float, float, bool]:
    """Return the ends of the axis of costs, and whether it is logarithmic."""
    positive = costs[costs > 0]
    if not is_logarithmic(costs):
        return 0.0, 1.25 * float(costs.max()) or 1.0, False
    left = _zero(costs) if (costs <= 0).any() else float(positive.min())
    span = float(positive.max()) / left
    return left / span**0.06, float(positive.max()) * span**0.2, True


def _share(value: float, left: float, right: float, wide: bool) -> float:
    """Return where `value` lies on the axis, as a fraction of its length."""
    if wide:
        value, left, right = math.log10(value), math.log10(left), math.log10(right)
    return (value - left) / (right - left)


def _front(made: go.Figure, at: pd.DataFrame) -> None:
    """Draw the Pareto front where it joins at least two points."""
    if len(at) > 1:
        ahead = at.sort_values(["x", "y"])
        made.add_scatter(
            x=ahead["x"], y=ahead["y"], mode="lines", name="Pareto front", hoverinfo="skip",
            line={"color": style.BASE, "dash": "dot", "shape": "hv", "width": 2},
        )  # fmt: skip


def _point(
    made: go.Figure,
    line: pd.Series[Any],
    at: tuple[float, ...],
    cost: Column,
    name: str,
    place: int,
    *,
    below: bool,
) -> None:
    half = None if pd.isna(line["half"]) else float(line["half"])
    interval = "" if half is None else f" ± {half:.2f}"
    name = words.chart(name)
    made.add_scatter(
        x=[at[0]],
        y=[at[1]],
        error_y={"type": "data", "array": [half], "thickness": 1.5, "width": 4} if half and not below else None,
        mode="markers",
        name=name,
        showlegend=False,
        marker={
            "color": style.colour(place),
            "symbol": "triangle-down" if below else style.symbol(place),
            "size": 13 if line["front"] else 10,
            "line": {"width": 1, "color": style.BASE},
        },
        hovertemplate=f"{name}<br>{line['test']:.2f}{interval}<br>{line[cost.key]:,.6g} {cost.unit or cost.title}"
        "<extra></extra>",
    )


def _labels(
    made: go.Figure, at: pd.DataFrame, pixels: Sequence[tuple[float, float]], texts: Sequence[str], wide: bool
) -> None:
    """Write the labels where they overlap nothing, each with a line to its point."""
    room = labels.Box(2.0, 2.0, ROOM.right - 2, ROOM.high - 2)
    boxes = labels.place(pixels, [(CHARACTER * len(text) + 4, LINE) for text in texts], room, radius=7.0)
    for (x, y), (across, up), text, box in zip(at.itertuples(index=False), pixels, texts, boxes, strict=True):
        if box is None:
            continue
        right = box.left > across
        made.add_annotation(
            x=math.log10(x) if wide else x, y=y, text=text, font={"size": 12}, xanchor="left" if right else "right",
            ax=(box.left if right else box.right) - across, ay=up - (box.low + box.high) / 2, yanchor="middle",
            showarrow=True, arrowhead=0, arrowwidth=0.8, arrowcolor=style.BASE, standoff=6, borderpad=1,
        )  # fmt: skip
