"""Schedules against `transformers`, torch and by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from benchmark.train.recipe import Schedule
from benchmark.train.schedules import (
    Constant,
    Cosine,
    Cyclic,
    Linear,
    PerEpoch,
    PeriodicCosine,
    StepDecay,
    WarmedUp,
)


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


def rates(scheduler: torch.optim.lr_scheduler.LRScheduler, total: int) -> list[float]:
    """The learning rate of each step, the peak being 1."""
    found = []
    for _ in range(total):
        found.append(float(scheduler.get_last_lr()[0]))
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


Shape = Cosine | Linear | PeriodicCosine | StepDecay | Cyclic | Constant
SHAPES: dict[str, tuple[Shape, Callable[[torch.optim.Optimizer], torch.optim.lr_scheduler.LRScheduler]]] = {
    "cosine of 10 epochs": (
        PeriodicCosine(10, 0.01),
        lambda found: torch.optim.lr_scheduler.CosineAnnealingLR(found, T_max=10, eta_min=0.01),
    ),
    "cosine of 4 epochs, which rises again": (
        PeriodicCosine(4, 0.01),
        lambda found: torch.optim.lr_scheduler.CosineAnnealingLR(found, T_max=4, eta_min=0.01),
    ),
    "steps": (StepDecay(3, 0.5), lambda found: torch.optim.lr_scheduler.StepLR(found, step_size=3, gamma=0.5)),
    "cycles": (
        Cyclic(6, 0.1),
        lambda found: torch.optim.lr_scheduler.CyclicLR(found, base_lr=0.1, max_lr=1.0, step_size_up=3),
    ),
    "constant": (Constant(), lambda found: torch.optim.lr_scheduler.ConstantLR(found, factor=1.0)),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("epochs", [10, 20])
def test_epoch_by_epoch_it_is_torchs(shape: str, epochs: int) -> None:
    schedule, of_torch = SHAPES[shape]
    expected = rates(of_torch(optimizer()), epochs)
    steps = 7  # of an epoch
    found = [PerEpoch(schedule).factor(step, steps * epochs, epochs) for step in range(steps * epochs)]
    assert found[::steps] == pytest.approx(expected, abs=1e-9)
    for epoch in range(epochs):
        assert len(set(found[epoch * steps : (epoch + 1) * steps])) == 1


@pytest.mark.parametrize(
    ("schedule", "total"), [(PeriodicCosine(2, 0.1), 40), (Cyclic(2, 0.1), 40), (Cyclic(None), 40)]
)
def test_step_by_step_it_is_torchs_with_the_period_in_steps(schedule: Schedule, total: int) -> None:
    period = 8 if schedule != Cyclic(None) else total  # 10 epochs of 4 steps
    plain = optimizer()
    expected = rates(
        torch.optim.lr_scheduler.CosineAnnealingLR(plain, T_max=period, eta_min=0.1)
        if isinstance(schedule, PeriodicCosine)
        else torch.optim.lr_scheduler.CyclicLR(
            plain, base_lr=0.1 if period == 8 else 0.0, max_lr=1.0, step_size_up=period // 2
        ),
        total,
    )
    assert [schedule.factor(step, total, 10) for step in range(total)] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("warmup", [0, 1, 7, 20])
def test_a_warmed_up_cosine_is_that_of_transformers(warmup: int) -> None:
    expected = rates(transformers.get_cosine_schedule_with_warmup(optimizer(), warmup, 40), 40)
    schedule = WarmedUp(Cosine(), warmup / 40)
    assert [schedule.factor(step, 40) for step in range(40)] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("warmup", [0, 7])
def test_a_warmed_up_constant_is_that_of_transformers(warmup: int) -> None:
    expected = rates(transformers.get_constant_schedule_with_warmup(optimizer(), warmup), 40)
    assert [WarmedUp(Constant(), warmup / 40).factor(step, 40) for step in range(40)] == pytest.approx(expected)
