"""Every registered method without padding and with transformers' own forward: the same losses and gradients."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmark.core import registry
from benchmark.core.errors import SkippedError
from benchmark.data.task import Task
from benchmark.experiment.collector import Collector
from benchmark.model.encoder import Encoder
from benchmark.model.vocabulary import OccurringRows
from benchmark.train import embeddings, loop
from benchmark.train.baseline import AdamW
from benchmark.train.method_handle import build_method
from benchmark.train.predict import evaluate
from benchmark.train.run import Run
from tests.support.lab import Lab

NAMES = registry.names()


@dataclass
class Seen:
    """What a fit computed."""

    gradients: list[list[Tensor | None]] = field(default_factory=list)  # of each step, in the order of the weights
    losses: list[float] = field(default_factory=list)
    logits: list[np.ndarray] = field(default_factory=list)
    packed: set[bool] = field(default_factory=set)  # whether a pass was without padding


class Still(torch.optim.SGD):
    """Takes the gradients down and moves nothing, so that every step is at the same weights."""

    seen: Seen

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        weights = [weight for group in self.param_groups for weight in group["params"]]
        self.seen.gradients.append([None if w.grad is None else w.grad.clone() for w in weights])


def tasks_of(lab: Lab, name: str) -> tuple[Task, ...]:
    one: tuple[Task, ...] = (lab.task(),)
    try:
        build_method(name, lab.run().budget).check(2, [task.head for task in one])
    except SkippedError:
        return tuple(lab.tasks())
    return one


def fit(lab: Lab, name: str, forward: str, monkeypatch: pytest.MonkeyPatch, dropout: bool = False) -> Seen:
    """Fit `name` for an epoch with an optimizer that stands still."""
    seen, run = Seen(), lab.run(forward=forward, epochs=1)
    tasks = tasks_of(lab, name)
    own, packs = type("Own", (Still,), {"seen": seen}), Encoder.packs
    with monkeypatch.context() as patch:
        patch.setattr(AdamW, "build", lambda _, groups: own(groups, lr=0.0))
        patch.setattr(Encoder, "packs", property(lambda encoder: _noted(packs.fget(encoder), seen)))  # type: ignore[attr-defined]
        if not dropout:
            _nothing_drops(patch)
        predictor = build_method(name, run.budget).fit([task.without_test() for task in tasks], run)
        seen.logits = [evaluate(predictor, task.head, task.test).logits for task in tasks]
    assert isinstance(run.watcher, Collector)
    seen.losses = [point.value for point in run.watcher.points if point.key == "train/loss"]
    return seen


def _noted(packed: bool, seen: Seen) -> bool:
    seen.packed.add(packed)
    return packed


def _nothing_drops(patch: pytest.MonkeyPatch) -> None:
    """Heads and adapters drop out by torch's function; the encoder by rates of its modules, which are set to 0."""
    load = Run.load_encoder

    def loaded(run: Run) -> Encoder:
        encoder = load(run)
        for module in encoder.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        return encoder

    patch.setattr(Run, "load_encoder", loaded)
    patch.setattr(nn.functional, "dropout", lambda states, *_, **__: states)
    patch.setattr("methods.lora.SeparateDropout.forward", lambda _, states: states)


@pytest.mark.parametrize("name", NAMES)
def test_losses_and_gradients_are_those_of_transformers_forward(
    lab: Lab, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed, stock = (fit(lab, name, forward, monkeypatch) for forward in ("packed", "stock"))
    assert packed.packed == {True}
    assert stock.packed == {False}
    assert packed.losses == pytest.approx(stock.losses, rel=1e-5, abs=1e-5)
    assert len(packed.gradients) == len(stock.gradients)
    assert len(packed.gradients) > 0 or name == "zero-shot"
    for ours, theirs in zip(packed.gradients, stock.gradients, strict=True):
        assert [grad is None for grad in ours] == [grad is None for grad in theirs]
        assert any(grad is not None for grad in ours)
        for mine, other in zip(ours, theirs, strict=True):
            if mine is not None and other is not None:
                torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)
    for logits, expected in zip(packed.logits, stock.logits, strict=True):
        np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5)


def test_every_method_was_asked() -> None:
    assert len(NAMES) >= 18


def test_with_dropout_the_two_meet_other_masks(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    packed, stock = (fit(lab, "finetune", forward, monkeypatch, dropout=True) for forward in ("packed", "stock"))
    assert packed.losses != pytest.approx(stock.losses, rel=1e-5)


def counting(made: list[int]) -> Callable[..., None]:
    """The constructor of `OccurringRows`, which adds an entry to `made`, too."""
    original: Callable[..., None] = OccurringRows.__init__

    def init(*given: Any) -> None:
        made.append(1)
        original(*given)

    return init


def named(key: str) -> Callable[[str], str]:
    return lambda text: f"{key}: {text}"


def trained(lab: Lab, name: str, monkeypatch: pytest.MonkeyPatch, whole: bool) -> tuple[dict[str, Tensor], bool]:
    """Fit `name`, all of its embeddings trained where `whole`; return the weights, and whether it was some of them."""
    run = lab.run(epochs=2)
    some: list[int] = []
    tasks = tasks_of(lab, name)
    with monkeypatch.context() as patch:
        patch.setattr(OccurringRows, "__init__", counting(some))
        if whole:
            patch.setattr("benchmark.train.embeddings.only_scales", lambda _: False)
        built = build_method(name, run.budget)
        fitted: Any = built.fit([task.without_test() for task in tasks], run)
    assert isinstance(fitted.model.encoder.backbone.embeddings.word_embeddings, nn.Embedding)
    return fitted.model.state_dict(), bool(some)


@pytest.mark.parametrize("name", ["finetune", "swa+reinit", "llrd+warmup", "supcon", "simcse", "multitask", "pcgrad"])
def test_training_the_embeddings_that_occur_is_training_all(
    lab: Lab, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After two epochs of every phase: rows that occur, rows that don't and all other weights, to rounding."""
    ours, some = trained(lab, name, monkeypatch, whole=False)
    theirs, none = trained(lab, name, monkeypatch, whole=True)
    assert (some, none) == (True, False)
    assert set(ours) == set(theirs)
    for key, value in theirs.items():
        # Adam divides by a gradient's own size: next to nothing, rounding decides about a step.
        torch.testing.assert_close(ours[key], value, rtol=0, atol=2e-4, msg=named(key))
    table = "encoder.backbone.embeddings.word_embeddings.weight"
    far = (ours[table] - theirs[table]).abs().amax(dim=1)
    assert float(far.median()) < 1e-7  # most rows don't occur: they only decay


@pytest.mark.parametrize("name", ["lora", "supcon", "probe", "zero-shot"])
def test_adapters_and_frozen_encoders_keep_their_table(lab: Lab, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is split where nothing of it is trained: in a frozen phase, under adapters."""
    split: list[bool] = []
    original = embeddings.occurring_embeddings

    def watched(recipe: Any, model: Any, *rest: Any) -> Any:
        split.append(recipe.trainable.trains_pretrained)
        return original(recipe, model, *rest)

    monkeypatch.setattr(loop, "occurring_embeddings", watched)
    made: list[int] = []
    monkeypatch.setattr(OccurringRows, "__init__", counting(made))
    build_method(name, lab.run().budget).fit([lab.task().without_test()], lab.run())
    assert len(made) == sum(split)


def test_an_answer_that_doesnt_say_so_trains_all_rows(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plug-in's objective may look at weights; nor is an heir's word its own."""
    from benchmark.train.baseline import Baseline
    from benchmark.train.embeddings import _is_rowwise
    from benchmark.train.objectives import TaskLoss

    class Pulled(TaskLoss):
        """Whatever it does with the weights."""

    recipe = Baseline().recipe(lab.run().budget)
    assert _is_rowwise(recipe)
    assert not _is_rowwise(dataclasses.replace(recipe, objective=Pulled()))
