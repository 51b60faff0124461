"""What a score costs: the Pareto front, and the cheapest of the rows that are tied with the best."""

from __future__ import annotations

import pandas as pd

from benchmark.analysis.columns import EPOCH_SECONDS, FIT_SECONDS, MEMORY, TRAINABLE
from benchmark.analysis.standings import Board
from benchmark.analysis.tradeoffs import on_front

COSTS = {column.key: column for column in (TRAINABLE, EPOCH_SECONDS, FIT_SECONDS, MEMORY)}
"""What a score is set against, by the column of `queries.board`."""


def known_costs(frame: pd.DataFrame) -> list[str]:
    """Return the keys of `COSTS` that some line of `queries.board` has; the first where none has any."""
    return [key for key in COSTS if frame[key].notna().any()] or list(COSTS)[:1]


def front(frame: pd.DataFrame, cost: str) -> pd.Series[bool]:
    """Return for each line of `queries.board` whether it is on the Pareto front (`analysis.tradeoffs.on_front`)."""
    known = frame[["test", cost]].astype(object).where(frame[["test", cost]].notna(), None)
    return pd.Series(on_front(list(known[cost]), list(known["test"])), index=frame.index, dtype=bool)


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
