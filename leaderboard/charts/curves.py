"""Curves over epochs."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from leaderboard import words
from leaderboard.charts import style


def lines(bands: pd.DataFrame, title: str, names: Mapping[str, str], places: Mapping[str, int]) -> go.Figure:
    """Return one line per row of `bands` (`queries.curves.band` of one phase and key): the mean, in the seeds' band."""
    made = style.figure("epoch", title, height=360, hovermode="x unified")
    order = sorted(bands["group"].unique(), key=lambda group: places[str(group)])
    for group in order:
        found = bands[bands["group"] == group]
        place, name = places[str(group)], words.chart(names[str(group)])
        if (found["n"] > 1).any():
            made.add_scatter(
                x=[*found["epoch"], *found["epoch"][::-1]],
                y=[*found["high"], *found["low"][::-1]],
                fill="toself",
                fillcolor=style.faint(place),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                showlegend=False,
                legendgroup=str(group),
            )
        made.add_scatter(
            x=found["epoch"],
            y=found["mean"],
            name=name,
            legendgroup=str(group),
            mode="lines+markers",
            line={"color": style.colour(place), "dash": style.dash(place), "width": 2},
            marker={"symbol": style.symbol(place), "size": 6},
            customdata=found[["n"]],
            hovertemplate="%{y:.4g} (n=%{customdata[0]})",
        )
    made.update_xaxes(dtick=1 if bands["epoch"].max() <= 15 else None, rangemode="normal")
    return made
