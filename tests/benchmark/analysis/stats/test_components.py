"""The variance that test rows bring, against plain loops and a brute-force bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmark.analysis.stats.components import Components, components


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def of(values: np.ndarray) -> Components:
    """Components of `values` (methods, seeds, rows), one stratum."""
    return components([{seed: (rows,) for seed, rows in enumerate(method)} for method in values])


def test_seeds_that_agree_to_the_row_leave_the_standard_error_of_a_mean_over_rows() -> None:
    first, second = (generator(3).random((2, 500)) < 0.8).astype(float)
    found = of(np.stack([[first] * 3, [second] * 3]))
    wanted = stats.ttest_rel(first, second)
    extreme = 1 / 500**2  # one more row that differs
    assert found.difference[0, 1] == pytest.approx((first - second).mean())
    assert found.difference[1, 0] == -found.difference[0, 1]
    assert found.rows[0, 1] - extreme == pytest.approx((found.difference[0, 1] / wanted.statistic) ** 2)
    assert found.df[0, 1] == 499
    assert found.rest[0, 1] == pytest.approx(0.0, abs=1e-18)


def test_two_way_components_by_a_plain_loop() -> None:
    values = (generator(5).random((3, 4, 60)) < 0.7).astype(float)
    found = of(values)
    for one, other in ((0, 1), (1, 2), (0, 2)):
        gaps = values[one] - values[other]  # (seeds, rows)
        left = gaps - gaps.mean(axis=0) - gaps.mean(axis=1, keepdims=True) + gaps.mean()
        assert found.rest[one, other] == pytest.approx((left**2).sum() / (3 * 59) / 60)
        extreme = np.abs(gaps.mean(axis=0)).max() ** 2 / 60**2
        assert found.rows[one, other] == pytest.approx(gaps.mean(axis=0).var(ddof=1) / 60 + extreme)


def test_rows_and_seeds_together_are_the_pigeonhole_bootstrap_s_variance() -> None:
    """Against resampling n - 1 of n seeds (Rao & Wu 1988) and, for all of them at once, the rows (Owen 2007)."""
    draw = generator(6)
    values = (draw.random((2, 5, 200)) < 0.7 + draw.normal(0, 0.03, (2, 5, 1))).astype(float)
    found, gaps = of(values), values[0] - values[1]
    picks = [(draw.integers(0, 5, 4), draw.integers(0, 200, 200)) for _ in range(20_000)]
    brute = np.var([gaps[np.ix_(seeds, rows)].mean() for seeds, rows in picks])
    rest = found.rest[0, 1] / 5
    closed = found.rows[0, 1] + gaps.mean(axis=1).var(ddof=1) / 5 - rest  # each of the two holds the rest
    assert brute == pytest.approx(closed + 2 * rest, rel=0.06)  # the bootstrap counts it three times (Owen 2007)


def test_strata_add_up_with_satterthwaite_s_degrees_of_freedom() -> None:
    draw = generator(7)
    few, many = draw.normal(size=(2, 2, 20)), draw.normal(size=(2, 2, 500))
    whole = components([{0: (few[k][0], many[k][0]), 1: (few[k][1], many[k][1])} for k in range(2)])
    parts = [of(few), of(many)]
    assert whole.difference[0, 1] == pytest.approx(sum(part.difference[0, 1] for part in parts))
    assert whole.rows[0, 1] == pytest.approx(sum(part.rows[0, 1] for part in parts))
    variances, df = np.array([part.rows[0, 1] for part in parts]), np.array([19, 499])
    assert whole.df[0, 1] == pytest.approx(variances.sum() ** 2 / (variances**2 / df).sum())


def test_pairs_are_compared_over_the_seeds_that_both_have() -> None:
    values = (generator(8).random((3, 4, 50)) < 0.7).astype(float)
    ragged = [{0: (values[0][0],), 1: (values[0][1],), 2: (values[0][2],)}, {1: (values[1][1],), 2: (values[1][2],)}]
    found = components([*ragged, {3: (values[2][3],)}])
    assert found.seeds.tolist() == [[0, 2, 0], [2, 0, 0], [0, 0, 0]]
    assert found.difference[0, 1] == pytest.approx(values[0][1:3].mean() - values[1][1:3].mean())
    assert np.isnan(found.difference[0, 2])


def test_equal_methods_differ_by_nothing_and_one_row_shows_nothing() -> None:
    found = of(np.ones((2, 3, 10)))
    assert (found.difference[0, 1], found.rows[0, 1], found.rest[0, 1]) == (0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="two or more"):
        of(np.ones((2, 3, 1)))
