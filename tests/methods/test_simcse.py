"""SimCSE: the loss against a plain loop, its sentences, and what follows it."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.train.method_handle import build_method
from methods.simcse import InBatch, in_batch_loss


def plain_loop(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any], temperature: float) -> float:
    """Equation 4 of Gao et al. 2021, word by word."""

    def sim(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
        return float(a @ b / math.sqrt(a @ a) / math.sqrt(b @ b))

    losses = []
    for i in range(len(first)):
        others = sum(math.exp(sim(first[i], second[j]) / temperature) for j in range(len(first)))
        losses.append(-math.log(math.exp(sim(first[i], second[i]) / temperature) / others))
    return float(np.mean(losses))


@pytest.mark.parametrize("temperature", [0.05, 1.0])
@pytest.mark.parametrize("rows", [1, 2, 9])
def test_the_loss_is_the_plain_loops(rows: int, temperature: float) -> None:
    draw = np.random.default_rng(rows)
    first, second = draw.normal(size=(2, rows, 6))
    found = in_batch_loss(torch.from_numpy(first), torch.from_numpy(second), temperature)
    assert float(found) == pytest.approx(plain_loop(first, second, temperature), rel=1e-4, abs=1e-5)  # fp32


def test_it_asks_about_every_different_sentence_of_all_tasks(lab: Any) -> None:
    tasks = [task.without_test() for task in lab.tasks()]
    (asked,) = InBatch(0.05, "mlp").training_tasks(tasks)
    sentences = [text for (text,) in asked.train.texts]
    wanted = {text for task in tasks for row in task.train.texts for text in row}
    assert len(sentences) == len(set(sentences)) == len(wanted)
    assert set(sentences) == wanted
    assert asked.head.sentences == 1


def test_the_tasks_meet_the_batches_and_masks_that_they_meet_without_it(lab: Any) -> None:
    met: dict[str, list[Any]] = {}
    for name in ("finetune", "simcse"):
        built: Any = build_method(name, lab.run().budget)
        *before, last = built.phases
        assert [phase.number for phase in before] == ([-1] if name == "simcse" else [])
        steps = last.batches.epoch({"a": 24, "b": 24, "c": 24}, lab.run().streams, last.number, 1)
        met[name] = [(part.task, part.rows.tolist()) for step in steps for part in step]
    assert met["finetune"] == met["simcse"]


def test_the_tasks_start_from_what_it_leaves(lab: Any) -> None:
    run = lab.run(epochs=1)
    name = "simcse+pcgrad"
    built: Any = build_method(name, run.budget, {"simcse_epochs": 2, "simcse_lr": 1e-3})
    first, second = built.phases
    assert (first.objective.phase, first.batches.views, first.peak) == ("similarity", 2, 1e-3)
    assert type(first.gradients).__name__ == "SummedGradients"
    assert type(second.gradients).__name__ == "ProjectedGradients"
    built.fit([task.without_test() for task in lab.tasks()], run)
    assert [cost.phase for cost in run.watcher.phases()] == ["similarity", "classification"]
    losses = [point.value for point in run.watcher.points if (point.phase, point.key) == ("similarity", "train/loss")]
    assert len(losses) == 2
    assert losses[1] < losses[0]


@pytest.mark.parametrize("name", ["reinit+simcse", "simclr+simcse", "simcse+supcon"])
def test_it_comes_before_what_other_techniques_do(name: str, lab: Any) -> None:
    given = {"simcse.temperature": 0.2, "simcse_batch_size": 16} if "+sim" in name and "reinit" not in name else {}
    other = name.replace("+simcse", "").replace("simcse+", "")
    if other in ("simclr", "supcon"):
        given = {"simcse.temperature": 0.2, f"{other}.temperature": 0.3, "classifier_epochs": 1}
    method: Any = build_method(name, lab.run().budget, given)
    alone: Any = build_method(other, lab.run().budget, {"temperature": 0.3, "classifier_epochs": 1} if given else {})
    assert method.phases[0].objective.phase == "similarity"
    assert [phase.number for phase in method.phases] == list(range(-1, len(alone.phases)))
    if given:
        assert method.phases[0].objective.temperature == 0.2
        assert method.phases[1].objective.temperature == 0.3
        assert method.phases[1:][1] == dataclasses.replace(alone.phases[1], peak=method.phases[2].peak)
    run = lab.run()
    method.fit([lab.task().without_test()], run)
    assert run.watcher.phases()[0].phase == "similarity"
