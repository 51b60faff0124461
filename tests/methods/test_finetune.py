"""The baseline answers no question differently, and it learns."""

from __future__ import annotations

from typing import Any

from benchmark.train.baseline import Baseline
from benchmark.train.method_handle import build_method
from benchmark.train.predict import evaluate
from benchmark.train.recipe import Budget
from methods.finetune import FineTune

BUDGET = Budget(2, 8, "best")


def test_it_changes_nothing() -> None:
    assert FineTune().answers(Baseline(), BUDGET).given() == {}
    assert FineTune().after(Baseline(), BUDGET) is None
    built: Any = build_method("finetune", BUDGET)
    assert built.phases == (Baseline().recipe(BUDGET),)


def test_it_learns_forty_rows_by_heart(lab: Any) -> None:
    task, run = lab.task(), lab.run(epochs=20)
    method = build_method("finetune", run.budget, {"lr": 3e-3})
    predictor = method.fit([task.without_test()], run)
    scores = {score.metric: score.value for score in evaluate(predictor, task.head, task.train).scores()}
    assert scores["accuracy"] > 0.95
    losses = [point.value for point in run.watcher.points if point.key == "train/loss"]
    assert losses[-1] < losses[0] / 3
