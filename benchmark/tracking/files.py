"""Predictions as Parquet: one file per task with each row's id, label, its name (of a class) and logits, to the bit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmark.core.predictions import Predictions
from benchmark.core.record import Record
from benchmark.core.task_kinds import current_name
from benchmark.tracking.scheme import legal
from benchmark.tracking.store import Store

KEY = b"bench"
"""Entry of the Parquet schema's metadata that holds split, task, classes and the number of outputs, as JSON."""


def place(store: Store, record: Record) -> str:
    """Return, for people, where the run's predictions, its resolved cell and its record lie."""
    if store.artifacts is None or not record.run:
        return f"on {store.shown}"
    return str(store.artifacts / folder(record.cell.protocol.suite) / record.run / "artifacts")


def folder(suite: str) -> str:
    """Return the folder, below the store's artifacts, of the runs of `suite`."""
    return legal(suite).replace("/", "_")


def file_name(predictions: Predictions) -> str:
    """Return the file's name: the task's, with the split's where it is not the test split."""
    task = "".join(mark if mark.isalnum() or mark in "-_. " else "_" for mark in predictions.task)
    return f"{task}.parquet" if predictions.split == "test" else f"{task}.{predictions.split}.parquet"


def write(predictions: Predictions, path: Path) -> None:
    """Write `predictions` to the Parquet file `path`. Raises ValueError where rows and logits don't belong together."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows, outputs = predictions.logits.shape
    if not rows == len(predictions.ids) == len(predictions.labels):
        raise ValueError(f"{len(predictions.ids)} ids, {len(predictions.labels)} labels, {rows} rows of logits")
    classes = predictions.classes
    whole = np.issubdtype(predictions.labels.dtype, np.integer)  # else labels are numbers and have no names
    labels = predictions.labels.tolist()
    names = [classes[label] if whole and 0 <= label < len(classes) else "" for label in labels]
    flat = np.ascontiguousarray(predictions.logits, dtype=np.float32).reshape(-1)
    offsets = np.arange(0, (rows + 1) * outputs, outputs or 1, dtype=np.int32)[: rows + 1]
    columns = {
        "id": pa.array(predictions.ids, pa.string()),
        "label": pa.array(predictions.labels, pa.int64() if whole else pa.float64()),
        "label_name": pa.array(names, pa.string()),
        "logits": pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat, pa.float32())),
    }
    about = {
        "split": predictions.split,
        "task": predictions.task,
        "classes": list(classes),
        "outputs": outputs,
        "kind": predictions.kind,
    }
    pq.write_table(pa.table(columns).replace_schema_metadata({KEY: json.dumps(about).encode()}), path)


def read(path: Path) -> Predictions:
    """Return the predictions in the Parquet file `path`, equal to the bit to those written.

    Raises ValueError or OSError, for a file that is damaged, cut short or of something else than predictions.
    """
    import pyarrow.parquet as pq

    table = pq.ParquetFile(path).read(use_threads=False).combine_chunks()  # a third of the time of read_table
    about = json.loads((table.schema.metadata or {}).get(KEY, b"null"))
    if not isinstance(about, dict) or not {"id", "label", "logits"} <= set(table.column_names):
        raise ValueError("it holds no predictions of the benchmark's")
    try:
        labels = table["label"].to_numpy()
        flat = table["logits"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        found = Predictions(
            split=str(about["split"]),
            task=str(about["task"]),
            classes=tuple(str(name) for name in about["classes"]),
            ids=tuple(str(row) for row in table["id"].to_pylist()),
            labels=labels.astype(np.float64 if np.issubdtype(labels.dtype, np.floating) else np.int64),
            logits=flat.astype(np.float32).reshape(len(table), about["outputs"]),
            kind=current_name(about.get("kind", "classes")),
        )
    except (KeyError, TypeError, AttributeError, NotImplementedError) as error:
        raise ValueError(f"its columns are not those of predictions ({type(error).__name__}: {error})") from error
    _check(found)
    return found


def _check(found: Predictions) -> None:
    """Raise ValueError for labels that name no class, and for a row that is there twice."""
    if len(set(found.ids)) < len(found.ids) and len(set(found.ids)) > 1:
        raise ValueError("a row is there twice")
    named = found.labels.dtype == np.int64 and found.classes and len(found.labels)
    if named and not 0 <= found.labels.min() <= found.labels.max() < len(found.classes):
        raise ValueError("a label is outside of the classes")
