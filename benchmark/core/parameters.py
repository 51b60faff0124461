"""Parameters of methods: default, range, unit and meaning stand where the parameter is declared.

A technique is a frozen dataclass whose fields are made with `parameter`. `describe` reads them back, `Parameter.parse`
turns what a person typed into a value of the right type within range, or raises one clear line.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from dataclasses import dataclass
from typing import Any

from benchmark.core.errors import UsageError
from benchmark.core.text import quoted

LARGEST = 2**31 - 1
"""Of the whole numbers that a parameter can be, where it says nothing else."""
Value = bool | int | float | str | None
Settings = tuple[tuple[str, Value], ...]
"""Parameter values by name, sorted by name: hashable, and a cell's identity depends on it."""


def typed(value: Value) -> str:
    """Return `value` as one types it after ``--set``."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


@dataclass(frozen=True)
class Parameter:
    """One parameter of a technique or method."""

    name: str
    kind: type  # bool, int, float or str
    default: Value
    help: str
    low: float | None = None  # inclusive
    high: float | None = None  # inclusive
    above: float | None = None  # exclusive lower bound, for rates and temperatures
    unit: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False  # None is allowed; `help` says what it stands for
    log: bool = False  # searched on a logarithmic scale
    search: tuple[Value, ...] = ()  # tuned over: of a number two bounds; more values, or of anything else: those

    def check(self, value: Value) -> Value:
        """Return `value`, as this parameter's type. Raises UsageError when the type or the range doesn't fit."""
        if value is None and self.optional:
            return None
        refused = UsageError(f"{self.name} takes {self.allowed()}, not {quoted(value)}")
        if isinstance(value, int) and abs(value) > LARGEST:  # too many digits for a float, a tensor's size, a database
            raise refused
        if self.kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not self.kind or (self.choices and value not in self.choices):
            raise refused
        if isinstance(value, int | float) and not isinstance(value, bool) and not self._within(value):
            raise refused
        return value

    def examples(self) -> tuple[Value, ...]:
        """Return several values within range; none for text without choices, which only its owner can read."""
        if self.kind is bool:
            return (True, False)
        if self.kind is str:
            return self.choices
        low = self.low if self.low is not None else self.above if self.above is not None else 0.0
        high = min(self.high if self.high is not None else math.inf, low + 100.0)
        numbers = [low + fraction * (high - low) for fraction in (0.0, 0.13, 0.29, 0.5, 0.71, 1.0)]
        values = [round(number) if self.kind is int else number for number in numbers]
        return tuple(dict.fromkeys(value for value in values if self._within(value)))

    def parse(self, text: str) -> Value:
        """Return the value that a person typed as `text`. Raises UsageError."""
        word = text.strip()
        if self.optional and word.lower() in ("none", "auto"):
            return None
        try:
            if self.kind is bool:
                return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[word.lower()]
            return self.check(self.kind(word))
        except (ValueError, KeyError):
            raise UsageError(f"{self.name} takes {self.allowed()}, not {quoted(text)}") from None

    def allowed(self) -> str:
        """Say what values are allowed, for an error message or a table."""
        if self.choices:
            words = " or ".join(self.choices)
        elif self.kind is bool:
            words = "true or false"
        elif self.kind is str:
            words = "text"
        else:
            words = ("a whole number" if self.kind is int else "a number") + self._bounds()
        return words + (" or none" if self.optional else "")

    def _bounds(self) -> str:
        if self.above is not None:
            return f" above {self.above:g}" + (f" up to {self.high:g}" if self.high is not None else "")
        if self.low is not None and self.high is not None:
            return f" from {self.low:g} to {self.high:g}"
        if self.low is not None:
            return f" of at least {self.low:g}"
        return f" up to {self.high:g}" if self.high is not None else ""

    def _within(self, value: float) -> bool:
        return (
            math.isfinite(value)
            and (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
        )


def parameter(default: Value, help: str, **limits: Any) -> Any:
    """Declare a dataclass field as a parameter; `limits` are fields of `Parameter` (low, high, unit, search, …)."""
    return dataclasses.field(default=default, metadata={"help": help, **limits})


def describe(cls: type) -> tuple[Parameter, ...]:
    """Return the parameters that the dataclass `cls` declares, in order. Raises TypeError for an undeclared field."""
    hints = typing.get_type_hints(cls)
    return tuple(_parameter_of(cls, field, hints[field.name]) for field in dataclasses.fields(cls))


def _parameter_of(cls: type, field: dataclasses.Field[Any], hint: Any) -> Parameter:
    if "help" not in field.metadata:
        raise TypeError(f"{cls.__name__}.{field.name} must be declared with parameter(default, help)")
    members = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    kinds = [member for member in members if member is not type(None)]
    if len(kinds) != 1 or kinds[0] not in (bool, int, float, str):
        raise TypeError(f"{cls.__name__}.{field.name} must be a bool, int, float or str (or None as well)")
    optional = len(kinds) < len(members)
    default: Any = field.default  # `parameter` always gives one
    return Parameter(name=field.name, kind=kinds[0], default=default, optional=optional, **field.metadata)
