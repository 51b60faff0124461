"""Probing: heads that don't know of each other, on states that are encoded once."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import nn

from benchmark.core.errors import UsageError
from benchmark.data.task import TrainingData
from benchmark.model import states
from benchmark.model.heads import LayerHead
from benchmark.model.model import Model
from benchmark.train.loop import train
from benchmark.train.method_handle import build_method
from methods.probe import LayerLoss, Probe, ProbePredictor

LAYERS = 4


def heads_of(lab: Any, probe: Probe, task: TrainingData, layers: list[int], run: Any = None) -> dict[int, list[Any]]:
    """The weights of the heads at `layers`, trained together."""
    run = run or lab.run(layers=LAYERS, epochs=3, selection="best")
    model = Model(run.load_encoder())
    objective = LayerLoss(task.head, tuple(layers), len(task.validation), run.budget.selection)
    train(
        [probe.recipe(objective, run.budget)], model, [dataclasses.replace(task, head=h) for h in objective.heads], run
    )
    return {layer: list(model.head(objective.name(layer)).parameters()) for layer in layers}


@pytest.mark.parametrize("blocks", ["none", "random:1,model:1"])
@pytest.mark.parametrize("number", [0, 2])
def test_heads_trained_together_are_those_trained_alone_to_the_bit(lab: Any, blocks: str, number: int) -> None:
    task = lab.tasks()[number].without_test()
    # Clipping and dropout are what would couple them: both are in force.
    probe = Probe(blocks=blocks, probe_lr=1e-2, dropout=0.3, gradient_clip=0.05)
    together = heads_of(lab, probe, task, [0, 1, 3])
    for layer in (0, 1, 3):
        alone = heads_of(lab, probe, task, [layer])[layer]
        assert len(alone) == len(together[layer]) >= 4
        assert all(torch.equal(one, other) for one, other in zip(alone, together[layer], strict=True))
    starts = heads_of(lab, dataclasses.replace(probe, probe_lr=1e-30), task, [0, 1])
    assert all(not torch.equal(a, b) for a, b in zip(starts[0][-4:-3], together[0][-4:-3], strict=True))  # they moved


def test_a_task_alone_gives_the_scores_that_it_gives_among_others(lab: Any) -> None:
    tasks = [task.without_test() for task in lab.tasks()]
    several, alone = lab.run(layers=2), lab.run(layers=2)
    Probe().fit(tasks, several)
    Probe().fit(tasks[1:2], alone)
    mine = [point for point in several.watcher.points if point.phase == f"probe-{tasks[1].head.name}"]
    assert mine == alone.watcher.points
    assert mine


def test_points_name_task_metric_and_layer(lab: Any) -> None:
    run = lab.run(layers=LAYERS, epochs=2)
    tasks = lab.tasks()
    predictor = Probe(blocks="model:2").fit([task.without_test() for task in tasks], run)
    assert isinstance(predictor, ProbePredictor)
    keys = {point.key for point in run.watcher.points}
    for task in tasks:
        for split in ("train", "validation"):
            for measure in (task.head.metric, task.head.loss):
                found = {key for key in keys if key.startswith(f"{split}/{task.name}/{measure}/")}
                # Two copied layers need two above the head: layers 0 to 2 of 4.
                assert found == {f"{split}/{task.name}/{measure}/layer_{layer:02d}" for layer in (0, 1, 2)}
        said = [point.value for point in run.watcher.points if point.key == f"recommended/{task.name}"]
        assert len(said) == 2
        assert predictor.fitted[task.name][1] == f"{task.name}/{int(said[-1])}"
        assert predictor.logits(task.name, task.test).shape == (len(task.test), task.head.outputs)
    costs = run.watcher.phases()
    assert [cost.trainable_encoder for cost in costs] == [0, 0, 0]
    assert all(cost.encode_seconds > 0.0 for cost in costs)


def test_scores_of_a_layer_are_the_recommended_heads(lab: Any) -> None:
    run, task = lab.run(layers=2, epochs=2, selection="best"), lab.tasks()[0]
    predictor = Probe(probe_lr=1e-2).fit([task.without_test()], run)
    assert isinstance(predictor, ProbePredictor)
    layer = int(predictor.fitted[task.name][1].rpartition("/")[2])
    key = f"validation/{task.name}/accuracy/layer_{layer:02d}"
    best = max(point.value for point in run.watcher.points if point.key == key)
    logits = predictor.logits(task.name, task.validation)
    assert float((logits.argmax(axis=1) == task.validation.targets).mean()) == best


def test_the_encoder_runs_once(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    encoded = states.encoded

    def counted(*given: Any) -> Any:
        passes.append(1)
        return encoded(*given)

    monkeypatch.setattr(states, "encoded", counted)
    task = lab.tasks()[1].without_test()
    heads_of(lab, Probe(), task, [0, 1, 2, 3])
    assert len(passes) == 2  # train and validation, for 4 layers and 3 epochs


def test_what_cant_be_probed_is_refused(lab: Any) -> None:
    heads = tuple(task.head for task in lab.tasks())
    budget = lab.run().budget
    for blocks, words in {
        "model:3": "only 2 above it",
        "model:2,random:2": "at most 3",
        "model": "such as random:1,model:2",
        "new:1": "such as random:1,model:2",
    }.items():
        with pytest.raises(UsageError, match=words):
            build_method("probe", budget, {"blocks": blocks}).check(2, heads)
    build_method("probe", budget, {"blocks": "random:1,model:2"}).check(2, heads)


def test_new_layers_are_the_same_at_every_layer_and_copies_are_the_next_ones(lab: Any) -> None:
    run, task = lab.run(layers=LAYERS), lab.tasks()[0].without_test()
    model = Model(run.load_encoder())
    probe = Probe(blocks="model:1,random:1")
    objective = LayerLoss(task.head, (0, 3), len(task.validation), "last")
    recipe = probe.recipe(objective, run.budget)
    model.set_heads(recipe.heads.attach(model, objective.heads, run.streams))
    first, second = (model.head(head.name) for head in objective.heads)
    assert isinstance(first.blocks, nn.ModuleList)
    assert isinstance(second.blocks, nn.ModuleList)

    def same(one: nn.Module, other: nn.Module) -> bool:
        return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))

    assert same(first.blocks[0], model.encoder.layers[0])
    assert same(second.blocks[0], model.encoder.layers[3])
    assert same(first.blocks[1], second.blocks[1])
    assert not same(first.blocks[1], model.encoder.layers[0])
    assert all(weight.requires_grad for weight in first.parameters())


def test_linear_heads_standardise_and_heads_with_layers_read_states_as_they_are(lab: Any) -> None:
    task = lab.tasks()[0].without_test()
    for blocks, standardise, expected in (("none", True, True), ("none", False, False), ("random:1", True, False)):
        predictor = Probe(blocks=blocks, standardise=standardise).fit([task], lab.run(layers=2))
        assert isinstance(predictor, ProbePredictor)
        model, name = predictor.fitted[task.head.name]
        head = model.head(name)
        assert isinstance(head, LayerHead)
        assert bool(head.mean.abs().sum() > 0) == expected, (blocks, standardise)
