"""Trainable parameters of a model: groups by depth cover each trainable parameter once, and counts are right."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from benchmark.core.seeds import Streams
from benchmark.model.heads import ClassifierHead
from benchmark.model.model import Counts, Model, count, draw_head, groups
from methods.lora import ALL_LINEAR, QUERY_VALUE, LowRankAdapters

KINDS = ("bert", "distilbert", "roberta")
HEAD = 32 * 8 + 8 + 8 * 4 + 4


def head() -> ClassifierHead:
    return ClassifierHead(32, 8, 4, 0.1)


def model_of(lab: Any, kind: str = "bert", layers: int = 3, targets: str | None = None) -> Model:
    model: Model = lab.model(kind, layers)
    if targets is not None:
        LowRankAdapters(rank=2, alpha=4.0, dropout=0.0, targets=targets).apply(model, Streams(0))
    model.set_heads({"scenario": draw_head(Streams(0), "scenario", head)})
    return model


def depths(model: Model) -> dict[str, int | None]:
    """The depth of each trainable parameter, by name."""
    names = {id(weight): name for name, weight in model.named_parameters()}
    return {names[id(weight)]: group.depth for group in groups(model) for weight in group.parameters}


def expected_depth(name: str, layers: int) -> int | None:
    if name.startswith("heads."):
        return None
    if ".pooler." in name:
        return layers + 1
    return int(name.split(".layer.")[1].split(".")[0]) + 1 if ".layer." in name else 0


@pytest.mark.parametrize("targets", [None, QUERY_VALUE, ALL_LINEAR])
@pytest.mark.parametrize("kind", KINDS)
def test_groups_cover_each_trainable_parameter_exactly_once(lab: Any, kind: str, targets: str | None) -> None:
    model = model_of(lab, kind, targets=targets)
    covered = [id(weight) for group in groups(model) for weight in group.parameters]
    moving = [id(weight) for weight in model.parameters() if weight.requires_grad]
    assert len(covered) == len(set(covered))
    assert set(covered) == set(moving)
    found = depths(model)
    assert found == {name: expected_depth(name, 3) for name in found}
    assert any("lora_" in name for name in found) is (targets is not None)


@pytest.mark.parametrize(
    ("kind", "targets", "expected"),
    [
        ("bert", None, [0, 1, 2, 3, 4, None]),
        ("roberta", None, [0, 1, 2, 3, 4, None]),
        ("distilbert", None, [0, 1, 2, 3, None]),
        ("bert", QUERY_VALUE, [1, 2, 3, None]),
        ("bert", ALL_LINEAR, [1, 2, 3, 4, None]),
        ("distilbert", ALL_LINEAR, [1, 2, 3, None]),
    ],
)
def test_groups_are_sorted_bottom_first_heads_last(
    lab: Any, kind: str, targets: str | None, expected: list[int | None]
) -> None:
    found = groups(model_of(lab, kind, targets=targets))
    assert [group.depth for group in found] == [*expected, None]  # two linear layers in the head
    assert [group.layer for group in found] == [0] * len(expected) + [1]
    assert all(group.parameters for group in found)


def test_groups_of_a_frozen_encoder_are_the_heads_alone(lab: Any) -> None:
    model = model_of(lab)
    model.encoder.requires_grad_(False)
    found = groups(model)
    assert [(group.depth, group.layer) for group in found] == [(None, 0), (None, 1)]
    assert [weight for group in found for weight in group.parameters] == list(model.heads.parameters())


def test_nothing_that_moves_is_forgotten(lab: Any) -> None:
    model = model_of(lab)
    model.stray = nn.Parameter(torch.zeros(3))
    with pytest.raises(RuntimeError, match="don't cover every trainable parameter exactly once"):
        groups(model)


def test_a_part_of_the_encoder_with_another_name_belongs_to_the_embeddings(lab: Any) -> None:
    model = model_of(lab)
    model.encoder.backbone.extra = nn.Linear(2, 2)
    assert depths(model)["encoder.backbone.extra.weight"] == 0


def test_counts(lab: Any) -> None:
    model = model_of(lab, layers=2)
    encoder = sum(weight.numel() for weight in model.encoder.parameters())
    assert count(model) == Counts(encoder, HEAD, encoder + HEAD)
    model.encoder.requires_grad_(False)
    assert count(model) == Counts(0, HEAD, encoder + HEAD)


@pytest.mark.parametrize(
    ("targets", "moving"),
    [
        # rank 2: 2 · (in + out) per adapted layer of hidden 32, inner 64
        (QUERY_VALUE, 2 * 2 * 2 * 64),
        (ALL_LINEAR, 2 * (2 * (4 * 64 + 2 * 96)) + 2 * 64),
    ],
)
def test_counts_of_adapters(lab: Any, targets: str, moving: int) -> None:
    plain = count(model_of(lab, layers=2))
    found = count(model_of(lab, layers=2, targets=targets))
    assert found == Counts(moving, HEAD, plain.total + moving)


def test_trainable_is_the_order_of_the_module_tree(lab: Any) -> None:
    model = model_of(lab)
    assert [id(weight) for weight in model.trainable()] == [id(weight) for weight in model.parameters()]
    model.encoder.requires_grad_(False)
    assert [id(weight) for weight in model.trainable()] == [id(weight) for weight in model.heads.parameters()]


class TestHeadWeights:
    def weights(self, model: Model, name: str = "scenario") -> torch.Tensor:
        return torch.cat([weight.detach().flatten() for weight in model.heads[name].parameters()])

    def test_are_a_function_of_seed_and_name(self, lab: Any) -> None:
        plain, adapted = model_of(lab), model_of(lab, "roberta", targets=ALL_LINEAR)
        torch.rand(13)
        again = model_of(lab)
        again.set_heads({name: draw_head(Streams(0), name, head) for name in ("scenario", "intent")})
        assert torch.equal(self.weights(plain), self.weights(adapted))
        assert torch.equal(self.weights(plain), self.weights(again))
        assert not torch.equal(self.weights(again), self.weights(again, "intent"))
        again.set_heads({"scenario": draw_head(Streams(1), "scenario", head)})
        assert list(again.heads) == ["scenario"]  # the others are gone
        assert not torch.equal(self.weights(plain), self.weights(again))

    def test_leave_the_global_generator_alone(self) -> None:
        before = torch.get_rng_state()
        draw_head(Streams(0), "scenario", head)
        assert torch.equal(before, torch.get_rng_state())


def test_a_head_is_a_head_module(lab: Any) -> None:
    with pytest.raises(TypeError, match="the head of 'a' is a Linear: derive heads from HeadModule"):
        lab.model().set_heads({"a": nn.Linear(2, 2)})


def test_tasks_may_share_a_head(lab: Any) -> None:
    model, shared = lab.model(), head()
    model.set_heads({"a.b": shared, "c": shared})
    assert model.head("a.b") is model.head("c") is shared
    assert count(model).trainable_head == HEAD
    assert [len(group.parameters) for group in groups(model)[-2:]] == [2, 2]
