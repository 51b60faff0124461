"""The Pareto front against its definition, pair by pair."""

from __future__ import annotations

import itertools

import numpy as np

from benchmark.analysis.tradeoffs import lowest_near, on_front


def dominated(costs: list[float], scores: list[float]) -> list[bool]:
    """The definition: another costs no more and scores no less, with one of the two better."""
    rows = list(zip(costs, scores, strict=True))
    return [any(c <= cost and s >= score and (c < cost or s > score) for c, s in rows) for cost, score in rows]


def test_the_front_is_what_nothing_dominates() -> None:
    assert on_front([10, 5, 12, 6, 1], [0.9, 0.8, 0.9, 0.7, None]) == [True, True, False, False, False]
    assert on_front([None, 3], [0.9, 0.8]) == [False, True]
    assert on_front([], []) == []


def test_equals_are_on_the_front_together() -> None:
    assert on_front([1, 1, 2], [0.5, 0.5, 0.5]) == [True, True, False]


def test_the_front_follows_its_definition_on_every_small_board() -> None:
    generator = np.random.default_rng(0)
    for count, _ in itertools.product(range(1, 9), range(60)):
        costs, scores = generator.integers(0, 4, (2, count)).tolist()
        assert on_front(costs, scores) == [not beaten for beaten in dominated(costs, scores)]


def test_a_negative_correlation_has_scores_near_it() -> None:
    assert lowest_near(1.0) == 0.85
    assert lowest_near(-0.2) < -0.2
