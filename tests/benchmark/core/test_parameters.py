"""Parameters: declared once, described, and parsed from what a person types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from benchmark.core.errors import UsageError
from benchmark.core.parameters import Parameter, Value, describe, parameter


@dataclass(frozen=True)
class Technique:
    rate: float = parameter(1e-3, "learning rate", above=0, high=1, log=True)
    layers: int = parameter(2, "layers", low=1, high=12, unit="layers")
    steps: int | None = parameter(None, "none: as many as there are", low=0)
    head: str = parameter("mlp", "kind of head", choices=("mlp", "linear"))
    note: str = parameter("", "free text")
    frozen: bool = parameter(True, "whether it moves")


RATE, LAYERS, STEPS, HEAD, NOTE, FROZEN = describe(Technique)


def test_describe_reads_what_was_declared() -> None:
    assert [found.name for found in describe(Technique)] == ["rate", "layers", "steps", "head", "note", "frozen"]
    assert Parameter("rate", float, 1e-3, "learning rate", above=0, high=1, log=True) == RATE
    assert Parameter("steps", int, None, "none: as many as there are", low=0, optional=True) == STEPS
    assert (LAYERS.unit, HEAD.choices, FROZEN.kind) == ("layers", ("mlp", "linear"), bool)
    for found in describe(Technique):
        assert found.check(found.default) == found.default


@pytest.mark.parametrize(
    ("found", "text", "value"),
    [
        (RATE, "2e-5", 2e-5),
        (RATE, " 1 ", 1.0),
        (LAYERS, "12", 12),
        (STEPS, "none", None),
        (STEPS, "Auto", None),
        (STEPS, "0", 0),
        (HEAD, "linear", "linear"),
        (NOTE, "none", "none"),
        (FROZEN, "yes", True),
        (FROZEN, "FALSE", False),
        (FROZEN, "1", True),
        (FROZEN, "0", False),
    ],
)
def test_parse(found: Parameter, text: str, value: Value) -> None:
    parsed = found.parse(text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("found", "text", "says"),
    [
        (RATE, "0", "rate takes a number above 0 up to 1, not 0.0"),
        (RATE, "1.5", "rate takes a number above 0 up to 1, not 1.5"),
        (RATE, "nan", "rate takes a number above 0 up to 1, not nan"),
        (RATE, "inf", "rate takes a number above 0 up to 1, not inf"),
        (RATE, "fast", "rate takes a number above 0 up to 1, not 'fast'"),
        (RATE, "", "rate takes a number above 0 up to 1, not ''"),
        (RATE, "none", "rate takes a number above 0 up to 1, not 'none'"),
        (LAYERS, "0", "layers takes a whole number from 1 to 12, not 0"),
        (LAYERS, "2.0", "layers takes a whole number from 1 to 12, not '2.0'"),
        (STEPS, "-1", "steps takes a whole number of at least 0 or none, not -1"),
        (HEAD, "cnn", "head takes mlp or linear, not 'cnn'"),
        (FROZEN, "maybe", "frozen takes true or false, not 'maybe'"),
    ],
)
def test_what_a_person_can_not_type(found: Parameter, text: str, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        found.parse(text)
    assert str(raised.value) == says


@pytest.mark.parametrize(
    ("found", "value"),
    [(LAYERS, True), (LAYERS, 2.0), (RATE, "1"), (RATE, True), (FROZEN, 1), (HEAD, None), (RATE, None)],
)
def test_check_demands_the_type(found: Parameter, value: Value) -> None:
    with pytest.raises(UsageError, match=f"{found.name} takes"):
        found.check(value)


def test_check_makes_floats_of_whole_numbers() -> None:
    assert type(RATE.check(1)) is float


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({}, "a number"),
        ({"low": 0}, "a number of at least 0"),
        ({"high": 1}, "a number up to 1"),
        ({"above": 0}, "a number above 0"),
        ({"low": 0, "high": 0.5}, "a number from 0 to 0.5"),
    ],
)
def test_allowed(limits: dict[str, Any], words: str) -> None:
    assert Parameter("x", float, 0.5, "help", **limits).allowed() == words


def test_mistakes_of_an_author() -> None:
    @dataclass(frozen=True)
    class Undeclared:
        rate: float = 1.0

    @dataclass(frozen=True)
    class Wrong:
        rates: tuple[float, ...] = parameter((), "rates")  # type: ignore[arg-type]

    @dataclass(frozen=True)
    class Two:
        rate: int | str = parameter(1, "rate")

    with pytest.raises(TypeError, match="must be declared with parameter"):
        describe(Undeclared)
    for cls in (Wrong, Two):
        with pytest.raises(TypeError, match="must be a bool, int, float or str"):
            describe(cls)
