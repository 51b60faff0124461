"""A cell's run in MLflow while it lasts: it is told how the cell is doing and logs it, so that one can watch it.

What a run looks like there stands in `scheme`. MLflow is imported by the functions that need it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.predictions import Predictions
from benchmark.core.record import EpochEnded, PhaseStarted, Point, Record, Status
from benchmark.core.serialization import to_plain
from benchmark.tracking import files, scheme
from benchmark.tracking.inputs import inputs
from benchmark.tracking.store import Store, reported

if TYPE_CHECKING:
    from mlflow import MlflowClient

ENDINGS: dict[Status, str] = {
    "done": "FINISHED",
    "skipped": "FINISHED",
    "pruned": "FINISHED",
    "diverged": "FAILED",
    "failed": "FAILED",
    "interrupted": "KILLED",
}
"""MLflow's own status of a run, by the record's."""


class LiveRun:
    """A cell's run in MLflow while it lasts. It is a `benchmark.core.record.Watcher`."""

    def __init__(self, client: MlflowClient, record: Record, store: Store) -> None:
        self.record = record
        self._client = client
        self._store = store
        self._waiting: list[tuple[Point, int]] = []  # with their times; MLflow would not take them yet
        self._seen: set[tuple[str, int, str]] = set()
        self._time = 0
        self._epochs = 0

    def phase_started(self, event: PhaseStarted) -> None:
        """Say which phase runs. Raises ValueError for a phase whose name would hide its curves."""
        scheme.curve_name(Point(event.phase, 0, "loss", 0.0))
        self._epochs = event.epochs
        self._try({scheme.PROGRESS: f"{event.phase}: epoch 0 of {event.epochs}"})

    def step_ended(self, done: int, total: int) -> None:
        """Do nothing: a store is too slow to be told every step."""

    def epoch_ended(self, event: EpochEnded) -> None:
        """Log the epoch's points. A store that fails now is tried again an epoch later: no training is lost to it."""
        self._add(event.points)
        self._try({scheme.PROGRESS: f"{event.phase}: epoch {event.epoch} of {self._epochs}"})

    def finish(self, record: Record, predictions: tuple[Predictions, ...] = ()) -> Record:
        """Log what became of the cell and end its run; return the record with the run's id.

        A score that is no finite number is no metric in MLflow: the reason names it. Raises UsageError when the store
        fails, ValueError for a record that still says running.
        """
        if record.status not in ENDINGS:
            raise ValueError(f"a run can't be ended as {record.status}")
        metrics, odd = scheme.final_metrics(record)
        reason = "; ".join(filter(None, (record.reason, *odd)))
        self.record = dataclasses.replace(
            record,
            reason=reason,
            environment=record.environment or self.record.environment,
            data=record.data or self.record.data,
            run=self.record.run,
            trial=self.record.trial,
        )
        self._add(record.points)
        with reported(self._store):
            self._write_artifacts(predictions)
            self.log(metrics, tags=scheme.tags(self.record))
            self._client.set_terminated(self.record.run, ENDINGS[record.status])
        return self.record

    def log(
        self,
        metrics: dict[str, float] | None = None,
        parameters: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        """Log final `metrics`, `parameters`, `tags`, and the points that wait, in as few requests as MLflow allows."""
        from mlflow.entities import Metric, Param, RunTag

        points = [Metric(scheme.curve_name(p), p.value, at, p.epoch) for p, at in self._waiting]
        finals = [Metric(name, value, self._now(), 0) for name, value in (metrics or {}).items()]
        self._client.log_batch(
            self.record.run,
            metrics=[*points, *finals],
            params=[Param(name, value) for name, value in (parameters or {}).items()],
            tags=[RunTag(name, value) for name, value in (tags or {}).items()],
        )
        self._waiting.clear()

    def log_inputs(self) -> None:
        """Log which rows the cell is measured on. For people: a store that can't keep it (before 2.4) goes without."""
        from mlflow.entities import Dataset, DatasetInput, InputTag
        from mlflow.exceptions import MlflowException

        datasets = [
            DatasetInput(
                Dataset(found.name, found.digest, found.source_type, found.source, profile=found.profile),
                [InputTag("mlflow.data.context", found.context)],
            )
            for found in inputs(self.record)
        ]
        with contextlib.suppress(MlflowException):
            self._client.log_inputs(self.record.run, datasets)

    def _add(self, points: tuple[Point, ...]) -> None:
        """Put those of `points` that are new in line, each epoch with a later time, so that their order is kept."""
        fresh = [point for point in points if (point.phase, point.epoch, point.key) not in self._seen]
        epochs = dict.fromkeys((point.phase, point.epoch) for point in fresh)
        times = {epoch: self._now() for epoch in epochs}
        self._waiting += [(point, times[point.phase, point.epoch]) for point in fresh]
        self._seen.update((point.phase, point.epoch, point.key) for point in fresh)

    def _try(self, tags: dict[str, str]) -> None:
        from mlflow.exceptions import MlflowException

        with contextlib.suppress(MlflowException):
            self.log(tags=tags)

    def _now(self) -> int:
        """Return the time in ms since 1970, but later than any returned before."""
        self._time = max(int(time.time() * 1000), self._time + 1)
        return self._time

    def _write_artifacts(self, predictions: tuple[Predictions, ...]) -> None:
        """Store predictions, resolved cell and record, before the run says that it is done."""
        cell = self.record.cell
        texts = {
            "cell.json": {"id": cell.id, "group": cell.group, **to_plain(cell)},
            "record.json": to_plain(self.record),
        }
        with tempfile.TemporaryDirectory() as folder:
            for name, value in texts.items():
                Path(folder, name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            if predictions:
                Path(folder, "predictions").mkdir()
            for found in predictions:
                files.write(found, Path(folder, "predictions", files.file_name(found)))
            self._client.log_artifacts(self.record.run, folder)
