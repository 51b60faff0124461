"""What is part of a result's identity and what isn't: every field that leads to a cell or stands in its record.

A field that stands in no table below fails the first test: whoever adds one decides. For each, the tests then attack
the decision: another value of a field of the identity gives another id, another value of any other field doesn't.
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest

from benchmark.core.cell import SCHEME, Cell, Protocol, TaskIdentity
from benchmark.core.record import Environment
from benchmark.core.serialization import from_plain, to_plain
from benchmark.core.suite import FileNames, Source, Suite, TaskSpec
from benchmark.experiment import device, plan
from benchmark.experiment.code_digest import code_digest
from benchmark.experiment.request import Assignment, Request
from tests.support.encoders import TinyEncoder


@dataclass(frozen=True)
class Is:
    """Part of the identity. `other` is another value; `where` says by which field of the cell it counts."""

    other: Any
    where: str = "itself"


@dataclass(frozen=True)
class IsNot:
    """No part of the identity, and why. `other` is another value, where one can be tried by itself."""

    because: str
    other: Any = None


Decision = Is | IsNot
ROWS = "the fingerprints of the rows that were read stand in their place"
PLACE = "it says where the cell ran; results don't depend on it"

TABLE: dict[type, dict[str, Decision]] = {
    Cell: {
        "protocol": Is(None),  # tried field by field below
        "method": Is("b"),
        "parameters": Is((("lr", 0.2),)),
        "seed": Is(1),
        "origin": Is("tuned"),  # a row of tuned parameters is another row, though its bits may be the same
        "device": Is("cuda"),
        "precision": Is("bf16"),
        "code": Is("c0ffee"),
        "versions": Is((("torch", "9"),)),
        "threads": Is(2),
        "switches": Is((("MKL_CBWR", "AVX2"),)),
        "scheme": Is(SCHEME + 1),
        "forward": Is("packed"),
    },
    Protocol: {
        "suite": Is("other"),
        "tasks": Is(()),
        "encoder": Is("other"),
        "encoder_revision": Is("other"),
        "encoder_sha256": Is("other"),
        "epochs": Is(2),
        "batch_size": Is(9),
        "max_length": Is(9),
        "selection": Is("last"),
        "limit_train": Is(9),
    },
    TaskIdentity: {
        "name": Is("other"),
        "kind": Is("pair-binary"),
        "metric": Is("macro_f1"),
        "train": Is("other"),
        "validation": Is("other"),
        "test": Is("other"),
        "low": Is(0.0),
        "high": Is(1.0),
    },
    Request: {
        "methods": Is(("zero-shot",), "method"),
        "seeds": Is((1,), "seed"),
        "suite": IsNot("its name and what it says are in the protocol"),
        "data": IsNot(ROWS, "COPY"),
        "text_column": IsNot(ROWS, "text"),
        "label_column": IsNot(ROWS, "label"),
        "encoder": Is("TINY", "protocol"),
        "epochs": Is(3, "protocol"),
        "batch_size": Is(5, "protocol"),
        "max_length": Is(9, "protocol"),
        "selection": Is("last", "protocol"),
        "limit_train": Is(12, "protocol"),
        "assignments": Is((Assignment("finetune", "lr", "0.5"),), "parameters"),
        "device": IsNot("what it resolves to is in the cell: its kind", "cpu"),
        "precision": Is("bf16", "precision"),
        "threads": Is(3, "threads"),
        "forward": Is("stock", "forward"),
    },
    Suite: {
        "name": Is("other", "protocol"),
        "title": IsNot("words for people", "another title"),
        "encoder": Is("TINY", "protocol"),
        "epochs": Is(3, "protocol"),
        "batch_size": Is(5, "protocol"),
        "max_length": Is(9, "protocol"),
        "selection": Is("last", "protocol"),
        "tasks": IsNot("field by field: see TaskSpec"),
        "defaults": Is((("lr", 0.5),), "parameters"),
        "limit_train": Is(12, "protocol"),
    },
    TaskSpec: {
        "name": Is("other", "protocol"),
        "source": IsNot("field by field: see Source"),
        "kind": Is(None, "protocol"),  # tried with TaskIdentity: one kind's rows can't be read as another's
        "metric": Is("macro_f1", "protocol"),
        "low": Is(None, "protocol"),  # as is the range of numbers
        "high": Is(None, "protocol"),
    },
    Source: {
        "type": IsNot(ROWS),
        "dataset": IsNot(ROWS, "COPY"),
        "config": IsNot(ROWS),
        "revision": IsNot(ROWS),
        "text_column": IsNot(ROWS, "text"),
        "label_column": IsNot(ROWS, "label"),
        "label_separator": IsNot(ROWS, "|"),  # in no label of the rows
        "files": IsNot(ROWS, FileNames(train="train.csv", validation="validation.csv", test="test.csv")),
        "drop_incomplete": IsNot(ROWS, True),
    },
    FileNames: {
        "train": IsNot(ROWS),
        "validation": IsNot(ROWS),
        "test": IsNot(ROWS),
        "whole": IsNot(ROWS),
    },
    Environment: {
        "started": IsNot(PLACE, "2030-01-01"),
        "commit": IsNot("the code's digest says what of it counts", "abc"),
        "dirty": IsNot("the code's digest says what of it counts", True),
        "python": IsNot("the libraries' kernels compute, not the interpreter", "3.99"),
        "packages": IsNot("those that compute are the cell's `versions`", (("torch", "9"),)),
        "platform": IsNot("the kind of hardware: ids promise equal bits on the same", "Other"),
        "processor": IsNot("the kind of hardware", "other"),
        "device": IsNot("the kind of hardware; the kind of device is the cell's `device`", "other"),
        "threads": IsNot("the cell's own `threads` counts, where the CPU computes", 9),
        "command": IsNot("what it means is in the cell", "bench run"),
        "instructions": IsNot("the kind of hardware; where a variable chooses them it is in `switches`", "AVX2"),
    },
}

TASK = TaskIdentity("scenario", "classes", "accuracy", "f1", "f2", "f3")
PROTOCOL = Protocol("quick", (TASK,), "tiny", "r1", "e1", 1, 32, 32, "best", None)
CELL = Cell(PROTOCOL, "a", (("lr", 0.1),), 0, "default", "cpu", "fp32", "c0de", (("torch", "2"),), 1, (), SCHEME)


@pytest.mark.parametrize("cls", TABLE, ids=lambda cls: cls.__name__)
def test_every_field_is_classified(cls: type) -> None:
    names = [field.name for field in fields(cls)]
    assert list(TABLE[cls]) == names, "a new field: say in the table above whether results depend on it, and why"
    for decision in TABLE[cls].values():
        assert not isinstance(decision, IsNot) or len(decision.because) > 9


@pytest.mark.parametrize("name", [name for name in TABLE[Cell] if name != "protocol"])
def test_every_field_of_a_cell_is_in_its_id_and_all_but_the_seed_in_its_group(name: str) -> None:
    other = replace(CELL, **{name: _is(Cell, name).other})
    assert other.id != CELL.id
    assert (other.group == CELL.group) == (name == "seed")
    assert other.protocol.id == CELL.protocol.id


@pytest.mark.parametrize("name", TABLE[Protocol])
def test_every_field_of_a_protocol_is_in_every_id(name: str) -> None:
    _all_differ(replace(PROTOCOL, **{name: _is(Protocol, name).other}))


@pytest.mark.parametrize("name", TABLE[TaskIdentity])
def test_every_field_of_a_task_is_in_every_id(name: str) -> None:
    _all_differ(replace(PROTOCOL, tasks=(replace(TASK, **{name: _is(TaskIdentity, name).other}),)))


def _all_differ(protocol: Protocol) -> None:
    other = replace(CELL, protocol=protocol)
    assert (other.id, other.group, other.protocol.id) != (CELL.id, CELL.group, CELL.protocol.id)
    assert other.id != CELL.id
    assert other.group != CELL.group
    assert other.protocol.id != CELL.protocol.id


def _is(cls: type, name: str) -> Is:
    decision = TABLE[cls][name]
    assert isinstance(decision, Is)
    return decision


def test_a_cell_that_was_stored_before_a_field_was_added_keeps_its_id() -> None:
    old = replace(CELL, threads=None, scheme=1)
    plain = to_plain(old)
    for name in ("threads", "switches", "scheme", "forward"):
        del plain[name]
    assert from_plain(Cell, plain).id == old.id == "0365775b6b65d456"
    assert from_plain(Cell, to_plain(CELL)) == CELL


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of two classes, of which a macro average and an accuracy can be had."""
    made = tmp_path_factory.mktemp("rows") / "rows"
    made.mkdir()
    for split, count in (("train", 16), ("validation", 8), ("test", 8)):
        with (made / f"{split}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["text", "label"])
            writer.writerows([[f"{split} {number}", "on" if number % 2 else "off"] for number in range(count)])
    return made


Plan = Callable[..., tuple[Cell, ...]]


@pytest.fixture
def planned(folder: Path, tiny_encoder: TinyEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """The cells of a request to a suite with some field changed; the names COPY and TINY stand for places."""
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    places = {"COPY": str(copy), "TINY": str(tiny_encoder(seed=1))}

    def compute(cls: type, name: str = "", value: Any = None) -> tuple[Cell, ...]:
        value = places.get(value, value) if isinstance(value, str) else value
        changed = {name: value} if name else {}
        source = replace(Source("files", str(folder)), **changed if cls is Source else {})
        task = replace(TaskSpec("state", source), **changed if cls is TaskSpec else {})
        suite = Suite("mine", "Mine", str(tiny_encoder()), 1, 4, 16, "best", (task,))
        suite = replace(suite, **changed if cls is Suite else {})
        request = replace(Request(("finetune",), device="auto"), **changed if cls is Request else {})
        monkeypatch.setattr(plan, "load_suite", lambda _: suite)
        return plan.plan(request).cells

    return compute


def _tried(kind: type) -> list[Any]:
    return [
        pytest.param(cls, name, id=f"{cls.__name__}.{name}")
        for cls in (Request, Suite, TaskSpec, Source)
        for name, decision in TABLE[cls].items()
        if isinstance(decision, kind) and decision.other is not None
    ]


@pytest.mark.parametrize(("cls", "name"), _tried(Is))
def test_what_is_identity_reaches_the_cell(planned: Plan, cls: type, name: str) -> None:
    decision = _is(cls, name)
    (before,), (after,) = planned(cls), planned(cls, name, decision.other)
    assert after.id != before.id
    different = {field.name for field in fields(Cell) if getattr(after, field.name) != getattr(before, field.name)}
    assert decision.where in different
    if decision.where == "protocol":
        assert after.protocol.id != before.protocol.id


@pytest.mark.parametrize(("cls", "name"), _tried(IsNot))
def test_what_is_no_identity_does_not_reach_the_cell(planned: Plan, cls: type, name: str) -> None:
    assert planned(cls, name, TABLE[cls][name].other) == planned(cls)


def test_the_tables_try_what_can_be_tried() -> None:
    assert len(_tried(Is)) >= 18
    assert len(_tried(IsNot)) >= 10


def test_an_environment_is_in_no_id() -> None:
    """A cell has no field that holds one, so that nothing of it can count."""
    annotations = {str(field.type) for cls in (Cell, Protocol, TaskIdentity) for field in fields(cls)}
    assert not any("Environment" in text for text in annotations)
    assert dataclasses.is_dataclass(Environment)


@pytest.mark.parametrize("name", device.SWITCHES)
def test_a_switch_of_the_arithmetic_is_identity(planned: Plan, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in device.SWITCHES:
        monkeypatch.delenv(each, raising=False)
    (before,) = planned(Suite)
    assert before.switches == ()
    monkeypatch.setenv(name, "other")
    (after,) = planned(Suite)
    assert after.switches == ((name, "other"),)
    assert after.id != before.id


def test_the_switch_that_preparing_sets_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for each in device.SWITCHES:
        monkeypatch.delenv(each, raising=False)
    device.prepare_torch("cpu", 1)
    assert device.arithmetic_switches() == ()


def test_threads_are_identity_where_the_cpu_computes(planned: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    assert planned(Request)[0].threads == device.default_threads()
    assert planned(Request, "threads", 3)[0].threads == 3
    monkeypatch.setattr(plan, "choose_device", lambda _: "cuda:1")
    assert planned(Request)[0].threads is None
    assert planned(Request, "threads", 3) == planned(Request)


def test_a_planned_cell_says_what_code_and_scheme_it_is_of(planned: Plan) -> None:
    (cell,) = planned(Suite)
    assert (cell.code, cell.scheme) == (code_digest(["methods.finetune"]), SCHEME)
