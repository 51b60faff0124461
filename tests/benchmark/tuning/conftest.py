"""A method without a network whose score is known: what a sweep finds can be said beforehand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from benchmark.core import registry
from benchmark.core.parameters import parameter
from benchmark.core.record import EpochEnded, PhaseStarted, Point
from benchmark.data.task import Head, Split, TrainingData
from benchmark.experiment.request import Request
from benchmark.tracking import Tracking
from benchmark.train.run import Run
from benchmark.tuning.storage import locate
from tests.support.encoders import TinyEncoder
from tests.support.sweeps import Seen, SweepLab

EPOCHS = 4
ROWS = 40
"""Of validation; its hits are a multiple of 1/40."""


@pytest.fixture
def seen(own_registry: None) -> Seen:
    """Register the method ``hill`` for a test: its validation accuracy is 1 - |height - 0.7|, the higher with tries."""
    found = Seen()

    @dataclass(frozen=True)
    class Answers:
        share: float

        def logits(self, task: str, split: Split) -> npt.NDArray[np.float32]:
            found.asked.append(split.name)
            wrong = np.arange(len(split)) >= round(self.share * len(split))
            return np.eye(3, dtype=np.float32)[(split.targets.astype(np.int64) + wrong) % 3]

    @registry.method("hill", source="this test")
    @dataclass(frozen=True)
    class Hill:
        """It climbs."""

        height: float = parameter(0.25, "where it stands", low=0.0, high=1.0, search=(0.0, 1.0))
        tries: int = parameter(1, "more is better, a little", low=1, high=9, search=(1, 4))
        side: str = parameter("sunny", "no matter", choices=("sunny", "shady"))
        note: str = parameter("", "nothing to search")

        def check(self, layers: int, heads: Sequence[Head]) -> None:
            pass

        def fit(self, tasks: Sequence[TrainingData], run: Run) -> Answers:
            number = len(found.seeds)
            found.tasks += tasks
            found.seeds.append(run.streams.seed)
            run.watcher.phase_started(PhaseStarted("warm", 1, 1, 1, 1, 2))
            run.watcher.epoch_ended(EpochEnded("warm", 1, 0.1, 9, (Point("warm", 1, "train/loss", 1.0),)))
            share = max(0.0, 1 - abs(self.height - 0.7) - 0.01 * (4 - self.tries))
            for epoch in range(1, EPOCHS + 1):
                found.before(number)
                points = (Point("main", epoch, "validation/scenario/accuracy", share * epoch / EPOCHS),)
                run.watcher.epoch_ended(EpochEnded("main", epoch, 0.1, 9, points))
            return Answers(share)

    return found


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 + 40 + 9 rows of three classes."""
    folder = tmp_path_factory.mktemp("rows")
    colours = ("blue", "green", "red")
    for name, first, count in (("train", 0, 12), ("validation", 100, ROWS), ("test", 200, 9)):
        made = (
            {"text": f"the {colours[n % 3]} thing number {first + n}", "label": colours[n % 3]} for n in range(count)
        )
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    return folder


@pytest.fixture
def lab(
    seen: Seen,
    rows: Path,
    tiny_encoder: TinyEncoder,
    tracking: Tracking,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> SweepLab:
    """A laboratory for ``hill``, with empty stores."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    request = Request(("hill",), data=str(rows), encoder=str(tiny_encoder()), device="cpu")
    return SweepLab(request, tracking, locate(None, tracking.store))
