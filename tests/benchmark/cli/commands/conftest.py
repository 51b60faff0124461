"""What the tests of the verbs share: a store with two runs and a study, and records made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.core.cell import Cell, Protocol, TaskIdentity
from benchmark.core.record import (
    Cost,
    DataFacts,
    Environment,
    EpochEnded,
    PhaseCost,
    PhaseStarted,
    Point,
    Record,
    Score,
)
from benchmark.tracking import Tracking
from benchmark.tuning.definition import define
from benchmark.tuning.space import Dimension
from benchmark.tuning.storage import closing, locate
from benchmark.tuning.study import create

TASK = TaskIdentity("scenario", "classes", "accuracy", "f" * 64, "e" * 64, "d" * 64)
PROTOCOL = Protocol("quick", (TASK,), "all-MiniLM-L6-v2", "r1", "e1", 20, 16, 32, "best", 100)
ENVIRONMENT = Environment(
    started="2025-01-02T03:04:05+00:00",
    commit="abc123",
    dirty=True,
    python="3.11.7",
    packages=(("torch", "2.13.0"),),
    platform="Linux",
    processor="a processor",
    device="a processor",
    threads=2,
    command="bench run --methods finetune,lora --seeds 3 --data 'my data' --limit-train 100 --epochs 20",
)
DATA = DataFacts(
    task="scenario",
    source="my data",
    synthetic=True,
    rows=(("train", 1000), ("validation", 300), ("test", 600)),
    duplicates=(("train ∩ validation", 0), ("train ∩ test", 7)),
    truncated=(("train", 3), ("validation", 0), ("test", 0)),
    notes=("validation carved from train",),
)


def curve(epoch: int) -> tuple[Point, ...]:
    return (
        Point("main", epoch, "train/loss", 1 / epoch),
        Point("main", epoch, "validation/scenario/accuracy", epoch / 100),
    )


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URI of a store with a finished run of a method with values set by hand, and a failed one."""
    folder: Path = tmp_path_factory.mktemp("store")
    uri = f"sqlite:///{folder}/mlflow.db"
    tracking = Tracking(uri)
    lora = Cell(
        PROTOCOL, "lora", (("lr", 0.0001), ("rank", 4)), 1, "set", "cpu", "fp32", "c0de" * 16, (), forward="packed"
    )
    live = tracking.begin(lora, ENVIRONMENT, (DATA,))
    live.phase_started(PhaseStarted("main", 20, 1260, 1000, 50, 2000))
    points: tuple[Point, ...] = ()
    for epoch in range(1, 21):
        points += curve(epoch)
        live.epoch_ended(EpochEnded("main", epoch, 1.5, 1000, curve(epoch)))
    scores = [Score(split, "scenario", "accuracy", 0.25) for split in ("validation", "test")]
    cost = Cost((PhaseCost("main", 1000, 50, 2000, 2.5, 1.5, 666.7),), 31.0, 512 * 2**20, "device memory allocated")
    live.finish(Record(lora, "done", "", tuple(scores), points, cost, ENVIRONMENT, (DATA,)))
    failed = Cell(PROTOCOL, "finetune", (("lr", 0.0001),), 0, "default", "cpu", "fp32", "c0de" * 16, ())
    tracking.begin(failed, ENVIRONMENT, (DATA,)).finish(Record(failed, "failed", "RuntimeError: [b]no[/b]"))
    add_study(tracking, lora)
    return uri


def add_study(tracking: Tracking, cell: Cell) -> None:
    """Put a finished study of two trials, one of them failed, beside the store."""
    with closing(locate(None, tracking.store)) as opened:
        found = create(opened, define(cell, (Dimension("lr", 1e-5, 1e-3, log=True),), "tpe", "none", 0, 1))
        found.begin(2)
        done = Record(cell, "done", scores=(Score("validation", "scenario", "accuracy", 0.75),), run="a" * 32)
        found.tell(found.ask(cell.parameters), [done], 1.5, 0.75)
        found.tell(found.ask(cell.parameters), [Record(cell, "failed", "RuntimeError: [b]no[/b]")], 0.5, None)
        found.end("trials")
