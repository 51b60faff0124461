"""Power and numbers of seeds against statsmodels and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from benchmark.analysis.stats.planning import power, seeds_needed


@pytest.mark.parametrize("n", [2, 3, 5, 20])
@pytest.mark.parametrize("ratio", [0.1, 0.5, 1.0, 3.0])
def test_power_against_statsmodels(n: int, ratio: float) -> None:
    wanted = TTestPower().power(ratio, n, 0.05)  # nan where its other tail is too small to be computed
    assert power(2.0, 2.0 * ratio, n) == pytest.approx(1.0 if math.isnan(wanted) else wanted, abs=1e-6)
    assert power(2.0, -2.0 * ratio, n) == power(2.0, 2.0 * ratio, n)


def test_power_against_simulation() -> None:
    gaps = np.random.Generator(np.random.PCG64(1)).normal(0.5, 0.4, (20_000, 5))
    share = np.mean(stats.ttest_1samp(gaps, 0, axis=1).pvalue < 0.05)
    assert power(0.4, 0.5, 5) == pytest.approx(share, abs=0.01)  # 20,000 trials measure it to 0.35%


def test_no_gain_is_found_as_often_as_the_level_says() -> None:
    assert power(1.0, 0.0, 5) == pytest.approx(0.05)


@pytest.mark.parametrize("ratio", [0.05, 0.2, 0.5, 1.0, 2.0, 10.0])
def test_seeds_needed_against_statsmodels(ratio: float) -> None:
    n = seeds_needed(1.0, ratio)
    assert n is not None
    assert power(1.0, ratio, n) >= 0.8
    assert n == 2 or power(1.0, ratio, n - 1) < 0.8
    if ratio <= 2:  # statsmodels' search fails beyond
        assert n == math.ceil(TTestPower().solve_power(ratio, power=0.8, alpha=0.05))


def test_extremes() -> None:
    assert seeds_needed(0.0, 0.1) == 2
    assert seeds_needed(1.0, 1e-6) is None
    assert power(1e-9, 1.0, 5) == pytest.approx(1.0)


@pytest.mark.parametrize(("sd", "gain", "n"), [(1.0, 1.0, 1), (-1.0, 1.0, 3), (0.0, 0.0, 3)])
def test_what_has_no_power(sd: float, gain: float, n: int) -> None:
    with pytest.raises(ValueError, match="no power"):
        power(sd, gain, n)


def test_no_number_of_seeds_for_no_gain() -> None:
    with pytest.raises(ValueError, match="a gain that isn't zero"):
        seeds_needed(1.0, 0.0)
