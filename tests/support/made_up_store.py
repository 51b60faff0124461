"""Fills an MLflow store with finished cells that nobody trained, to look at the leaderboard and to time it.

    python -m tests.support.made_up_store FOLDER [--cells 2000] [--protocols 6] [--rows 200]

Runs, tags, parameters, metrics and predictions are those that `benchmark.tracking` writes; the rows of the database are
inserted in one transaction, because 2,000 runs through MLflow's client take minutes. Every number is drawn from a fixed
seed: the same call gives the same store, but for the times.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import math
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.core import suite as suites
from benchmark.core.cell import Cell, Protocol, TaskIdentity
from benchmark.core.predictions import Predictions
from benchmark.core.record import Cost, DataFacts, Environment, PhaseCost, Point, Record, Score
from benchmark.data.sources import load_task
from benchmark.tracking import Tracking, scheme
from benchmark.tracking.files import file_name, write
from benchmark.tracking.live_run import ENDINGS

TOTAL = 22_816_402
BEGIN = 1_795_000_000_000  # ms since 1970, in November 2026


@dataclass(frozen=True)
class Kind:
    """A method as it behaves: nothing of this is measured."""

    name: str
    skill: float  # how far the right logit stands above the others; 0 is chance
    trainable: int  # parameters of the encoder that move
    seconds: float  # per epoch
    contrastive: bool = False  # has a phase before the classification


KINDS = (
    Kind("finetune", 3.15, TOTAL - 106_130, 9.0),
    Kind("supcon", 3.35, TOTAL - 106_130, 17.0, contrastive=True),
    Kind("simclr", 2.85, TOTAL - 106_130, 18.0, contrastive=True),
    Kind("lora", 2.95, 147_456, 7.5),
    Kind("llrd", 3.2, TOTAL - 106_130, 9.1),
    Kind("swa", 3.3, TOTAL - 106_130, 9.3),
    Kind("reinit", 3.05, TOTAL - 106_130, 9.0),
    Kind("swa+reinit", 3.25, TOTAL - 106_130, 9.4),
    Kind("warmup", 3.18, TOTAL - 106_130, 9.0),
    Kind("schedule", 3.12, TOTAL - 106_130, 9.0),
    Kind("llrd+warmup", 3.22, TOTAL - 106_130, 9.2),
    Kind("linear-probe", 1.9, 0, 1.2),
    Kind("zero-shot", 0.4, 0, 0.0),
)


def fill(folder: Path, cells: int = 2000, protocols: int = 6, rows: int = 200) -> str:
    """Make a store of `cells` cells in `folder`, with `rows` test rows each where data are made up; return its URI."""
    uri = f"sqlite:///{folder.absolute()}/mlflow.db"
    Tracking(uri).prepare()
    made = [_record(*plan, number) for number, plan in enumerate(_plans(cells, protocols, rows))]
    with sqlite3.connect(folder / "mlflow.db") as opened:
        places = {}
        for name in dict.fromkeys(record.cell.protocol.suite for record, _ in made):
            place = (folder.absolute() / "artifacts" / name).as_uri()
            cursor = opened.execute(
                "INSERT INTO experiments (name, artifact_location, lifecycle_stage, creation_time, last_update_time)"
                " VALUES (?, ?, 'active', ?, ?)",
                (name, place, BEGIN, BEGIN),
            )
            places[name] = (cursor.lastrowid, place)
        for number, (record, predictions) in enumerate(made):
            experiment, place = places[record.cell.protocol.suite]
            _insert(opened, record, number, int(experiment or 0), f"{place}/{record.run}/artifacts")
            if predictions:
                files = folder / "artifacts" / record.cell.protocol.suite / record.run / "artifacts" / "predictions"
                files.mkdir(parents=True)
                write(predictions, files / file_name(predictions))
    return uri


@dataclass(frozen=True)
class Data:
    """A protocol and the test rows under it."""

    protocol: Protocol
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    labels: np.ndarray  # (rows,)
    difficulty: np.ndarray  # (rows,): taken from the right logit
    rival: np.ndarray  # (rows,): the class that the row is mistaken for
    synthetic: bool


def _plans(cells: int, protocols: int, rows: int) -> Iterator[tuple[Data, Kind, str, int]]:
    data = [_data(number, rows) for number in range(protocols)]
    count = 0
    for seed in range(cells):
        for origin in ("default", "tuned"):
            for one in data:
                for kind in KINDS:
                    if count == cells:
                        return
                    if origin == "default" or kind.name in ("supcon", "simclr", "lora", "finetune"):
                        yield one, kind, origin, seed
                        count += 1


def _data(number: int, rows: int) -> Data:
    """Return protocol `number`: the built-in quick suite first, then invented ones with 18 or 60 classes."""
    encoder = ("all-MiniLM-L6-v2", "bert-base-uncased")[number // 3 % 2]
    draw = np.random.default_rng(number)
    if number == 0:
        suite = suites.load("quick")
        task = load_task(suite.tasks[0])
        identity, classes, ids = task.identity, task.head.classes, task.test.ids
        labels = np.array(task.test.labels, dtype=np.int64)
        name, epochs, batch = suite.name, 3, suite.batch_size
    else:
        count = 18 if number % 2 else 60
        name, epochs, batch = f"made-up-{count}", 3 + number // 6, 16
        classes = tuple(f"class_{place:02}" for place in range(count))
        ids = tuple(str(place) for place in range(rows))
        labels = draw.integers(0, count, rows).astype(np.int64)
        train, validation, test = (
            hashlib.sha256(f"{number} {split}".encode()).hexdigest() for split in ("train", "validation", "test")
        )
        label = "scenario" if count == 18 else "intent"
        identity = TaskIdentity(label, "classes", "accuracy", train, validation, test)
    protocol = Protocol(name, (identity,), encoder, "c9745ed1", "f" * 64, epochs, batch, 64, "best", None)
    difficulty = draw.exponential(2.4, len(ids))
    rival = (labels + draw.choice([1, 1, 1, 2, 5], len(ids))) % len(classes)
    return Data(protocol, classes, ids, labels, difficulty, rival, number == 0)


def _record(data: Data, kind: Kind, origin: str, seed: int, number: int) -> tuple[Record, Predictions | None]:
    draw = np.random.default_rng([number, seed])
    cell = Cell(
        protocol=data.protocol,
        method=kind.name,
        parameters=(("hidden", 256), ("lr", 3e-5 if origin == "default" else 7.4e-5)),
        seed=seed,
        origin=origin,
        device="cpu",
        precision="fp32",
        code="d" * 64,
        versions=(("torch", "2.13.0"), ("transformers", "5.23.0"), ("numpy", "2.4.6")),
    )
    environment = Environment(
        started=f"2026-11-{1 + seed % 20:02}T10:{number % 60:02}:00+00:00",
        commit="fa8a94d5aef2658b68e12e4ebbc57e28acc762cc",
        dirty=False,
        python="3.11.7",
        packages=cell.versions,
        platform="Linux",
        processor="x86",
        device="made up",
        threads=1,
        command=f"bench run --methods {kind.name} --seeds {seed + 1} --suite {data.protocol.suite}",
    )
    task = data.protocol.tasks[0].name
    sizes = (("train", 11_514), ("validation", 2_033), ("test", len(data.ids)))
    source = "built-in corpus v1 (synthetic)" if data.synthetic else "made up"
    facts = DataFacts(task, source, data.synthetic, sizes, (("train ∩ test", 21),), (), ())
    run = hashlib.md5(f"{cell.id} {number}".encode()).hexdigest()
    record = Record(cell, "done", environment=environment, data=(facts,), run=run)
    if kind.name == "simclr" and seed == 1:
        reason = "the loss of step 40 is nan (classification, epoch 1)"
        return dataclasses.replace(record, status="diverged", reason=reason), None
    if kind.name == "lora" and seed == 2 and origin == "tuned":
        reason = "RuntimeError: <b>out of memory</b> [click](https://example.com)"
        return dataclasses.replace(record, status="failed", reason=reason), None
    skill = kind.skill * (1.06 if origin == "tuned" else 1.0) + 0.06 * draw.standard_normal()
    predictions = _predictions(data, task, skill, draw)
    scores = predictions.scores()
    validation = tuple(dataclasses.replace(score, split="validation", value=score.value * 0.995) for score in scores)
    points = tuple(_points(data, kind, task, scores, draw))
    return dataclasses.replace(
        record, scores=(*validation, *scores), cost=_cost(data, kind, draw), points=points
    ), predictions


def _predictions(data: Data, task: str, skill: float, draw: np.random.Generator) -> Predictions:
    rows, outputs = len(data.ids), len(data.classes)
    logits = draw.standard_normal((rows, outputs)) * 0.8
    logits[np.arange(rows), data.rival] += 1.6
    logits[np.arange(rows), data.labels] += skill * 1.9 - data.difficulty
    return Predictions("test", task, data.classes, data.ids, data.labels, logits.astype(np.float32))


def _cost(data: Data, kind: Kind, draw: np.random.Generator) -> Cost:
    seconds = kind.seconds * float(1 + 0.03 * draw.standard_normal()) or None
    rate = 11_514 / seconds if seconds else None
    head = 106_130 if seconds else 0
    first = seconds * 1.1 if seconds else None
    name = "classification" if seconds else "untrained"
    main = PhaseCost(name, kind.trainable, head, TOTAL, first, seconds, rate)
    before = (dataclasses.replace(main, phase="contrastive"),) if kind.contrastive else ()
    fit = (seconds or 1.0) * data.protocol.epochs * (1 + kind.contrastive) + 3
    return Cost((*before, main), fit, int(9e8 + 20 * kind.trainable), "device memory allocated")


def _points(data: Data, kind: Kind, task: str, scores: tuple[Score, ...], draw: np.random.Generator) -> Iterator[Point]:
    if not kind.seconds:
        return
    final = {score.metric: score.value for score in scores}
    if kind.contrastive:
        for epoch in range(1, data.protocol.epochs + 1):
            yield Point(
                "contrastive", epoch, "train/loss", 1.2 + 2.0 * math.exp(-epoch) + 0.02 * draw.standard_normal()
            )
    for epoch in range(1, data.protocol.epochs + 1):
        share = 1 - 0.35 * math.exp(-1.2 * (epoch - 1)) + 0.006 * draw.standard_normal()
        yield Point("classification", epoch, "train/loss", 0.1 + 2.4 * math.exp(-epoch) + 0.02 * draw.standard_normal())
        yield Point("classification", epoch, f"validation/{task}/accuracy", min(1.0, final["accuracy"] * share))
        yield Point("classification", epoch, f"validation/{task}/cross_entropy", final["cross_entropy"] / share)
        yield Point("classification", epoch, f"validation/{task}/macro_f1", final["macro_f1"] * share)


def _insert(opened: sqlite3.Connection, record: Record, number: int, experiment: int, place: str) -> None:
    run, cell = record.run, record.cell
    begin = BEGIN + number * 60_000
    opened.execute(
        "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time,"
        " end_time, source_version, lifecycle_stage, artifact_uri, experiment_id)"
        " VALUES (?, ?, 'LOCAL', 'bench', '', '', ?, ?, ?, '', 'active', ?, ?)",
        (run, scheme.run_name(cell), ENDINGS[record.status], begin, begin + 50_000, place, experiment),
    )
    tags = scheme.tags(record) | {"mlflow.runName": scheme.run_name(cell)}
    opened.executemany("INSERT INTO tags VALUES (?, ?, ?)", [(key, value, run) for key, value in tags.items()])
    parameters = scheme.parameters(cell)
    opened.executemany("INSERT INTO params VALUES (?, ?, ?)", [(key, value, run) for key, value in parameters.items()])
    finals, _ = scheme.final_metrics(record)
    curves = [
        (scheme.curve_name(point), point.value, begin + (point.phase != "contrastive") * 10 + point.epoch,
         run, point.epoch, 0)
        for point in record.points
    ]  # fmt: skip
    values = [*curves, *[(name, value, begin + 50_000, run, 0, 0) for name, value in finals.items()]]
    opened.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", values)
    last = {(key, run): (key, value, at, step, 0, run) for key, value, at, _, step, _ in values}
    opened.executemany("INSERT INTO latest_metrics VALUES (?, ?, ?, ?, ?, ?)", list(last.values()))


def main() -> None:
    """Fill the store that the command line names."""
    parser = argparse.ArgumentParser(description="Fill an MLflow store with made-up finished cells.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cells", type=int, default=2000)
    parser.add_argument("--protocols", type=int, default=6)
    parser.add_argument("--rows", type=int, default=200)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    print(fill(arguments.folder, arguments.cells, arguments.protocols, arguments.rows))


if __name__ == "__main__":
    main()
