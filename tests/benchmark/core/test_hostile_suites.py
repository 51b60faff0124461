"""Suites that nobody should write: whatever stands in the file, a sound suite comes out or one line; no traceback."""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.core.errors import UsageError
from benchmark.core.metrics import metric
from benchmark.core.parameters import Parameter
from benchmark.core.suite import LIMITS, Suite, load, parse
from benchmark.core.task_kinds import kind
from benchmark.data.labels import Labelling

T = TypeVar("T")
LONGEST_LINE = 1_000
fuzzed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

GOOD: dict[str, Any] = {
    "name": "mine",
    "title": "My data",
    "encoder": "tiny",
    "epochs": 1,
    "batch_size": 16,
    "max_length": 32,
    "selection": "best",
    "limit_train": 50,
    "defaults": {"lr": 0.1},
}
TASK: dict[str, Any] = {"name": "topic", "kind": "pair-classes", "metric": "accuracy", "low": 0, "high": 5}
SOURCE: dict[str, Any] = {
    "type": "files",
    "dataset": "data",
    "config": "en",
    "revision": "abc",
    "text_column": "a,b",
    "label_column": "label",
    "label_separator": "_",
    "drop_incomplete": True,
    "files": {"train": "a.csv", "validation": "b.csv", "test": "c.csv", "whole": "d.csv"},
}
TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        "",
        " ",
        "..",
        "a/b",
        "con",
        "NUL.txt",
        "x" * 70,
        "x" * 5000,
        "🙂",
        "a\x00b",
        "a\nb",
        "\ufeff",
        "pair-number",
        "hub",
    ]
)
SCALARS = st.one_of(
    TEXTS,
    st.booleans(),
    st.integers(),
    st.integers(-3, 3),
    st.sampled_from([10**23, -(10**23), 10**400, 2**63]),
    st.floats(),
    st.sampled_from(["pair-binary", "pair-regression", "pair-classes", "pearson", "macro_f1", "builtin", "last"]),
)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(TEXTS, SCALARS, max_size=2)


def toml(value: Any) -> str:
    """Return `value` as TOML writes it inline."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return (
            '"' + "".join(c if c in string.ascii_letters + string.digits else f"\\U{ord(c):08x}" for c in value) + '"'
        )
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return str(value)


def outcome(give: Callable[[], T]) -> T | str:
    """Return what `give` returns, or the line of the UsageError that it raises."""
    try:
        return give()
    except UsageError as error:
        return str(error)


def is_a_line(text: str) -> bool:
    return "\n" not in text and 0 < len(text) < LONGEST_LINE


def check(suite: Suite | str) -> None:
    """Assert what the rest of the project takes for granted of a suite; of an error, that it is a line."""
    if isinstance(suite, str):
        assert is_a_line(suite)
        return
    for name, (low, high) in LIMITS.items():
        value = getattr(suite, name)
        assert value is None or low <= value <= high
        assert value is None or type(value) is int
    names = [suite.name, *(task.name for task in suite.tasks)]
    assert all(name.isascii() and name.isprintable() and len(name) <= 64 for name in names)
    assert not any(mark in name for name in names for mark in "/\\: ")
    for task in suite.tasks:
        assert metric(task.metric).ranks
        classes = Labelling(task.kind, task.low, task.high).classes
        assert classes is None or len(classes) <= 1_000
        assert classes != () or kind(task.kind).labels == "number"


def written(suite: dict[str, Any], tasks: list[dict[str, Any]]) -> str:
    return "\n".join(f"{toml(key)} = {toml(value)}" for key, value in {**suite, "tasks": tasks}.items())


def test_the_suite_that_is_made_wrong_below_is_right() -> None:
    sound = parse(written(GOOD, [{**TASK, "source": SOURCE}]), "here")
    assert sound.tasks[0].source.files
    assert len(sound.defaults) == 1


@fuzzed
@given(st.data())
def test_a_suite_in_which_a_few_things_are_wrong(data: st.DataObject) -> None:
    suite, task, source = dict(GOOD), dict(TASK), dict(SOURCE)
    for _ in range(data.draw(st.integers(1, 4))):
        table = data.draw(st.sampled_from([suite, task, source]))
        key = data.draw(st.sampled_from(sorted(table)) | TEXTS)
        if data.draw(st.booleans()):
            table.pop(key, None)
        else:
            table[key] = data.draw(VALUES)
    task["source"] = source
    tasks = [task] * data.draw(st.sampled_from([1, 1, 1, 2]))
    check(outcome(lambda: parse(written(suite, tasks), "here")))


@fuzzed
@given(st.binary(max_size=200))
def test_any_file(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "any.toml").write_bytes(data)
    check(outcome(lambda: load(str(tmp_path / "any.toml"))))


@fuzzed
@given(st.text(max_size=60))
def test_any_name(name: str) -> None:
    check(outcome(lambda: load(name)))


@fuzzed
@given(value=VALUES | st.none(), low=st.none() | st.floats(-2, 2), whole=st.sampled_from([bool, int, float, str]))
def test_any_value_of_a_parameter(value: Any, low: float | None, whole: type) -> None:
    declared = Parameter("it", whole, None, "", low=low)
    for taken in (outcome(lambda: (declared.check(value),)), outcome(lambda: (declared.parse(str(value)[:5000]),))):
        if isinstance(taken, str):
            assert is_a_line(taken)
        else:
            assert type(taken[0]) is whole
            assert low is None or not isinstance(taken[0], int | float) or whole is bool or taken[0] >= low
