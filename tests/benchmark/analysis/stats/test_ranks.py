"""Average ranks and critical differences against Demšar (2006) and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmark.analysis.stats.ranks import ranks

AUC = np.array(  # Demšar (2006), table 6: C4.5 and three variants of it on 14 data sets
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def test_demsars_example() -> None:
    found = ranks(AUC)
    assert found.suites == 14
    assert found.average == pytest.approx((3.143, 2.000, 2.893, 1.964), abs=5e-4)
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)
    assert found.p == pytest.approx(stats.friedmanchisquare(*AUC.T).pvalue)
    assert found.tied == ((3, 1, 2, 0),)  # 3.143 - 1.964 < 1.25: one bar over all


@pytest.mark.parametrize(("methods", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_the_studentised_range_is_that_of_demsars_table_5(methods: int, q: float) -> None:
    scores = np.random.Generator(np.random.PCG64(1)).random((6, methods))
    assert ranks(scores).critical_difference == pytest.approx(q * (methods * (methods + 1) / 36) ** 0.5, rel=1e-3)


def test_clear_winners_stand_outside_the_bars() -> None:
    scores = np.tile([0.9, 0.8, 0.7, 0.6], (40, 1))
    found = ranks(scores)
    assert found.average == (1.0, 2.0, 3.0, 4.0)
    assert found.critical_difference == pytest.approx(2.569 * (20 / 240) ** 0.5, rel=1e-3)
    assert found.tied == ()
    assert ranks(scores[:8]).tied == ((0, 1), (1, 2), (2, 3))


def test_ties_share_their_ranks_and_are_no_evidence() -> None:
    found = ranks([[0.5, 0.5, 0.5], [0.7, 0.7, 0.7]])
    assert found.average == (2.0, 2.0, 2.0)
    assert found.p == 1.0
    assert ranks([[0.9, 0.8], [0.9, 0.8]]).p is None


@pytest.mark.parametrize("wrong", [[[1.0, 2.0]], [[1.0], [2.0]], [1.0, 2.0], [[1.0, np.nan], [1.0, 2.0]]])
def test_what_has_no_ranks(wrong: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="ranks need"):
        ranks(wrong)
