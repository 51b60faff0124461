"""Figures of single layers: points whose key ends in ``/layer_08``, as a probe of every layer leaves them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import pandas as pd

from benchmark.core import layer_scores as names
from benchmark.core.metrics import METRICS
from benchmark.core.record import Point

RECOMMENDED = f"{names.RECOMMENDED}/"
"""What the key of a recommendation begins with; the task follows, the value is a layer."""
MOST = 10
"""Lines of epochs in one figure: more are hard to distinguish."""
KEYS = ["curve", "phase", "epoch", "layer"]


def has_layers(points: Iterable[Point]) -> bool:
    """Return whether any of `points` is a single layer's."""
    return any(names.parse(point.key) for point in points)


def is_of_layers(point: Point) -> bool:
    """Return whether `point` is a single layer's or advises one: no curve among the curves of a run."""
    return names.is_by_layer(point.key)


def frame(found: Iterable[tuple[int, Sequence[Point]]]) -> pd.DataFrame:
    """Return a line per curve, phase, epoch and layer: the mean over the `n` seeds with a finite value.

    `found` gives a seed and its points. What isn't finite is left out.
    """
    lines = [
        ("/".join(parsed[:3]), point.phase, point.epoch, parsed[3], seed, point.value)
        for seed, points in found
        for point in points
        if (parsed := names.parse(point.key)) and math.isfinite(point.value)
    ]
    every = pd.DataFrame(lines, columns=[*KEYS, "seed", "value"])
    return every.groupby(KEYS, as_index=False).agg(value=("value", "mean"), n=("seed", "nunique"))


def recommended(found: Iterable[tuple[int, Sequence[Point]]]) -> pd.DataFrame:
    """Return the layer that each seed's run recommends for each task in the end: task, seed, layer."""
    last: dict[tuple[str, int], float] = {}
    for seed, points in found:
        for point in sorted(points, key=lambda point: point.epoch):
            if point.key.startswith(RECOMMENDED) and math.isfinite(point.value):
                last[point.key.removeprefix(RECOMMENDED), seed] = point.value
    lines = [(task, seed, int(layer)) for (task, seed), layer in sorted(last.items())]
    return pd.DataFrame(lines, columns=["task", "seed", "layer"])


def higher_is_better(curve: str) -> bool:
    """Return whether larger values of `curve` are better: by its metric, and a loss is to be lowered."""
    name = curve.rpartition("/")[2]
    known = next((metric.direction for metric in METRICS if metric.name == name), None)
    return known == "higher" if known else "loss" not in name


def best(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the best layer of every curve at its last epoch: curve, phase, epoch, layer, value."""
    found = []
    for (curve, phase), own in lines.groupby(["curve", "phase"], sort=False):
        last = own[own["epoch"] == own["epoch"].max()]
        place = last["value"].idxmax() if higher_is_better(str(curve)) else last["value"].idxmin()
        found.append((curve, phase, last["epoch"][place], last["layer"][place], last["value"][place]))
    return pd.DataFrame(found, columns=["curve", "phase", "epoch", "layer", "value"])


def some(epochs: Iterable[int], most: int = MOST) -> list[int]:
    """Return `most` of `epochs` at the most, evenly spread, the first and the last among them."""
    known = sorted(set(epochs))
    if len(known) <= most:
        return known
    return [known[round(step * (len(known) - 1) / (most - 1))] for step in range(most)]
