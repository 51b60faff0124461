"""Warm-up over a share of the steps."""

from __future__ import annotations

from typing import Any

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


@pytest.mark.parametrize(
    ("decay", "reference"),
    [
        ("cosine", lambda found: transformers.get_cosine_schedule_with_warmup(found, 4, 20)),
        ("constant", lambda found: transformers.get_constant_schedule_with_warmup(found, 4)),
    ],
)
def test_what_follows_is_that_of_transformers(decay: str, reference: Any) -> None:
    schedule = WarmUp(warmup_fraction=0.2, after_warmup=decay).answers(Baseline(), Budget(1, 1, "best")).schedule
    assert schedule is not None
    expected = reference(optim.SGD([nn.Parameter()], lr=1.0)).lr_lambdas[0]
    assert [schedule.factor(step, 20) for step in range(20)] == pytest.approx([expected(step) for step in range(20)])
