"""What a method is made of: techniques, each answering some of a recipe's questions differently, and `combine`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Self, TypeVar

from benchmark.core import registry
from benchmark.core.errors import UsageError
from benchmark.core.parameters import Value, describe
from benchmark.data.task import Head
from benchmark.train.baseline import Baseline, Pretrained
from benchmark.train.recipe import Answers, Budget, Recipe

C = TypeVar("C", bound=type)
NOTHING_SHARED = "{} combines gradients of weights that tasks share, and {}"


class Technique:
    """Base class of techniques: a frozen dataclass whose fields are its parameters (`parameter`)."""

    prefers: ClassVar[Mapping[str, Value]] = MappingProxyType({})
    """Other defaults for the baseline's parameters, where the technique needs them: ``{"lr": 1e-3}``."""

    def canonical(self) -> Self:
        """Return the same technique with every parameter in its one spelling, for those that are text."""
        return self

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise UsageError for an encoder with `layers` transformer layers, or tasks, that it can't be used with.

        Raise SkippedError where it has no meaning for tasks with these `heads`. Called before any cell runs.
        """

    def before(self, baseline: Baseline, budget: Budget) -> Answers | None:
        """Return what differs from the baseline in a phase before all others; None: there is none."""
        return None

    def answers(self, baseline: Baseline, budget: Budget) -> Answers:
        """Return what it answers differently in the phase that trains the encoder. May raise UsageError."""
        return Answers()

    def after(self, baseline: Baseline, budget: Budget) -> Answers | None:
        """Return what changes in a last phase, which starts from the weights of the one before; None: there is none."""
        return None


def technique(name: str, *, source: str) -> Callable[[C], C]:
    """Return a decorator that registers a subclass of `Technique`; see `registry.technique`.

    Raises ValueError for another class, for `prefers` that the baseline doesn't have, and whatever that one refuses.
    """

    def register(cls: C) -> C:
        if not issubclass(cls, Technique):
            raise ValueError(f"technique {name!r}: {cls.__name__} must derive from benchmark.train.Technique")
        shared = {parameter.name: parameter for parameter in describe(Baseline)}
        for wish, value in cls.prefers.items():
            if wish not in shared:
                raise ValueError(f"technique {name!r} prefers {wish!r}: the baseline has {', '.join(sorted(shared))}")
            shared[wish].check(value)
        return registry.technique(name, source=source)(cls)

    return register


def combine(techniques: Sequence[tuple[str, Technique]], baseline: Baseline, budget: Budget) -> tuple[Recipe, ...]:
    """Return the phases of `techniques` (named, for errors) on `baseline`, first to last; their order has no effect.

    Raises UsageError when two answer the same question or the result makes no sense.
    """
    base = baseline.recipe(budget)
    main = _main(base, [(name, technique.answers(baseline, budget)) for name, technique in techniques])
    before = _only("first", [(name, technique.before(baseline, budget)) for name, technique in techniques])
    after = _only("last", [(name, technique.after(baseline, budget)) for name, technique in techniques])
    phases = [main]
    if before is not None:
        phases.insert(0, dataclasses.replace(_changed(base, before), number=-1))
    if after is not None:
        last = _changed(dataclasses.replace(main, start=Pretrained(), number=1), after)
        if last.gradients.needs_shared_weights and not last.trainable.trains_encoder:
            raise UsageError(NOTHING_SHARED.format("the last phase", "the encoder is frozen: leave freeze out"))
        phases.append(last)
    return tuple(_without_dead_answers(phase) for phase in phases)


def _without_dead_answers(recipe: Recipe) -> Recipe:
    """Return `recipe` without what has no effect where the encoder is frozen: equal results have equal recipes."""
    if recipe.trainable.trains_encoder:
        return recipe
    return dataclasses.replace(recipe, rates=recipe.rates.without_encoder(), encoder_dropout=None)


def _only(place: str, offered: Sequence[tuple[str, Answers | None]]) -> Answers | None:
    """Return the one that is offered, or None. Raises UsageError where there are several."""
    given = [(name, answers) for name, answers in offered if answers is not None]
    if len(given) > 1:
        raise UsageError(f"{given[0][0]!r} and {given[1][0]!r} both add a {place} phase: choose one of them")
    return given[0][1] if given else None


def _changed(recipe: Recipe, answers: Answers) -> Recipe:
    changed: Recipe = dataclasses.replace(recipe, **answers.given())  # type: ignore[arg-type]  # names and types are Answers' own
    return changed


def _main(base: Recipe, offered: Sequence[tuple[str, Answers]]) -> Recipe:
    """Return the phase that all techniques answer for. Raises UsageError for two answers to one question."""
    answered: dict[str, str] = {}
    recipe = base
    for name, answers in offered:
        for question in answers.given():
            if question in answered:
                raise UsageError(
                    f"{answered[question]!r} and {name!r} both say what {question!r} is to be: choose one of them"
                )
            answered[question] = name
        recipe = _changed(recipe, answers)
    if recipe.start.fresh_layers and not recipe.trainable.trains_pretrained:
        raise UsageError(
            f"{answered['start']!r} makes new layers that {answered['trainable']!r} would leave frozen and untrained: "
            "choose one of them"
        )
    if recipe.gradients.needs_shared_weights and not recipe.trainable.trains_encoder:
        rest = f"{answered['trainable']!r} leaves none trainable: choose one of them"
        raise UsageError(NOTHING_SHARED.format(repr(answered["gradients"]), rest))
    return recipe
