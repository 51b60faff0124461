"""Throw-away methods and a plan over a few rows of three colours, for whatever runs cells."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from benchmark.core import registry
from benchmark.data.task import Head, Split, TrainingData
from benchmark.experiment.plan import Plan, plan
from benchmark.experiment.request import Request
from benchmark.train.run import Run
from tests.support.encoders import TinyEncoder

Logits = Callable[[Split], npt.NDArray[np.float32]]
Fit = Callable[[Sequence[TrainingData], Run], Logits]

COLOURS = ("blue", "green", "red")


@dataclass(frozen=True)
class Answers:
    """A predictor that is a function."""

    function: Logits

    def logits(self, task: str, split: Split) -> npt.NDArray[np.float32]:
        return self.function(split)


@pytest.fixture
def toys(own_registry: None) -> Callable[[str, Fit], None]:
    """Registers throw-away methods, forgotten after the test."""

    def add(name: str, function: Fit) -> None:
        @registry.method(name, source="this test")
        @dataclass(frozen=True)
        class Toy:
            """It does what the test wants."""

            def check(self, layers: int, heads: Sequence[Head]) -> None:
                pass

            def fit(self, tasks: Sequence[TrainingData], run: Run) -> Answers:
                return Answers(function(tasks, run))

    return add


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """18 + 6 + 9 rows of three classes: two of the test rows stand in train, one in validation, and one is too long."""
    folder = tmp_path_factory.mktemp("data")
    rows = [{"text": f"the {colour} thing number {n}", "label": colour} for n in range(11) for colour in COLOURS]
    splits = {"train": rows[:18], "validation": rows[18:24], "test": rows[24:]}
    splits["test"][0], splits["test"][4] = rows[0], rows[4]
    splits["test"][8] = splits["validation"][5]
    splits["test"][2] = {"text": "very " * 40 + "red", "label": "red"}
    for name, found in splits.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def planned(data: Path, tiny_encoder: TinyEncoder) -> Callable[..., Plan]:
    def make(*methods: str, **changes: Any) -> Plan:
        request = Request(methods, data=str(data), encoder=str(tiny_encoder()), device="cpu", batch_size=6)
        return plan(dataclasses.replace(request, **changes))

    return make
