"""A method without a network whose score is known: what a sweep finds can be said beforehand."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from benchmark.cli.progress import PlainDisplay
from benchmark.core import registry
from benchmark.core.parameters import parameter
from benchmark.core.record import EpochEnded, PhaseStarted, Point
from benchmark.data.task import Head, Split, TrainingData
from benchmark.experiment.request import Request
from benchmark.tracking import Tracking
from benchmark.train.run import Run
from benchmark.tuning import sweep
from benchmark.tuning.report import StudyReport, one
from benchmark.tuning.storage import StudyStorage, locate
from benchmark.tuning.sweep import SweepRequest

EPOCHS = 4
ROWS = 40
"""Of validation; its hits are a multiple of 1/40."""


@dataclass
class Seen:
    """What the method was given, and what it is to do besides."""

    tasks: list[TrainingData] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  # names of splits that predictions were wanted for
    before: Callable[[int], None] = field(default=lambda _: None)  # called with the number of the fit, from 0


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


@dataclass
class Lab:
    """Runs sweeps in a test's own stores."""

    request: Request
    tracking: Tracking
    place: StudyStorage
    shown: str = ""

    def tune(self, trials: int, **changes: Any) -> StudyReport:
        """Run the sweep and return its only study."""
        asked = SweepRequest(self.request, trials, **changes)
        prepared = sweep.prepare(asked)
        stream = io.StringIO()
        try:
            (name,) = sweep.run(
                prepared, asked, self.place, self.tracking, PlainDisplay(stream, noun="trial"), "bench tune"
            )
        finally:
            self.shown = stream.getvalue()
        return one(self.place, name)

    def elsewhere(self, name: str) -> Lab:
        """Return the same with another storage."""
        assert self.place.file
        return Lab(
            self.request, self.tracking, locate(f"sqlite:///{self.place.file.with_name(name)}", self.tracking.store)
        )


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
    seen: Seen, rows: Path, tiny_encoder: Any, tracking: Tracking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Lab:
    """A laboratory for ``hill``, with empty stores."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    request = Request(("hill",), data=str(rows), encoder=str(tiny_encoder()), device="cpu")
    return Lab(request, tracking, locate(None, tracking.store))
