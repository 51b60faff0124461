"""Places for the labels of points, so that they overlap neither each other nor a point. Of reports and leaderboard."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

GAP = 7.0
"""Pixels between a point and the nearest edge of its label."""


@dataclass(frozen=True)
class Box:
    """A rectangle, in pixels; `low` and `high` are its ends upwards or downwards, whichever the axis does."""

    left: float
    low: float
    right: float
    high: float

    def overlaps(self, other: Box) -> bool:
        """Return whether the two have more than an edge in common."""
        return self.left < other.right and other.left < self.right and self.low < other.high and other.low < self.high

    def within(self, other: Box) -> bool:
        """Return whether this lies inside `other`."""
        return (
            other.left <= self.left and self.right <= other.right and other.low <= self.low and self.high <= other.high
        )


def place(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    room: Box,
    radius: float = 6.0,
    obstacles: Sequence[Box] = (),
) -> list[Box | None]:
    """Return the box of each point's label, the first points best placed; None where there is no room for it.

    `points` and `sizes` (width, height) are in pixels; labels stay inside `room`, off all points (of this `radius`)
    and off `obstacles`.
    """
    taken = [Box(x - radius, y - radius, x + radius, y + radius) for x, y in points] + list(obstacles)
    placed: list[Box | None] = []
    for point, size in zip(points, sizes, strict=True):
        free = (
            box for box in _candidates(point, size) if box.within(room) and not any(box.overlaps(one) for one in taken)
        )
        box = next(free, None)
        placed.append(box)
        if box:
            taken.append(box)
    return placed


def _candidates(point: tuple[float, float], size: tuple[float, float]) -> Iterator[Box]:
    """Yield boxes for a label beside `point`, the nearest first; those to the right before those to the left."""
    (x, y), (width, height) = point, size
    shifts = sorted(itertools.product(range(9), range(17)), key=lambda step: math.hypot(2.2 * step[0], step[1]))
    for outward, step in shifts:
        up = (step + 1) // 2 * (height + 1) * (1 if step % 2 else -1)
        for left in (x + GAP + 16 * outward, x - GAP - 16 * outward - width):
            yield Box(left, y + up - height / 2, left + width, y + up + height / 2)
