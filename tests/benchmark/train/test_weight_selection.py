"""Which weights come back."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import nn

from benchmark.train.recipe import Validation, WeightSelection
from benchmark.train.schedules import Linear
from benchmark.train.weight_selection import LOSS, SCORE, BestWeights, LastWeights, restore_weights


def follow(selection: WeightSelection, scores: Sequence[float | None]) -> float:
    """One weight that equals the number of the epoch; what comes back?"""
    weight = nn.Parameter(torch.zeros(2))
    tracker = selection.tracker(total=len(scores), epochs=1)
    for epoch, score in enumerate(scores, start=1):
        with torch.no_grad():
            weight.fill_(epoch)
        tracker.after_step(epoch, [weight])
        tracker.after_epoch(None if score is None else Validation(score, 0.0), [weight])
    tracker.restore([weight])
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
    assert follow(BestWeights(), scores) == epoch


@pytest.mark.parametrize("scores", [[0.9, 0.1], [None, None], []])
def test_last_is_the_last(scores: Sequence[float | None]) -> None:
    assert follow(LastWeights(), scores) == len(scores)


@pytest.mark.parametrize("selection", [BestWeights(), LastWeights()])
def test_the_schedule_is_left_alone(selection: WeightSelection) -> None:
    schedule = Linear()
    assert [selection.override_factor(schedule, step, 10, 1) for step in range(10)] == [
        schedule.factor(step, 10) for step in range(10)
    ]


def test_trackers_share_nothing() -> None:
    keep, weight = BestWeights(), nn.Parameter(torch.ones(1))
    keep.tracker(1, 1).after_epoch(Validation(1.0, 0.0), [weight])
    with torch.no_grad():
        weight.fill_(5)
    keep.tracker(1, 1).restore([weight])
    assert weight.tolist() == [5]


def test_weights_come_back_in_place() -> None:
    weight = nn.Parameter(torch.zeros(2))
    place = weight.data_ptr()
    restore_weights([weight], [torch.ones(2)])
    assert weight.data_ptr() == place
    assert weight.tolist() == [1, 1]
    restore_weights([weight], [])
    assert weight.tolist() == [1, 1]
    with pytest.raises(ValueError, match="shorter"):
        restore_weights([weight, weight], [torch.ones(2)])


@pytest.mark.parametrize(("by", "kept"), [(SCORE, 2), (LOSS, 3)])
def test_the_best_epoch_by_score_or_by_summed_loss(by: str, kept: int) -> None:
    weight = nn.Parameter(torch.zeros(1))
    tracker = BestWeights(by).tracker(4, 4)
    for epoch, (score, loss) in enumerate([(0.1, 3.0), (0.9, 2.5), (0.5, 1.5), (0.6, 1.5)], start=1):
        with torch.no_grad():
            weight.fill_(epoch)
        tracker.after_epoch(Validation(score, loss), [weight])
    tracker.after_epoch(Validation(float("nan"), float("nan")), [weight])
    tracker.restore([weight])
    assert weight.tolist() == [kept]
