"""Finished cells of made-up methods: who is right on which test row is given, all else follows."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from benchmark.core.cell import Cell, Protocol, TaskIdentity
from benchmark.core.predictions import Predictions
from benchmark.core.record import Cost, DataFacts, Environment, PhaseCost, Point, Record, Score
from benchmark.tracking import Tracking


class Results:
    """Finished cells of made-up methods: who is right on which test row is given, all else follows."""

    task = TaskIdentity("scenario", "classes", "accuracy", "f" * 64, "e" * 64, "d" * 64)
    protocol = Protocol("quick", (task,), "tiny", "r1" * 20, "e1" * 32, 2, 16, 32, "best", None)
    environment = Environment(
        started="2025-01-02T03:04:05+00:00",
        commit="abc1234" + "0" * 33,
        dirty=False,
        python="3.11.7",
        packages=(("numpy", "2.4.6"), ("torch", "2.13.0")),
        platform="Linux",
        processor="a processor",
        device="a processor",
        threads=1,
        command="bench run --methods all --seeds 3",
    )
    data = DataFacts("scenario", "made up", True, (("train", 90), ("validation", 9), ("test", 100)), (), (), ())

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.stored: dict[str, tuple[Predictions, ...]] = {}

    def cell(self, method: str, seed: int, protocol: Protocol | None = None, **settings: float) -> Cell:
        """Return a cell of the method `method`."""
        parameters = tuple(sorted(settings.items()))
        versions = self.environment.packages
        return Cell(
            protocol or self.protocol, method, parameters, seed, "default", "cpu", "fp32", "c0de" * 16, versions
        )

    def add(
        self, of: Cell, right: npt.ArrayLike, trainable: int = 1000, seconds: float = 2.0, names: str = "row"
    ) -> Record:
        """Add the record of the cell `of`, whose model is right on the test rows where `right` (rows,) is true."""
        hits = np.asarray(right, dtype=bool)
        run = f"{len(self.records):032x}"
        scores: list[Score] = []
        stored: list[Predictions] = []
        for task in of.protocol.tasks:
            labels = np.arange(len(hits)) % 3
            logits = np.eye(3, dtype=np.float32)[np.where(hits, labels, (labels + 1) % 3)]
            ids = tuple(f"{names} {place}" for place in range(len(hits)))
            stored.append(Predictions("test", task.name, ("x", "<y>", "z_&"), ids, labels, logits))
            scores += [Score("validation", task.name, "accuracy", float(hits.mean())), *stored[-1].scores()]
        phases = (PhaseCost("main", trainable, 50, 20_000, 2 * seconds, seconds, 90 / seconds),)
        points = [Point("main", epoch, "train/loss", 1.0 / epoch) for epoch in (1, 2)]
        points += [Point("main", epoch, "validation/scenario/accuracy", hits.mean() * epoch / 2) for epoch in (1, 2)]
        cost = Cost(phases, 5.0, 2**29, "device memory allocated")
        made = Record(of, "done", "", tuple(scores), tuple(points), cost, self.environment, (self.data,), run)
        self.records.append(made)
        self.stored[run] = tuple(stored)
        return made

    def fail(self, of: Cell, reason: str) -> Record:
        """Add a failed record of the cell `of`."""
        made = Record(
            of, "failed", reason, environment=self.environment, data=(self.data,), run=f"{len(self.records):032x}"
        )
        self.records.append(made)
        return made

    def predictions(self, run: str) -> tuple[Predictions, ...]:
        """Return what is stored under the run `run`."""
        return self.stored.get(run, ())

    def save(self, tracking: Tracking) -> None:
        """Write everything to a real store."""
        for record in self.records:
            live = tracking.begin(record.cell, record.environment or self.environment, record.data)
            live.finish(dataclasses.replace(record, run=live.record.run), self.predictions(record.run))


def add_three(results: Results) -> Results:
    """Add three methods on three seeds and 400 test rows: ``good`` (80%), ``same`` (80%, other rows), ``bad`` (40%).

    ``good`` and ``same`` differ on 16 rows at every seed, 8 each way; ``bad`` is right where ``good`` is, but for 160.
    """
    rows = np.arange(400)
    for seed in range(3):
        good = np.where(rows == 399 - seed, False, rows >= 80)  # so that seeds differ
        same = np.where(rows < 8, True, np.where((rows >= 80) & (rows < 88), False, good))
        bad = np.where((rows >= 100) & (rows < 260), False, good)
        results.add(results.cell("good", seed), good, trainable=20_000, seconds=4.0)
        results.add(results.cell("same", seed), same, trainable=150, seconds=3.0)
        results.add(results.cell("bad", seed), bad, trainable=50, seconds=1.0)
    return results
