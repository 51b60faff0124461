"""What all figures share: colours that are distinguishable on light and on dark ground, symbols, sizes."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from benchmark.reports.style import COLOURS as COLOURS
from benchmark.reports.style import TURN
from benchmark.reports.style import colour as colour

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "cross", "star", "triangle-down")
"""Those of the reports, as Plotly calls them."""
DASHES = ("solid", "dash", "dot", "dashdot")
SEQUENTIAL = ("rgba(59,130,246,0.03)", "rgba(59,130,246,0.4)", "rgba(59,130,246,0.7)", "rgba(59,130,246,1)")
"""From nothing to most. It lets the ground through, so that little is pale on light and dim on dark ground."""
GRID = "rgba(128,128,128,0.22)"
BASE = "rgba(128,128,128,0.6)"
HEIGHT = 460
"""Pixels: a figure and the choices above it fit on a laptop's screen."""


def faint(place: int, alpha: float = 0.16) -> str:
    """Return the same colour for an area that lies under lines."""
    code = colour(place)
    red, green, blue = (int(code[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def symbol(place: int) -> str:
    """Return the symbol of the row at `place`: another one after every ten rows."""
    return SYMBOLS[place // TURN % len(SYMBOLS)]


def dash(place: int) -> str:
    """Return the dashes of the row at `place`: others after every ten rows."""
    return DASHES[place // TURN % len(DASHES)]


def figure(x: str, y: str, height: int = HEIGHT, **layout: Any) -> go.Figure:
    """Return an empty figure with these titles of axes; legend above, so that a phone keeps its width for the data."""
    made = go.Figure()
    made.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 24, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "font": {"size": 12}},
        hoverlabel={"namelength": -1},
    )
    made.update_layout(**layout)
    made.update_xaxes(title=x, gridcolor=GRID, zeroline=False, automargin=True)
    made.update_yaxes(title=y, gridcolor=GRID, zeroline=False, automargin=True)
    return made
