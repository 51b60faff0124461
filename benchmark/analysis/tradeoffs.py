"""Score against cost: which rows are on the Pareto front, and which lie near the best score.

One rule for reports and leaderboard. A row is on the front unless another row *dominates* it: costs no more, scores no
less, and is strictly better in at least one of the two. Rows that are equal in both don't dominate each other, so that
all of them are on the front.
"""

from __future__ import annotations

from collections.abc import Sequence

NEAR = 0.15
"""Scores of at least 1 - this fraction of the best are near it."""


def on_front(costs: Sequence[float | None], scores: Sequence[float | None]) -> list[bool]:
    """Return for each row whether no other dominates it; False where its cost or score is None.

    Raises ValueError for unequal lengths.
    """
    known = [
        (place, cost, score)
        for place, (cost, score) in enumerate(zip(costs, scores, strict=True))
        if cost is not None and score is not None
    ]
    front = [False] * len(costs)
    best = float("-inf")  # the highest score so far, of the rows that cost no more
    cheapest = float("-inf")  # what a row with that score costs
    for place, cost, score in sorted(known, key=lambda row: (row[1], -row[2])):
        if score > best:
            best, cheapest = score, cost
        front[place] = score == best and cost == cheapest
    return front


def lowest_near(best: float) -> float:
    """Return the lowest score that is near the `best` one; a correlation may be negative."""
    return best - NEAR * abs(best)
