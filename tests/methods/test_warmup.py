"""Warm-up over a share of the steps."""

from __future__ import annotations

import pytest
import transformers
from torch import nn, optim

from benchmark.train.baseline import Baseline
from benchmark.train.recipe import Budget
from methods.warmup import WarmUp


@pytest.mark.parametrize(("fraction", "total", "warmup"), [(0.1, 100, 10), (0.2, 30, 6), (0.1, 7, 0), (0.9, 10, 9)])
def test_rises_over_that_share_and_falls_to_zero(fraction: float, total: int, warmup: int) -> None:
    schedule = WarmUp(warmup_fraction=fraction).answers(Baseline(), Budget(1, 1, "best")).schedule
    assert schedule is not None
    optimizer = optim.SGD([nn.Parameter()], lr=1.0)
    reference = transformers.get_linear_schedule_with_warmup(optimizer, warmup, total).lr_lambdas[0]
    assert [schedule.factor(step, total) for step in range(total)] == [reference(step) for step in range(total)]
    assert max(schedule.factor(step, total) for step in range(total)) == 1
    assert schedule.factor(total, total) == 0


def test_nothing_else_is_answered() -> None:
    assert set(WarmUp().answers(Baseline(), Budget(1, 1, "best")).given()) == {"schedule"}
