"""Layer-wise decay: each depth's rate by hand, as the optimizer gets it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from benchmark.core.errors import UsageError
from benchmark.core.seeds import Streams
from benchmark.train.baseline import Baseline
from benchmark.train.loop import _optimizer
from benchmark.train.method_handle import build_method
from benchmark.train.recipe import Budget
from methods.llrd import LayerwiseDecay, LayerwiseLearningRateDecay
from tests.support.lab import Lab

BUDGET = Budget(1, 8, "last")


def rates_of(lab: Lab, kind: str, layers: int, rates: LayerwiseDecay) -> dict[str, float]:
    """The learning rate of every parameter, by name, as the optimizer holds it."""
    recipe = dataclasses.replace(Baseline().recipe(BUDGET), peak=1e-4, rates=rates)
    model = lab.model(kind, layers)
    model.set_heads(recipe.heads.attach(model, [lab.task().head], Streams(0)))
    optimizer, peaks = _optimizer(recipe, model)
    assert peaks == [group["lr"] for group in optimizer.param_groups]
    found = {id(weight): group["lr"] for group in optimizer.param_groups for weight in group["params"]}
    return {name: found[id(weight)] for name, weight in model.named_parameters()}


def test_twelve_layers_by_hand(lab: Lab) -> None:
    for name, rate in rates_of(lab, "bert", 12, LayerwiseDecay(0.9, 10.0)).items():
        if name.startswith("heads."):
            assert rate == 1e-3
        elif ".pooler." in name:
            assert rate == 1e-4
        elif ".layer." in name:
            number = int(name.split(".layer.")[1].split(".")[0]) + 1  # 1 … 12
            assert rate == pytest.approx(1e-4 * 0.9 ** (13 - number))
        else:
            assert ".embeddings." in name
            assert rate == pytest.approx(1e-4 * 0.9**13)


@pytest.mark.parametrize(
    ("depth", "expected"), [(13, 1.0), (12, 0.9), (11, 0.81), (1, 0.28242953648), (0, 0.25418658283)]
)
def test_depths_by_hand(depth: int, expected: float) -> None:
    assert LayerwiseDecay(0.9, 10.0).encoder(2.0, depth, depths=14) == pytest.approx(2 * expected)


def test_without_a_pooler_the_layers_have_the_same_rates(lab: Lab) -> None:
    rates = LayerwiseDecay(0.5, 10.0)
    distilbert = rates_of(lab, "distilbert", 2, rates)
    assert sorted(set(distilbert.values())) == pytest.approx([1e-4 / 8, 1e-4 / 4, 1e-4 / 2, 1e-3])
    assert sorted(set(rates_of(lab, "bert", 2, rates).values())) == pytest.approx(
        [1e-4 / 8, 1e-4 / 4, 1e-4 / 2, 1e-4, 1e-3]
    )


def test_no_decay_is_even(lab: Lab) -> None:
    assert set(rates_of(lab, "roberta", 2, LayerwiseDecay(1.0, 1.0)).values()) == {1e-4}


def test_the_head_has_a_rate_of_its_own_and_its_layers_too(lab: Lab) -> None:
    """zheng-2024 §3.2: 0.01 and 0.009 for the two layers of the classifier, 1e-4 for the pooler."""
    answers = LayerwiseLearningRateDecay(head_lr=0.01, head_decay=0.9).answers(Baseline(lr=1e-4), BUDGET)
    assert isinstance(answers.rates, LayerwiseDecay)
    found = rates_of(lab, "bert", 2, answers.rates)
    heads = {name.rsplit(".", 2)[-2]: rate for name, rate in found.items() if name.startswith("heads.")}
    assert heads == {"1": pytest.approx(0.01), "3": pytest.approx(0.009)}  # dropout, linear, ReLU, linear


@pytest.mark.parametrize("lr", [1e-5, 1e-4, 5e-4, 3e-3])
def test_the_rate_of_the_head_is_as_it_was_given_and_follows_the_peak(lr: float) -> None:
    rates = LayerwiseLearningRateDecay(head_lr=1e-3).answers(Baseline(lr=lr), BUDGET).rates
    assert rates is not None
    assert rates.head(lr) == 1e-3
    assert rates.head(lr / 4) == pytest.approx(1e-3 / 4)  # a phase with a peak of its own


def test_the_classifiers_own_peak_matters(fit_phases: Any) -> None:
    """On the encoder that one contrastive phase left, two peaks of the second phase train two classifiers."""
    slow, fast = (fit_phases("supcon+llrd", classifier_lr=rate) for rate in (1e-4, 1e-2))
    assert [point.value for point in slow.watcher.points] != [point.value for point in fast.watcher.points]


def test_where_the_encoder_is_frozen_the_decay_means_nothing() -> None:
    assert LayerwiseDecay(0.5, 2.0, 0.9).without_encoder() == LayerwiseDecay(0.8, 2.0, 0.9).without_encoder()
    with pytest.raises(UsageError, match=r"decay=0\.5 changes nothing, with these settings"):
        build_method("layer-heads+llrd", BUDGET, {"freeze": True, "decay": 0.5})
    build_method("layer-heads+llrd", BUDGET, {"decay": 0.5})
