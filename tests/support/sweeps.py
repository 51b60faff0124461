"""Where sweeps are run: what a method with a known score was given, and a laboratory with stores of its own."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmark.cli.progress import PlainDisplay
from benchmark.data.task import TrainingData
from benchmark.experiment.request import Request
from benchmark.tracking import Tracking
from benchmark.tuning import sweep
from benchmark.tuning.report import StudyReport, one
from benchmark.tuning.storage import StudyStorage, locate
from benchmark.tuning.sweep import SweepRequest


@dataclass
class Seen:
    """What the method was given, and what it is to do besides."""

    tasks: list[TrainingData] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  # names of splits that predictions were wanted for
    before: Callable[[int], None] = field(default=lambda _: None)  # called with the number of the fit, from 0


@dataclass
class SweepLab:
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

    def elsewhere(self, name: str) -> SweepLab:
        """Return the same with another storage."""
        assert self.place.file
        return SweepLab(
            self.request, self.tracking, locate(f"sqlite:///{self.place.file.with_name(name)}", self.tracking.store)
        )
