"""Records in MLflow: one experiment per suite, one run per cell. Imports mlflow late.

`Tracking` lists and finds records, and begins runs, each of which is a `LiveRun`. What a run looks like in MLflow
stands in `scheme`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.cell import Cell
from benchmark.core.errors import UnreadableError, UsageError
from benchmark.core.predictions import Predictions
from benchmark.core.record import DataFacts, Environment, Point, Record, Status, Trial
from benchmark.core.text import one_line
from benchmark.tracking import files, scheme, sqlite
from benchmark.tracking.live_run import LiveRun
from benchmark.tracking.regular_file import obstacle
from benchmark.tracking.store import (
    Store,
    check_writable,
    exists,
    local_path,
    locate,
    pages,
    reported,
    sqlite_uri,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run

for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",  # no "Creating initial MLflow database tables..." on stderr
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # stdout is the table's, or one JSON document's
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",  # a dead server costs an epoch seconds, not minutes
}.items():
    os.environ.setdefault(_name, _value)


log = logging.getLogger(__name__)
_said: set[tuple[str, str]] = set()
"""What was said of unreadable runs: once per process, because a board reads its store every few seconds."""


class Tracking:
    """The records in one tracking store. To make one touches nothing; raises UsageError for an unusable URI."""

    def __init__(self, uri: str) -> None:
        self.store: Store = locate(uri)
        self._client: MlflowClient | None = None
        self._known = False
        self.unreadable: dict[str, UnreadableError] = {}  # records that were passed over, by run
        self._artifact_uris: dict[str, str] = {}  # by run; they never change
        self._studies: dict[str, str] = {}  # runs that trials stand under, by study

    def exists(self) -> bool:
        """Return whether there is a store that the installed MLflow can use. Raises UsageError for one it can't."""
        self._known = self._known or exists(self.store)
        return self._known

    def check(self) -> None:
        """Raise UsageError unless records can be read from the store and written to it. Writes nothing."""
        self.exists()
        check_writable(self.store)

    def prepare(self) -> None:
        """Make the store if there is none, after `check`. Raises UsageError."""
        self.check()
        with reported(self.store):
            if not self._known and self.store.database:
                _create(self.store, self.store.database)
            self._connect()
        self._known = True

    def records(self, suite: str | None = None, statuses: Collection[Status] | None = None) -> tuple[Record, ...]:
        """Return the records of `suite` (None: of all), newest first, without their curves; `statuses` selects.

        Runs that aren't the benchmark's are left out, and trials of studies; a record that can't be read is passed over
        and named (`unreadable`). A store that doesn't exist has no records. Raises UsageError.
        """
        found = (record for record in self._all(suite) if not record.trial)
        return tuple(record for record in found if statuses is None or record.status in statuses)

    def trials(self, study: str | None = None) -> tuple[Record, ...]:
        """Return the records of the trials of `study` (None: of all), without curves, oldest first. Raises UsageError.

        A trial that was cut short and run again has several; one with several seeds has one for each.
        """
        found = [record for record in self._all(None) if record.trial and study in (None, record.trial.study)]
        return tuple(reversed(found))

    def record(self, name: str) -> Record:
        """Return the record, with its curves, of the run whose id begins with `name`, or of the cell with that id.

        A cell that ran several times gives its newest run. An id that an earlier version gave is found as well. Raises
        UsageError when none, or more than one run, fits.
        """
        records = list(self._all(None))
        found = [record for record in records if name and record.run.startswith(name)]
        found = found or [record for record in records if record.cell.id == name][:1]
        if not found:  # an id that an earlier version gave: fields that came since give the cell another one
            named = {run for run, tags in self._rows(None) if tags.get(scheme.CELL) == name}
            found = [record for record in records if record.run in named][:1]
        if not found:
            raise UsageError(f"no run in {self.store.shown} is called {name!r}: `bench list runs` shows their ids")
        if len(found) > 1:
            ids = ", ".join(record.run[: len(name) + 6] for record in found[:4])
            raise UsageError(f"{len(found)} runs begin with {name!r} ({ids}…): give more digits of the one you mean")
        return dataclasses.replace(found[0], points=self.points(found[0].run))

    def points(self, run: str) -> tuple[Point, ...]:
        """Return the curves of the run with id `run`: phases in the order of training, then by epoch and key.

        A run in progress gives what there is so far. Raises UsageError.
        """
        return _points(self._metric_values(run))

    def points_of(self, runs: Sequence[str]) -> dict[str, tuple[Point, ...]]:
        """Return the curves of each of `runs`, as `points` does, in one go where the store is a file."""
        if not self.store.database or not self.exists():
            return {run: self.points(run) for run in runs}
        with reported(self.store):
            values = sqlite.metric_values_of(self.store.database, runs)
        return {run: _points(own) for run, own in values.items()}

    def predictions(self, run: str) -> tuple[Predictions, ...]:
        """Return the stored predictions of the run with id `run`; none for a run that has none.

        Raises UnreadableError where a file of them is damaged, UsageError where the store is.
        """
        with reported(self.store), self._artifacts(run, "predictions") as folder:
            return tuple(_read(run, file) for file in sorted(folder.glob("*.parquet")))

    def add_artifacts(self, run: str, folder: Path, name: str) -> None:
        """Put the files of `folder` into the folder `name` of the run's artifacts. Raises UsageError."""
        with reported(self.store):
            self._connect().log_artifacts(run, str(folder), name)

    def begin(
        self, cell: Cell, environment: Environment, data: tuple[DataFacts, ...], trial: Trial | None = None
    ) -> LiveRun:
        """Begin the run of `cell`, making store and experiment where they are missing. Raises UsageError.

        The run of a `trial` stands under its study's, which `study_run` returns.
        """
        if self._client is None:
            self.prepare()
        record = Record(cell, "running", environment=environment, data=data, trial=trial)
        tags = scheme.tags(record) | scheme.source(environment)
        if trial:
            tags["mlflow.parentRunId"] = self.study_run(cell.protocol.suite, trial.study, environment)
        with reported(self.store):
            client = self._connect()
            experiment = self._experiment(client, cell.protocol.suite)
            info = client.create_run(experiment, tags=tags, run_name=scheme.run_name(cell, trial)).info
            place = local_path(info.artifact_uri)
            if place:
                place.mkdir(parents=True, exist_ok=True)  # now, not after the training, if it can't be written
            run = LiveRun(client, dataclasses.replace(record, run=info.run_id), self.store)
            run.log(parameters=scheme.parameters(cell))
            run.log_inputs()
        return run

    def study_run(self, suite: str, study: str, environment: Environment) -> str:
        """Return the id of the run that the trials of `study` stand under, made if it is missing. Raises UsageError."""
        if self._client is None:
            self.prepare()
        if study not in self._studies:
            for run, tags in self._rows(suite):
                if scheme.PARENT in tags and tags.get(scheme.STUDY) == study:
                    self._connect().update_run(run, status="RUNNING")
                    self._studies[study] = run
        if study not in self._studies:
            tags = scheme.source(environment)
            tags |= {scheme.PARENT: "study", scheme.STUDY: study}
            with reported(self.store):
                client = self._connect()
                made = client.create_run(self._experiment(client, suite), tags=tags, run_name=f"study {study}")
            self._studies[study] = made.info.run_id
        return self._studies[study]

    def end_study(self, run: str, note: str, metrics: dict[str, float], finished: bool) -> None:
        """Write on the run of a study what became of it; `note` is Markdown for people. Raises UsageError."""
        from mlflow.entities import Metric, RunTag

        now = int(time.time() * 1000)
        with reported(self.store):
            client = self._connect()
            points = [Metric(scheme.legal(name), value, now, 0) for name, value in metrics.items()]
            client.log_batch(run, metrics=points, tags=[RunTag("mlflow.note.content", note)])
            client.set_terminated(run, "FINISHED" if finished else "KILLED")

    def _all(self, suite: str | None) -> Iterator[Record]:
        """Yield every record of `suite` (None: of all suites), newest first, those of trials as well."""
        for run, tags in self._rows(suite):
            try:
                record = scheme.parse(run, tags)
            except UnreadableError as error:
                if run not in self.unreadable and (run, str(error)) not in _said:
                    log.warning("bench: %s; it is passed over", error)
                    _said.add((run, str(error)))
                self.unreadable[run] = error
                continue
            if record:
                yield record

    def _rows(self, suite: str | None) -> list[sqlite.Row]:
        if not self.exists():
            return []
        if self.store.database:
            with reported(self.store):
                return sqlite.rows(self.store.database, suite, scheme.PREFIX)
        return self._search(suite)

    def _search(self, suite: str | None) -> list[sqlite.Row]:
        """Return what `sqlite.rows` does, asked of MLflow page by page: for every kind of store."""
        with reported(self.store):
            client = self._connect()
            experiments: list[Experiment] = pages(client.search_experiments)
            ids = [found.experiment_id for found in experiments if suite in (None, found.name)]
            order = ["attributes.start_time DESC", "attributes.run_id ASC"]
            runs: list[Run] = pages(client.search_runs, experiment_ids=ids, order_by=order) if ids else []
        own = scheme.PREFIX
        tagged = [(run.info.run_id, {k: v for k, v in run.data.tags.items() if k.startswith(own)}) for run in runs]
        return [(run, tags) for run, tags in tagged if tags]

    def _metric_values(self, run: str) -> list[tuple[str, int, int, float]]:
        if not self.exists():
            return []
        with reported(self.store):
            if self.store.database:
                return sqlite.metric_values(self.store.database, run)
            client, found = self._connect(), self._get(run)
            names = [name for name in (found.data.metrics if found else ()) if scheme.point(name, 0, 0.0)]
            values = [value for name in names for value in client.get_metric_history(run, name)]
            return [(value.key, value.timestamp, value.step, value.value) for value in values]

    @contextlib.contextmanager
    def _artifacts(self, run: str, name: str) -> Iterator[Path]:
        """Give the folder `name` of the run's artifacts, downloaded if it is elsewhere; it may not exist."""
        uri = self._artifact_uri(run)
        place = local_path(uri)
        if place and not place.is_dir() and self.store.artifacts:
            place = self.store.artifacts.joinpath(*place.parts[-3:])  # the store was moved: suite / run / artifacts
        if place:
            yield place / name
            return
        with tempfile.TemporaryDirectory() as folder:
            client = self._connect()
            if any(found.path == name for found in client.list_artifacts(run)):
                client.download_artifacts(run, name, folder)
            yield Path(folder) / name

    def _artifact_uri(self, run: str) -> str:
        uri = None
        if self.exists() and self.store.database:
            if run not in self._artifact_uris:
                self._artifact_uris = sqlite.artifact_uris(self.store.database)
            uri = self._artifact_uris.get(run)
        elif self.exists() and (found := self._get(run)):
            uri = found.info.artifact_uri
        if uri is None:
            raise UsageError(f"no run in {self.store.shown} has the id {run!r}: `bench list runs` shows them")
        return uri

    def _get(self, run: str) -> Run | None:
        from mlflow.exceptions import MlflowException

        try:
            return self._connect().get_run(run)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise

    def _connect(self) -> MlflowClient:
        """Return the client. MLflow makes tables in a database that has none, so look with `exists` first."""
        if self._client is None:
            from mlflow import MlflowClient

            logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # what it logs, it raises as well
            self._client = MlflowClient(self.store.uri)
        return self._client

    def _experiment(self, client: MlflowClient, suite: str) -> str:
        """Return the id of the experiment called like `suite`, made if it is missing."""
        from mlflow.exceptions import MlflowException

        found = client.get_experiment_by_name(suite)
        if found is None:
            place = self.store.artifacts / files.folder(suite) if self.store.artifacts else None
            try:
                return client.create_experiment(suite, place.as_uri() if place else None, dict([scheme.KIND]))
            except MlflowException:
                found = client.get_experiment_by_name(suite)  # another process was quicker
                if found is None:
                    raise
        if found.lifecycle_stage != "active":
            raise UsageError(
                f"experiment {suite!r} was deleted in {self.store.shown}: restore it with `mlflow experiments restore "
                f"--experiment-id {found.experiment_id}`, or give another --tracking-uri"
            )
        if scheme.KIND[0] not in found.tags:  # made by an older version of this project, or by hand
            client.set_experiment_tag(found.experiment_id, *scheme.KIND)
        return str(found.experiment_id)


def _read(run: str, file: Path) -> Predictions:
    """Return the predictions in `file`. Raises UnreadableError, with the file's name and what is wrong with it."""
    try:
        return files.read(file)
    except (ValueError, OSError) as error:
        raise UnreadableError(run, f"{file.name}: {one_line(str(error))[:200]}") from error


def _create(store: Store, database: Path) -> None:
    """Make an empty store. It appears whole or not at all: a migration cut short would look like an old store."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    database = database.resolve()  # behind a link: a link stays one
    database.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=database.parent) as folder:
        made = Path(folder, "mlflow.db")
        artifacts = (store.artifacts or database.parent).as_uri()
        SqlAlchemyStore(sqlite_uri(made), artifacts).engine.dispose()  # type: ignore[no-untyped-call]
        try:
            os.link(made, database)  # unlike a rename, it never puts an empty store in the place of another process's
        except OSError:  # there is one now, an empty file lies there, or the file system has no links
            if not obstacle(database) and (not database.exists() or database.stat().st_size == 0):
                made.replace(database)


def _points(values: Sequence[tuple[str, int, int, float]]) -> tuple[Point, ...]:
    """Return the points among metric values (name, time in ms, step, value), of several at one place the newest."""
    found: dict[tuple[str, str, int], Point] = {}
    begun: dict[str, int] = {}
    for name, at, step, value in sorted(values, key=lambda entry: entry[1:3]):
        point = scheme.point(name, step, value)
        if point:
            begun.setdefault(point.phase, at)
            found[point.phase, point.key, step] = point
    return tuple(sorted(found.values(), key=lambda point: (begun[point.phase], point.epoch, point.key)))
