"""The command that repeats a recorded cell asks for that cell, whatever protocol it was measured under."""

from __future__ import annotations

import dataclasses
import shlex
from typing import Any

import pytest

from benchmark.cli import rerun
from benchmark.core.record import Record
from tests.support.results import Results


def recorded(results: Results, command: str, **protocol: Any) -> Record:
    """A record that `command` made, under a protocol with these fields."""
    cell = results.cell("lora", 3, dataclasses.replace(results.protocol, **protocol), rank=4)
    record: Record = results.add(dataclasses.replace(cell, origin="set"), [True, False])
    assert record.environment
    return dataclasses.replace(record, environment=dataclasses.replace(record.environment, command=command))


@pytest.mark.parametrize(
    ("typed", "protocol"),
    [
        ("--max-length 24", {"max_length": 24}),
        ("--selection last", {"selection": "last"}),
        ("--max-length 24 --selection last --epochs 5 --batch-size 8", {"max_length": 24, "selection": "last"}),
        ("", {}),
    ],
)
def test_what_changed_the_protocol_is_in_the_command(typed: str, protocol: dict[str, object], results: Results) -> None:
    record = recorded(results, f"bench run --methods all --seeds 9 --data 'a folder' {typed}", **protocol)
    line = rerun.command(record)
    request = rerun.parsed(line)
    assert request is not None
    assert (request.methods, request.seeds, request.data) == (("lora",), (3,), "a folder")
    assert [(given.parameter, given.text) for given in request.assignments] == [("rank", "4")]
    assert request.max_length == (24 if "max_length" in protocol else None)
    assert request.selection == protocol.get("selection")
    assert rerun.again(record) == f"{line} --rerun"


def test_free_text_with_commas_comes_back_as_it_was(results: Results) -> None:
    record = recorded(results, "bench run")
    settings = (("weights", "a=1,b=0.5"),)
    record = dataclasses.replace(record, cell=dataclasses.replace(record.cell, parameters=settings))
    words = shlex.split(rerun.command(record))
    assert words[words.index("--set") + 1] == "lora.weights=a=1,b=0.5"
