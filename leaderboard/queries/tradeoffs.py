"""What a score costs: which rows no other beats in both, and the cheapest of those that are tied with the best."""

from __future__ import annotations

import pandas as pd

from benchmark.analysis.standings import Board

COSTS = {
    "trainable": "trainable parameters",
    "epoch_seconds": "seconds per epoch",
    "fit_seconds": "seconds of training in all",
    "memory": "peak memory",
}
"""Columns of `queries.board` that cost something → what they are called."""


def front(frame: pd.DataFrame, cost: str) -> pd.Series[bool]:
    """Return for each line of `queries.board` whether none costs as little and scores as well, and one of them better.

    False where score or cost is missing.
    """
    known = frame[["test", cost]].dropna()
    best = []
    for group, score, spent in known.itertuples():
        rivals = known[(known["test"] >= score) & (known[cost] <= spent)]
        if not ((rivals["test"] > score) | (rivals[cost] < spent)).any():
            best.append(group)
    return pd.Series(frame.index.isin(best), index=frame.index, dtype=bool)


def cheapest(frame: pd.DataFrame, cost: str, judged: Board | None) -> str | None:
    """Return the key of the row that costs least of those tied with the best; None where nothing was tested.

    Of equal costs the better score wins. All tied rows of the protocol count, so pass a frame of all of them.
    """
    if judged is None or not judged.tied:
        return None
    tied = frame.loc[[place.row.cell.group for place in judged.tied]].dropna(subset=[cost, "test"])
    if tied.empty:
        return None
    return str(tied.sort_values([cost, "test"], ascending=[True, False], kind="stable").index[0])
