"""How many seeds a gain needs: power of a paired t test over seeds and test rows (Cohen 1988; scipy's noncentral t)."""

from __future__ import annotations

import math

from scipy import stats

MOST_SEEDS = 1_000_000
"""Beyond this the answer is: not by more seeds."""


def power(sd: float, gain: float, n: int, alpha: float = 0.05, noise: float = 0.0) -> float:
    """Return the chance that a two-sided paired t test at level `alpha` over `n` seeds finds a true `gain`.

    `sd` is the standard deviation over seeds of the differences, `noise` that of their mean which comes with the test
    rows and stays however many seeds there are; both in the unit of `gain`. The critical value is Cochran & Cox's
    (1950), between t's for the seeds and the normal one for the rows; the statistic has Satterthwaite's (1946) degrees
    of freedom. Raises ValueError for n < 2, a negative sd or noise, or no spread and no
    gain.
    """
    if n < 2 or min(sd, noise) < 0 or (sd == noise == gain == 0):
        raise ValueError(f"no power for n={n}, sd={sd}, gain={gain}: two or more seeds, and a spread or a gain")
    between = sd**2 / n
    variance = between + noise**2
    if variance == 0:
        return 1.0
    shift = abs(gain) / math.sqrt(variance)
    if between == 0:
        critical = float(stats.norm.isf(alpha / 2))
        return float(stats.norm.sf(critical - shift) + stats.norm.cdf(-critical - shift))
    df = (n - 1) * (variance / between) ** 2
    by_seeds, by_rows = float(stats.t.isf(alpha / 2, n - 1)), float(stats.norm.isf(alpha / 2))
    critical = (between * by_seeds + noise**2 * by_rows) / variance
    found = float(stats.nct.sf(critical, df, shift) + stats.nct.cdf(-critical, df, shift))
    return min(1.0, found) if math.isfinite(found) else 1.0  # scipy gives nan far out, where nothing is left to miss


def seeds_needed(
    sd: float, gain: float, wanted: float = 0.8, alpha: float = 0.05, noise: float = 0.0, most: int = MOST_SEEDS
) -> int | None:
    """Return the fewest seeds, two or more, whose power is at least `wanted`; None where `most` are too few.

    Raises ValueError where `power` does, or for a gain of zero.
    """
    if gain == 0 or not 0 < wanted < 1:
        raise ValueError(f"gain {gain}, power {wanted}: a gain that isn't zero, a power between 0 and 1")
    if power(sd, gain, most, alpha, noise) < wanted:
        return None
    low, high = 1, 2  # power(low) is too little (one seed has none), power(high) will do
    while power(sd, gain, high, alpha, noise) < wanted:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(sd, gain, middle, alpha, noise) >= wanted else (middle, high)
    return high
