"""One run: its scores and costs as frames, and files to download. Its facts are those of `analysis.facts`."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from benchmark.core.metrics import METRICS, predicted
from benchmark.core.predictions import Predictions
from benchmark.core.record import PhaseCost, Point, Record
from benchmark.core.serialization import to_plain
from benchmark.tracking import files

FEWEST = 4
"""Hex digits that the beginning of a run's id must have."""
SHOWN = 8
"""Hex digits of a run's id that are shown."""


def label(names: Mapping[str, str], record: Record) -> str:
    """Return what a run is called, unlike any other: its row's name (`names` by group), its seed, its id's beginning.

    A trial, which is in no row, is called by its study.
    """
    name = f"{record.trial.study} trial {record.trial.number}" if record.trial else ""
    name = name or names.get(record.cell.group, record.cell.method)
    return f"{name}, seed {record.cell.seed} · {record.run[:SHOWN]}"


def find(records: Iterable[Record], wanted: str) -> Record | None:
    """Return the run whose id is `wanted`, or the only one whose id begins so; None where there is none."""
    begun = [record for record in records if record.run.startswith(wanted)] if len(wanted) >= FEWEST else []
    return next((record for record in begun if record.run == wanted), begun[0] if len(begun) == 1 else None)


def pairs(found: Mapping[str, str]) -> pd.DataFrame:
    """Return facts as a frame with the columns ``what`` and ``value``."""
    return pd.DataFrame(list(found.items()), columns=["what", "value"])


def scores(record: Record) -> pd.DataFrame:
    """Return a line per task and metric, a column per split, and the unit."""
    splits = list(dict.fromkeys(score.split for score in record.scores))
    units = {metric.name: metric.unit for metric in METRICS}
    lines = [
        {
            "task": task,
            "score": metric.replace("_", " "),
            **{split: record.score(split, task, metric) for split in splits},
            "unit": units.get(metric, ""),
        }
        for task, metric in dict.fromkeys((score.task, score.metric) for score in record.scores)
    ]
    return pd.DataFrame(lines, columns=["task", "score", *splits, "unit"])


def cost(record: Record) -> pd.DataFrame:
    """Return a line per phase with the fields of `PhaseCost`."""
    names = [field.name for field in dataclasses.fields(PhaseCost)]
    return pd.DataFrame([dataclasses.asdict(phase) for phase in record.cost.phases], columns=names)


def file_name(record: Record, one: Predictions | None, ending: str) -> str:
    """Return what a downloaded file is called: the run's beginning, what it holds, and its ending."""
    what = Path(files.file_name(one)).stem if one else "record"
    return f"{record.run[:SHOWN]}-{what}.{ending}"


def parquet(one: Predictions) -> bytes:
    """Return the Parquet file in which `one` is stored."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, files.file_name(one))
        files.write(one, file)
        return file.read_bytes()


def csv(one: Predictions) -> bytes:
    """Return `one` as CSV in UTF-8: id, label, prediction and, of classes, a column of logits per output."""
    names = one.classes if len(one.classes) == one.logits.shape[1] else one.classes[1:]  # one logit: of the answer 1
    made: dict[str, object] = {"id": list(one.ids)}
    if one.classes:
        made["label"] = [one.classes[int(place)] for place in one.labels]
        made["predicted"] = [one.classes[place] for place in predicted(one.logits)]
        made |= {f"logit {name}": one.logits[:, place] for place, name in enumerate(names)}
    else:
        made |= {"label": one.labels, "predicted": one.logits[:, 0]}
    return pd.DataFrame(made).to_csv(index=False).encode()


def document(record: Record, points: Sequence[Point]) -> bytes:
    """Return the record with its curves as JSON: what ``record.json`` among the run's artifacts is."""
    whole = dataclasses.replace(record, points=tuple(points))
    return (json.dumps(to_plain(whole), indent=1, ensure_ascii=False) + "\n").encode()
