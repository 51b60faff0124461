"""How many seeds a gain needs, from records."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from benchmark.analysis.power import plans
from tests.support.results import Results


def add(results: Results, method: str, hits: dict[int, int], **settings: float) -> None:
    for seed, count in hits.items():
        results.add(results.cell(method, seed, None, **settings), np.arange(1000) < count)


def test_by_hand(results: Results) -> None:
    add(results, "a", {0: 810, 1: 820, 2: 830, 5: 990})
    add(results, "b", {0: 800, 1: 800, 2: 800, 7: 10})
    (plan,) = plans(results.records, "a", "b", 0.01)
    assert plan.seeds == (0, 1, 2)
    assert (plan.difference, plan.sd) == (pytest.approx(0.02), pytest.approx(0.01))
    assert plan.sd_low == pytest.approx(0.01 * (2 / stats.chi2.ppf(0.975, 2)) ** 0.5)
    assert plan.sd_high == pytest.approx(0.01 * (2 / stats.chi2.ppf(0.025, 2)) ** 0.5)
    assert plan.needed == 10  # a gain of one standard deviation: statsmodels says 9.94
    assert plan.needed_low is not None
    assert plan.needed_high is not None
    assert plan.needed_low < 10 < plan.needed_high
    assert plan.command == results.environment.command


def test_protocols_have_plans_of_their_own(results: Results) -> None:
    other = dataclasses.replace(results.protocol, epochs=9)
    for protocol, spread in ((results.protocol, 10), (other, 40)):
        for seed in range(3):
            results.add(results.cell("a", seed, protocol), np.arange(1000) < 800 + spread * seed)
            results.add(results.cell("b", seed, protocol), np.arange(1000) < 700)
    assert [(plan.protocol.epochs, plan.sd) for plan in plans(results.records, "a", "b", 0.01)] == [
        (2, pytest.approx(0.01)),
        (9, pytest.approx(0.04)),
    ]


def test_the_settings_with_the_most_seeds_count(results: Results) -> None:
    add(results, "a", {0: 810, 1: 820}, lr=1)
    add(results, "a", {0: 700, 1: 720, 2: 740}, lr=2)
    add(results, "b", {0: 700, 1: 700, 2: 700})
    (plan,) = plans(results.records, "a", "b", 0.01)
    assert plan.seeds == (0, 1, 2)


def test_fewer_than_two_common_seeds_are_no_plan(results: Results) -> None:
    add(results, "a", {0: 810, 1: 820})
    add(results, "b", {1: 800, 2: 800})
    results.fail(results.cell("b", 0), "no memory")
    assert plans(results.records, "a", "b", 0.01) == ()
    assert plans(results.records, "a", "c", 0.01) == ()


def test_seeds_that_agree_need_two(results: Results) -> None:
    add(results, "a", {0: 810, 1: 820})
    add(results, "b", {0: 800, 1: 810})
    (plan,) = plans(results.records, "a", "b", 0.01)
    assert (plan.sd, plan.needed, plan.power) == (pytest.approx(0.0, abs=1e-12), 2, pytest.approx(1.0))


def test_test_rows_and_the_other_pairs_of_the_board_ask_for_more(results: Results) -> None:
    add(results, "a", {0: 810, 1: 820, 2: 830})
    for name in ("b", "c", "d"):
        add(results, name, {0: 800, 1: 800, 2: 800})
    (alone,) = plans(results.records, "a", "b", 0.02)
    (plan,) = plans(results.records, "a", "b", 0.02, results.predictions)
    assert (alone.noise, plan.noise, plan.pairs) == (None, pytest.approx(0.00374, abs=1e-5), 6)
    assert (alone.needed, plan.needed) == (5, 5)
    assert plan.power < alone.power
    assert plan.needed_on_board is not None
    assert plan.needed_on_board > 5
    assert plan.half_width is not None
    assert plan.half_width > stats.t.ppf(0.975, 2) * plan.sd / 3**0.5
