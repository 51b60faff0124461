"""From a name to a method: a handle that knows its parameters, settles their values and builds what fits."""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

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

log = logging.getLogger(__name__)


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
    owner: str = ""  # the technique or method; none: the baseline
    field: str = ""  # what its owner calls it: techniques that share a word have it qualified, as in ``a.temperature``
    preferred: tuple[tuple[str, Value], ...] = ()  # technique → value


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
        try:
            values = self._canonical(values, given, budget)
        except (UsageError, KeyboardInterrupt):
            raise
        except BaseException:
            log.debug("the parameters of %r are taken as they are", self.name, exc_info=True)
        return tuple(sorted(values.items()))

    def _canonical(self, values: Mapping[str, Value], given: Mapping[str, Value], budget: Budget) -> dict[str, Value]:
        """Return `values` as they are written where another spelling would mean the same. Raises UsageError."""
        written = dict(values)
        if self.is_method:
            method = self._instance(self.entries[0], values)
            return self._written(self.entries[0], method.canonical(budget)) if hasattr(method, "canonical") else written
        for entry in self.entries:
            written |= self._written(entry, self._technique(entry, written).canonical())
        try:
            phases = self._phases(written, budget)
        except UsageError:
            return written  # a clash: `build` says so

        def differs(name: str, value: Value) -> bool | None:
            """Whether other phases come out; None where none do, because the value is refused."""
            try:
                return self._phases({**written, name: value}, budget) != phases
            except UsageError:
                return None

        for parameter in self.parameters:
            name, value = parameter.name, written[parameter.name]
            if value == parameter.default or differs(name, parameter.default) is not False:
                continue
            if name in given and not any(differs(name, other) for other in parameter.examples()):
                raise UsageError(
                    f"method {self.name!r}: {name}={value} changes nothing, with these settings: leave it out"
                )
            written[name] = parameter.default
        return written

    def _phases(self, values: Mapping[str, Value], budget: Budget) -> tuple[Recipe, ...]:
        techniques = [(entry.name, self._technique(entry, values)) for entry in self.entries]
        return combine(techniques, self._baseline(values), budget)

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

    def parameter(self, name: str, owner: str) -> Parameter | None:
        """Return the parameter `name`, or the one that the technique `owner` calls so; None where there is none."""
        for own in self.declared:
            if own.parameter.name == name or (own.owner == owner and own.field == name):
                return own.parameter
        return None

    def build(self, settings: Settings, budget: Budget) -> Method:
        """Return the method with `settings` (all of them, as `resolve_parameters` returns). Raises UsageError."""
        values = dict(settings)
        if self.is_method:
            method: Any = self._instance(self.entries[0], values)
            built: Method = method.canonical(budget) if hasattr(method, "canonical") else method
            return built
        # Written in one way already; where that failed, it fails here, and the cell by it.
        techniques = tuple(self._technique(entry, values).canonical() for entry in self.entries)
        return RecipeMethod(self._baseline(values), techniques, self._phases(values, budget))

    def _instance(self, entry: Entry, values: Mapping[str, Value]) -> Any:
        own = {one.field: values[one.parameter.name] for one in self.declared if one.owner == entry.name}
        return entry.cls(**own)

    def _technique(self, entry: Entry, values: Mapping[str, Value]) -> Technique:
        built: object = self._instance(entry, values)
        if not isinstance(built, Technique):
            raise TypeError(f"{entry.cls.__name__} is registered as a technique but does not derive from Technique")
        return built

    def _baseline(self, values: Mapping[str, Value]) -> Baseline:
        own: dict[str, Any] = {one.field: values[one.parameter.name] for one in self.declared if not one.owner}
        return Baseline(**own)

    def _written(self, entry: Entry, instance: Any) -> dict[str, Value]:
        """Return the values of `instance` by the parameters' names."""
        return {one.parameter.name: getattr(instance, one.field) for one in self.declared if one.owner == entry.name}


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


def _declared(entries: Sequence[Entry]) -> list[Declared]:
    """Return all parameters; what several of `entries` (or one of them and the baseline) call the same is qualified."""
    shared = () if entries[0].kind == "method" else describe(Baseline)
    own = [(entry.name, parameter) for entry in entries for parameter in describe(entry.cls)]
    counts = Counter(parameter.name for parameter in (*(found for _, found in own), *shared))
    declared = []
    for owner, parameter in own:
        name = parameter.name if counts[parameter.name] == 1 else f"{owner}.{parameter.name}"
        declared.append(Declared(dataclasses.replace(parameter, name=name), owner, parameter.name))
    for parameter in shared:
        preferred = tuple(
            (entry.name, entry.cls.prefers[parameter.name])
            for entry in entries
            if issubclass(entry.cls, Technique) and entry.cls.prefers.get(parameter.name) is not None
        )
        default = preferred[0][1] if preferred else parameter.default
        declared.append(Declared(dataclasses.replace(parameter, default=default), "", parameter.name, preferred))
    return declared
