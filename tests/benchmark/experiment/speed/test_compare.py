"""Sides of a comparison: that they do the same work on the same rows, and what is said of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.data.task import TrainingData
from benchmark.experiment.speed import compare as module
from benchmark.experiment.speed import trainer
from benchmark.experiment.speed.compare import OURS, PADDED, SIDES, STOCK, TRAINER, Comparison, Timing, compare
from benchmark.experiment.speed.machine import MachineSpeed
from benchmark.experiment.speed.trainer import Batches, Reference, check_trainer
from benchmark.train.method_handle import build_method
from benchmark.train.recipe import Recipe
from tests.support.lab import Lab


def phases(lab: Lab, name: str, **given: Any) -> tuple[Recipe, ...]:
    built: Any = build_method(name, lab.run(batch_size=4).budget, given)
    return built.phases  # type: ignore[no-any-return]


def data(lab: Lab) -> tuple[TrainingData, ...]:
    return (lab.task().without_test(),)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_machine", lambda *_: MachineSpeed(1e9, 1e9))


def test_all_sides_of_a_phase_that_trains_the_encoder(lab: Lab) -> None:
    found = compare("finetune", phases(lab, "finetune")[0], data(lab), lab.run(), tuple(SIDES), steps=3, blocks=2)
    assert [timing.side for timing in found.timings] == [OURS, STOCK, TRAINER, PADDED]
    assert {timing.steps for timing in found.timings} == {6}
    assert all(0 < timing.low <= timing.milliseconds <= timing.high for timing in found.timings)
    assert found.ratio(OURS) == 1.0
    assert found.ratio(TRAINER) == found.timings[2].milliseconds / found.timings[0].milliseconds
    assert found.skipped == ()
    assert 4 * 3 < found.tokens < found.padded < 4 * 32
    assert found.floor is not None
    assert found.floor > 0


def test_two_phases_and_a_frozen_encoder(lab: Lab) -> None:
    first, second = phases(lab, "supcon", classifier_epochs=20)
    contrastive = compare("supcon", first, data(lab), lab.run(), (OURS, TRAINER), steps=2, blocks=1)
    assert (contrastive.phase, contrastive.trains_encoder) == ("contrastive", True)
    frozen = compare("supcon", second, data(lab), lab.run(), (OURS, TRAINER), steps=2, blocks=1)
    assert (frozen.phase, frozen.trains_encoder, frozen.floor) == ("classification", False, None)
    assert contrastive.tokens > frozen.tokens  # two views


def test_several_tasks_have_no_reference(lab: Lab) -> None:
    tasks = [task.without_test() for task in lab.tasks()]
    found = compare("finetune", phases(lab, "finetune")[0], tasks, lab.run(), (OURS, TRAINER), steps=2, blocks=1)
    assert [timing.side for timing in found.timings] == [OURS]
    assert found.skipped == ((TRAINER, "Trainer knows nothing of several tasks"),)
    assert found.ratio(TRAINER) is None


@pytest.mark.parametrize("name", ["finetune", "supcon", "lora"])
def test_the_reference_asks_for_the_same_loss(lab: Lab, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With dropout off, on the rows of a step: Trainer's model and this project's loop."""
    monkeypatch.setattr(nn.functional, "dropout", lambda states, *_, **__: states)
    recipe, (task,) = phases(lab, name)[0], data(lab)
    run = lab.run()
    model = module._begun(recipe, [task], run)
    for part in model.encoder.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    encoded = run.encode(task.train)
    rows = np.array([3, 1, 7, 30])
    batches = Batches(encoded.sentences, task.train.targets, rows.tolist(), model.encoder.pad, None)
    batch = batches.collate([batches[place] for place in range(4)])
    theirs = Reference(recipe, model, task).train()(**batch)["loss"]
    from benchmark.train.vectors import OnTheFly

    vectors = OnTheFly(model.encoder, encoded, model.head(task.head.name)).of(rows, recipe.batches.views)
    ours = recipe.objective.loss(model, task.head, vectors, torch.from_numpy(task.train.targets[rows]))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_rows_come_in_the_loops_order_and_padded_as_asked(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, (task,) = phases(lab, "finetune")[0], data(lab)
    run = lab.run()
    seen: list[tuple[list[int], tuple[int, ...]]] = []
    collate = Batches.collate

    def watched(self: Batches, rows: Any) -> Any:
        found = collate(self, rows)
        seen.append(([row.number for row in rows], tuple(found["texts"][0]["input_ids"].shape)))
        return found

    monkeypatch.setattr(Batches, "collate", watched)
    once = dataclasses.replace(recipe, batches=dataclasses.replace(recipe.batches, epochs=1))  # type: ignore[type-var]
    block = module._block(once, [task], run, 3, 0)
    model = module._begun(once, block.tasks, run)
    trainer.trainer_seconds(once, model, block.tasks[0], run, block.steps, None)
    assert [rows for rows, _ in seen] == [parts[0].rows.tolist() for parts in block.steps]
    lengths = run.encode(block.tasks[0].train).sentences[0].lengths
    assert [shape for _, shape in seen] == [(4, max(lengths[row] for row in rows)) for rows, _ in seen]
    seen.clear()
    trainer.trainer_seconds(once, model, block.tasks[0], run, block.steps, 32)
    assert {shape for _, shape in seen} == {(4, 32)}


def test_blocks_differ_and_repeat(lab: Lab) -> None:
    recipe, run = phases(lab, "finetune")[0], lab.run()
    first, again, other = (module._block(recipe, data(lab), run, 3, number) for number in (0, 0, 1))
    assert first.tasks == again.tasks
    assert first.tasks[0].train.texts != other.tasks[0].train.texts
    assert len(first.steps) >= 3


def test_without_accelerate(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmark.core.errors import UsageError

    check_trainer()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="pip install accelerate"):
        check_trainer()


def test_ratio_of_what_wasnt_measured() -> None:
    one = Comparison("a", "b", True, 1, 1, (Timing(OURS, 2.0, 1.0, 3.0, 4),), None, MachineSpeed(1, 1))
    assert one.ratio(STOCK) is None
