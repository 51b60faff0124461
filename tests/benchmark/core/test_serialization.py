"""Nouns to JSON and back, without a loss."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.cell import Cell, Protocol, TaskIdentity
from benchmark.core.record import Cost, DataFacts, Environment, PhaseCost, Point, Record, Score
from benchmark.core.serialization import added_later, digest, from_plain, to_plain


@dataclass(frozen=True)
class Inner:
    name: str
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Outer:
    number: float
    maybe: float | None = None
    value: bool | int | float | str | None = None
    inner: Inner | None = None
    pairs: tuple[tuple[str, float], ...] = ()
    many: tuple[Inner, ...] = ()


@dataclass(frozen=True)
class Before:
    old: int


@dataclass(frozen=True)
class Grown:
    """What `Before` became once digests of it were stored."""

    old: int
    new: float | None = added_later(None)


def test_a_later_field_at_its_default_leaves_digests_as_they_were() -> None:
    assert digest(Grown(1)) == digest(Before(1))
    assert digest([Grown(1), 3]) == digest([Before(1), 3])
    assert digest(Grown(1, 2.0)) != digest(Grown(1))
    assert to_plain(Grown(1)) == {"old": 1, "new": None}  # only digests leave it out
    assert from_plain(Grown, {"old": 1}) == Grown(1)


def round_trip(value: Any) -> Any:
    return from_plain(type(value), json.loads(json.dumps(to_plain(value), allow_nan=False)))


names = st.text(max_size=5)
inners = st.builds(Inner, names, st.lists(st.integers(), max_size=3).map(tuple))
floats = st.floats(allow_nan=False)
outers = st.builds(
    Outer,
    floats,
    st.none() | floats,
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | names,
    st.none() | inners,
    st.lists(st.tuples(names, floats), max_size=3).map(tuple),
    st.lists(inners, max_size=3).map(tuple),
)


@given(outers)
def test_what_is_stored_comes_back(value: Outer) -> None:
    found = round_trip(value)
    assert found == value
    assert type(found.value) is type(value.value)
    assert digest(found) == digest(value)


def test_a_record_comes_back() -> None:
    tasks = (TaskIdentity("scenario", "classes", "accuracy", "a", "b", "c"),)
    protocol = Protocol("quick", tasks, "tiny", "r", "d", 1, 16, 32, "best", None)
    settings = (("alpha", 1.0), ("deep", True), ("layers", 1), ("mode", "mlp"), ("steps", None))
    cell = Cell(protocol, "finetune", settings, 3, "set", "cpu", "fp32", "e", (("torch", "2.13"),))
    record = Record(
        cell,
        "diverged",
        "the loss is nan",
        (Score("test", "scenario", "accuracy", 0.1),),
        (Point("finetune", 1, "train/loss", -math.inf),),
        Cost((PhaseCost("finetune", 1, 2, 3, None, 0.5, None),), 2.0, None, ""),
        Environment("2026", "c", False, "3.11", (("torch", "2"),), "Linux", "x", "cpu", 2, "bench run"),
        (DataFacts("scenario", "builtin", True, (("train", 9),), (), (), ("a note",)),),
        "run",
    )
    assert round_trip(record) == record
    assert round_trip(record).cell.id == cell.id
    assert [type(value) for _, value in round_trip(record).cell.parameters] == [float, bool, int, str, type(None)]


def test_numbers_that_are_not_finite_are_json() -> None:
    found = round_trip(Outer(math.nan, math.inf))
    assert math.isnan(found.number)
    assert found.maybe == math.inf
    assert to_plain(Outer(-math.inf))["number"] == "-inf"


def test_whole_numbers_become_floats_where_floats_are_wanted() -> None:
    found = from_plain(Outer, {"number": 1, "maybe": 2})
    assert (type(found.number), type(found.maybe)) == (float, float)


def test_stored_data_of_another_version() -> None:
    assert from_plain(Inner, {"name": "a", "of tomorrow": 1}) == Inner("a")


@pytest.mark.parametrize(
    "data", [{"sizes": [1]}, {"name": 1}, {"name": "a", "sizes": ["x"]}, {"name": "a", "sizes": 3}, [], None, "a"]
)
def test_stored_data_that_is_no_such_thing(data: object) -> None:
    with pytest.raises(ValueError, match="Inner"):
        from_plain(Inner, data)


@pytest.mark.parametrize("value", [{"a": 1}, {1}, b"x", np.float32(1), np.int64(1), object(), Inner])
def test_what_has_no_plain_form(value: object) -> None:
    with pytest.raises(TypeError, match="has no plain form"):
        to_plain((value,))


def test_a_digest_is_the_same_in_every_process() -> None:
    value = Outer(0.1, 2.0, "é", Inner("x", (1, 2)))
    code = "from benchmark.core.serialization import digest; print(digest((('lr', 0.1), ('é', None, True))))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    assert found == digest((("lr", 0.1), ("é", None, True)))
    assert found == "16384206a34b63362c1648711d502de47ff8ebf38af28b320d81e1eb2c440e46"
    assert digest(value) != digest(dataclasses.replace(value, maybe=2.5))
    assert digest((1,)) != digest((1.0,)) != digest((True,))
