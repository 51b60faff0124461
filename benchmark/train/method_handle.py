"""From a name to a method: a handle that knows its parameters, settles their values and builds what fits."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from benchmark.core import registry
from benchmark.core.errors import UsageError
from benchmark.core.parameters import Parameter, Settings, Value, describe
from benchmark.core.registry import Entry
from benchmark.data.task import Head, TrainingData
from benchmark.model.model import Model
from benchmark.train.baseline import Baseline
from benchmark.train.heads import check_join
from benchmark.train.loop import train
from benchmark.train.predict import ModelPredictor, Predictor
from benchmark.train.recipe import Budget, Recipe
from benchmark.train.run import Run
from benchmark.train.techniques import Technique, combine

T = TypeVar("T")


class Method(Protocol):
    """Whatever can be fitted. It is given no test split; `benchmark.train.predict.evaluate` scores what it returns."""

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise UsageError when an encoder with `layers` transformer layers won't do.

        Raise SkippedError when the method has no meaning for tasks with these `heads`. Called before any cell runs.
        """

    def fit(self, tasks: Sequence[TrainingData], run: Run) -> Predictor:
        """Train on `tasks` and return what predicts. Raises DivergedError, SkippedError."""


@dataclass(frozen=True)
class RecipeMethod:
    """A method that is nothing but techniques: their phases are trained one after another."""

    baseline: Baseline
    techniques: tuple[Technique, ...]
    phases: tuple[Recipe, ...]

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise what any of the techniques raises for an encoder with `layers` layers and tasks with these `heads`."""
        check_join(self.baseline.join, heads)
        for technique in self.techniques:
            technique.check(layers, heads)

    def fit(self, tasks: Sequence[TrainingData], run: Run) -> Predictor:
        """Run the phases on a fresh copy of the encoder."""
        model = Model(run.load_encoder())
        train(self.phases, model, tasks, run)
        return ModelPredictor(model, run)


@dataclass(frozen=True)
class Declared:
    """A parameter of a method, and which of its techniques prefer which default."""

    parameter: Parameter
    preferred: tuple[tuple[str, Value], ...] = ()  # technique → value
    shared: bool = False  # one of the baseline's


@dataclass(frozen=True)
class MethodHandle:
    """A registered method or combination, looked up once."""

    name: str  # canonical
    entries: tuple[Entry, ...]  # the techniques, sorted by name; or the one method
    declared: tuple[Declared, ...]

    @property
    def is_method(self) -> bool:
        """Whether it is a whole method and not made of techniques."""
        return self.entries[0].kind == "method"

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, its techniques' own first.

        The baseline's belong to every technique; their defaults are what the techniques prefer. Techniques that prefer
        different values leave no default: `resolve_parameters` asks for one.
        """
        return tuple(own.parameter for own in self.declared)

    def resolve_parameters(self, given: Mapping[str, Value], budget: Budget, defaults: Settings = ()) -> Settings:
        """Return a value for every parameter.

        It is the one in `given`, else what the techniques prefer, else the suite's in `defaults`, else the baseline's.

        Equal results have equal settings: text is written in one way, and what is no other than the default comes back
        as the default. Raises UsageError for an unknown parameter, a value out of range, one that two techniques prefer
        differently, and one that is given and changes nothing.
        """
        shared = {found.name for found in describe(Baseline)}
        for unknown in sorted(key for key, _ in defaults if key not in shared):
            raise UsageError(
                f"the suite's [defaults] name {unknown!r}: only {', '.join(sorted(shared))} can stand there"
            )
        known = {own.parameter.name for own in self.declared}
        for unknown in sorted(set(given) - known):
            raise UsageError(f"method {self.name!r} has no parameter {unknown!r}: it has {', '.join(sorted(known))}")
        values = {own.parameter.name: self._value(own, given, dict(defaults)) for own in self.declared}
        return tuple(sorted(self._canonical(values, given, budget).items()))

    def _canonical(self, values: Mapping[str, Value], given: Mapping[str, Value], budget: Budget) -> dict[str, Value]:
        """Return `values` as they are written where another spelling would mean the same. Raises UsageError."""
        written = dict(values)
        if self.is_method:
            method: Any = _instance(self.entries[0].cls, values)
            return _fields(method.canonical(budget)) if hasattr(method, "canonical") else written
        for entry in self.entries:
            written |= _fields(_technique(entry, written).canonical())
        try:
            phases = self._phases(written, budget)
        except UsageError:
            return written  # a clash: `build` says so

        def same(name: str, value: Value) -> bool:
            try:
                return self._phases({**written, name: value}, budget) == phases
            except UsageError:
                return False

        for parameter in self.parameters:
            name, value = parameter.name, written[parameter.name]
            if value == parameter.default or not same(name, parameter.default):
                continue
            if name in given and all(same(name, other) for other in parameter.examples()):
                raise UsageError(
                    f"method {self.name!r}: {name}={value} changes nothing, with these settings: leave it out"
                )
            written[name] = parameter.default
        return written

    def _phases(self, values: Mapping[str, Value], budget: Budget) -> tuple[Recipe, ...]:
        baseline: Baseline = _instance(Baseline, values)
        return combine([(entry.name, _technique(entry, values)) for entry in self.entries], baseline, budget)

    def _value(self, own: Declared, given: Mapping[str, Value], defaults: Mapping[str, Value]) -> Value:
        parameter = own.parameter
        if parameter.name in given:
            return parameter.check(given[parameter.name])
        if len({value for _, value in own.preferred}) > 1:
            wishes = " and ".join(f"{technique} prefers {value}" for technique, value in own.preferred)
            raise UsageError(
                f"method {self.name!r}: {wishes} for {parameter.name!r}: choose, with "
                f"--set {self.name}.{parameter.name}=…"
            )
        if not own.preferred and parameter.name in defaults:
            return parameter.check(defaults[parameter.name])
        return parameter.default

    def build(self, settings: Settings, budget: Budget) -> Method:
        """Return the method with `settings` (all of them, as `resolve_parameters` returns). Raises UsageError."""
        values = dict(settings)
        if self.is_method:
            method: Method = _instance(self.entries[0].cls, values)
            return method
        techniques = tuple(_technique(entry, values) for entry in self.entries)
        return RecipeMethod(_instance(Baseline, values), techniques, self._phases(values, budget))


def resolve_method(name: str) -> MethodHandle:
    """Return the method called `name` (``a`` or ``a+b``). Raises UsageError for an unknown name."""
    entries = registry.parts(name)
    return MethodHandle(registry.canonical(name), entries, tuple(_declared(entries)))


def build_method(
    name: str, budget: Budget, given: Mapping[str, Value] | None = None, defaults: Settings = ()
) -> Method:
    """Return the method called `name`, with the `given` parameters and defaults for the others. Raises UsageError."""
    handle = resolve_method(name)
    return handle.build(handle.resolve_parameters(given or {}, budget, defaults), budget)


def _technique(entry: Entry, values: Mapping[str, Value]) -> Technique:
    built: object = _instance(entry.cls, values)
    if not isinstance(built, Technique):
        raise TypeError(f"{entry.cls.__name__} is registered as a technique but does not derive from Technique")
    return built


def _instance(cls: type[T], values: Mapping[str, Value]) -> T:
    names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    return cls(**{name: value for name, value in values.items() if name in names})


def _fields(instance: Any) -> dict[str, Value]:
    return {field.name: getattr(instance, field.name) for field in dataclasses.fields(instance)}


def _declared(entries: Sequence[Entry]) -> list[Declared]:
    owners: dict[str, str] = {}
    own: list[Declared] = []
    for entry in entries:
        for parameter in describe(entry.cls):
            first = owners.setdefault(parameter.name, entry.name)
            if first != entry.name:
                raise UsageError(
                    f"{first!r} and {entry.name!r} both have a parameter {parameter.name!r}: choose one of them"
                )
            own.append(Declared(parameter))
    if entries[0].kind == "method":
        return own
    for parameter in describe(Baseline):
        preferred = tuple(
            (entry.name, entry.cls.prefers[parameter.name])
            for entry in entries
            if issubclass(entry.cls, Technique) and entry.cls.prefers.get(parameter.name) is not None
        )
        default = preferred[0][1] if preferred else parameter.default
        own.append(Declared(dataclasses.replace(parameter, default=default), preferred, shared=True))
    return own
