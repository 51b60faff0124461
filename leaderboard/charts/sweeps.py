"""A study: history, two parameters, all parameters side by side, what mattered, trials by epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from leaderboard import words
from leaderboard.charts import style
from leaderboard.queries.sweeps import PARAMETER, Axis, Surface, shown

SCALE = "Viridis"
"""Of scores: distinguishable on light and on dark ground, without red against green."""
MARKS = {
    "done": ("circle", style.COLOURS[0]),
    "pruned": ("triangle-down-open", style.COLOURS[1]),
    "diverged": ("x", style.COLOURS[3]),
    "failed": ("cross", style.COLOURS[3]),
    "skipped": ("square-open", style.COLOURS[7]),
    "interrupted": ("diamond-open", style.COLOURS[7]),
    "running": ("circle-open", style.COLOURS[2]),
    "waiting": ("line-ew-open", style.COLOURS[7]),
}
"""Symbol and colour of a trial by status."""
TOP = {"yanchor": "bottom", "y": 1.02}


def history(frame: pd.DataFrame, title: str) -> go.Figure:
    """Return the trials (`queries.sweeps.trials`) in their order, with the best score so far as a line.

    A trial without any score stands on the lower edge, so that it is seen.
    """
    made = style.figure("trial", title, hovermode="closest", legend=TOP)
    line = frame.dropna(subset=["ahead"])
    made.add_scatter(
        x=line["number"], y=line["ahead"], mode="lines", name="best so far", hoverinfo="skip",
        line={"color": style.BASE, "shape": "hv", "width": 2},
    )  # fmt: skip
    known = frame["last"].where(frame["validation"].isna(), frame["validation"])
    known = known.where(np.isfinite(known))
    low, high = (known.min(), known.max()) if known.notna().any() else (0.0, 1.0)
    edge = low - 0.08 * ((high - low) or abs(low) or 1.0)
    for status, own in frame.groupby("status", sort=False):
        _marks(made, own, own["number"], known.loc[own.index].fillna(edge), str(status))
    made.update_xaxes(dtick=1 if len(frame) <= 20 else None)
    return made


def against(frame: pd.DataFrame, axis: Axis, title: str) -> go.Figure:
    """Return the score against one parameter."""
    made = style.figure(words.chart(axis.name), title, hovermode="closest", legend=TOP)
    for status, own in frame.dropna(subset=["last", axis.column]).groupby("status", sort=False):
        _marks(made, own, own[axis.column], own["validation"].fillna(own["last"]), str(status))
    _scales(made, frame, axis, None)
    return made


def pair(frame: pd.DataFrame, across: Axis, up: Axis, title: str, below: Surface | None, least: bool) -> go.Figure:
    """Return the trials over two numeric parameters, coloured by score, upon the surface `below`.

    `least`: lower scores are better, and so have the brighter colours.
    """
    made = style.figure(words.chart(across.name), words.chart(up.name), hovermode="closest", legend=TOP)
    placed = frame.dropna(subset=[across.column, up.column])
    done = placed.dropna(subset=["validation"])
    low, high = done["validation"].min(), done["validation"].max()
    colours = {"colorscale": SCALE, "reversescale": least}
    if below is not None:
        made.add_contour(
            x=below.across, y=below.up, z=below.score, zmin=low, zmax=high, showscale=False, opacity=0.55,
            ncontours=12, line={"width": 0.5}, connectgaps=False, hoverinfo="skip", **colours,
        )  # fmt: skip
    for status, own in placed[placed["validation"].isna()].groupby("status", sort=False):
        _marks(made, own, own[across.column], own[up.column], str(status))
    if not done.empty:
        made.add_scatter(
            x=done[across.column], y=done[up.column], mode="markers", name="done", showlegend=False,
            marker={
                "color": done["validation"], "cmin": low, "cmax": high, "size": np.where(done["best"], 19, 12),
                "symbol": np.where(done["best"], "star", "circle"), "line": {"width": 1.2, "color": "white"},
                "colorbar": {"title": {"text": title, "side": "right"}, "thickness": 10}, **colours,
            },
            text=_hovers(done), hovertemplate="%{text}<extra></extra>",
        )  # fmt: skip
    _scales(made, frame, across, up)
    return made


def parallel(frame: pd.DataFrame, found: Sequence[Axis], title: str, least: bool) -> go.Figure:
    """Return a line per done trial through all of its parameters to its score."""
    done = frame.dropna(subset=["validation"])
    made = style.figure("", "", height=400)
    made.update_layout(margin={"l": 60, "r": 60, "t": 60, "b": 20})
    sides = [_side(done[axis.column], axis) for axis in found]
    made.add_parcoords(
        line={"color": done["validation"], "colorscale": SCALE, "reversescale": least},
        dimensions=[*sides, _score(done["validation"], title)],
        labelangle=0,
    )
    return made


def _score(values: pd.Series[Any], title: str) -> dict[str, Any]:
    """Return the upright axis of scores, rounded: Plotly writes its ends out in full."""
    return {"label": title.removeprefix("validation "), "values": values.round(3), "tickformat": ".4~g"}


def _side(values: pd.Series[Any], axis: Axis) -> dict[str, Any]:
    """Return one upright axis: logarithms and words are drawn as numbers and labelled with what they stand for."""
    label = words.chart(axis.name, 24)
    if axis.numeric and not axis.log:
        return {"label": label, "values": values.astype(float)}
    if axis.numeric:
        low, high = float(values.min()), float(values.max())
        drawn = [math.log10(value) for value in values.astype(float)]
        ticks = [math.log10(low) + step / 4 * (math.log10(high) - math.log10(low)) for step in range(5)]
        ticks = ticks if high > low else ticks[:1]
        return {"label": label, "values": drawn, "tickvals": ticks, "ticktext": [f"{10**tick:.2g}" for tick in ticks]}
    names = sorted({shown(value) for value in values})
    return {
        "label": label,
        "values": [names.index(shown(value)) for value in values],
        "tickvals": list(range(len(names))),
        "ticktext": [words.chart(name, 24) for name in names],
    }


def importance(found: Sequence[tuple[str, float]]) -> go.Figure:
    """Return a bar per parameter, the largest on top."""
    made = style.figure("importance (% of all)", "", height=max(180, 90 + 34 * len(found)))
    made.add_bar(
        x=[100 * share for _, share in found],
        y=[words.chart(name) for name, _ in found],
        orientation="h",
        marker={"color": style.COLOURS[0]},
        texttemplate="%{x:.0f} %",
        hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
    )
    made.update_xaxes(range=[0, 100])
    made.update_yaxes(autorange="reversed", type="category")
    return made


def epochs(lines: pd.DataFrame, title: str) -> go.Figure:
    """Return a line per trial over its epochs (`queries.sweeps.by_epoch`), coloured by what became of it."""
    made = style.figure("epoch", title, height=360, hovermode="closest", legend=TOP)
    named: set[str] = set()
    for number, own in lines.groupby("number"):
        status = str(own["status"].iloc[0])
        symbol, colour = MARKS.get(status, MARKS["done"])
        made.add_scatter(
            x=own["epoch"], y=own["last"], mode="lines+markers", name=status, legendgroup=status,
            showlegend=status not in named, opacity=0.75, line={"color": colour, "width": 1.5},
            marker={"symbol": symbol, "size": 6},
            hovertemplate=f"trial {number}, epoch %{{x}}: %{{y:.4g}}<extra></extra>",
        )  # fmt: skip
        named.add(status)
    made.update_xaxes(dtick=1 if lines["epoch"].max() <= 15 else None)
    return made


def _marks(made: go.Figure, own: pd.DataFrame, x: pd.Series[Any], y: pd.Series[Any], status: str) -> None:
    """Draw trials of one status; the best is a star."""
    symbol, colour = MARKS.get(status, MARKS["interrupted"])
    made.add_scatter(
        x=x, y=y, mode="markers", name=status,
        marker={
            "symbol": np.where(own["best"], "star", symbol), "color": colour,
            "size": np.where(own["best"], 16, 10), "line": {"width": 1.5, "color": colour},
        },
        text=_hovers(own), hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip


def _hovers(frame: pd.DataFrame) -> list[str]:
    """Return what is said of each trial under the pointer."""
    names = [str(name) for name in frame if str(name).startswith(PARAMETER)]
    found = []
    for _, line in frame.iterrows():
        score = "" if pd.isna(line["validation"]) else f": {line['validation']:.4g}"
        if not score and pd.notna(line["last"]):
            score = f": {line['last']:.4g} after epoch {line['epochs']}"
        lines = [f"<b>trial {line['number']}</b> {words.chart(line['status'])}{score}"]
        lines += [f"{words.chart(name.removeprefix(PARAMETER))} {words.chart(shown(line[name]))}" for name in names]
        lines += [words.chart(line[name], 90) for name in ("note", "reason") if line[name]]
        found.append("<br>".join(lines))
    return found


def _scales(made: go.Figure, frame: pd.DataFrame, across: Axis, up: Axis | None) -> None:
    """Make the axes logarithmic that are searched so, with ticks that say their whole number."""
    if across.log:
        made.update_xaxes(type="log", **ticks(frame[across.column]))
    if up is not None and up.log:
        made.update_yaxes(type="log", **ticks(frame[up.column]))


def ticks(values: pd.Series[Any]) -> dict[str, Any]:
    """Return ticks for a logarithmic axis of `values`: 1, 2 and 5 times powers of ten, or those alone where many."""
    known = values.dropna().astype(float)
    if known.empty:
        return {}
    low, high = math.floor(math.log10(known.min())), math.ceil(math.log10(known.max()))
    steps = (1, 2, 5) if high - low <= 2 else (1, 3) if high - low <= 4 else (1,)
    ticks = [step * 10.0**power for power in range(low, high + 1) for step in steps]
    return {"tickmode": "array", "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
