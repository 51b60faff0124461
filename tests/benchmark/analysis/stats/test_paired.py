"""McNemar's test by hand and against statsmodels, and its interval against its p."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from benchmark.analysis.stats.paired import mcnemar


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def test_mcnemar_by_hand() -> None:
    first = np.array([1, 1, 1, 1, 1, 0, 1, 0])
    second = np.array([0, 0, 0, 0, 0, 1, 1, 0])
    found = mcnemar(first, second)  # 5 against 1 of 6: p = 2·(1 + 6)/64
    assert found.p == pytest.approx(14 / 64)
    assert found.difference == 0.5
    assert (found.test, found.n) == ("McNemar", 1)
    low = stats.beta.ppf(0.025, 5, 2)  # Clopper & Pearson's bound on 5 of 6
    assert found.half_width == pytest.approx(0.5 - 6 / 8 * (2 * low - 1))


@pytest.mark.parametrize("seed", range(5))
def test_mcnemar_against_statsmodels(seed: int) -> None:
    first, second = generator(seed).random((2, 60)) < 0.7
    table = [[np.sum(first & second), np.sum(first & ~second)], [np.sum(~first & second), np.sum(~first & ~second)]]
    assert mcnemar(first, second).p == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue)


@pytest.mark.parametrize("losses", [0, 3, 20])
def test_the_interval_leaves_out_zero_just_where_p_is_below_5_percent(losses: int) -> None:
    verdicts = set()
    for wins in range(losses, losses + 40):
        first, second = np.zeros((2, 200))
        first[:wins] = second[wins : wins + losses] = 1
        for found in (mcnemar(first, second), mcnemar(second, first)):
            assert found.p is not None
            assert found.half_width is not None
            verdicts.add(found.p < 0.05)
            assert (abs(found.difference) > found.half_width) == (found.p < 0.05)
    assert verdicts == {True, False}


def test_equal_models_are_equal_as_far_as_the_rows_can_tell() -> None:
    found = mcnemar(np.ones(100), np.ones(100))
    assert (found.p, found.difference) == (1.0, 0.0)
    assert found.half_width == pytest.approx(0.0295, abs=1e-4)  # 0.97^100 is 5%: a difference of 3% would have shown


@pytest.mark.parametrize(
    ("first", "second"), [([0.5], [0.5, 0.6]), ([], []), ([0.5, np.nan], [0.5, 0.5]), ([[0.5]], [[0.5]])]
)
def test_what_can_not_be_paired(first: list[float], second: list[float]) -> None:
    with pytest.raises(ValueError, match="a pair needs"):
        mcnemar(first, second)
