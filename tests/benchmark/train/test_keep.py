"""Which weights come back."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import nn

from benchmark.train.keep import Best, Last, put_back
from benchmark.train.recipe import Keep


def follow(keep: Keep, scores: Sequence[float | None]) -> float:
    """One weight that equals the number of the epoch; what comes back?"""
    weight = nn.Parameter(torch.zeros(2))
    keeper = keep.keeper(total=len(scores))
    for epoch, score in enumerate(scores, start=1):
        with torch.no_grad():
            weight.fill_(epoch)
        keeper.after_step(epoch, [weight])
        keeper.after_epoch(score, [weight])
    keeper.restore([weight])
    first, second = weight.tolist()
    assert first == second
    return float(first)


@pytest.mark.parametrize(
    ("scores", "epoch"),
    [
        ([0.1, 0.5, 0.3], 2),
        ([0.5, 0.5, 0.5], 1),
        ([0.1, 0.5, 0.4, 0.5], 2),
        ([0.1, 0.2, 0.3], 3),
        ([-3.0, -1.0, -2.0], 2),  # a loss, turned round
        ([0.0], 1),
        ([None, None, None], 3),
        ([None, 0.2, 0.1], 2),
        ([float("nan"), 0.2, float("nan")], 2),
        ([], 0),
    ],
)
def test_best_is_the_earliest_of_equals_and_the_last_without_scores(scores: Sequence[float | None], epoch: int) -> None:
    assert follow(Best(), scores) == epoch


@pytest.mark.parametrize("scores", [[0.9, 0.1], [None, None], []])
def test_last_is_the_last(scores: Sequence[float | None]) -> None:
    assert follow(Last(), scores) == len(scores)


@pytest.mark.parametrize("keep", [Best(), Last()])
def test_the_schedule_is_left_alone(keep: Keep) -> None:
    assert [keep.hold(factor, 3, 10) for factor in (0.0, 0.3, 1.0)] == [0.0, 0.3, 1.0]


def test_keepers_share_nothing() -> None:
    keep, weight = Best(), nn.Parameter(torch.ones(1))
    keep.keeper(1).after_epoch(1.0, [weight])
    with torch.no_grad():
        weight.fill_(5)
    keep.keeper(1).restore([weight])
    assert weight.tolist() == [5]


def test_weights_come_back_in_place() -> None:
    weight = nn.Parameter(torch.zeros(2))
    place = weight.data_ptr()
    put_back([weight], [torch.ones(2)])
    assert weight.data_ptr() == place
    assert weight.tolist() == [1, 1]
    put_back([weight], [])
    assert weight.tolist() == [1, 1]
    with pytest.raises(ValueError, match="shorter"):
        put_back([weight, weight], [torch.ones(2)])
