"""The confusion matrix."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from leaderboard import words
from leaderboard.charts import style


def confusion(cells: pd.DataFrame, hide_right: bool = False) -> go.Figure:
    """Return `cells` (`queries.errors.confusion`) as a map: the colour is the share of the class's rows.

    `hide_right` leaves the diagonal out, so that the colours are the mistakes' alone.
    """
    counts = cells.to_numpy()
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    if hide_right:
        shares = np.where(np.eye(len(cells), dtype=bool), np.nan, shares)
    names = [words.chart(name, 24) for name in cells.index]
    made = style.figure("predicted", "label", height=max(460, min(1100, 170 + 22 * len(names))))
    made.add_heatmap(
        z=shares,
        x=list(range(len(names))),
        y=list(range(len(names))),
        customdata=np.stack([counts, *np.meshgrid(names, names)[::-1]], axis=-1),
        colorscale=[[place / (len(style.SEQUENTIAL) - 1), shade] for place, shade in enumerate(style.SEQUENTIAL)],
        zmin=0,
        colorbar={"ticksuffix": " %", "thickness": 10, "len": 0.6},
        hovertemplate="label %{customdata[1]}<br>predicted %{customdata[2]}<br>"
        "%{customdata[0]} predictions, %{z:.1f} % of the label's<extra></extra>",
        xgap=1,
        ygap=1,
    )
    ticks = {"tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names, "showgrid": False}
    made.update_xaxes(tickangle=-60, **ticks)
    made.update_yaxes(autorange="reversed", **ticks)
    return made
