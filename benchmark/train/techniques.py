"""What a method is made of: techniques, each answering some of a recipe's questions differently, and `combine`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

from benchmark.core.errors import UsageError
from benchmark.core.parameters import Value
from benchmark.train.baseline import Baseline
from benchmark.train.recipe import After, Answers, Budget, Recipe


class Technique:
    """Base class of techniques: a frozen dataclass whose fields are its parameters (`parameter`)."""

    prefers: ClassVar[Mapping[str, Value]] = MappingProxyType({})
    """Other defaults for the baseline's parameters, where the technique needs them: ``{"lr": 1e-3}``."""

    def answers(self, baseline: Baseline, budget: Budget) -> Answers:
        """Return what it answers differently in the phase that trains the encoder."""
        return Answers()

    def afterwards(self, baseline: Baseline, budget: Budget) -> Answers | None:
        """Return what changes in a second phase that starts from the first one's weights; None: there is none."""
        return None


def combine(base: Recipe, techniques: Sequence[tuple[str, Technique]], baseline: Baseline, budget: Budget) -> Recipe:
    """Return the recipe of `techniques` (named, for errors) on the baseline's `base`; their order has no effect.

    Raises UsageError when two answer the same question or the result makes no sense.
    """
    answered: dict[str, str] = {}
    changes: dict[str, object] = {}
    later: list[tuple[str, Answers]] = []
    for name, technique in techniques:
        for question, answer in technique.answers(baseline, budget).given().items():
            if question in answered:
                raise UsageError(
                    f"{answered[question]!r} and {name!r} both say what {question!r} is to be: choose one of them"
                )
            answered[question] = name
            changes[question] = answer
        second = technique.afterwards(baseline, budget)
        if second is not None:
            later.append((name, second))
    if len(later) > 1:
        raise UsageError(f"{later[0][0]!r} and {later[1][0]!r} both want the last phase: choose one of them")
    first: Recipe = dataclasses.replace(base, **changes)  # type: ignore[arg-type]  # names and types are Answers' own
    if first.start.fresh_layers and not first.trainable.trains_pretrained:
        raise UsageError(
            f"{answered['start']!r} makes new layers that {answered['trainable']!r} would leave frozen and untrained: "
            "choose one of them"
        )
    if first.gradients.needs_shared_weights and not first.trainable.trains_encoder:
        raise UsageError(
            f"{answered['gradients']!r} settles conflicts over weights that tasks share, and {answered['trainable']!r} "
            "leaves none that move: choose one of them"
        )
    if not later:
        return first
    second_changes = {"start": After(first), **later[0][1].given()}
    return dataclasses.replace(first, **second_changes)  # type: ignore[arg-type]
