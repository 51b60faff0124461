"""Paired comparisons against scipy and statsmodels, by hand, and on data in which there is nothing to find."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from benchmark.analysis.stats.paired import (
    Comparison,
    Resampled,
    compare,
    mcnemar,
    paired_t,
    resampled_means,
    seed_weights,
    two_level,
)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


@pytest.mark.parametrize("n", [2, 3, 10])
def test_paired_t_against_scipy(n: int) -> None:
    first, second = generator(n).normal(0.8, 0.02, (2, n))
    found, wanted = paired_t(first, second), stats.ttest_rel(first, second)
    low, high = wanted.confidence_interval(0.95)
    assert found.half_width is not None
    assert (found.p, found.df, found.n) == (pytest.approx(wanted.pvalue), wanted.df, n)
    assert (found.difference - found.half_width, found.difference + found.half_width) == pytest.approx((low, high))


def test_paired_t_by_hand() -> None:
    found = paired_t([0.1, 0.2, 0.3], [0.0, 0.0, 0.0])  # mean 0.2, sd 0.1: t = 2·√3, two degrees of freedom
    assert found.difference == pytest.approx(0.2)
    assert found.half_width == pytest.approx(0.248414, rel=1e-5)
    assert found.p == pytest.approx(2 * stats.t.sf(2 * 3**0.5, 2))


def test_paired_t_of_one_seed_says_the_difference_alone() -> None:
    assert paired_t([0.5], [0.25]) == Comparison("paired t", 1, 0.25, None, None, None)


def test_differences_without_spread_are_no_evidence_unless_there_are_none() -> None:
    assert paired_t([0.3, 0.4], [0.3, 0.4]).p == 1.0
    assert paired_t([0.35, 0.45], [0.3, 0.4]).p is None


def test_mcnemar_by_hand() -> None:
    first = np.array([1, 1, 1, 1, 1, 0, 1, 0])
    second = np.array([0, 0, 0, 0, 0, 1, 1, 0])
    found = mcnemar(first, second)  # 5 against 1 of 6: p = 2·(1 + 6)/64
    assert found.p == pytest.approx(14 / 64)
    assert found.difference == 0.5
    assert (found.test, found.n) == ("McNemar", 1)
    assert found.half_width == pytest.approx(stats.t.ppf(0.975, 7) * np.std(first - second, ddof=1) / 8**0.5)


@pytest.mark.parametrize("seed", range(5))
def test_mcnemar_against_statsmodels(seed: int) -> None:
    first, second = generator(seed).random((2, 60)) < 0.7
    table = [[np.sum(first & second), np.sum(first & ~second)], [np.sum(~first & second), np.sum(~first & ~second)]]
    assert mcnemar(first, second).p == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue)


def test_equal_models_are_equal() -> None:
    right = np.array([1, 0, 1, 1])
    assert (mcnemar(right, right).p, mcnemar(right, right).difference) == (1.0, 0.0)
    both = np.stack([right, 1 - right])
    found = two_level(both, both, generator())
    assert (found.difference, found.half_width, found.p) == (0.0, 0.0, 1.0)


def test_a_difference_on_every_row_of_every_seed_is_certain() -> None:
    found = two_level(np.ones((3, 40)), np.zeros((3, 40)), generator())
    assert (found.difference, found.half_width, found.p) == (1.0, 0.0, 0.0)


def test_resampled_means_draw_the_same_rows_for_all() -> None:
    values = generator(1).integers(0, 2, (2, 3, 50)).astype(float)
    means = resampled_means(values, generator(2), 200)
    assert means.shape == (2, 3, 200)
    picks = generator(2).integers(0, 50, (200, 50))  # by index instead of by count
    assert (means == values[..., picks].mean(axis=-1)).all()


def test_many_rows_are_drawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    values = generator(1).integers(0, 2, (2, 50)).astype(float)
    whole = resampled_means(values, generator(2), 100)
    monkeypatch.setattr("benchmark.analysis.stats.paired.MOST_DRAWS", 70 * 50)
    assert (resampled_means(values, generator(2), 100) == whole).all()


def test_one_seed_fewer_is_drawn_so_that_the_variance_is_that_of_a_mean() -> None:
    weights = seed_weights(3, generator(), 100_000)
    assert set(np.unique(weights)) == {0.0, 0.5, 1.0}
    assert (weights.sum(axis=1) == 1).all()
    values = np.array([1.0, 2.0, 6.0])
    assert (weights @ values).var() == pytest.approx(values.var(ddof=1) / 3, rel=0.01)  # 100,000 draws: 0.5%
    with pytest.raises(ValueError, match="can't be resampled"):
        seed_weights(1, generator())


def test_rows_alone_vary_as_their_mean_does() -> None:
    """Seeds that agree to the row: the standard error is that of a mean over rows, as scipy's paired t has it."""
    first, second = (generator(3).random((2, 500)) < 0.8).astype(float)
    found = two_level(np.stack([first] * 3), np.stack([second] * 3), generator(4), 20_000)
    wanted = stats.ttest_rel(first, second)
    assert found.df == pytest.approx(499)
    assert found.p == pytest.approx(wanted.pvalue, rel=0.1)  # the standard error is known to 0.5%
    assert found.half_width == pytest.approx(np.diff(wanted.confidence_interval())[0] / 2, rel=0.02)


def test_seeds_alone_vary_as_in_a_paired_t() -> None:
    """Rows that agree within a seed leave the spread between seeds, and n - 1 degrees of freedom."""
    gaps = np.array([0.1, 0.2, 0.6])
    values = np.repeat(gaps[:, None], 1000, axis=1)
    found = two_level(values, np.zeros_like(values), generator(), 20_000)
    wanted = stats.ttest_1samp(gaps, 0)
    assert found.df == pytest.approx(2)
    assert found.p == pytest.approx(wanted.pvalue, rel=0.02)  # the standard error is known to 0.5%
    assert found.half_width == pytest.approx(np.diff(wanted.confidence_interval())[0] / 2, rel=0.02)


def test_the_standard_error_against_a_plain_loop() -> None:
    first, second = (generator(5).random((2, 3, 40)) < 0.7).astype(float)
    draw, means = generator(6), []
    for _ in range(20_000):
        rows = draw.integers(0, 40, 40)  # one draw for all seeds
        seeds = draw.integers(0, 3, 2)  # two of three
        means.append((first - second)[np.ix_(seeds, rows)].mean())
    found = two_level(first, second, generator(7), 20_000)
    assert found.half_width is not None
    assert found.df is not None
    assert found.half_width / stats.t.ppf(0.975, found.df) == pytest.approx(np.std(means, ddof=1), rel=0.03)


def test_equal_generators_give_equal_results_and_order_turns_the_sign() -> None:
    first, second = (generator(5).random((2, 3, 100)) < 0.7).astype(float)
    one, again, other = (two_level(*pair, generator(1)) for pair in ((first, second), (first, second), (second, first)))
    assert one == again
    assert (other.difference, other.half_width, other.p) == (-one.difference, one.half_width, one.p)
    assert two_level(first, second, generator(2)) != one


NULLS = {  # sd between seeds, share of rows on which the methods always differ, share on which they do at one seed
    "seeds": (0.05, 0.0, 0.01),
    "rows": (0.0, 0.1, 0.0),
    "chance": (0.0, 0.0, 0.1),
    "all": (0.01, 0.05, 0.05),
}


@pytest.mark.parametrize("kind", NULLS)
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_a_true_tie_is_rarely_called_a_difference(kind: str, seeds: int) -> None:
    spread, always, once = NULLS[kind]
    draw, rows, trials, called = generator(8), 300, 400, 0
    for _ in range(trials):
        lasting = draw.choice([-1, 0, 1], rows, p=[always / 2, 1 - always, always / 2])  # (rows,)
        shifts = np.clip(draw.normal(0, spread, (seeds, 1)), -0.4, 0.4)
        ups, downs = once / 2 + np.maximum(shifts, 0), once / 2 + np.maximum(-shifts, 0)
        chance = draw.random((seeds, rows))
        gaps = np.where(chance < ups, 1, np.where(chance > 1 - downs, -1, lasting))
        found = two_level(gaps == 1, gaps == -1, draw, 200)
        assert found.p is not None
        called += found.p < 0.05
    assert called / trials <= 0.08  # 5% are allowed; 400 trials measure it to 1.1%, so this is three of those away


def test_a_real_difference_is_found() -> None:
    draw = generator(9)
    called = 0
    for _ in range(40):
        second = draw.random((3, 2974)) < 0.86
        first = second | (draw.random((3, 2974)) < 0.15)  # two points better
        found = two_level(first, second, draw, 500)
        assert found.p is not None
        called += found.p < 0.01
    assert called >= 38


def test_thirteen_methods_are_compared_in_seconds() -> None:
    right = (generator().random((13, 3, 2974)) < 0.85).astype(float)
    begun = time.perf_counter()
    draws = resampled_means(right, generator(1), 2000)
    weights = seed_weights(3, generator(2), 2000)
    methods = [Resampled(right[k].mean(axis=1), draws[k], 2974) for k in range(13)]
    made = [compare(one, other, weights) for one, other in itertools.combinations(methods, 2)]
    assert len(made) == 78
    assert time.perf_counter() - begun < 5  # 0.35 s on one core of an EPYC


@pytest.mark.parametrize(
    ("first", "second"), [([0.5], [0.5, 0.6]), ([], []), ([0.5, np.nan], [0.5, 0.5]), ([[0.5]], [[0.5]])]
)
def test_what_can_not_be_paired(first: list[float], second: list[float]) -> None:
    with pytest.raises(ValueError, match="a pair needs"):
        paired_t(first, second)


def test_what_does_not_belong_together_is_not_compared() -> None:
    one = Resampled(np.zeros(2), np.zeros((2, 10)), 5)
    with pytest.raises(ValueError, match="nothing to compare"):
        compare(one, one, seed_weights(3, generator(), 10))
    with pytest.raises(ValueError, match="can't be resampled"):
        two_level([[1.0, 0.0]], [[0.0, 1.0]], generator())
