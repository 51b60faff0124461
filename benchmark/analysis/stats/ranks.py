"""Methods over several suites: average ranks and the critical difference (Demšar 2006, JMLR 7, section 3.2.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats


@dataclass(frozen=True)
class Ranks:
    """Average ranks over suites; rank 1 is the best."""

    suites: int
    average: tuple[float, ...]  # (methods,)
    critical_difference: float  # two methods whose average ranks are nearer than this are not significantly different
    p: float | None  # Friedman's: that all methods are equally good; None for two methods
    tied: tuple[tuple[int, ...], ...]  # the bars of the diagram: maximal sets of two or more methods, best first


def ranks(scores: npt.ArrayLike, alpha: float = 0.05) -> Ranks:
    """Return the average ranks of `scores` (suites, methods), higher is better, and Nemenyi's critical difference.

    Equal scores share the mean of their ranks. The difference is q·sqrt(k(k + 1)/6N) for k methods over N suites, q
    from the studentised range. Raises ValueError for fewer than two suites or methods, or scores that aren't finite.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2 or not np.isfinite(table).all():
        raise ValueError(f"ranks need finite scores of two or more methods on two or more suites, not {table.shape}")
    suites, methods = table.shape
    average = stats.rankdata(-table, axis=1).mean(axis=0)  # (methods,)
    q = float(stats.studentized_range.ppf(1 - alpha, methods, np.inf)) / math.sqrt(2)
    critical = q * math.sqrt(methods * (methods + 1) / (6 * suites))
    p = None
    if methods > 2:
        level = bool((table == table[:, :1]).all())  # no suite ranks any method: scipy would divide by zero
        p = 1.0 if level else float(stats.friedmanchisquare(*table.T).pvalue)
    return Ranks(suites, tuple(average.tolist()), critical, p, _bars(average, critical))


def _bars(average: npt.NDArray[np.float64], critical: float) -> tuple[tuple[int, ...], ...]:
    """Return the longest runs, in the order of ranks, whose ends lie nearer than `critical`."""
    order = np.argsort(average, kind="stable")
    bars: list[tuple[int, ...]] = []
    reached = 0
    for start in range(len(order)):
        end = start
        while end + 1 < len(order) and average[order[end + 1]] - average[order[start]] < critical:
            end += 1
        if end > start and end > reached:
            bars.append(tuple(int(member) for member in order[start : end + 1]))
            reached = end
    return tuple(bars)
