"""A cell can't change another cell, and no way out of a method ends the run or makes it look finished."""

from __future__ import annotations

import dataclasses
import io
import os
import random
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from benchmark.cli.progress import PlainDisplay
from benchmark.core import registry
from benchmark.core.record import Record
from benchmark.core.seeds import Streams
from benchmark.data.task import Split
from benchmark.experiment import process_state, runner
from benchmark.experiment.plan import Plan
from benchmark.experiment.process_state import ProcessState
from benchmark.tracking import Tracking


def right(split: Split) -> npt.NDArray[np.float32]:
    """Logits that are always right."""
    return np.eye(3, dtype=np.float32)[split.targets.astype(np.int64)]


def measure(made: Plan, tracking: Tracking) -> tuple[tuple[Record, ...], str]:
    """Run the plan; return its records and what was shown."""
    shown = io.StringIO()
    return runner.run(made, tracking, PlainDisplay(shown), False, "bench run …"), shown.getvalue()


class UnspeakableError(Exception):
    """Says nothing, in the worst way."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class Own(BaseException):
    """No Exception, so that `except Exception` passes it by."""


LEAVING: dict[str, tuple[BaseException, str]] = {
    "a-exits": (SystemExit(0), "SystemExit: 0"),
    "b-exits": (SystemExit(), "SystemExit"),
    "c-closes": (GeneratorExit(), "GeneratorExit"),
    "d-own": (Own("mine"), "Own: mine"),
    "e-unspeakable": (UnspeakableError(), "UnspeakableError"),
    "f-surrogate": (ValueError("half a pair: \ud83d, and \0"), "ValueError: half a pair: ?, and"),
}


def test_no_way_out_of_a_method_ends_the_run(
    toys: Callable[..., None], planned: Callable[..., Plan], tracking: Tracking
) -> None:
    def leaving(error: BaseException) -> Any:
        def fit(tasks: Sequence[Any], run: Any) -> Any:
            raise error

        return fit

    for name, (error, _) in LEAVING.items():
        toys(name, leaving(error))
    toys("z-good", lambda *_: right)
    made = planned(*LEAVING, "z-good")
    records, shown = measure(made, tracking)
    expected = {name: ("failed", reason) for name, (_, reason) in LEAVING.items()} | {"z-good": ("done", "")}
    assert {record.cell.method: (record.status, record.reason) for record in records} == expected
    assert {found.cell.method: (found.status, found.reason) for found in tracking.records()} == expected
    assert runner.exit_status(records, len(made.cells)) == 1
    assert "Traceback" in shown


@pytest.mark.usefixtures("toys")  # what is registered is forgotten after the test
def test_a_method_that_can_not_even_be_checked_fails_alone(planned: Callable[..., Plan], tracking: Tracking) -> None:
    for name, error in {"a-exits": SystemExit(0), "b-raises": TypeError("no"), "z-good": None}.items():
        register(name, error)
    records, _ = measure(planned("a-exits", "b-raises", "z-good"), tracking)
    found = {record.cell.method: (record.status, record.reason) for record in records}
    assert found == {
        "a-exits": ("failed", "SystemExit: 0"),
        "b-raises": ("failed", "TypeError: no"),
        "z-good": ("done", ""),
    }


def register(name: str, error: BaseException | None) -> None:
    @registry.method(name, source="this test")
    @dataclasses.dataclass(frozen=True)
    class Toy:
        """Its check raises what it is told to."""

        def check(self, layers: int, heads: Sequence[Any]) -> None:
            if error:
                raise error

        def fit(self, tasks: Sequence[Any], run: Any) -> Any:
            return types.SimpleNamespace(logits=lambda _, split: right(split))


def spoil() -> None:
    """Change whatever a method can change of the process."""
    torch.set_num_threads(3)
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_grad_enabled(False)
    torch.autograd.set_detect_anomaly(True)
    torch.set_autocast_enabled("cpu", True)
    torch.use_deterministic_algorithms(False)
    torch.set_float32_matmul_precision("medium")
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.enable_mem_efficient_sdp(True)
    os.chdir("/")


def test_what_a_method_changed_is_put_back_and_noted(
    toys: Callable[..., None], planned: Callable[..., Plan], tracking: Tracking
) -> None:
    states: list[ProcessState] = []

    def spoiling(tasks: Sequence[Any], run: Any) -> Any:
        states.append(ProcessState.now())
        spoil()
        return right

    def raising(tasks: Sequence[Any], run: Any) -> Any:
        spoil()
        raise RuntimeError("after it spoilt everything")

    def honest(tasks: Sequence[Any], run: Any) -> Any:
        states.append(ProcessState.now())
        return right

    toys("a-spoils", spoiling)
    toys("b-raises", raising)
    toys("c-honest", honest)
    records, shown = measure(planned("a-spoils", "b-raises", "c-honest"), tracking)
    assert states[0] == states[1]
    assert [record.status for record in records] == ["done", "failed", "done"]
    fields = dataclasses.fields(ProcessState)
    assert [len(record.notes) for record in records] == [len(fields), len(fields), 0]
    note = "a-spoils changed the number of CPU threads (was 1, became 3): it was put back"
    assert note in records[0].notes
    assert note in shown.splitlines()
    kept = {found.cell.method: found.notes for found in tracking.records()}
    assert kept == {record.cell.method: record.notes for record in records}


def test_one_changed_setting_is_one_change(tmp_path: Path) -> None:
    with process_state.kept() as changes:
        os.chdir(tmp_path)
    assert len(changes) == 1
    assert changes[0].startswith("the working directory (was ")
    assert Path.cwd() != tmp_path
    with process_state.kept() as changes:
        pass
    assert changes == []


def test_global_randomness_depends_on_the_cell_alone(
    toys: Callable[..., None], planned: Callable[..., Plan], tracking: Tracking
) -> None:
    drawn: dict[str, list[tuple[float, float, float]]] = {}

    def drawing(name: str, times: int) -> Any:
        def fit(tasks: Sequence[Any], run: Any) -> Any:
            values = [(random.random(), float(np.random.rand()), float(torch.rand(()))) for _ in range(times)]  # noqa: NPY002
            drawn.setdefault(name, []).append(values[0])
            return right

        return fit

    toys("a", drawing("a", 1))
    toys("b", drawing("b", 7))
    before = random.getstate()
    measure(planned("a", "b", seeds=(0, 1)), tracking)
    assert random.getstate() == before
    assert drawn["a"] == drawn["b"]
    assert len(set(drawn["a"])) == 2
    with Streams(0).global_scope("method"):
        assert drawn["a"][0] == (random.random(), float(np.random.rand()), float(torch.rand(())))  # noqa: NPY002
