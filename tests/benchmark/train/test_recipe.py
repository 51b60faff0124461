"""Recipes are values: techniques combine in any order, or say why they don't."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass

import pytest

from benchmark.core import registry
from benchmark.core.errors import UsageError
from benchmark.train.baseline import AdamW, Baseline, Even, Everything, HeadOnly, Pretrained, Summed
from benchmark.train.heads import OnTop
from benchmark.train.keep import Best, Last
from benchmark.train.objectives import TaskLoss, Weights
from benchmark.train.recipe import After, Answers, Budget, Recipe
from benchmark.train.schedules import Cosine
from benchmark.train.techniques import Technique, combine

BUDGET = Budget(epochs=3, batch_size=8, selection="best")
BASELINE = Baseline()
TECHNIQUES: dict[str, Technique] = {
    entry.name: entry.cls() for entry in registry.entries() if entry.kind == "technique"
}
CLASHES = {
    frozenset({"schedule", "warmup"}): "'schedule'",
    **{frozenset(pair): "'batches'" for pair in itertools.combinations(("supcon", "simclr", "multitask", "pcgrad"), 2)},
    **{frozenset({"layer-heads", name}): "'heads'" for name in ("supcon", "simclr")},
    frozenset({"simcse", "reinit"}): "'start'",
    frozenset({"reinit", "lora"}): "leave frozen and untrained",
}
PAIRS = tuple(itertools.combinations(sorted(TECHNIQUES), 2))


def of(*names: str) -> Recipe:
    return combine(BASELINE.recipe(BUDGET), [(name, TECHNIQUES[name]) for name in names], BASELINE, BUDGET)


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
    assert len(one.phases()) == len(of(a).phases()) + len(of(b).phases()) - 1


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
    base, recipe = BASELINE.recipe(BUDGET), of(name)
    given = TECHNIQUES[name].answers(BASELINE, BUDGET).given()
    later = TECHNIQUES[name].afterwards(BASELINE, BUDGET) is not None
    first = recipe.phases()[-2] if later else recipe  # a start may itself be a phase
    for field in dataclasses.fields(Recipe):
        assert getattr(first, field.name) == given.get(field.name, getattr(base, field.name)), field.name


def test_the_baseline_answers_every_question() -> None:
    assert of() == of("finetune") == Recipe(
        start=Pretrained(),
        trainable=Everything(),
        peak=1e-4,
        rates=Even(),
        schedule=Cosine(0.01),
        optimizer=AdamW(0.01),
        batches=BASELINE.recipe(BUDGET).batches,
        heads=OnTop(0.1, 256),
        objective=TaskLoss(),
        importance=Weights(),
        gradients=Summed(1.0),
        keep=Best(),
    )  # fmt: skip
    batches = of().batches
    assert (batches.size, batches.epochs, batches.views) == (8, 3, 1)
    assert Baseline().recipe(Budget(1, 1, "last")).keep == Last()
    assert of().phases() == (of(),)


@pytest.mark.parametrize("other", [name for name in sorted(TECHNIQUES) if legal("supcon", name) and name != "supcon"])
def test_two_phases_inherit_the_others_answers(other: str) -> None:
    *_, first, second = of("supcon", other).phases()
    given = TECHNIQUES[other].answers(BASELINE, BUDGET).given()
    for question, answer in given.items():
        assert getattr(first, question) == answer
    own = TECHNIQUES["supcon"].afterwards(BASELINE, BUDGET)
    assert own is not None
    for question, answer in given.items():
        if question not in {"start", *own.given()}:
            assert getattr(second, question) == answer
    assert second.start == After(first)
    assert isinstance(second.trainable, HeadOnly)
    assert second.objective == BASELINE.objective()
    assert not second.start.fresh_layers


def test_a_start_is_checked_through_the_phases() -> None:
    of("supcon", "reinit").start.check(2)
    with pytest.raises(UsageError, match=r"reinit.layers=2, but the encoder has 1 layers"):
        of("supcon", "reinit").start.check(1)


@dataclass(frozen=True)
class Later(Technique):
    """Wants a last phase and nothing else."""

    def afterwards(self, baseline: Baseline, budget: Budget) -> Answers:
        return Answers(trainable=HeadOnly())


def test_two_last_phases_clash() -> None:
    with pytest.raises(UsageError, match="'a' and 'b' both want the last phase: choose one of them"):
        combine(BASELINE.recipe(BUDGET), [("a", Later()), ("b", Later())], BASELINE, BUDGET)


def test_an_unchanged_question_is_no_answer() -> None:
    assert Answers().given() == {}
    assert Answers(peak=0.5, keep=Last()).given() == {"peak": 0.5, "keep": Last()}
    questions = {field.name for field in dataclasses.fields(Recipe)} - {"measured"}  # what is watched is no answer
    assert {field.name for field in dataclasses.fields(Answers)} == questions


def test_a_recipe_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        of().peak = 1.0  # type: ignore[misc]
