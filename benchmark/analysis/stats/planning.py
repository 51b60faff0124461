"""How many seeds a gain needs: power of the paired t test (Cohen 1988; scipy's noncentral t)."""

from __future__ import annotations

import math

from scipy import stats

MOST_SEEDS = 1_000_000
"""Beyond this the answer is: not by more seeds."""


def power(sd: float, gain: float, n: int, alpha: float = 0.05) -> float:
    """Return the chance that a two-sided paired t test at level `alpha` over `n` seeds tells a true `gain` from none.

    `sd` is the standard deviation over seeds of the differences, in the unit of `gain`. Raises ValueError for n < 2, a
    negative sd, or an sd and a gain of zero.
    """
    if n < 2 or sd < 0 or (sd == 0 and gain == 0):
        raise ValueError(f"no power for n={n}, sd={sd}, gain={gain}: two or more seeds, and a spread or a gain")
    if sd == 0:
        return 1.0
    df, shift = n - 1, abs(gain) / sd * math.sqrt(n)
    critical = float(stats.t.ppf(1 - alpha / 2, df))
    found = float(stats.nct.sf(critical, df, shift) + stats.nct.cdf(-critical, df, shift))
    return min(1.0, found) if math.isfinite(found) else 1.0  # scipy gives nan far out, where nothing is left to miss


def seeds_needed(sd: float, gain: float, wanted: float = 0.8, alpha: float = 0.05) -> int | None:
    """Return the fewest seeds, two or more, whose power is at least `wanted`; None where `MOST_SEEDS` are too few.

    Raises ValueError where `power` does, or for a gain of zero.
    """
    if gain == 0 or not 0 < wanted < 1:
        raise ValueError(f"gain {gain}, power {wanted}: a gain that isn't zero, a power between 0 and 1")
    if power(sd, gain, MOST_SEEDS, alpha) < wanted:
        return None
    low, high = 1, 2  # power(low) is too little (one seed has none), power(high) will do
    while power(sd, gain, high, alpha) < wanted:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(sd, gain, middle, alpha) >= wanted else (middle, high)
    return high
