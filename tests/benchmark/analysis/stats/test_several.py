"""Holm and letters, by hand, against statsmodels, and letters against what defines them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from benchmark.analysis.stats.several import holm, letters


def test_holm_by_hand() -> None:
    # sorted 0.01·4, 0.02·3, 0.03·2 (lifted to 0.06), 0.6·1
    assert holm([0.02, 0.6, 0.01, 0.03]) == pytest.approx((0.06, 0.6, 0.04, 0.06))
    assert holm([0.4, 0.9]) == (0.8, 0.9)
    assert holm([0.7, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


@pytest.mark.parametrize("pairs", [1, 2, 10, 78])
def test_holm_against_statsmodels(pairs: int) -> None:
    values = np.random.Generator(np.random.PCG64(pairs)).random(pairs) ** 3
    assert holm(values.tolist()) == pytest.approx(multipletests(values, method="holm")[1])


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_what_is_no_probability(value: float) -> None:
    with pytest.raises(ValueError, match="p values lie in 0 to 1"):
        holm([0.5, value])


def matrix(size: int, *apart: tuple[int, int]) -> np.ndarray:
    found = np.zeros((size, size), dtype=bool)
    for one, other in apart:
        found[one, other] = found[other, one] = True
    return found


def test_letters_by_hand() -> None:
    assert letters(matrix(0)) == ()
    assert letters(matrix(3)) == ("a", "a", "a")
    assert letters(matrix(3, (0, 1), (0, 2), (1, 2))) == ("a", "b", "c")
    assert letters(matrix(3, (0, 2))) == ("a", "ab", "b")
    assert letters(matrix(3, (0, 1))) == ("a", "b", "ab")  # the last one, of few seeds, is told from none


def test_three_overlapping_groups_by_hand() -> None:
    """Groups {1, 2, 3, 6}, {1, 3, 4, 5, 6} and {5, 6, 7, 8} hold every pair of eight methods that isn't separated."""
    groups = {1: "ab", 2: "a", 3: "ab", 4: "b", 5: "bc", 6: "abc", 7: "c", 8: "c"}
    pairs = [pair for pair in itertools.combinations(groups, 2) if not set(groups[pair[0]]) & set(groups[pair[1]])]
    assert len(pairs) == 10
    assert letters(matrix(8, *[(one - 1, other - 1) for one, other in pairs])) == tuple(groups.values())


@pytest.mark.parametrize("size", [2, 5, 9, 14])
def test_two_methods_share_a_letter_if_and_only_if_they_are_not_separated(size: int) -> None:
    draw = np.random.Generator(np.random.PCG64(size))
    for share in (0.1, 0.5, 0.9):
        apart = np.triu(draw.random((size, size)) < share, 1)
        apart |= apart.T
        found = letters(apart)
        assert found[0].startswith("a")
        for one, other in itertools.combinations(range(size), 2):
            assert bool(set(found[one]) & set(found[other])) == (not apart[one, other])


def test_more_groups_than_letters_keep_their_names_apart() -> None:
    found = letters(~np.eye(60, dtype=bool))
    assert found[25:28] == ("z", "A", "B")
    assert found[51:54] == ("Z", "a1", "b1")
    assert len(set(found)) == 60


@pytest.mark.parametrize("wrong", [np.zeros((2, 3)), np.eye(2), np.array([[0, 1], [0, 0]])])
def test_what_is_no_matrix_of_pairs(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="symmetric"):
        letters(wrong)
