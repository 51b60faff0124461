"""What a sweep searches: the parameters' own ranges, narrowed by ``--params`` and overridden by ``--space``. Pure."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmark.core.errors import UsageError
from benchmark.core.parameters import Parameter, Value
from benchmark.core.text import did_you_mean

EXAMPLE = "lr=1e-5:1e-3:log"


@dataclass(frozen=True)
class Dimension:
    """One parameter that is searched: between two bounds, or among values."""

    name: str
    low: float | None = None  # both inclusive; None where there are values
    high: float | None = None
    log: bool = False
    whole: bool = False  # whole numbers only
    values: tuple[Value, ...] = ()

    def __str__(self) -> str:
        """Return it as ``--space`` takes it: ``lr=1e-05:0.001:log``, ``rank=4|8``."""
        if self.values:
            return f"{self.name}={'|'.join(text(value) for value in self.values)}"
        return f"{self.name}={self.low:g}:{self.high:g}:{'log' if self.log else 'linear'}"

    def holds(self, value: Value) -> bool:
        """Return whether a trial may have `value`."""
        if self.values or self.low is None or self.high is None:
            return any(value == known and type(value) is type(known) for known in self.values)
        return isinstance(value, int | float) and self.low <= value <= self.high

    def grid(self, count: int) -> tuple[Value, ...]:
        """Return `count` values, bounds included, evenly spread on the scale; of values, all of them."""
        if self.values or self.low is None or self.high is None:
            return self.values
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        steps = [low + (high - low) * i / (count - 1) for i in range(count)]
        found = [math.exp(step) if self.log else step for step in steps]
        found[0], found[-1] = self.low, self.high  # to the bit
        return tuple(dict.fromkeys(round(value) if self.whole else value for value in found))

    def exhausted(self, count: int) -> bool:
        """Return whether a grid of `count` has all values that there are: a finer one has no more."""
        if self.values or self.low is None or self.high is None:
            return True
        return self.whole and len(self.grid(count)) == self.high - self.low + 1


@dataclass(frozen=True)
class Override:
    """One entry of ``--space``, as typed."""

    name: str
    text: str  # what stands behind the equals sign


def text(value: Value) -> str:
    """Return `value` as people type it."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def parse(given: str) -> tuple[Override, ...]:
    """Return the entries of ``--space``: ``NAME=LOW:HIGH[:log]`` or ``NAME=V|V``, joined by commas. Raises UsageError.

    A value may have a comma in it: entries are split where a name and an equals sign follow.
    """
    found = []
    for entry in re.split(r",(?=\s*\w*\s*=)", given):
        name, equals, words = (part.strip() for part in entry.partition("="))
        if not equals or not re.fullmatch(r"\w+", name) or not words:
            raise UsageError(
                f"--space takes NAME=LOW:HIGH[:log] or NAME=V|V|V, such as {EXAMPLE}, not {entry.strip()!r}"
            )
        found.append(Override(name, words))
    names = [override.name for override in found]
    for twice in sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"--space names {twice} twice: give one range")
    return tuple(found)


def spaces(
    methods: Mapping[str, Sequence[Parameter]], params: Sequence[str], overrides: Sequence[Override]
) -> dict[str, tuple[Dimension, ...]]:
    """Return what is searched of each of `methods` (its parameters by name). A method may have nothing to search.

    It is the parameters in `params`, else those in `overrides`, else all that have a range.

    Raises UsageError for an unknown name, one that no range is known of, and a range that is none or not allowed.
    """
    given = {override.name: override for override in overrides}
    _known("--params", params, methods)
    _known("--space", given, methods)
    for stray in [name for name in given if params and name not in params]:
        raise UsageError(f"--space gives a range for {stray}, which --params leaves out: name it there, too")
    wanted = tuple(dict.fromkeys(params)) or tuple(given)
    found = {}
    for method, parameters in methods.items():
        own = {one.name: one for one in parameters if one.name in wanted or (not wanted and one.search)}
        chosen = [own[name] for name in wanted if name in own] or list(own.values())
        found[method] = tuple(_dimension(one, given.get(one.name)) for one in chosen)
    return found


def _known(option: str, names: Iterable[str], methods: Mapping[str, Sequence[Parameter]]) -> None:
    known = sorted({one.name for parameters in methods.values() for one in parameters})
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known, f"there are {', '.join(known)}")
            raise UsageError(f"{option} names {name!r}: no method of this sweep has such a parameter: {hint}")


def _dimension(parameter: Parameter, override: Override | None) -> Dimension:
    if override:
        return _parsed(parameter, override)
    name, search = parameter.name, parameter.search
    if parameter.kind in (int, float) and len(search) == 2:
        low, high = (float(bound) for bound in search if isinstance(bound, int | float))
        return Dimension(name, low, high, parameter.log, parameter.kind is int)
    values = search or parameter.choices or ((True, False) if parameter.kind is bool else ())
    if not values:
        raise UsageError(f"--params names {name}, which has no range to search: give one, --space {name}=LOW:HIGH")
    return Dimension(name, values=tuple(parameter.check(value) for value in values))


def _parsed(parameter: Parameter, override: Override) -> Dimension:
    """Return the dimension that a person typed. Raises UsageError."""
    name, shown = parameter.name, f"--space {override.name}={override.text}"
    words = [word.strip() for word in override.text.split(":")]
    try:
        if "|" in override.text or parameter.kind in (bool, str):
            values = tuple(dict.fromkeys(parameter.parse(word) for word in override.text.split("|")))
            return Dimension(name, values=values)
        if len(words) not in (2, 3):
            raise UsageError(f"write {name}=LOW:HIGH, {name}=LOW:HIGH:log or {name}=V|V")
        if len(words) == 3 and words[2] not in ("log", "linear"):
            raise UsageError(f"the scale is log or linear, not {words[2]!r}")
        low, high = (_number(parameter, word) for word in words[:2])
    except UsageError as error:
        raise UsageError(f"{shown}: {error}") from error
    log = words[2] == "log" if len(words) == 3 else parameter.log
    if low >= high:
        raise UsageError(f"{shown}: the first bound must be below the second")
    if log and low <= 0:
        raise UsageError(f"{shown}: a logarithmic scale needs bounds above 0")
    return Dimension(name, low, high, log, parameter.kind is int)


def _number(parameter: Parameter, word: str) -> float:
    value = dataclasses.replace(parameter, optional=False).parse(word)
    assert isinstance(value, int | float)
    return float(value)
