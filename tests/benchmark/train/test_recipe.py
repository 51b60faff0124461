"""Recipes are values: techniques combine in any order, or say why they don't."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from typing import Any

import pytest

from benchmark.core import registry
from benchmark.core.errors import UsageError
from benchmark.train.baseline import (
    AdamW,
    Baseline,
    FrozenEncoder,
    FullEncoder,
    Pretrained,
    SummedGradients,
    UniformRates,
)
from benchmark.train.heads import ClsHead
from benchmark.train.objectives import TaskLoss
from benchmark.train.recipe import Answers, Budget, Recipe
from benchmark.train.schedules import Cosine
from benchmark.train.techniques import Technique, combine
from benchmark.train.weight_selection import BestWeights, LastWeights

BUDGET = Budget(epochs=3, batch_size=8, selection="best")
BASELINE = Baseline()
TECHNIQUES: dict[str, Technique] = {
    entry.name: entry.cls() for entry in registry.entries() if entry.kind == "technique"
}
CLASHES = {
    frozenset({"schedule", "warmup"}): "'schedule'",
    **{frozenset(pair): "'batches'" for pair in itertools.combinations(("supcon", "simclr", "multitask", "pcgrad"), 2)},
    **{frozenset({"layer-heads", name}): "'heads'" for name in ("supcon", "simclr")},
    frozenset({"reinit", "lora"}): "leave frozen and untrained",
}
PAIRS = tuple(itertools.combinations(sorted(TECHNIQUES), 2))


def of(*names: str) -> tuple[Recipe, ...]:
    return combine([(name, TECHNIQUES[name]) for name in names], BASELINE, BUDGET)


def main_phase(*names: str) -> Recipe:
    return next(phase for phase in of(*names) if phase.number == 0)


def legal(*names: str) -> bool:
    return not any(clash <= set(names) for clash in CLASHES)


def test_there_are_techniques_to_combine() -> None:
    assert len(TECHNIQUES) >= 13
    assert len(PAIRS) >= 78
    assert all(clash <= set(TECHNIQUES) for clash in CLASHES)


@pytest.mark.parametrize(("a", "b"), [pair for pair in PAIRS if legal(*pair)])
def test_the_order_has_no_effect(a: str, b: str) -> None:
    one, other = of(a, b), of(b, a)
    assert one == other
    assert hash(one) == hash(other)
    assert repr(one) == repr(other)
    assert len(one) == len(of(a)) + len(of(b)) - 1


@pytest.mark.parametrize("names", list(itertools.permutations(("llrd", "warmup", "swa"))), ids="+".join)
def test_the_order_of_three_has_no_effect(names: tuple[str, ...]) -> None:
    assert of(*names) == of("llrd", "warmup", "swa")


@pytest.mark.parametrize(("a", "b"), [pair for pair in PAIRS if not legal(*pair)])
def test_a_clash_names_both_and_the_question(a: str, b: str) -> None:
    lines = []
    for names in ((a, b), (b, a)):
        with pytest.raises(UsageError) as caught:
            of(*names)
        lines.append(str(caught.value))
    for line in lines:
        assert repr(a) in line
        assert repr(b) in line
        assert CLASHES[frozenset({a, b})] in line
        assert line.endswith("choose one of them")


@pytest.mark.parametrize("name", sorted(TECHNIQUES))
def test_a_technique_changes_what_it_answers_and_nothing_else(name: str) -> None:
    base, recipe = BASELINE.recipe(BUDGET), main_phase(name)
    given = TECHNIQUES[name].answers(BASELINE, BUDGET).given()
    for field in dataclasses.fields(Recipe):
        assert getattr(recipe, field.name) == given.get(field.name, getattr(base, field.name)), field.name


def test_the_baseline_answers_every_question() -> None:
    assert of() == of("finetune") == (main_phase(),)
    assert main_phase() == Recipe(
        start=Pretrained(),
        trainable=FullEncoder(),
        peak=1e-4,
        rates=UniformRates(),
        schedule=Cosine(0.01),
        optimizer=AdamW(0.01),
        batches=BASELINE.recipe(BUDGET).batches,
        heads=ClsHead(0.1, 256),
        objective=TaskLoss(),
        gradients=SummedGradients(1.0),
        weight_selection=BestWeights(),
    )  # fmt: skip
    batches = main_phase().batches
    assert (batches.size, batches.epochs, batches.views) == (8, 3, 1)
    assert Baseline().recipe(Budget(1, 1, "last")).weight_selection == LastWeights()


@pytest.mark.parametrize("other", [name for name in sorted(TECHNIQUES) if legal("supcon", name) and name != "supcon"])
def test_two_phases_inherit_the_others_answers(other: str) -> None:
    *_, first, second = of("supcon", other)
    given: dict[str, Any] = TECHNIQUES[other].answers(BASELINE, BUDGET).given()
    for question, answer in given.items():
        assert getattr(first, question) == answer
    own = TECHNIQUES["supcon"].after(BASELINE, BUDGET)
    assert own is not None
    for question, answer in given.items():
        if question not in {"start", *own.given()}:
            assert getattr(second, question) == (answer.without_encoder() if question == "rates" else answer)
    assert (first.number, second.number) == (0, 1)
    assert second.start == Pretrained()  # from what the first left
    assert isinstance(second.trainable, FrozenEncoder)
    assert second.objective == BASELINE.objective()
    assert not second.start.fresh_layers


@dataclass(frozen=True)
class Later(Technique):
    """Adds a last phase and nothing else."""

    def after(self, baseline: Baseline, budget: Budget) -> Answers:
        return Answers(trainable=FrozenEncoder())


def test_two_last_phases_clash() -> None:
    with pytest.raises(UsageError, match="'a' and 'b' both add a last phase: choose one of them"):
        combine([("a", Later()), ("b", Later())], BASELINE, BUDGET)


@dataclass(frozen=True)
class Earlier(Technique):
    """Adds a first phase and nothing else."""

    def before(self, baseline: Baseline, budget: Budget) -> Answers:
        return Answers(peak=0.5)


def test_a_phase_before_all_others_differs_from_the_baseline_alone() -> None:
    first, main, last = combine([("llrd", TECHNIQUES["llrd"]), ("a", Earlier()), ("b", Later())], BASELINE, BUDGET)
    assert [phase.number for phase in (first, main, last)] == [-1, 0, 1]
    assert first == dataclasses.replace(BASELINE.recipe(BUDGET), peak=0.5, number=-1)
    assert main == main_phase("llrd")
    rates = main.rates.without_encoder()
    assert last == dataclasses.replace(main, trainable=FrozenEncoder(), rates=rates, number=1)
    with pytest.raises(UsageError, match="'a' and 'b' both add a first phase: choose one of them"):
        combine([("a", Earlier()), ("b", Earlier())], BASELINE, BUDGET)


def test_an_unchanged_question_is_no_answer() -> None:
    assert Answers().given() == {}
    assert Answers(peak=0.5, weight_selection=LastWeights()).given() == {"peak": 0.5, "weight_selection": LastWeights()}
    questions = {field.name for field in dataclasses.fields(Recipe)} - {"number"}
    assert {field.name for field in dataclasses.fields(Answers)} == questions


def test_a_recipe_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        main_phase().peak = 1.0  # type: ignore[misc]
