"""Equal results have equal ids: whatever parameter is changed, other logits come out, or the change is refused.

Each own parameter of each technique and method, the shared ones of some, and those of combinations in which one
technique decides what another's parameters mean, are changed one by one, and the method is fitted again. What is
resolved to the settings that were there before is no change.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from benchmark.core import registry
from benchmark.core.errors import SkippedError, UsageError
from benchmark.core.parameters import Settings, Value, describe
from benchmark.data.task import Split, Task
from benchmark.train.baseline import Baseline
from benchmark.train.method_handle import MethodHandle, RecipeMethod, resolve_method
from benchmark.train.recipe import Budget, Recipe
from tests.support.lab import Lab

TECHNIQUES = [entry.name for entry in registry.entries() if entry.kind == "technique"]
METHODS = [entry.name for entry in registry.entries() if entry.kind == "method"]
SHARED = ("finetune", "supcon", "layer-heads")
"""Methods whose shared parameters are changed, too: one phase, two phases, heads of their own."""
COMBINATIONS = ("llrd+supcon", "simclr+swa", "layer-heads+llrd", "schedule+swa", "lora+simcse", "pcgrad+swa")
QUICK: dict[str, Value] = {"classifier_epochs": 2, "simcse_batch_size": 16}
"""Shorter than the defaults, where a method has them."""
TEXT: dict[str, Value] = {"weights": "similarity=0.25", "heads": "@0=layer:1", "blocks": "random:1"}
"""Another value of text that only its owner can read; ``@0`` is the first task."""
SEARCHED_LITTLE = {"lr": 3e-3}
"""What the other values are measured from: steps large enough that everything shows."""


def first(split: Split, rows: int) -> Split:
    """The first rows of `split`: tasks of several sizes have epochs of several lengths."""
    cut = {name: getattr(split, name)[:rows] for name in ("ids", "texts", "labels")}
    return dataclasses.replace(split, **cut, fingerprint=f"{split.fingerprint} {rows}")


class Fitted:
    """Fits on few rows, and remembers."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.one: tuple[Task, ...] = (lab.task(train=16, validation=4, test=12),)
        self.three: tuple[Task, ...] = tuple(
            dataclasses.replace(task, train=first(task.train, rows))
            for task, rows in zip(lab.tasks(train=16), (16, 8, 12), strict=True)
        )
        self.known: dict[tuple[str, Settings], bytes] = {}

    def run(self) -> Any:
        return self.lab.run(epochs=2, batch_size=4, selection="last")

    def tasks(self, handle: MethodHandle, given: Mapping[str, Value]) -> tuple[Task, ...] | None:
        """The tasks that the method has a meaning for; None where it has none for either, or is refused."""
        for tasks in (self.three, self.one):
            try:
                settings = handle.resolve_parameters(given, self.run().budget)
                handle.build(settings, self.run().budget).check(2, [task.head for task in tasks])
            except (SkippedError, UsageError):
                continue
            return tasks
        return None

    def logits(self, handle: MethodHandle, settings: Settings, tasks: tuple[Task, ...]) -> bytes:
        key = (handle.name, settings)
        if key not in self.known:
            run = self.run()
            predictor = handle.build(settings, run.budget).fit([task.without_test() for task in tasks], run)
            self.known[key] = b"".join(predictor.logits(task.name, task.test).tobytes() for task in tasks)
        return self.known[key]


@pytest.fixture(scope="module")
def fitted(lab: Lab) -> Fitted:
    return Fitted(lab)


def changes(handle: MethodHandle, start: Mapping[str, Value], tasks: tuple[Task, ...]) -> list[tuple[str, Value]]:
    """Another value of every parameter, well apart."""
    shared = {parameter.name for parameter in describe(Baseline)} if handle.name not in SHARED else set()
    found: list[tuple[str, Value]] = []
    for parameter in handle.parameters:
        usual = start.get(parameter.name, parameter.default)
        others: Sequence[Value] = [value for value in parameter.examples() if value != usual]
        if parameter.name in TEXT:
            others = [str(TEXT[parameter.name]).replace("@0", tasks[0].name)]
        elif parameter.kind is int:
            others = [number for number in (int(parameter.low or 0), int(parameter.low or 0) + 1) if number != usual][
                :1
            ]
        elif parameter.kind is float:
            others = others[2:3]
        found += [(parameter.name, other) for other in others if parameter.name not in shared]
    return found


def without_effect(name: str, fitted: Fitted) -> list[str] | None:
    """The changes of the method `name` that leave its logits as they are under other settings; None: can't be run."""
    handle = resolve_method(name)
    known = {parameter.name for parameter in handle.parameters}
    start = {key: value for key, value in {**QUICK, **SEARCHED_LITTLE}.items() if key in known}
    tasks = fitted.tasks(handle, start)
    if tasks is None:
        return None
    budget = fitted.run().budget
    usual = handle.resolve_parameters(start, budget)
    before = fitted.logits(handle, usual, tasks)
    dead = []
    for parameter, value in changes(handle, start, tasks):
        try:
            settings = handle.resolve_parameters({**start, parameter: value}, budget)
            handle.build(settings, budget).check(2, [task.head for task in tasks])
        except (UsageError, SkippedError):
            continue
        if settings != usual and fitted.logits(handle, settings, tasks) == before:
            dead.append(f"{name}: {parameter}={value}")
    return dead


@pytest.mark.slow
@pytest.mark.parametrize("name", [*TECHNIQUES, *METHODS, *COMBINATIONS])
def test_every_parameter_matters(fitted: Fitted, name: str) -> None:
    assert without_effect(name, fitted) == []


def test_parameters_of_every_pair_change_the_recipe_or_are_resolved() -> None:
    """Of all pairs, without fitting: settings that differ stand for recipes that differ."""
    budget, tried = Budget(2, 4, "last"), 0
    for pair in itertools.combinations(TECHNIQUES, 2):
        try:
            handle = resolve_method("+".join(pair))
        except UsageError:
            continue
        known: dict[tuple[Recipe, ...], Settings] = {}
        for parameter in handle.parameters:
            for value in parameter.examples():
                try:
                    settings = handle.resolve_parameters({"lr": 1e-3, parameter.name: value}, budget)
                    built = handle.build(settings, budget)
                except UsageError:
                    continue
                assert isinstance(built, RecipeMethod)
                assert known.setdefault(built.phases, settings) == settings, (pair, parameter.name, value)
                tried += 1
    assert tried > 1000
