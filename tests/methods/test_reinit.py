"""Re-initialisation: the top layers and nothing else, from the distribution that was asked for."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmark.core.errors import UsageError
from benchmark.core.seeds import Streams
from benchmark.model.model import Model
from benchmark.train.baseline import Baseline
from benchmark.train.recipe import Budget
from methods.reinit import Reinitialise, Reinitialised
from tests.support.lab import Lab

KINDS = ("bert", "distilbert", "roberta")


def prepared(lab: Lab, kind: str = "bert", layers: int = 2, std: float | None = None, seed: int = 0) -> Model:
    model: Model = lab.model(kind, 4)
    with torch.no_grad():  # as trained: nothing is at its initial value
        for weight in model.encoder.parameters():
            weight.add_(0.5)
    Reinitialised(layers, std).prepare(model, Streams(seed))
    return model


@pytest.mark.parametrize("layers", [1, 2, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_only_the_top_layers_change_and_all_of_each(lab: Lab, kind: str, layers: int) -> None:
    before, model = lab.model(kind, 4), prepared(lab, kind, layers)
    fresh = {id(weight) for layer in model.encoder.layers[-layers:] for weight in layer.parameters()}
    assert len(fresh) == layers * 16
    for (name, old), new in zip(before.encoder.named_parameters(), model.encoder.parameters(), strict=True):
        kept = torch.equal(old + 0.5, new)
        assert kept is (id(new) not in fresh), name


@pytest.mark.parametrize("kind", KINDS)
def test_biases_are_zero_and_normalisation_is_neutral(lab: Lab, kind: str) -> None:
    kinds = []
    for module in prepared(lab, kind).encoder.layers[-1].modules():
        if isinstance(module, nn.Linear):
            assert not module.bias.any()
            kinds.append("linear")
        elif isinstance(module, nn.LayerNorm):
            assert (module.weight == 1).all()
            assert not module.bias.any()
            kinds.append("norm")
    assert sorted(kinds) == ["linear"] * 6 + ["norm"] * 2


@pytest.mark.parametrize(("std", "expected"), [(None, 0.02), (0.2, 0.2), (1.0, 1.0)])
def test_weights_have_the_standard_deviation(lab: Lab, std: float | None, expected: float) -> None:
    model = prepared(lab, std=std)
    assert model.encoder.config.initializer_range == 0.02
    drawn = torch.cat(
        [
            module.weight.detach().flatten()
            for layer in model.encoder.layers[-2:]
            for module in layer.modules()
            if isinstance(module, nn.Linear)
        ]
    )
    count = drawn.numel()
    assert count == 2 * (4 * 32 * 32 + 2 * 32 * 64)
    assert abs(float(drawn.mean())) < 5 * expected / count**0.5
    assert float(drawn.std()) == pytest.approx(expected, rel=5 / (2 * count) ** 0.5)
    assert 0.66 < float((drawn.abs() < expected).float().mean()) < 0.70  # a normal distribution: 68.3%


def test_without_a_width_it_is_the_encoders_own(lab: Lab) -> None:
    model = lab.model()
    model.encoder.config.initializer_range = 0.5
    Reinitialised(1, None).prepare(model, Streams(0))
    weight = next(module.weight for module in model.encoder.layers[-1].modules() if isinstance(module, nn.Linear))
    assert weight.std().item() == pytest.approx(0.5, rel=0.15)


def test_weights_are_a_function_of_the_seed_and_the_layer(lab: Lab) -> None:
    def layer(model: Model, number: int) -> torch.Tensor:
        return torch.cat([weight.detach().flatten() for weight in model.encoder.layers[number].parameters()])

    one, again, more, other = (
        prepared(lab), prepared(lab), prepared(lab, layers=3), prepared(lab, seed=1)
    )  # fmt: skip
    assert torch.equal(layer(one, 3), layer(again, 3))
    assert torch.equal(layer(one, 3), layer(more, 3))  # however many layers are fresh
    assert not torch.equal(layer(one, 3), layer(other, 3))
    assert not torch.equal(layer(one, 3), layer(one, 2))


def test_the_global_generator_is_left_alone(lab: Lab) -> None:
    model = lab.model()
    before = torch.get_rng_state()
    Reinitialised(2, None).prepare(model, Streams(0))
    assert torch.equal(before, torch.get_rng_state())


def test_more_layers_than_there_are_is_refused() -> None:
    Reinitialise(layers=6).check(6, ())
    with pytest.raises(UsageError, match=r"reinit.layers=7, but the encoder has 6 layers: choose at most 6"):
        Reinitialise(layers=7).check(6, ())


def test_settings_reach_the_answer() -> None:
    answers = Reinitialise(layers=3, std=0.2).answers(Baseline(), Budget(1, 1, "best"))
    assert answers.given() == {"start": Reinitialised(3, 0.2)}
