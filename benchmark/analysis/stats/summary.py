"""Means and intervals over seeds. Pure functions on one-dimensional arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Summary:
    """Mean over n seeds. `half_width` is None where n < 2: one value has no interval."""

    n: int
    mean: float
    sd: float | None  # sample standard deviation (n - 1)
    half_width: float | None  # of the 95% t interval
    median: float


def summarise(values: Sequence[float], confidence: float = 0.95) -> Summary:
    """Return mean, median, sd and half-width of the t interval (n - 1 degrees of freedom) of `values`, shape (n,).

    Raises ValueError for no values or one that is not finite: a diverged run is shown, never averaged.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) == 0 or not np.isfinite(array).all():
        raise ValueError(f"a summary needs finite numbers, not {list(values)!r}")
    n = len(array)
    median = float(np.median(array))
    if n < 2:
        return Summary(n, float(array[0]), None, None, median)
    sd = float(array.std(ddof=1))
    return Summary(n, float(array.mean()), sd, half_width_in_sds(n, confidence) * sd, median)


def half_width_in_sds(n: int, confidence: float = 0.95) -> float:
    """Return the half-width of the t interval of n values, in their standard deviations: 2.48 at n = 3.

    Raises ValueError for n < 2, where there is no interval.
    """
    if n < 2:
        raise ValueError(f"{n} value(s) have no interval")
    return float(stats.t.ppf(0.5 + confidence / 2, n - 1)) / math.sqrt(n)
