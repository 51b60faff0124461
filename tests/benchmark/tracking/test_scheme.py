"""How a record is written down: no store needed."""

from __future__ import annotations

import dataclasses
import os

import pytest

from benchmark.core.cell import Cell, Protocol, TaskIdentity
from benchmark.core.record import SHARED_PROCESS, Cost, Point, Record, Score
from benchmark.tracking import scheme

TASKS = (TaskIdentity("scenario", "classes", "accuracy", "a" * 64, "b" * 64, "c" * 64),)
CELL = Cell(
    Protocol("quick", TASKS, "tiny", "rev", "d" * 64, 2, 16, 32, "best", None),
    "swa+reinit",
    (("reinit.layers", 2), ("steps", None)),
    2,
    "default",
    "cpu",
    "fp32",
    "e" * 64,
    (("torch", "2.13.0"),),
)
RECORD = Record(CELL, "done", scores=(Score("test", "scenario", "accuracy", 0.1),))


def test_a_shorter_value_over_a_longer_one() -> None:
    long = dataclasses.replace(RECORD, scores=tuple(Score("test", f"task {n}", "a", n) for n in range(300)))
    found = scheme.tags(long) | scheme.tags(RECORD)
    assert "bench.json.scores.2" in found
    parsed = scheme.parse("id", found)
    assert parsed == dataclasses.replace(RECORD, run="id")


@pytest.mark.parametrize("of", ["resident set of the process", "resident set of the process, since its start"])
def test_an_old_peak_that_was_the_process_s_is_none(of: str) -> None:
    old = dataclasses.replace(RECORD, cost=Cost((), 2.5, 2**30, of))
    parsed = scheme.parse("id", scheme.tags(old))
    assert parsed is not None
    assert parsed.cost == Cost((), 2.5, None, SHARED_PROCESS)
    own = dataclasses.replace(RECORD, cost=Cost((), 2.5, 2**30, "device memory allocated"))
    assert scheme.parse("id", scheme.tags(own)) == dataclasses.replace(own, run="id")


@pytest.mark.parametrize("phase", ["test", "validation", "train", "cost", "a/b", ""])
def test_a_phase_whose_name_would_hide_its_curves(phase: str) -> None:
    with pytest.raises(ValueError, match="a phase can't be called"):
        scheme.curve_name(Point(phase, 1, "train/loss", 0.5))


def test_curves_and_final_figures_are_told_apart() -> None:
    point = Point("finetune", 3, "validation/scenario/accuracy", 0.5)
    assert scheme.point(scheme.curve_name(point), 3, 0.5) == point
    for name in ("test/scenario/accuracy", "validation/scenario/accuracy", "cost/fit_seconds", "loss"):
        assert scheme.point(name, 0, 0.5) is None


def test_parameters_are_for_people() -> None:
    found = scheme.parameters(CELL)
    assert (found["method"], found["seed"], found["parameter/reinit.layers"]) == ("swa+reinit", "2", "2")
    assert "parameter/steps" not in found
    assert "limit_train" not in found
    assert scheme.run_name(CELL) == "swa+reinit seed 2"


def test_a_process_id_used_again() -> None:
    mine = scheme.process()
    assert not scheme.is_gone(mine)
    assert scheme.is_gone(mine + "0")
    for nonsense in ("", ":", "::", f"{os.uname().nodename}:x:1", "a:b"):
        assert not scheme.is_gone(nonsense)
