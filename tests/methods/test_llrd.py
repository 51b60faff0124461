"""Layer-wise decay: each depth's rate by hand, as the optimizer gets it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from benchmark.core.seeds import Streams
from benchmark.train.baseline import Baseline
from benchmark.train.loop import _optimizer
from benchmark.train.recipe import Budget
from methods.llrd import LayerwiseDecay, LayerwiseLearningRateDecay

BUDGET = Budget(1, 8, "last")


def rates_of(lab: Any, kind: str, layers: int, rates: LayerwiseDecay) -> dict[str, float]:
    """The learning rate of every parameter, by name, as the optimizer holds it."""
    recipe = dataclasses.replace(Baseline().recipe(BUDGET), peak=1e-4, rates=rates)
    model = lab.model(kind, layers)
    model.set_heads(recipe.heads.attach(model, [lab.task().head], Streams(0)))
    optimizer, peaks = _optimizer(recipe, model)
    assert peaks == [group["lr"] for group in optimizer.param_groups]
    found = {id(weight): group["lr"] for group in optimizer.param_groups for weight in group["params"]}
    return {name: found[id(weight)] for name, weight in model.named_parameters()}


def test_twelve_layers_by_hand(lab: Any) -> None:
    for name, rate in rates_of(lab, "bert", 12, LayerwiseDecay(0.9, 1e-3)).items():
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
    assert LayerwiseDecay(0.9, 1e-3).encoder(2.0, depth, depths=14) == pytest.approx(2 * expected)


def test_without_a_pooler_the_layers_have_the_same_rates(lab: Any) -> None:
    rates = LayerwiseDecay(0.5, 1e-3)
    distilbert = rates_of(lab, "distilbert", 2, rates)
    assert sorted(set(distilbert.values())) == pytest.approx([1e-4 / 8, 1e-4 / 4, 1e-4 / 2, 1e-3])
    assert sorted(set(rates_of(lab, "bert", 2, rates).values())) == pytest.approx(
        [1e-4 / 8, 1e-4 / 4, 1e-4 / 2, 1e-4, 1e-3]
    )


def test_no_decay_is_even(lab: Any) -> None:
    assert set(rates_of(lab, "roberta", 2, LayerwiseDecay(1.0, 1e-4)).values()) == {1e-4}


def test_the_head_has_its_own_rate_whatever_the_peak() -> None:
    assert LayerwiseDecay(0.9, 5e-3).head(1.0) == LayerwiseDecay(0.1, 5e-3).head(1e-6) == 5e-3


def test_settings_reach_the_answer() -> None:
    answers = LayerwiseLearningRateDecay(decay=0.8, head_lr=0.01).answers(Baseline(), BUDGET)
    assert answers.given() == {"rates": LayerwiseDecay(0.8, 0.01)}
