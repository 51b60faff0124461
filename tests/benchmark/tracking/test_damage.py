"""Damage of every kind to what is stored: the run that it hit is passed over and named, the rest is there as before."""

from __future__ import annotations

import logging
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmark.core.errors import UnreadableError, UsageError
from benchmark.tracking import Tracking, scheme
from benchmark.tracking.runs import _said


@pytest.fixture
def stored(three_store: str, tmp_path: Path) -> Tracking:
    """A store of the test's own with nine finished runs and a failed one."""
    _said.clear()
    original = Path(three_store.removeprefix("sqlite:///")).parent
    shutil.copytree(original, tmp_path / "store")
    tracking = Tracking(f"sqlite:///{tmp_path}/store/mlflow.db")
    change(tracking, "UPDATE runs SET artifact_uri = replace(artifact_uri, ?, ?)", str(original), f"{tmp_path}/store")
    return tracking


def change(tracking: Tracking, statement: str, *values: object) -> None:
    assert tracking.store.database
    with sqlite3.connect(tracking.store.database) as opened:
        assert opened.execute(statement, values).rowcount > 0
    opened.close()


LESS = "DELETE FROM tags WHERE run_uuid = ? AND key = ?"
TAG = "UPDATE tags SET value = ? WHERE run_uuid = ? AND key = ?"
DAMAGE: dict[str, Callable[[Tracking, str], None]] = {
    "garbage": lambda store, run: change(store, TAG, "�garbage", run, "bench.json.cell"),
    "bytes that are no text": lambda store, run: change(store, TAG, b"\xff\xfe\x00", run, "bench.json.scores"),
    "cut short": lambda store, run: change(store, TAG, '[{"split": "te', run, "bench.json.scores"),
    "other JSON": lambda store, run: change(store, TAG, '{"a": 1}', run, "bench.json.cell"),
    "a number": lambda store, run: change(store, TAG, "7", run, "bench.json.cell"),
    "null": lambda store, run: change(store, TAG, "null", run, "bench.json.cell"),
    "of another type": lambda store, run: change(store, TAG, '[{"split":1,"task":2}]', run, "bench.json.scores"),
    "nested": lambda store, run: change(store, TAG, "[" * 4000, run, "bench.json.data"),
    "a status": lambda store, run: change(store, TAG, "finished?", run, "bench.status"),
    "half-written": lambda store, run: change(store, LESS, run, "bench.json.cell"),
    "without status": lambda store, run: change(store, LESS, run, "bench.status"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_record_is_passed_over_and_named(
    stored: Tracking, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = stored.records()
    hit = before[4].run
    DAMAGE[damage](stored, hit)
    found = Tracking(stored.store.uri)
    assert found.records() == tuple(record for record in before if record.run != hit)
    assert list(found.unreadable) == [hit]
    assert found.records("quick") == found.records()
    (said,) = caplog.records  # once, however often the store is read
    line = said.getMessage()
    assert line.startswith(f"bench: run {hit[:12]} can't be read: ")
    assert line.endswith("; it is passed over")
    assert said.levelno == logging.WARNING
    assert line.isprintable()
    assert len(line) < 300
    with pytest.raises(UsageError, match="no run in"):
        found.record(hit)


def test_both_readers_pass_over_the_same(stored: Tracking) -> None:
    """The one that reads the file and the one that asks MLflow, which serves databases and servers."""
    runs = [record.run for record in stored.records()]
    damages = [DAMAGE[name] for name in DAMAGE if "no text" not in name]  # MLflow itself can't read that
    for run, damage in zip(runs, damages, strict=False):
        damage(stored, run)
    direct = Tracking(stored.store.uri)
    asked = Tracking(stored.store.uri)
    asked._rows = asked._search  # type: ignore[method-assign]
    assert direct.records() == asked.records()
    assert len(direct.unreadable) == min(len(runs), len(damages))
    assert {run: str(error) for run, error in direct.unreadable.items()} == {
        run: str(error) for run, error in asked.unreadable.items()
    }


def test_runs_of_other_tools_are_nobodys_damage(stored: Tracking) -> None:
    import mlflow

    client = mlflow.MlflowClient(stored.store.uri)
    experiment = client.get_experiment_by_name("quick")
    assert experiment
    client.create_run(experiment.experiment_id, tags={"mine": "x", "bench.note": "a tag of somebody else"})
    client.create_run(experiment.experiment_id)
    before = len(stored.records())
    assert before == 10
    assert stored.unreadable == {}


def parquet(stored: Tracking) -> tuple[str, Path]:
    run = next(record.run for record in stored.records() if record.status == "done")
    assert stored.store.artifacts
    (file,) = (stored.store.artifacts / "quick" / run).rglob("*.parquet")
    return run, file


def rewritten(file: Path, **changes: object) -> None:
    table = pq.ParquetFile(file).read()
    for name, values in changes.items():
        column = table.column_names.index(name)
        table = table.remove_column(column) if values is None else table.set_column(column, name, pa.array(values))
    pq.write_table(table, file)


def turned_into_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


SPOILT: dict[str, Callable[[Path], object]] = {
    "garbage": lambda file: file.write_bytes(random.Random(0).randbytes(4000)),
    "empty": lambda file: file.write_bytes(b""),
    "cut short": lambda file: file.write_bytes(file.read_bytes()[:-40]),
    "flipped": lambda file: file.write_bytes(file.read_bytes()[:-12] + b"\xff" * 4 + file.read_bytes()[-8:]),
    "foreign": lambda file: pq.write_table(pa.table({"x": [1, 2]}), file),
    "without ids": lambda file: rewritten(file, id=None),
    "words for logits": lambda file: rewritten(file, logits=["x"] * 400),
    "numbers for logits": lambda file: rewritten(file, logits=[1.5] * 400),
    "one logit too few": lambda file: rewritten(file, logits=[[1.0, 2.0]] * 400),
    "words for labels": lambda file: rewritten(file, label=["x"] * 400),
    "labels missing": lambda file: rewritten(file, label=[None] * 400),
    "labels of no class": lambda file: rewritten(file, label=[77] * 400),
    "a folder": turned_into_a_folder,
}


@pytest.mark.parametrize("damage", SPOILT)
def test_damaged_predictions_are_named(stored: Tracking, damage: str) -> None:
    run, file = parquet(stored)
    (whole,) = stored.predictions(run)
    assert len(whole.ids) == 400
    SPOILT[damage](file)
    with pytest.raises(UnreadableError) as raised:
        stored.predictions(run)
    line = str(raised.value)
    assert line.startswith(f"run {run[:12]} can't be read: scenario.parquet: ")
    assert "\n" not in line
    assert len(line) < 300
    assert raised.value.run == run
    others = [record.run for record in stored.records() if record.status == "done" and record.run != run]
    assert all(stored.predictions(other) for other in others)


def test_files_that_are_gone_are_no_predictions(stored: Tracking) -> None:
    run, file = parquet(stored)
    file.unlink()
    assert stored.predictions(run) == ()
    shutil.rmtree(file.parents[1])
    assert stored.predictions(run) == ()
    assert len(stored.records()) == 10


@pytest.mark.parametrize("seed", range(24))
def test_random_bytes_in_the_database_are_never_a_traceback(stored: Tracking, seed: int) -> None:
    assert stored.store.database
    runs = {record.run: record for record in stored.records()}
    content = bytearray(stored.store.database.read_bytes())
    noise = random.Random(seed)
    if seed % 3 == 0:
        start = noise.randrange(100, len(content) - 200)
        content[start : start + 200] = noise.randbytes(200)
    elif seed % 3 == 1:
        for _ in range(200):
            content[noise.randrange(100, len(content))] = noise.randrange(256)
    else:
        del content[noise.randrange(4096, len(content)) :]
    stored.store.database.write_bytes(content)
    found = Tracking(stored.store.uri)
    line = ""
    try:
        records = found.records()
        assert {record.run for record in records} <= set(runs)
        for record in records:
            found.points(record.run)
            scheme.tags(record)
    except UsageError as error:
        line = str(error)
    assert "\n" not in line
    assert len(line) < 600
