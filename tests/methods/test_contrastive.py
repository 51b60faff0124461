"""What SupCon and SimCLR share: a contrastive phase and then a classifier; what each asks, moves and leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from benchmark.data.batches import Shuffled
from benchmark.train.baseline import Baseline, FrozenEncoder, FullEncoder
from benchmark.train.contrastive import Contrastive
from benchmark.train.heads import ClsHead
from benchmark.train.objectives import TaskLoss
from benchmark.train.recipe import Budget
from methods.simclr import SimCLR
from methods.supcon import SupCon
from tests.support.lab import Lab

BUDGET = Budget(epochs=5, batch_size=8, selection="best")
Class = type[SimCLR] | type[SupCon]

pytestmark = pytest.mark.parametrize(
    ("name", "technique", "supervised"), [("simclr", SimCLR, False), ("supcon", SupCon, True)], ids=["simclr", "supcon"]
)


def test_first_phase(name: str, technique: Class, supervised: bool) -> None:
    given = (
        technique(temperature=0.5, projection="linear", projection_size=16)
        .answers(Baseline(dropout=0.3), BUDGET)
        .given()
    )
    contrastive = Contrastive(supervised, 0.5, "linear", 16, 0.3)
    assert given == {
        "heads": contrastive,  # the projection head that the loss is measured on
        "objective": contrastive,
        "batches": Shuffled(size=8, epochs=5, views=2),
    }


def test_first_phase_may_have_a_budget_of_its_own(name: str, technique: Class, supervised: bool) -> None:
    answers = technique(contrastive_epochs=2, contrastive_batch_size=64).answers(Baseline(), BUDGET)
    assert answers.batches == Shuffled(size=64, epochs=2, views=2)


def test_second_phase(name: str, technique: Class, supervised: bool) -> None:
    baseline = Baseline(hidden=7)
    given = technique(classifier_epochs=4, classifier_lr=0.5).after(baseline, BUDGET).given()
    assert given == {
        "trainable": FrozenEncoder(),
        "peak": 0.5,
        "batches": Shuffled(size=8, epochs=4),
        "heads": ClsHead(0.1, 7),
        "objective": TaskLoss(),
    }
    assert "trainable" not in technique(freeze=False).after(baseline, BUDGET).given()


def test_two_phases_are_run_one_after_the_other(name: str, technique: Class, supervised: bool, fit_phases: Any) -> None:
    fitted = fit_phases(name)
    first, second = fitted.phases
    assert [phase.number for phase in fitted.phases] == [0, 1]
    assert (first.trainable, second.trainable) == (FullEncoder(), FrozenEncoder())
    costs = fitted.watcher.phases()
    assert [cost.phase for cost in costs] == ["contrastive", "classification"]
    assert costs[0].trainable_encoder > 0
    assert costs[1].trainable_encoder == 0
    epochs = [(point.phase, point.epoch) for point in fitted.watcher.points if point.key == "train/loss"]
    assert epochs == [("contrastive", 1), ("contrastive", 2), *(("classification", epoch) for epoch in (1, 2, 3))]


def test_the_first_phase_trains_the_encoder_and_the_second_leaves_it(
    name: str, technique: Class, supervised: bool, fit_phases: Any, same: Any, lab: Lab
) -> None:
    fitted = fit_phases(name)
    assert same(fitted.begun[0], dict(lab.model().encoder.state_dict()))
    assert not same(fitted.begun[0], fitted.begun[1])
    assert same(fitted.begun[1], fitted.end)


def test_without_freezing_the_second_phase_moves_it_too(
    name: str, technique: Class, supervised: bool, fit_phases: Any, same: Any
) -> None:
    frozen, free = fit_phases(name), fit_phases(name, freeze=False)
    assert same(frozen.begun[1], free.begun[1])
    assert not same(free.begun[1], free.end)


@pytest.mark.parametrize("changed", [{"temperature": 1.0}, {"projection": "linear"}, {"projection_size": 8}])
def test_parameters_reach_the_first_phase(
    name: str, technique: Class, supervised: bool, fit_phases: Any, same: Any, changed: dict[str, Any]
) -> None:
    assert not same(fit_phases(name).begun[1], fit_phases(name, **changed).begun[1])


def test_the_first_phase_may_have_a_dropout_of_its_own_and_normalise_first(
    name: str, technique: Class, supervised: bool
) -> None:
    given = technique(contrastive_dropout=0.3, normalise="input").answers(Baseline(dropout=0.1), BUDGET).given()
    assert given["objective"] == Contrastive(supervised, 0.07, "mlp", None, 0.3, normalise_input=True)
