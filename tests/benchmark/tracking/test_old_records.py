"""Records that an earlier version has stored are read as they were meant, and shown by every verb.

``old_records.json`` holds the tags of four runs as version 0.1's main stored them before fields and kinds of tasks were
renamed: a probe, a skipped cell, a run of several tasks with the kind that was called ``pair-number``, a trial.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli.main import main
from benchmark.tracking import Tracking, scheme

RUNS: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("old_records.json").read_text(encoding="utf-8"))


def test_the_fixture_is_old() -> None:
    assert len(RUNS) == 4
    text = json.dumps(RUNS)
    assert "pair-number" in text
    assert "pair-regression" not in text


@pytest.mark.parametrize("run", RUNS)
def test_an_old_record_is_read_as_it_was_meant(run: str) -> None:
    tags = RUNS[run]
    record = scheme.parse(run, tags)
    assert record
    cell = json.loads(tags["bench.json.cell"])
    assert (record.status, record.cell.method) == (tags["bench.status"], tags["bench.method"])
    assert dict(record.cell.parameters) == dict(cell["parameters"])
    assert [(score.key, score.value) for score in record.scores] == [
        (f"{old['split']}/{old['task']}/{old['metric']}", pytest.approx(float(old["value"]), nan_ok=True))
        for old in json.loads(tags["bench.json.scores"])
    ]
    assert [task.name for task in record.cell.protocol.tasks] == [task["name"] for task in cell["protocol"]["tasks"]]
    assert [facts.source for facts in record.data] == [old["source"] for old in json.loads(tags["bench.json.data"])]
    if "pair-number" in tags["bench.json.cell"]:
        assert [task.kind for task in record.cell.protocol.tasks] == ["classes", "pair-binary", "pair-regression"]
        assert record.headline("test") is not None
    else:  # nothing of it was renamed, so that it is the cell it was
        assert (record.cell.id, record.cell.group) == (tags["bench.cell"], tags["bench.group"])


@pytest.fixture
def old(tracking: Tracking) -> Tracking:
    """A store that holds the old runs."""
    client: Any = tracking._connect()
    for tags in RUNS.values():
        experiment = client.get_experiment_by_name(tags["bench.suite"])
        place = experiment.experiment_id if experiment else client.create_experiment(tags["bench.suite"])
        client.create_run(place, tags=tags)
    return tracking


def test_an_old_run_is_found_by_the_id_that_was_stored(old: Tracking) -> None:
    for tags in RUNS.values():
        assert old.record(tags["bench.cell"]).cell.method == tags["bench.method"]
    renamed = next(tags for tags in RUNS.values() if "pair-number" in tags["bench.json.cell"])
    assert old.record(renamed["bench.cell"]).cell.id != renamed["bench.cell"]  # or this test shows nothing


def test_every_verb_shows_old_records(
    old: Tracking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(old.store.given.text))
    monkeypatch.chdir(tmp_path)
    assert len(old.records()) == 3
    assert len(old.trials()) == 1
    assert old.unreadable == {}
    assert main(["list", "runs", "--json"]) == 0
    assert {item["method"] for item in json.loads(capsys.readouterr().out)} >= {"probe", "multitask+reinit"}
    for record in (*old.records(), *old.trials()):
        assert main(["show", record.run]) == 0
        assert record.cell.method in capsys.readouterr().out
    assert main(["report", "--format", "json", "-o", "report.json"]) == 0
    assert "multitask+reinit" in Path("report.json").read_text(encoding="utf-8")
