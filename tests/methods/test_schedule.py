"""Linear decay after a number of warm-up steps."""

from __future__ import annotations

from typing import Any

import pytest
import transformers
from torch import nn, optim

from benchmark.core.errors import UsageError
from benchmark.train.baseline import Baseline
from benchmark.train.method_handle import build_method
from benchmark.train.recipe import Budget
from benchmark.train.schedules import Constant, Cosine, Cyclic, Linear, PerEpoch, PeriodicCosine, StepDecay
from methods.schedule import LearningRateSchedule


@pytest.mark.parametrize("warmup", [0, 3, 10, 500])
def test_is_that_of_transformers(warmup: int) -> None:
    schedule = LearningRateSchedule(warmup_steps=warmup).answers(Baseline(), Budget(1, 1, "best")).schedule
    assert schedule is not None
    optimizer = optim.SGD([nn.Parameter()], lr=1.0)
    reference = transformers.get_linear_schedule_with_warmup(optimizer, warmup, 50).lr_lambdas[0]
    assert [schedule.factor(step, 50) for step in range(50)] == [reference(step) for step in range(50)]


def test_without_warmup_the_first_step_is_the_peak() -> None:
    schedule = LearningRateSchedule().answers(Baseline(), Budget(1, 1, "best")).schedule
    assert schedule is not None
    assert schedule.factor(0, 50) == 1


def test_nothing_else_is_answered() -> None:
    assert set(LearningRateSchedule().answers(Baseline(), Budget(1, 1, "best")).given()) == {"schedule"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"shape": "constant"}, Constant()),
        ({"shape": "cosine", "floor": 0.01}, Cosine(0.01)),
        ({"shape": "cosine", "period": 10, "stepped": "epoch", "floor": 0.01}, PerEpoch(PeriodicCosine(10, 0.01))),
        ({"shape": "step", "period": 3, "gamma": 0.5, "stepped": "epoch"}, StepDecay(3, 0.5)),
        ({"shape": "cyclic", "period": 4}, Cyclic(4)),
        ({"stepped": "epoch"}, PerEpoch(Linear())),
    ],
)
def test_shapes(given: dict[str, Any], expected: object) -> None:
    assert LearningRateSchedule(**given).answers(Baseline(), Budget(1, 1, "best")).schedule == expected


def test_what_belongs_to_another_shape_is_refused() -> None:
    budget = Budget(10, 16, "best")
    refused: tuple[dict[str, Any], ...] = (
        {"gamma": 0.5},
        {"floor": 0.5},
        {"period": 3},
        {"shape": "constant", "stepped": "epoch"},
        {"shape": "cosine", "warmup_steps": 3},
    )
    for given in refused:
        with pytest.raises(UsageError, match="changes nothing"):
            build_method("schedule", budget, given)
