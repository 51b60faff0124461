"""All pairs of a board tested at once, over seeds and test rows.

`tails` joins what the modules beside it give: the variance that comes with test rows (`components`) and what is
known of each method's spread between seeds (`seeds`). Given two methods' σ, the difference of their means over n seeds
has the variance rows + (σ₁² + σ₂²) / n and t's distribution (the rows' degrees of freedom, so nearly the normal one); p
is that tail's probability, averaged over what σ₁ and σ₂ may be: the tail of a posterior predictive distribution, as
Behrens' and Fisher's solution for two unequal variances is. Intervals come from the same tail: the 95% interval leaves
out zero just where p < 5%.

Many pairs: given the σ, m times the tail bounds the chance that any of m pairs is a false difference. It is averaged
over the σ after it was cut off at `CUT`: where σ are large for a method, all its pairs are wrong together, and counting
each by itself, as Bonferroni's bound does in the average, would cost two thirds of the power at two seeds. m steps down
as in Holm (1979). `docs/statistics.md` has the error rates and the power, by simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from benchmark.analysis.stats.components import Components
from benchmark.analysis.stats.seeds import SeedSpreads

Floats = npt.NDArray[np.float64]

CUT = 2.0
"""Most that a bound on a probability counts for, given the σ; adjusted p below 1 are affected alone."""
FINE = 8
"""Points per unit of log variance in which a pair's mixture of variances is kept."""
ROUNDS = 30
"""Halvings of the interval in which a half-width is searched: to 9 digits."""
FEW = 30
"""Degrees of freedom below which t's tail is computed exactly, which takes ten times as long."""


@dataclass(frozen=True, eq=False)
class Tails:
    """Mixtures of t distributions, one per pair: what the difference of two equally good methods could look like."""

    variances: Floats  # (pairs, points): of the difference
    weights: Floats  # (pairs, points), summing to 1
    df: Floats  # (pairs,)

    def p(self, differences: Floats) -> Floats:
        """Return the two-sided p (pairs,) of the differences (pairs,)."""
        return self.bound(differences, np.ones(len(differences)))

    def bound(self, differences: Floats, pairs: Floats) -> Floats:
        """Return the bound (pairs,) on the chance that any of so many `pairs` (pairs,) is as far out."""
        cut = np.minimum(CUT, pairs[:, None] * self._given(differences))
        bound: Floats = np.minimum((self.weights * cut).sum(axis=1), 1.0)
        return bound

    def half_widths(self, level: float, pairs: float = 1.0) -> Floats:
        """Return the differences (pairs,) whose p, or bound over so many `pairs`, is just `level`."""
        spread = np.sqrt(self.variances.max(axis=1))
        count = np.full(len(spread), pairs)
        low: Floats = np.zeros_like(spread)
        high: Floats = spread.copy()
        while (beyond := (self.bound(high, count) > level) & (spread > 0)).any():
            high[beyond] *= 4.0
        for _ in range(ROUNDS):
            middle = (low + high) / 2
            above = self.bound(middle, count) > level
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return high

    def _given(self, differences: Floats) -> Floats:
        """Return the two-sided tail probability (pairs, points) at each of the variances."""
        size = np.abs(differences)[:, None]
        sd = np.sqrt(self.variances)
        ratio = np.divide(size, sd, out=np.where(size > 0, np.inf, np.zeros_like(sd)), where=sd > 0)
        df = self.df[:, None]
        normal = np.sqrt(df * np.log1p(ratio**2 / df)) * (8 * df + 1) / (8 * df + 3)  # Wallace 1959: within 0.1%
        tail = special.ndtr(-normal)
        few = self.df < FEW
        tail[few] = special.stdtr(df[few], -ratio[few])
        both: Floats = 2.0 * tail
        return both


def tails(found: Components, spreads: SeedSpreads | None, pairs: Sequence[tuple[int, int]]) -> Tails:
    """Return the tails of `pairs`, each with a seed in common; without `spreads` those of the trained models."""
    first, second = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    rows, df = found.rows[first, second], found.df[first, second]
    if spreads is None:
        return Tails(rows[:, None], np.ones((len(pairs), 1)), df)
    sums, sharing = _summed(spreads.variances)
    weights = np.array([sharing(spreads.of_pair(one, other)) for one, other in pairs])  # (pairs, points)
    variances = rows[:, None] + sums / found.seeds[first, second][:, None]
    return Tails(variances, weights / weights.sum(axis=1, keepdims=True), df)


def _summed(variances: Floats) -> tuple[Floats, Callable[[Floats], Floats]]:
    """Return a finer grid (points,) for sums of two variances, and what carries joint weights over to it."""
    place = np.log(variances[:, None] + variances)
    low = float(place.min())
    place = ((place - low) * FINE).ravel()
    below = place.astype(np.int64)
    share, count = place - below, int(below.max()) + 2

    def carry(joint: Floats) -> Floats:
        flat = joint.ravel()
        carried: Floats = np.bincount(below, flat * (1 - share), count).astype(np.float64)
        return carried + np.bincount(below + 1, flat * share, count)

    return np.exp(low + np.arange(count) / FINE), carry


def adjusted(mixtures: Tails, differences: Floats) -> Floats:
    """Return p (pairs,) adjusted for all of them: step down by p, never decreasing. Pairs in any order."""
    p = mixtures.p(differences)
    order = np.argsort(p, kind="stable")
    left = np.empty(len(p))
    left[order] = np.arange(len(p), 0, -1)
    made = mixtures.bound(differences, left)
    made[order] = np.maximum.accumulate(np.maximum(made, p)[order])
    return made
