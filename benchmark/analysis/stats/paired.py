"""Two trained models on the same test rows: what one seed can say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """First minus second, in the unit of the scores."""

    test: str  # "seeds and rows" | "rows" | "McNemar"
    n: int  # seeds
    difference: float
    half_width: float | None  # of the 95% interval; None where n values can't tell
    p: float | None  # two-sided; None where n values can't tell


def mcnemar(first: npt.ArrayLike, second: npt.ArrayLike) -> Comparison:
    """Compare right (1) and wrong (0) per test row, shape (rows,), of two models by McNemar's exact test.

    Of the rows on which just one is right, each model has half where they are equally good (McNemar 1947). The
    half-width reaches to the bound next to zero of Clopper & Pearson's 95% interval for that share, given the number of
    such rows: it leaves out zero just where p < 5%. Without such rows it is the difference that would have shown in one
    row with 95% probability. Raises ValueError for unequal shapes.
    """
    one, other = _alike(first, second)
    gaps = one - other
    rows, wins, losses = len(gaps), int(np.sum(gaps > 0)), int(np.sum(gaps < 0))
    found = wins + losses
    if not found:
        return Comparison("McNemar", 1, 0.0, 1 - 0.05 ** (1 / rows), 1.0)
    test = stats.binomtest(max(wins, losses), found, 0.5)
    bound = found / rows * (2 * float(test.proportion_ci(0.95, "exact").low) - 1)
    difference = float(gaps.mean())
    return Comparison("McNemar", 1, difference, abs(difference) - bound, float(test.pvalue))


def _alike(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[Floats, Floats]:
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.shape != other.shape or one.ndim != 1 or one.size == 0:
        raise ValueError(f"a pair needs two arrays of shape (rows,), not {one.shape} and {other.shape}")
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise ValueError("a pair needs finite numbers: a diverged run is shown, never compared")
    return one, other
