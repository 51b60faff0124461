"""Just enough SVG for a report's figures: scales, axes, marks. Text takes the page's colour, light or dark."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

COLOURS = (
    "#3b82f6",
    "#f08c2e",
    "#2fa866",
    "#e0524d",
    "#9b72e8",
    "#a9765c",
    "#e377c2",
    "#8a9099",
    "#b5b13a",
    "#26b3c4",
)
"""Told apart on light and on dark ground."""
DASHES = ("", "6 3", "2 3", "8 3 2 3")
"""Of lines, once the colours begin again."""
CHARACTER = 6.6
"""Width of a character at 12 px, for labels that must not overlap."""


@dataclass(frozen=True)
class Axis:
    """One direction of a figure: from values to pixels."""

    low: float
    high: float
    start: float  # pixel of `low`
    end: float  # pixel of `high`
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the pixel of `value`; what is outside lands on the edge."""
        low, high, at = (math.log10(v) if self.log else v for v in (self.low, self.high, max(value, self._least())))
        share = (at - low) / (high - low) if high > low else 0.5
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    def _least(self) -> float:
        return self.low if self.log else -math.inf

    def ticks(self) -> list[float]:
        """Return some five round values within the axis."""
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            tens = [10.0**power for power in range(first, last + 1)]
            if len(tens) > 2:
                return tens
            steps = [factor * 10.0**power for power in range(first - 1, last + 1) for factor in (1, 2, 5)]
            return [value for value in steps if self.low <= value <= self.high]
        step = _round_step((self.high - self.low) / 5)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def _round_step(rough: float) -> float:
    if rough <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(rough))
    return next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough * (1 - 1e-9))


def text(x: float, y: float, words: str, anchor: str = "start", more: str = "") -> str:
    """Return a text at its baseline; `words` are escaped."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{html.escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, more: str) -> str:
    """Return a straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {more}/>'


def path(points: Sequence[tuple[float, float]], more: str, closed: bool = False) -> str:
    """Return a line through `points` (pixels)."""
    steps = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{steps}{"Z" if closed else ""}" {more}/>'


def figure(width: int, height: int, words: str, parts: Sequence[str]) -> str:
    """Return a whole figure; `words` say what it shows to those who can't see it."""
    label = html.escape(words, quote=True)
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}" xmlns="http://www.w3.org/2000/svg">'
        f"{''.join(parts)}</svg>"
    )


def axes(
    x: Axis, y: Axis, titles: tuple[str, str], marks: tuple[Callable[[float], str], Callable[[float], str]]
) -> str:
    """Return grid, ticks and titles; `marks` write the ticks of x and y."""
    parts = []
    for value in x.ticks():
        at = x(value)
        parts += [line(at, y.start, at, y.end, 'class="grid"'), text(at, y.start + 16, marks[0](value), "middle")]
    for value in y.ticks():
        at = y(value)
        parts += [line(x.start, at, x.end, at, 'class="grid"'), text(x.start - 6, at + 4, marks[1](value), "end")]
    parts.append(text((x.start + x.end) / 2, y.start + 34, titles[0], "middle", ' class="title"'))
    parts.append(text(x.start - 44, y.end - 12, titles[1], "start", ' class="title"'))
    return "".join(parts)


def short(value: float) -> str:
    """Return ``22.8M``, ``150k``, ``0.5`` or ``12``."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def colour(place: int) -> str:
    """Return the colour of the row at `place`."""
    return COLOURS[place % len(COLOURS)]


def dash(place: int) -> str:
    """Return the dashes of the row at `place`, as an attribute."""
    return f'stroke-dasharray="{DASHES[place // len(COLOURS) % len(DASHES)]}"'
