"""Many comparisons at once: Holm's correction, and letters for what is not significantly different."""

from __future__ import annotations

import string
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def holm(values: Sequence[float]) -> tuple[float, ...]:
    """Return p values (pairs,) adjusted for all of them, in their order: Holm (1979), step-down.

    Raises ValueError for what is no probability: leave untested pairs out.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not ((array >= 0) & (array <= 1)).all():
        raise ValueError(f"p values lie in 0 to 1: {list(values)!r}")
    if len(array) == 0:
        return ()
    from statsmodels.stats.multitest import multipletests  # takes a second to load, and not every command tests

    return tuple(multipletests(array, method="holm")[1].tolist())


def letters(separated: npt.ArrayLike) -> tuple[str, ...]:
    """Return a compact letter display of the symmetric matrix `separated` (methods, methods), best method first.

    Two methods share a letter if and only if they are not separated: insert and absorb (Piepho 2004). Letters are given
    out in the order of the methods, so that the first method's is ``a``. Raises ValueError for another shape.
    """
    apart = np.asarray(separated, dtype=bool)
    if apart.ndim != 2 or apart.shape[0] != apart.shape[1] or (apart != apart.T).any() or apart.diagonal().any():
        raise ValueError("separated is a symmetric matrix with nothing on its diagonal")
    columns: list[frozenset[int]] = [frozenset(range(len(apart)))] if len(apart) else []
    for one, other in zip(*np.nonzero(np.triu(apart)), strict=True):
        split = [
            part
            for column in columns
            for part in ((column - {one}, column - {other}) if {one, other} <= column else (column,))
        ]
        columns = _absorbed(split)
    columns.sort(key=lambda column: sorted(column))
    names = [_name(number) for number in range(len(columns))]
    return tuple(
        "".join(name for name, column in zip(names, columns, strict=True) if member in column)
        for member in range(len(apart))
    )


def _absorbed(columns: Sequence[frozenset[int]]) -> list[frozenset[int]]:
    """Return the columns that lie in no other one."""
    kept = list(dict.fromkeys(columns))
    return [column for column in kept if not any(column < other for other in kept)]


def _name(number: int) -> str:
    """Return ``a`` to ``z``, ``A`` to ``Z``, then ``a1`` and so on: none is the beginning of two."""
    round_, place = divmod(number, len(string.ascii_letters))
    return string.ascii_letters[place] + (str(round_) if round_ else "")
