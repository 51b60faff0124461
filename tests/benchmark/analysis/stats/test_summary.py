"""Summaries over seeds against scipy and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from benchmark.analysis.stats import Summary, summarise
from benchmark.analysis.stats.summary import half_width_in_sds


@pytest.mark.parametrize("n", [2, 3, 5, 30])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
def test_against_scipy(n: int, confidence: float) -> None:
    values = np.random.Generator(np.random.PCG64(n)).normal(0.8, 0.02, n)
    found = summarise(values.tolist(), confidence)
    low, high = stats.t.interval(confidence, n - 1, values.mean(), stats.sem(values))
    assert found.half_width is not None
    assert found.n == n
    assert found.mean == pytest.approx(values.mean())
    assert found.sd == pytest.approx(values.std(ddof=1))
    assert (found.mean - found.half_width, found.mean + found.half_width) == pytest.approx((low, high))


def test_by_hand() -> None:
    found = summarise([1.0, 3.0, 2.0])
    assert (found.n, found.mean, found.sd, found.median) == (3, 2.0, 1.0, 2.0)
    assert found.half_width == pytest.approx(4.302652729911275 / math.sqrt(3))  # t of 2 degrees of freedom: 2.48 sd


def test_one_value_has_no_interval() -> None:
    assert summarise([0.5]) == Summary(1, 0.5, None, None, 0.5)


def test_equal_values_have_an_interval_of_nothing() -> None:
    assert summarise([0.5, 0.5, 0.5]) == Summary(3, 0.5, 0.0, 0.0, 0.5)


@pytest.mark.parametrize("values", [[], [math.nan], [0.5, math.inf], [0.5, math.nan]])
def test_what_can_not_be_averaged(values: list[float]) -> None:
    with pytest.raises(ValueError, match="a summary needs finite numbers"):
        summarise(values)


def test_a_table_is_no_sample() -> None:
    with pytest.raises(ValueError, match="a summary needs finite numbers"):
        summarise([[0.5, 0.6]])  # type: ignore[list-item]


def test_the_median_of_an_even_number_lies_between() -> None:
    assert summarise([1.0, 2.0, 4.0, 100.0]).median == 3.0


@pytest.mark.parametrize(("n", "sds"), [(2, 8.98), (3, 2.48), (5, 1.24), (10, 0.72)])
def test_half_widths_in_standard_deviations(n: int, sds: float) -> None:
    assert round(half_width_in_sds(n), 2) == sds


def test_one_value_has_no_half_width() -> None:
    with pytest.raises(ValueError, match="no interval"):
        half_width_in_sds(1)
