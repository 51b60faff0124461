"""From a name and settings to something that fits: the one interface of all methods."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from benchmark.core import registry
from benchmark.core.errors import UsageError
from benchmark.core.parameters import Parameter, Settings, Value, describe
from benchmark.core.registry import Entry
from benchmark.data.task import Head, TrainingData
from benchmark.model.model import Model
from benchmark.train.baseline import Baseline
from benchmark.train.loop import train
from benchmark.train.predict import ModelPredictor, Predictor
from benchmark.train.recipe import Budget, Recipe
from benchmark.train.run import Run
from benchmark.train.techniques import Technique, combine

T = TypeVar("T")


class Method(Protocol):
    """Whatever can be fitted. It is given no test split; `benchmark.train.predict.evaluate` marks what it returns."""

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise UsageError when an encoder with `layers` transformer layers won't do.

        Raise SkippedError when the method has no meaning for tasks with these `heads`. Called before any cell runs.
        """

    def fit(self, tasks: Sequence[TrainingData], run: Run) -> Predictor:
        """Train on `tasks` and return what predicts. Raises DivergedError, SkippedError."""


@dataclass(frozen=True)
class Recipient:
    """A method that is nothing but a recipe."""

    recipe: Recipe

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise UsageError when the recipe asks for what an encoder with `layers` layers or the suite lacks.

        Raise SkippedError when it has no meaning for tasks with these `heads`.
        """
        self.recipe.check(layers, heads)

    def fit(self, tasks: Sequence[TrainingData], run: Run) -> Predictor:
        """Run the recipe's phases on a fresh copy of the encoder."""
        model = Model(run.load_encoder())
        train(self.recipe, model, tasks, run)
        return ModelPredictor(model, run)


def parameters(name: str) -> tuple[Parameter, ...]:
    """Return the parameters of the method `name`, its techniques' own first. Raises UsageError for an unknown name.

    The baseline's parameters belong to every technique; their defaults are what the techniques prefer. Techniques that
    prefer different values leave no default: `settle` asks for one.
    """
    return tuple(found for found, _ in _declared(name))


def settle(name: str, given: Mapping[str, Value], defaults: Settings = ()) -> Settings:
    """Return a value for every parameter of the method `name`.

    It is the one in `given`, else what its techniques prefer, else the suite's in `defaults`, else the baseline's.

    Raises UsageError for an unknown parameter, a value out of range, or one that two techniques prefer differently.
    """
    declared = _declared(name)
    known = {found.name: found for found, _ in declared}
    shared = {found.name for found in describe(Baseline)}
    for unknown in sorted(key for key, _ in defaults if key not in shared):
        raise UsageError(f"the suite's [defaults] name {unknown!r}: only {', '.join(sorted(shared))} can stand there")
    for unknown in sorted(set(given) - set(known)):
        raise UsageError(f"method {name!r} has no parameter {unknown!r}: it has {', '.join(sorted(known))}")
    usual = {key: value for key, value in defaults if key in shared}
    values: dict[str, Value] = {}
    for found, rivals in declared:
        if found.name in given:
            values[found.name] = found.check(given[found.name])
        elif len(set(rivals.values())) > 1:
            wishes = " and ".join(f"{technique} prefers {value}" for technique, value in rivals.items())
            raise UsageError(f"method {name!r}: {wishes} for {found.name!r}: choose, with --set {name}.{found.name}=…")
        elif not rivals and found.name in usual:
            values[found.name] = found.check(usual[found.name])
        else:
            values[found.name] = found.default
    return tuple(sorted(values.items()))


def build(name: str, settings: Settings, budget: Budget) -> Method:
    """Return the method `name` with `settings` (all of them, as `settle` returns). Raises UsageError for a clash."""
    entries = registry.parts(name)
    values = dict(settings)
    if entries[0].kind == "method":
        method: Method = _instance(entries[0].cls, values)
        return method
    baseline: Baseline = _instance(Baseline, values)
    techniques = [(entry.name, _technique(entry, values)) for entry in entries]
    return Recipient(combine(baseline.recipe(budget), techniques, baseline, budget))


def _technique(entry: Entry, values: Mapping[str, Value]) -> Technique:
    built: object = _instance(entry.cls, values)
    if not isinstance(built, Technique):
        raise TypeError(f"{entry.cls.__name__} is registered as a technique but does not derive from Technique")
    return built


def _instance(cls: type[T], values: Mapping[str, Value]) -> T:
    names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    return cls(**{name: value for name, value in values.items() if name in names})


def _declared(name: str) -> list[tuple[Parameter, dict[str, Value]]]:
    """Return each parameter with its default, and which technique prefers which default."""
    entries = registry.parts(name)
    owners: dict[str, str] = {}
    own: list[Parameter] = []
    for entry in entries:
        for found in describe(entry.cls):
            first = owners.setdefault(found.name, entry.name)
            if first != entry.name:
                raise UsageError(
                    f"{first!r} and {entry.name!r} both have a parameter {found.name!r}: choose one of them"
                )
            own.append(found)
    if entries[0].kind == "method":
        return [(found, {}) for found in own]
    shared: list[tuple[Parameter, dict[str, Value]]] = []
    for found in describe(Baseline):
        preferred = {entry.name: _preferred(entry, found.name) for entry in entries}
        wishes: dict[str, Value] = {entry: wish for entry, wish in preferred.items() if wish is not None}
        default = next(iter(wishes.values()), found.default)
        shared.append((dataclasses.replace(found, default=default), wishes))
    return [*((found, dict[str, Value]()) for found in own), *shared]


def _preferred(entry: Entry, name: str) -> Value:
    return entry.cls.prefers.get(name) if issubclass(entry.cls, Technique) else None
