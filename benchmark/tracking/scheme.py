"""How a record is written down in an MLflow run: the names of tags, parameters and metrics. Pure; MLflow is not needed.

The tags are the record: ``bench.json.*`` hold cell, scores, cost, environment and data as JSON, and `parse` rebuilds
the record from the tags alone, so that thousands of runs are listed without a request or a file per run. Parameters,
metrics and the short tags say the same again for whoever reads the store with ``mlflow ui``.

===================================  ================================================================================
``<phase>/<key>`` (step: epoch)      a curve: ``finetune/train/loss``, ``finetune/validation/scenario/accuracy``
``<split>/<task>/<metric>``          a final score: ``test/scenario/accuracy``
``cost/<name>``                      a cost, its unit in the name
parameter ``parameter/<name>``       a parameter of the method; the protocol's and the cell's own have no prefix
===================================  ================================================================================
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import posixpath
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.core.cell import Cell
from benchmark.core.errors import UnreadableError
from benchmark.core.record import SHARED_PROCESS, Cost, Environment, Point, Record, Trial
from benchmark.core.serialization import from_plain, to_plain
from benchmark.tracking.sqlite import DAMAGED

PREFIX = "bench."
CELL = "bench.cell"
STATUS = "bench.status"
REASON = "bench.reason"
PROCESS = "bench.process"  # who runs it: see `process`
PROGRESS = "bench.progress"  # for people: "finetune: epoch 2 of 10"
NOUNS = ("cell", "scores", "cost", "environment", "data")  # fields of Record that are stored as JSON
MARKS = ("trial", "tuning", "notes")  # the same, where there are any
KIND = ("mlflow.experimentKind", "custom_model_development")
"""Tag of an experiment that says that it is no chat model's. MLflow 3.17 still opens a browser that is new to it on an
empty page for chat models, whatever the tag: "Model training" (top left), or ``?workflowType=machine_learning`` behind
an experiment's address, leads to the runs."""
STUDY = "bench.study"  # of a trial's run, and of the run that the trials of a study stand under
PARENT = "bench.parent"  # of the latter alone: "study"
TAG_LENGTH = 5000
"""Longest value of a tag, in characters: what every MLflow since 2.0 takes (3.17 takes 8,000)."""
NOT_CURVES = ("train", "validation", "test", "cost")
"""First parts of metric names that stand for final figures, and so can't be a phase's name."""
LARGEST = 1.7976931348623157e308
"""What MLflow's databases store for infinity."""


def tags(record: Record) -> dict[str, str]:
    """Return the tags that hold everything of `record` but its curves."""
    cell = record.cell
    found = {
        CELL: cell.id,
        "bench.group": cell.group,
        "bench.protocol": cell.protocol.id,
        "bench.suite": cell.protocol.suite,
        "bench.method": cell.method,
        "bench.origin": cell.origin,
        STATUS: record.status,
        REASON: _cut(record.reason, TAG_LENGTH),
        "mlflow.note.content": describe(record),
    }
    if record.trial:
        found |= {STUDY: record.trial.study, "bench.trial": str(record.trial.number)}
    for noun in (*NOUNS, *(mark for mark in MARKS if getattr(record, mark))):
        text = json.dumps(to_plain(getattr(record, noun)), separators=(",", ":"), allow_nan=False)  # ASCII only
        for start in range(0, len(text), TAG_LENGTH):
            found[_part(noun, start // TAG_LENGTH)] = text[start : start + TAG_LENGTH]
    return {key: value for key, value in found.items() if value}


def source(environment: Environment) -> dict[str, str]:
    """Return the tags that say which process makes a run, of what code."""
    commit = {"mlflow.source.git.commit": environment.commit} if environment.commit else {}
    return {PROCESS: process(), "mlflow.source.name": "bench", "mlflow.source.type": "LOCAL", **commit}


def parse(run: str, found: Mapping[str, str]) -> Record | None:
    """Return the record in the tags `found` of the run with id `run`; None for a run that is no cell's.

    A record that says running but whose process is known to be gone comes back as interrupted. Raises UnreadableError
    for a cell's run that is damaged, half-written or of an unknown form.
    """
    if DAMAGED in found:
        raise UnreadableError(run, found[DAMAGED])
    if PARENT in found or not (CELL in found or STATUS in found or _part("cell", 0) in found):
        return None
    try:
        marks = [mark for mark in MARKS if _part(mark, 0) in found]
        data = {noun: _json(noun, found) for noun in (*NOUNS, *marks)}
        status, reason = found[STATUS], found.get(REASON, "")
        if status == "running" and is_gone(found.get(PROCESS, "")):
            status, reason = "interrupted", "its process is gone"
        return _measured(from_plain(Record, {**data, "status": status, "reason": reason, "run": run}))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UnreadableError(run, _why(error)) from error


def _measured(record: Record) -> Record:
    """Return `record` without a peak that isn't the cell's own: on the CPU the first versions took the process's."""
    if not record.cost.peak_memory_of.startswith("resident set"):
        return record
    cost = dataclasses.replace(record.cost, peak_memory_bytes=None, peak_memory_of=SHARED_PROCESS)
    return dataclasses.replace(record, cost=cost)


def parameters(cell: Cell) -> dict[str, str]:
    """Return the cell as MLflow parameters, for people."""
    protocol = cell.protocol
    own = {
        "suite": protocol.suite,
        "method": cell.method,
        "seed": cell.seed,
        "encoder": protocol.encoder,
        "encoder_revision": protocol.encoder_revision,
        "epochs": protocol.epochs,
        "batch_size": protocol.batch_size,
        "max_length": protocol.max_length,
        "selection": protocol.selection,
        "limit_train": protocol.limit_train,
        "origin": cell.origin,
        "device": cell.device,
        "precision": cell.precision,
        "threads": cell.threads,
        "forward": cell.forward,
    }
    method = {f"parameter/{name}": value for name, value in cell.parameters}
    return {legal(name): _cut(str(value), 500) for name, value in {**own, **method}.items() if value not in (None, "")}


def final_metrics(record: Record) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return scores and costs by metric name, and a line for each score that is no finite number and so left out."""
    values = {score.key: score.value for score in record.scores}
    odd = tuple(f"{name} is {value}" for name, value in values.items() if not math.isfinite(value))
    finite = {**values, **_costs(record.cost)}
    return {legal(name): value for name, value in finite.items() if math.isfinite(value)}, odd


def curve_name(point: Point) -> str:
    """Return the metric name of `point`'s curve. Raises ValueError for a phase whose name would hide the curve."""
    if point.phase in NOT_CURVES or "/" in point.phase or not point.phase:
        raise ValueError(f"a phase can't be called {point.phase!r}: no '/', and none of {', '.join(NOT_CURVES)}")
    return legal(f"{point.phase}/{point.key}")


def point(name: str, epoch: int, value: float) -> Point | None:
    """Return the point that the metric `name` holds at step `epoch`; None where it is no curve."""
    phase, separator, key = name.partition("/")
    if not separator or phase in NOT_CURVES:
        return None
    return Point(phase, epoch, key, math.copysign(math.inf, value) if abs(value) >= LARGEST else value)


def run_name(cell: Cell, trial: Trial | None = None) -> str:
    """Return the name under which ``mlflow ui`` lists the cell: ``swa+reinit seed 2``, ``swa trial 3 seed 1000000``."""
    return _cut(f"{cell.method}{f' trial {trial.number}' if trial else ''} seed {cell.seed}", 250)


def describe(record: Record) -> str:
    """Return a few lines of Markdown for ``mlflow ui``."""
    cell = record.cell
    lines = [f"**{cell.method}**, seed {cell.seed}, suite {cell.protocol.suite}, encoder {cell.protocol.encoder}"]
    lines.append(f"{record.status}{': ' if record.reason else ''}{record.reason}")
    if any(facts.synthetic for facts in record.data):
        lines.append("The data are synthetic.")
    lines += [f"- {score.key}: {score.value:.4f}" for score in record.scores if score.split == "test"]
    if record.environment and record.environment.command:
        lines.append(f"Made by `{record.environment.command}`")
    return _cut("\n\n".join(lines), TAG_LENGTH)


def legal(name: str) -> str:
    """Return `name` with whatever MLflow doesn't allow in the name of a metric or parameter replaced by ``_``."""
    clean = posixpath.normpath(re.sub(r"[^/\w.\- ]", "_", name)).lstrip("/.")
    return clean[:250] or "_"


def process() -> str:
    """Return what tells this process from any other: host, process id, and the id's owner's start time."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def is_gone(described: str) -> bool:
    """Return whether the process that `process` described is known to be gone: it was on this host and is no more.

    Its start time is compared too, because the system gives the ids of ended processes to new ones.
    """
    host, pid, started = described.rsplit(":", 2) if described.count(":") >= 2 else ("", "", "")
    if host != socket.gethostname() or not pid.isdigit() or os.name != "posix":
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # somebody else's process has the id: the start time tells whether it always was the same one
    return _started(int(pid)) not in ("", started)


def _started(pid: int) -> str:
    """Return when process `pid` started, in clock ticks since boot; "" where the system doesn't say.

    "ended" for one that is over and only waits for its parent to notice.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        fields = text.rpartition(")")[2].split()  # what follows the command's name, which may hold anything
        return "ended" if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        return ""


def _costs(cost: Cost) -> dict[str, float]:
    main = cost.headline
    found: dict[str, Any] = {"fit_seconds": cost.fit_seconds, "peak_memory_bytes": cost.peak_memory_bytes}
    if main:
        found |= {field.name: getattr(main, field.name) for field in dataclasses.fields(main) if field.name != "phase"}
        found["trainable"] = main.trainable
    return {f"cost/{name}": float(value) for name, value in found.items() if value is not None}


def _why(error: Exception) -> str:
    """Return in one line what is wrong with tags; of pydantic's long report, where it begins."""
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = ": ".join(lines[1:3] if len(lines) > 2 else lines) or type(error).__name__
    return _cut("".join(mark if mark.isprintable() else " " for mark in text), 200)


def _part(noun: str, number: int) -> str:
    return f"bench.json.{noun}" + (f".{number + 1}" if number else "")


def _json(noun: str, found: Mapping[str, str]) -> Any:
    """Return the JSON value of `noun` from its parts; what a longer, older value left behind after it is ignored."""
    text, number = "", 0
    while _part(noun, number) in found:
        text += found[_part(noun, number)]
        number += 1
    if not number:
        raise KeyError(_part(noun, 0))
    return json.JSONDecoder().raw_decode(text)[0]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
