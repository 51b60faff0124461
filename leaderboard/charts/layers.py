"""A metric against the layer, a line per epoch; and against the epoch, a line per layer."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from leaderboard.charts import style

SCALE = "Viridis"
"""From the first to the last: ink to yellow, without the ends, which are hard to see on light or on dark ground."""


def by_layer(lines: pd.DataFrame, epochs: Sequence[int], title: str, recommended: Sequence[int] = ()) -> go.Figure:
    """Return a line per epoch of `lines` (`queries.layers.frame` of one curve), and the layers that are recommended."""
    made = style.figure("layer (0: embeddings)", title, height=400, hovermode="x unified")
    for epoch, colour in zip(epochs, _shades(len(epochs)), strict=True):
        own = lines[lines["epoch"] == epoch].sort_values("layer")
        _line(made, own["layer"], own, f"epoch {epoch}", colour)
    for layer in sorted(set(recommended)):
        made.add_vline(x=layer, line={"color": style.BASE, "dash": "dot", "width": 2})
        made.add_annotation(x=layer, y=1, yref="paper", yanchor="bottom", text="recommended", showarrow=False)
    made.update_xaxes(dtick=1 if lines["layer"].nunique() <= 16 else None)
    return made


def by_epoch(lines: pd.DataFrame, title: str) -> go.Figure:
    """Return a line per layer of `lines` (`queries.layers.frame` of one curve)."""
    made = style.figure("epoch", title, height=400, hovermode="closest")
    layers = sorted(lines["layer"].unique())
    for layer, colour in zip(layers, _shades(len(layers)), strict=True):
        own = lines[lines["layer"] == layer].sort_values("epoch")
        _line(made, own["epoch"], own, f"layer {layer}", colour)
    made.update_xaxes(dtick=1 if lines["epoch"].max() <= 15 else None)
    return made


def _line(made: go.Figure, x: pd.Series[int], own: pd.DataFrame, name: str, colour: str) -> None:
    made.add_scatter(
        x=x,
        y=own["value"],
        name=name,
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"size": 6},
        customdata=own[["n"]],
        hovertemplate=f"{name}: %{{y:.4g}} (n=%{{customdata[0]}})<extra></extra>",
    )


def _shades(count: int) -> list[str]:
    """Return `count` colours in their order, without the scale's ends: one of them vanishes on dark, one on light."""
    places = [0.12 + 0.76 * (place / (count - 1) if count > 1 else 0.5) for place in range(count)]
    return list(sample_colorscale(SCALE, places))
