"""How figures look: colours, symbols and dashes of rows, and Matplotlib's settings for the SVG of a page.

The leaderboard's figures take colours and symbols from here, so that a method looks alike in both.
"""

from __future__ import annotations

import contextlib
import html
import io
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from benchmark.reports.escape import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = (
    *("#3b82f6", "#f08c2e", "#2fa866", "#e0524d", "#9b72e8", "#a9765c", "#e377c2", "#8a9099", "#b5b13a", "#26b3c4"),
    *("#2b57b8", "#b85f10", "#7cc36a", "#f58a9c", "#6549c9", "#d2a679", "#b23a86", "#5d6b7e", "#d9b93b", "#12857f"),
)
"""Distinguishable on light and on dark ground, the first ten best."""
SYMBOLS = ("o", "D", "s", "^", "X", "P", "*", "v")
DASHES: tuple[str | tuple[int, tuple[int, ...]], ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))  # type: ignore[assignment]
TURN = 10
"""After so many rows symbols and dashes change, so that rows differ in more than colour."""
INK, FAINT, RULE, PANEL = "#010203", "#010204", "#010205", "#010206"
VARIABLES = {INK: "var(--ink)", FAINT: "var(--faint)", RULE: "var(--rule)", PANEL: "var(--panel)"}
"""Colours that Matplotlib writes, and the page's variables that replace them: light or dark is the reader's choice."""


def colour(place: int) -> str:
    """Return the colour of the row at `place` in its table, from 0."""
    return COLOURS[place % len(COLOURS)]


def symbol(place: int) -> str:
    """Return the marker of the row at `place`, as Matplotlib calls it."""
    return SYMBOLS[place // TURN % len(SYMBOLS)]


def dash(place: int) -> str | tuple[int, tuple[int, ...]]:
    """Return the line style of the row at `place`, as Matplotlib takes it."""
    return DASHES[place // TURN % len(DASHES)]


@contextlib.contextmanager
def settings() -> Iterator[None]:
    """Make figures in this block with the page's style. Texts are data: no ``$`` begins a formula."""
    import matplotlib as mpl

    with (
        warnings.catch_warnings(),
        mpl.rc_context(
            {
                "axes.axisbelow": True,
                "axes.edgecolor": FAINT,
                "axes.facecolor": "none",
                "axes.grid": True,
                "axes.labelcolor": FAINT,
                "axes.labelsize": 10,
                "axes.spines.right": False,
                "axes.spines.top": False,
                "figure.facecolor": "none",
                "font.family": "DejaVu Sans",
                "font.size": 9.5,
                "grid.color": RULE,
                "grid.linewidth": 0.8,
                "svg.fonttype": "none",
                "text.color": INK,
                "text.parse_math": False,
                "xtick.color": FAINT,
                "xtick.labelcolor": INK,
                "xtick.minor.size": 0,
                "ytick.color": FAINT,
                "ytick.labelcolor": INK,
            }
        ),
    ):
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing")  # the reader's browser has its own fonts
        yield


def svg(figure: Figure, name: str, titles: Mapping[str, str] | None = None) -> str:
    """Return `figure` as an SVG element for a page; equal figures of one `name` give equal text.

    `name` tells its ids from those of other figures on the page. `titles` are shown when one points at an artist, by
    the artist's gid.
    """
    import matplotlib as mpl

    stream = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}), settings():
        figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    drawn = stream.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", drawn, flags=re.DOTALL)
    said = {gid: f"<title>{html.escape(visible(title))}</title>" for gid, title in (titles or {}).items()}
    drawn = re.sub(r'<g id="([^"]*)"([^>]*)>', lambda found: f"<g{found[2]}>{said.get(found[1], '')}", drawn)
    for written, variable in VARIABLES.items():
        drawn = drawn.replace(written, variable)
    drawn = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", drawn, count=1)
    drawn = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", drawn, count=1)
    return re.sub(r">\s+<", "><", drawn)
