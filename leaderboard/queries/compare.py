"""Two rows or two runs beside each other: what differs, by how much they differ, and where."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from benchmark.analysis import facts
from benchmark.analysis.standings import Pair
from benchmark.analysis.stats.paired import Comparison, mcnemar
from benchmark.core.record import Record
from leaderboard.queries.errors import Judged

COLUMNS = ["what", "first", "second", "differs"]
SIDES = ("all", "first", "second", "neither")
"""Which examples are shown: all that changed sides, or those that one of the two, or neither, has right."""
MOST = 3
"""Values of several runs that are written out where they differ among themselves."""


def parameters(first: Sequence[Record], second: Sequence[Record]) -> pd.DataFrame:
    """Return a line per parameter of either: its values, empty where a method has no such parameter."""
    return _beside(first, second, facts.parameters)


def environment(first: Sequence[Record], second: Sequence[Record]) -> pd.DataFrame:
    """Return a line per fact of the environments; of several runs, the different values that they have.

    Left out is what always differs and explains nothing: when a run was started, and, between two methods, the digest
    of the code, which is each method's own.
    """
    beside = _beside(first, second, facts.environment)
    methods = {record.cell.method for record in (*first, *second)}
    explained = {facts.STARTED} | ({facts.CODE} if len(methods) > 1 else set())
    return beside[~beside["what"].isin(explained)].reset_index(drop=True)


def data(first: Sequence[Record], second: Sequence[Record]) -> pd.DataFrame:
    """Return a line per fact of the data that were read."""
    return _beside(first, second, facts.data)


def oriented(pair: Pair, first: str) -> Pair:
    """Return `pair` as the difference of the row with the key `first` minus the other."""
    if pair.first == first:
        return pair
    turned = None if pair.difference is None else -pair.difference
    return dataclasses.replace(pair, first=pair.second, second=pair.first, difference=turned)


def models(first: Judged, second: Judged) -> Comparison:
    """Compare two trained models over one task's test rows by McNemar's test: first minus second, as a fraction.

    Each has the predictions of one run. Raises ValueError where the two were not judged on the same rows.
    """
    if first.ids != second.ids or not np.array_equal(first.labels, second.labels):
        raise ValueError("the two have predictions for different rows")
    return mcnemar(*((one.predicted[0] == one.labels).astype(float) for one in (first, second)))


def keep(examples: pd.DataFrame, side: str) -> pd.DataFrame:
    """Return those of `errors.disagreements` that `side`, one of `SIDES`, has right."""
    if side == SIDES[0]:
        return examples
    return examples[examples["right"] == side].reset_index(drop=True)


def _beside(
    first: Sequence[Record], second: Sequence[Record], facts_of: Callable[[Record], Mapping[str, str]]
) -> pd.DataFrame:
    one, other = (_gathered([facts_of(record) for record in records]) for records in (first, second))
    lines = [
        (what, _shown(one, what), _shown(other, what), set(one.get(what, ())) != set(other.get(what, ())))
        for what in dict.fromkeys((*one, *other))
    ]
    return pd.DataFrame(lines, columns=COLUMNS).astype({"differs": bool})


def _gathered(found: Sequence[Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
    """Return the different values of each fact."""
    names = dict.fromkeys(name for own in found for name in own)
    return {name: tuple(dict.fromkeys(own[name] for own in found if name in own)) for name in names}


def _shown(found: Mapping[str, tuple[str, ...]], what: str) -> str:
    values = found.get(what, ())
    rest = f" and {len(values) - MOST} more" if len(values) > MOST else ""
    return "; ".join(values[:MOST]) + rest
