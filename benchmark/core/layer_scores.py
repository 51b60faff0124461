"""Scores by layer: how such points are named, and which layer serves a task: the smallest within noise of the best."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from benchmark.core.metrics import metric

RECOMMENDED = "recommended"
"""First part of the name of the curve that says, after each epoch, which layer is recommended."""


def key(split: str, task: str, measure: str, layer: int) -> str:
    """Return the name of a curve by layer: ``validation/sst/accuracy/layer_08``."""
    return f"{split}/{task}/{measure}/layer_{layer:02d}"


def parse(name: str) -> tuple[str, str, str, int] | None:
    """Return (split, task, metric, layer) of a curve's name; None where it is no curve by layer."""
    found = re.fullmatch(r"(\w+)/([^/]+)/(\w+)/layer_(\d+)", name)
    return (found[1], found[2], found[3], int(found[4])) if found else None


def is_by_layer(name: str) -> bool:
    """Return whether a curve is one of the many that a head on every layer leaves, or its recommendation."""
    return name.startswith(f"{RECOMMENDED}/") or parse(name) is not None


def standard_error(name: str, value: float, rows: int) -> float:
    """Return the standard error of a score called `name` over `rows` rows, from the score alone.

    A fraction of rows is binomial: sqrt(p (1 - p) / n), which macro-F1 takes as an approximation. A correlation r has
    (1 - r²) / sqrt(n - 1) (Fisher 1915, the leading term). For other metrics a score alone doesn't tell: 0.
    """
    found = metric(name)
    if (found.low, found.high) == (0.0, 1.0):
        return math.sqrt(max(0.0, value * (1.0 - value)) / max(1, rows))
    if (found.low, found.high) == (-1.0, 1.0):
        return (1.0 - value * value) / math.sqrt(max(1, rows - 1))
    return 0.0


def recommended(scores: Mapping[int, float], name: str, rows: int) -> int:
    """Return the smallest layer whose score is within one standard error of the best one's.

    `scores`: by layer, of the metric `name` on `rows` validation rows. A score that is no number is never chosen.
    Raises ValueError where there is none.
    """
    known = {layer: value for layer, value in scores.items() if math.isfinite(value)}
    if not known:
        raise ValueError("no layer has a score")
    sign = 1.0 if metric(name).direction == "higher" else -1.0
    best = max(sign * value for value in known.values())
    noise = standard_error(name, sign * best, rows)
    return min(layer for layer, value in known.items() if sign * value >= best - noise)
