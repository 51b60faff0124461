"""Curves of several runs, and the band that the seeds of a row make."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from benchmark.core.record import Point
from leaderboard.queries import layers

LINES = ["group", "seed", "phase", "epoch", "key", "value"]


def frame(found: Iterable[tuple[str, int, Sequence[Point]]]) -> pd.DataFrame:
    """Return a line per point of `found`, which gives a row's key, a seed and its points. Phases in their order.

    Figures of single layers are left out: they are the page Layers'.
    """
    lines = [
        (group, seed, point.phase, point.epoch, point.key, point.value)
        for group, seed, points in found
        for point in points
        if not layers.is_of_layers(point)
    ]
    return pd.DataFrame(lines, columns=LINES)


def band(lines: pd.DataFrame) -> pd.DataFrame:
    """Return a line per row, phase, key and epoch: mean, lowest and highest value over the `n` seeds that have one.

    A value that isn't finite is counted in `odd` and is in none of the others.
    """
    keys = ["group", "phase", "key", "epoch"]
    finite = lines["value"].map(math.isfinite)
    grouped = lines.assign(value=lines["value"].where(finite), odd=~finite).groupby(keys, sort=False)
    found = grouped.agg(
        mean=("value", "mean"), low=("value", "min"), high=("value", "max"), n=("value", "count"), odd=("odd", "sum")
    )
    return found.reset_index().sort_values(["phase", "key", "group", "epoch"], kind="stable", ignore_index=True)


def phases(lines: pd.DataFrame) -> list[str]:
    """Return the phases in the order in which runs go through them: what comes before another stands before it."""
    order: list[str] = []
    for _, run in lines.groupby(["group", "seed"], sort=False):
        own = list(dict.fromkeys(run["phase"]))
        for place, phase in enumerate(own):
            if phase not in order:
                later = [order.index(other) for other in own[place + 1 :] if other in order]
                order.insert(min(later, default=len(order)), phase)
    return order


def titles(keys: Iterable[str], tasks: int = 1) -> Mapping[str, str]:
    """Return what each curve is called, losses first: ``train/loss`` → ``training loss``; of several, with the task."""
    found = {key: _title(key, tasks > 1) for key in dict.fromkeys(keys)}
    return dict(sorted(found.items(), key=lambda entry: _rank(entry[0])))


def _title(key: str, with_task: bool) -> str:
    split, _, rest = key.partition("/")
    task, _, metric = rest.rpartition("/")
    name = metric.replace("_", " ")
    return f"{'training' if split == 'train' else split} {name}{f', {task}' if task and with_task else ''}"


def _rank(key: str) -> tuple[int, str]:
    order = ("train/loss", "accuracy", "cross_entropy")
    return (next((place for place, end in enumerate(order) if key.endswith(end)), len(order)), key)


def progress(points: Sequence[Point], epochs: int) -> str:
    """Return how far a run is by its curves: ``classification: epoch 2 of 3``; `epochs` are the protocol's."""
    if not points:
        return "no epoch yet"
    last = points[-1]
    return f"{last.phase}: epoch {last.epoch}" + (f" of {epochs}" if last.epoch <= epochs else "")
