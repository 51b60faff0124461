"""Before fine-tuning: an untrained head on the pretrained encoder, the one that fine-tuning starts from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from benchmark.model.model import Model
from benchmark.train.loop import train
from benchmark.train.method_handle import build_method
from benchmark.train.predict import ModelPredictor
from methods.zero_shot import ZeroShot


@pytest.mark.parametrize("seed", [0, 1])
def test_it_is_where_fine_tuning_starts(lab: Any, seed: int) -> None:
    """A fit with a learning rate of nothing ends where it begins: with the head that zero-shot answers with."""
    run, task = lab.run(seed), lab.task()
    method: Any = build_method("finetune", run.budget, {"lr": 1e-30})
    model = Model(run.load_encoder())
    train(method.phases, model, [task.without_test()], run)
    expected = ModelPredictor(model, run).logits("scenario", task.test)
    found = ZeroShot().fit([task.without_test()], run).logits("scenario", task.test)
    assert np.array_equal(found, expected)


def test_nothing_is_trained(lab: Any) -> None:
    run, task = lab.run(), lab.task()
    predictor: Any = ZeroShot().fit([task.without_test()], run)
    assert not predictor.model.trainable()
    for one, other in zip(predictor.model.encoder.parameters(), lab.model().encoder.parameters(), strict=True):
        assert torch.equal(one, other)
    (cost,) = run.watcher.phases()
    assert (cost.phase, cost.trainable, cost.epoch_seconds) == ("untrained", 0, None)
    assert cost.total == sum(weight.numel() for weight in predictor.model.parameters())
    assert run.watcher.points == []


def test_its_answers_do_not_depend_on_the_training_rows(lab: Any) -> None:
    task = lab.task()
    few, many = (ZeroShot().fit([data.without_test()], lab.run()) for data in (lab.task(train=20), task))
    assert np.array_equal(few.logits("scenario", task.test), many.logits("scenario", task.test))


def test_its_width_is_a_parameter(lab: Any) -> None:
    predictor: Any = ZeroShot(hidden=3).fit([lab.task().without_test()], lab.run())
    assert sum(weight.numel() for weight in predictor.model.heads.parameters()) == (32 * 3 + 3) + (3 * 4 + 4)


def test_any_encoder_will_do() -> None:
    ZeroShot().check(0, ())
