"""Two methods on the same seeds and the same test rows.

Three tests, by what there is:

- `paired_t`: scores at several seeds. The spread between seeds is all it knows.
- `mcnemar`: right and wrong per test row at one seed. It compares two trained models; other seeds may differ.
- `two_level`: right and wrong per test row at several seeds. It asks whether the difference would hold for other seeds
  *and* other test rows.

How `two_level` resamples, and why. The test rows are the same at every seed, so one draw of rows serves all seeds of a
resample (Owen 2007, "The pigeonhole bootstrap"): drawing them afresh within each seed would treat three verdicts on one
sentence as three sentences. Of n seeds n - 1 are drawn, not n (Rao & Wu 1988), for n draws have only (n - 1)/n of the
variance between seeds, two thirds at three seeds. The resamples give the standard error; the interval and p come from
Student's t with Satterthwaite's degrees of freedom, and not from percentiles: where seeds differ more than rows do,
three differences have one sign in a quarter of all cases in which there is none, and percentiles call each of them
certain. A test beside this file measures how often a true tie is called a difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmark.analysis.stats.summary import half_width_in_sds

Floats = npt.NDArray[np.float64]

RESAMPLES = 2000
"""The standard error of that many is known to 1.6%."""
MOST_DRAWS = 4_000_000
"""Numbers drawn at once: bounds the memory at some 100 MB, whatever the number of test rows."""
NOTHING = 1e-12
"""A spread of scores (shares) below this is rounding."""


@dataclass(frozen=True)
class Comparison:
    """First minus second, in the unit of the scores."""

    test: str
    n: int  # seeds
    difference: float
    half_width: float | None  # of the 95% interval; None where n values can't tell
    p: float | None  # two-sided; None where n values can't tell
    df: float | None  # degrees of freedom of t


@dataclass(frozen=True, eq=False)
class Resampled:
    """One method's score at every seed: as measured, and on resamples of the test rows."""

    scores: Floats  # (seeds,)
    draws: Floats  # (seeds, resamples)
    rows: int  # of the test split


def paired_t(first: Sequence[float] | Floats, second: Sequence[float] | Floats) -> Comparison:
    """Compare scores (seeds,) of two methods at the same seeds by Student's paired t.

    One seed: neither p nor interval. Seeds that all differ by the same amount: no p unless that amount is zero, for
    no spread was seen to hold it against. Raises ValueError for unequal shapes or scores that aren't finite.
    """
    one, other = _alike(first, second, dimensions=1)
    gaps, n = one - other, len(one)
    difference = float(gaps.mean())
    if n < 2:
        return Comparison("paired t", n, difference, None, None, None)
    sd = float(gaps.std(ddof=1))
    half_width = half_width_in_sds(n) * sd
    if sd < NOTHING:
        return Comparison("paired t", n, difference, half_width, 1.0 if abs(difference) < NOTHING else None, n - 1)
    p = 2 * float(stats.t.sf(abs(difference) / (sd / math.sqrt(n)), n - 1))
    return Comparison("paired t", n, difference, half_width, p, n - 1)


def mcnemar(first: npt.ArrayLike, second: npt.ArrayLike) -> Comparison:
    """Compare right (1) and wrong (0) per test row, shape (rows,), of two models by McNemar's exact test.

    The interval is Student's, of the mean over rows of the differences. Raises ValueError for unequal shapes.
    """
    one, other = _alike(first, second, dimensions=1)
    gaps = one - other
    wins, losses = int(np.sum(gaps > 0)), int(np.sum(gaps < 0))
    p = float(stats.binomtest(wins, wins + losses, 0.5).pvalue) if wins + losses else 1.0
    rows = len(gaps)
    half_width = half_width_in_sds(rows) * float(gaps.std(ddof=1)) if rows > 1 else None
    return Comparison("McNemar", 1, float(gaps.mean()), half_width, p, None)


def two_level(
    first: npt.ArrayLike, second: npt.ArrayLike, generator: np.random.Generator, resamples: int = RESAMPLES
) -> Comparison:
    """Compare two methods by values per seed and test row, both (seeds, rows), such as right (1) and wrong (0).

    Equal generators give equal results. Raises ValueError for unequal shapes or fewer than two seeds.
    """
    one, other = _alike(first, second, dimensions=2)
    both = resampled_means(np.stack([one, other]), generator, resamples)  # (2, seeds, resamples)
    rows = one.shape[1]
    weights = seed_weights(len(one), generator, resamples)
    return compare(Resampled(one.mean(axis=1), both[0], rows), Resampled(other.mean(axis=1), both[1], rows), weights)


def resampled_means(values: Floats, generator: np.random.Generator, resamples: int = RESAMPLES) -> Floats:
    """Return the means of `values` (…, rows) over resamples of the rows, the same for all: (…, resamples)."""
    rows = values.shape[-1]
    flat = np.ascontiguousarray(values.reshape(-1, rows), dtype=np.float32)  # (others, rows)
    step = max(1, MOST_DRAWS // rows)
    parts = []
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        picks = generator.integers(0, rows, (count, rows)) + np.arange(count)[:, None] * rows
        counts = np.bincount(picks.ravel(), minlength=count * rows).reshape(count, rows)  # how often each row is drawn
        parts.append(flat @ counts.T.astype(np.float32))  # (others, count); sums of small integers: exact in float32
    means: Floats = np.concatenate(parts, axis=1).astype(np.float64) / rows  # (others, resamples)
    return means.reshape(*values.shape[:-1], resamples)


def seed_weights(seeds: int, generator: np.random.Generator, resamples: int = RESAMPLES) -> Floats:
    """Return shares (resamples, seeds), each of `seeds` - 1 seeds drawn with replacement; rows sum to 1.

    Raises ValueError for fewer than two seeds: one says nothing of the spread between seeds.
    """
    if seeds < 2:
        raise ValueError(f"{seeds} seed(s) can't be resampled: two or more can")
    picks = generator.integers(0, seeds, (resamples, seeds - 1)) + np.arange(resamples)[:, None] * seeds
    return np.bincount(picks.ravel(), minlength=resamples * seeds).reshape(resamples, seeds) / (seeds - 1)


def compare(first: Resampled, second: Resampled, weights: Floats) -> Comparison:
    """Compare two methods whose test rows were drawn alike; `weights` (resamples, seeds) are of `seed_weights`.

    Raises ValueError for fewer than two seeds, or arrays that don't belong together.
    """
    gaps = first.scores - second.scores  # (seeds,)
    drawn = first.draws - second.draws  # (seeds, resamples)
    n, difference = len(gaps), float(gaps.mean())
    if n < 2 or weights.shape != drawn.T.shape or first.rows != second.rows:
        raise ValueError(f"{n} seeds, {first.rows} and {second.rows} rows, weights {weights.shape}: nothing to compare")
    error = float(np.einsum("bs,sb->b", weights, drawn).std(ddof=1))
    between = float(gaps.var(ddof=1)) / n  # variance of the mean that comes with the seeds, n - 1 degrees of freedom
    within = float(drawn.mean(axis=0).var(ddof=1))  # with the test rows, rows - 1 degrees of freedom
    if error < NOTHING:
        return Comparison("two-level bootstrap", n, difference, 0.0, 1.0 if abs(difference) < NOTHING else 0.0, None)
    df = (between + within) ** 2 / (between**2 / (n - 1) + within**2 / max(1, first.rows - 1))
    p = 2 * float(stats.t.sf(abs(difference) / error, df))
    return Comparison("two-level bootstrap", n, difference, float(stats.t.ppf(0.975, df)) * error, p, df)


def _alike(first: npt.ArrayLike, second: npt.ArrayLike, dimensions: int) -> tuple[Floats, Floats]:
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.shape != other.shape or one.ndim != dimensions or one.size == 0:
        raise ValueError(f"a pair needs two arrays of one shape with {dimensions} axes, not {one.shape}, {other.shape}")
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise ValueError("a pair needs finite numbers: a diverged run is shown, never compared")
    return one, other
