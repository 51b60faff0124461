"""Score against cost."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from leaderboard import words
from leaderboard.charts import style

WIDE = 50
"""Costs that span more than so many times the smallest are drawn on a logarithmic axis."""


def scatter(
    frame: pd.DataFrame, cost: str, titles: tuple[str, str], names: Mapping[str, str], places: Mapping[str, int]
) -> go.Figure:
    """Return a point per line of `frame` (`queries.board` with scores as shown and a column ``front``), with intervals.

    `titles` head the axis of `cost` and the axis of scores. A cost of 0 has no place on a logarithmic axis: where the
    largest is more than `WIDE` times the smallest, the axis is logarithmic and 0 stands at its left end.
    """
    known = frame.dropna(subset=["test", cost])
    positive = known[cost][known[cost] > 0]
    wide = not positive.empty and positive.max() > WIDE * positive.min()
    left = positive.min() / 10 if wide else 0.0
    made = style.figure(*titles, height=560, hovermode="closest")
    shown = known[cost].where(known[cost] > 0, left)
    ahead = known[known["front"]].assign(x=shown).sort_values("x")
    made.add_scatter(
        x=ahead["x"], y=ahead["test"], mode="lines", name="Pareto front", hoverinfo="skip",
        line={"color": style.BASE, "dash": "dot", "shape": "hv", "width": 2},
    )  # fmt: skip
    for group, line in known.iterrows():
        place = places[str(group)]
        name = words.chart(names[str(group)])
        half = None if pd.isna(line["half"]) else line["half"]
        made.add_scatter(
            x=[shown[str(group)]],
            y=[line["test"]],
            error_y={"type": "data", "array": [half], "thickness": 1.5, "width": 4} if half is not None else None,
            mode="markers",
            name=name,
            marker={
                "color": style.colour(place),
                "symbol": style.symbol(place),
                "size": 13 if line["front"] else 9,
                "line": {"width": 1, "color": style.BASE},
            },
            hovertemplate=f"{name}<br>{line['test']:.2f}{'' if half is None else f' ± {half:.2f}'}"
            f"<br>{line[cost]:,.6g} {words.chart(titles[0])}<extra></extra>",
        )
    if wide:
        made.update_xaxes(type="log")
    return made


NEAR = 0.15
"""Scores of at least 1 - this share of the best one are near it."""


def zoom(made: go.Figure, frame: pd.DataFrame, cost: str) -> list[str]:
    """Cut the axes of `made`, the scatter of `frame`, to the rows that score near the best; return who is below."""
    known = frame.dropna(subset=["test"])
    low = known["test"] - known["half"].astype(float).fillna(0.0)
    high = known["test"] + known["half"].astype(float).fillna(0.0)
    near = known["test"] >= (1 - NEAR) * known["test"].max()
    if near.all():
        return []
    margin = 0.06 * (high[near].max() - low[near].min()) or 0.01
    made.update_yaxes(range=[low[near].min() - margin, high[near].max() + margin])
    costs = known.loc[near, cost].dropna()
    if len(costs) and costs.min() > 0 and made.layout.xaxis.type == "log" and costs.max() <= WIDE * costs.min():
        margin = 0.06 * (costs.max() - costs.min()) or 0.05 * costs.max()
        made.update_xaxes(type="linear", range=[costs.min() - margin, costs.max() + margin])
    return [str(group) for group in known.index[~near]]
