"""Curves on a page: a section per phase, a figure per curve. Of the pages Curves, Compare two and Run."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from benchmark.core.cell import Protocol
from benchmark.core.text import pluralize
from leaderboard import show, words
from leaderboard.charts import curves as charts
from leaderboard.queries import curves

LIVELY = ("done", "running", "diverged", "interrupted", "pruned")
"""Statuses of runs that may have curves."""


def sections(protocol: Protocol, lines: pd.DataFrame, names: Mapping[str, str], places: Mapping[str, int]) -> None:
    """Show `lines` (`queries.curves.frame`); `names` and `places` (which choose colours) are by its ``group``."""
    bands = curves.band(lines)
    for phase in curves.phases(lines):
        own = bands[bands["phase"] == phase]
        st.subheader(words.markdown(phase[:1].upper() + phase[1:]), anchor=False)
        columns = st.columns(2)
        for place, (key, title) in enumerate(curves.titles(own["key"], len(protocol.tasks)).items()):
            shown, unit = _scaled(own[own["key"] == key], key)
            figure = charts.lines(shown, words.chart(f"{title}{unit}"), names, places)
            with columns[place % 2]:
                st.plotly_chart(figure, key=f"curve {phase} {key}", config=show.CHART)
    odd = int(bands["odd"].sum())
    note = f" {pluralize(odd, 'value')} that were not finite are left out." if odd else ""
    several = lines.groupby("group")["seed"].nunique().max() > 1
    band = (
        "A line is the mean over the seeds that have the epoch, its band their lowest and highest value (not an "
        "interval). "
    )
    st.caption(
        f"{band if several else ''}Figures are the live weights' after an epoch, not yet those that are kept in the "
        f"end.{note}"
    )


def _scaled(bands: pd.DataFrame, key: str) -> tuple[pd.DataFrame, str]:
    """Return the curve as it is shown, with its unit: shares in percent."""
    factor, unit = words.curve_scale(key)
    return bands.assign(**{column: factor * bands[column] for column in ("mean", "low", "high")}), unit
