"""Schedules against `transformers`, torch and by hand."""

from __future__ import annotations

import math

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from benchmark.train.schedules import Cosine, Linear


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


def rates(scheduler: torch.optim.lr_scheduler.LRScheduler, total: int) -> list[float]:
    """The learning rate of each step, the peak being 1."""
    found = []
    for _ in range(total):
        found.append(scheduler.get_last_lr()[0])
        scheduler.optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("warmup", [0, 1, 2, 7, 10, 30])
@pytest.mark.parametrize("total", [1, 2, 3, 10, 30, 101])
def test_linear_is_that_of_transformers_step_for_step(total: int, warmup: int) -> None:
    scheduler = transformers.get_linear_schedule_with_warmup(optimizer(), warmup, total)
    schedule = Linear(warmup_steps=warmup)
    assert [schedule.factor(step, total) for step in range(total)] == rates(scheduler, total)


@pytest.mark.parametrize(
    ("schedule", "total", "warmup"),
    [
        (Linear(warmup_fraction=0.1), 100, 10),
        (Linear(warmup_fraction=0.1), 59, 5),
        (Linear(warmup_fraction=0.1), 9, 0),
        (Linear(warmup_fraction=0.5), 5, 2),
        (Linear(warmup_steps=3, warmup_fraction=0.1), 50, 8),
    ],
)
def test_a_share_of_the_steps_is_rounded_down_and_added(schedule: Linear, total: int, warmup: int) -> None:
    expected = [Linear(warmup_steps=warmup).factor(step, total) for step in range(total)]
    assert [schedule.factor(step, total) for step in range(total)] == expected


def test_linear_by_hand() -> None:
    assert [Linear(warmup_steps=2).factor(step, 6) for step in range(7)] == [0, 0.5, 1, 0.75, 0.5, 0.25, 0]


@pytest.mark.parametrize("floor", [0.0, 0.01, 0.5, 1.0])
@pytest.mark.parametrize("total", [1, 2, 10, 101])
def test_cosine_is_that_of_torch(total: int, floor: float) -> None:
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer(), T_max=total, eta_min=floor)
    expected = rates(scheduler, total)
    assert [Cosine(floor).factor(step, total) for step in range(total)] == pytest.approx(expected, abs=1e-9)


def test_cosine_by_hand() -> None:
    assert [Cosine().factor(step, 4) for step in range(5)] == pytest.approx(
        [1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2, 0]
    )
    assert [Cosine(0.2).factor(step, 2) for step in range(3)] == pytest.approx([1, 0.6, 0.2])


@given(
    st.integers(1, 10_000),
    st.floats(0, 1),
    st.sampled_from([Cosine(), Cosine(0.01), Linear(), Linear(5), Linear(0, 0.3), Linear(100, 0.9)]),
)
def test_a_factor_is_a_share_of_the_peak(total: int, place: float, schedule: Cosine | Linear) -> None:
    factor = schedule.factor(int(place * (total - 1)), total)
    assert 0 <= factor <= 1
