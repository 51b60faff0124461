"""Linear decay after a number of warm-up steps."""

from __future__ import annotations

import pytest
import transformers
from torch import nn, optim

from benchmark.train.baseline import Baseline
from benchmark.train.recipe import Budget
from methods.schedule import LinearDecay


@pytest.mark.parametrize("warmup", [0, 3, 10, 500])
def test_is_that_of_transformers(warmup: int) -> None:
    schedule = LinearDecay(warmup_steps=warmup).answers(Baseline(), Budget(1, 1, "best")).schedule
    assert schedule is not None
    optimizer = optim.SGD([nn.Parameter()], lr=1.0)
    reference = transformers.get_linear_schedule_with_warmup(optimizer, warmup, 50).lr_lambdas[0]
    assert [schedule.factor(step, 50) for step in range(50)] == [reference(step) for step in range(50)]


def test_without_warmup_the_first_step_is_the_peak() -> None:
    schedule = LinearDecay().answers(Baseline(), Budget(1, 1, "best")).schedule
    assert schedule is not None
    assert schedule.factor(0, 50) == 1


def test_nothing_else_is_answered() -> None:
    assert set(LinearDecay().answers(Baseline(), Budget(1, 1, "best")).given()) == {"schedule"}
