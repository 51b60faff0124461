"""Main effects and interactions by hand and against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from benchmark.analysis.stats.effects import effects

NONE: frozenset[str] = frozenset()
A, B, AB = frozenset("a"), frozenset("b"), frozenset("ab")


def test_by_hand() -> None:
    found = effects([NONE, A, B, AB], [0.80, 0.82, 0.81, 0.87])
    gains = {effect.factors: effect.estimate for effect in found.found}
    assert gains == pytest.approx(
        {
            ("a",): (0.02 + 0.06) / 2,  # without and with b
            ("b",): (0.01 + 0.05) / 2,
            ("a", "b"): 0.06 - 0.02,
        }
    )
    assert (found.n, found.df, found.unknown) == (4, 0, ())
    assert all(effect.half_width is None and effect.p is None for effect in found.found)


@pytest.mark.parametrize("blocked", [False, True])
def test_against_statsmodels(blocked: bool) -> None:
    draw = np.random.Generator(np.random.PCG64(3))
    sets = [NONE, A, B, AB, frozenset("c"), frozenset("ac")] * 4
    seeds = [seed for seed in range(4) for _ in range(6)]
    scores = draw.normal(0.8, 0.01, 24) + 0.05 * np.array([seed == 2 for seed in seeds])
    found = effects(sets, scores.tolist(), seeds if blocked else ())
    half = {name: np.array([0.5 if name in one else -0.5 for one in sets]) for name in "abc"}
    columns = [half["a"], half["b"], half["c"], half["a"] * half["b"], half["a"] * half["c"]]
    means = np.eye(4)[seeds] if blocked else np.ones((24, 1))
    wanted = sm.OLS(scores, np.column_stack([means, *columns])).fit()
    start = means.shape[1]
    assert [effect.factors for effect in found.found] == [("a",), ("b",), ("c",), ("a", "b"), ("a", "c")]
    assert [effect.estimate for effect in found.found] == pytest.approx(wanted.params[start:])
    assert [effect.p for effect in found.found] == pytest.approx(wanted.pvalues[start:])
    assert [effect.half_width for effect in found.found] == pytest.approx(np.diff(wanted.conf_int()[start:])[:, 0] / 2)
    assert found.df == wanted.df_resid


def test_what_always_comes_together_is_not_told_apart() -> None:
    found = effects([NONE, NONE, AB, AB, frozenset("c")], [0.8, 0.81, 0.85, 0.86, 0.9])
    assert [effect.factors for effect in found.found] == [("c",)]
    assert found.found[0].estimate == pytest.approx(0.9 - 0.805)
    assert found.unknown == (("a",), ("b",))
    assert found.df == 2


def test_nothing_to_tell() -> None:
    assert effects([NONE, NONE], [0.5, 0.6]).found == ()


def test_what_does_not_belong_together() -> None:
    with pytest.raises(ValueError, match="as many finite scores"):
        effects([NONE], [0.5, 0.6])
    with pytest.raises(ValueError, match="as many finite scores"):
        effects([NONE, A], [0.5, np.nan])
    with pytest.raises(ValueError, match="1 blocks for 2 scores"):
        effects([NONE, A], [0.5, 0.6], [0])
