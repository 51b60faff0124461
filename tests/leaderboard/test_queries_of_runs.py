"""The frames of one run and of two: everything that was recorded, and what of it differs."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmark.analysis.standings import Pair
from benchmark.core.predictions import Predictions
from benchmark.core.record import Point, Record, Trial
from benchmark.core.serialization import from_plain
from benchmark.tracking import Tracking
from leaderboard.queries import compare, errors, runs
from leaderboard.queries.table import ResultsTable

Known = Mapping[str, ResultsTable]


@pytest.fixture
def pair(known: Known) -> tuple[Record, Record]:
    """Seed 0 of finetune and of lora."""
    found = {(record.cell.method, record.cell.seed, record.cell.origin): record for record in known["quick"].records}
    return found["finetune", 0, "default"], found["lora", 0, "default"]


def test_a_run_is_found_by_the_beginning_of_its_id(known: Known) -> None:
    records = known["quick"].records
    one = records[3]
    other = dataclasses.replace(one, run=one.run[:6] + "f" * 26)
    assert runs.find(records, one.run) is one
    assert runs.find(records, one.run[:12]) is one
    assert runs.find((one, other), one.run[:6]) is None
    assert runs.find((one, dataclasses.replace(one, run=one.run + "0")), one.run) is one
    assert runs.find(records, one.run[:3]) is None
    assert runs.find(records, "") is None


def test_every_run_has_a_label_of_its_own(known: Known) -> None:
    table = known["quick"]
    assert len({runs.label(table.names, record) for record in table.records}) == len(table.records)
    trial = dataclasses.replace(table.records[0], trial=Trial("quick/a", 7))
    assert runs.label(table.names, trial).startswith("quick/a trial 7, seed ")


def test_facts_are_shown_as_two_columns() -> None:
    assert list(runs.pairs({"a": "b"}).iloc[0]) == ["a", "b"]


def test_the_code_of_two_methods_is_no_difference_and_that_of_one_is(pair: tuple[Record, Record]) -> None:
    """Each method has its own digest of the code, whatever the commit."""
    first, second = pair
    changed = dataclasses.replace(second, cell=dataclasses.replace(second.cell, code="e" * 64))
    apart = compare.environment([first], [changed])
    assert list(apart[apart["differs"]]["what"]) == ["command"]
    again = dataclasses.replace(first, cell=dataclasses.replace(first.cell, code="e" * 64))
    found = compare.environment([first], [again])
    assert list(found[found["differs"]]["what"]) == ["code"]


def test_scores_and_cost_are_the_records(pair: tuple[Record, Record]) -> None:
    record = pair[0]
    found = runs.scores(record).set_index("score")
    assert found.loc["accuracy", "test"] == record.headline("test")
    assert found.loc["cross entropy", "unit"] == "nats per example"
    assert list(runs.cost(record)["epoch_seconds"]) == [record.cost.phases[0].epoch_seconds]
    empty = dataclasses.replace(record, scores=(), cost=dataclasses.replace(record.cost, phases=()))
    assert runs.scores(empty).empty
    assert runs.cost(empty).empty


def test_downloads_are_what_is_stored(pair: tuple[Record, Record], made_up: str) -> None:
    record = pair[0]
    (one,) = Tracking(made_up).predictions(record.run)
    stored = pd.read_parquet(io.BytesIO(runs.parquet(one)))
    assert list(stored["id"]) == list(one.ids)
    assert np.array_equal(np.stack(stored["logits"].tolist()), one.logits)
    text = pd.read_csv(io.BytesIO(runs.csv(one)), dtype={"id": str})
    assert (text["label"] == text["predicted"]).mean() == record.headline("test")
    assert runs.file_name(record, one, "csv") == f"{record.run[:8]}-scenario.csv"
    points = (Point("classification", 1, "train/loss", float("nan")),)
    again = from_plain(Record, json.loads(runs.document(record, points)))
    assert dataclasses.replace(again, points=()) == record
    assert again.points[0].value != again.points[0].value


def test_what_differs_is_marked(pair: tuple[Record, Record]) -> None:
    first, second = pair
    cell = dataclasses.replace(second.cell, parameters=(("hidden", 128), ("rank", 8)))
    found = compare.parameters([first], [dataclasses.replace(second, cell=cell)]).set_index("what")
    assert list(found.loc["hidden"]) == ["256", "128", True]
    assert list(found.loc["lr"]) == ["3e-05", "", True]
    assert list(found.loc["rank"]) == ["", "8", True]
    assert not compare.parameters([first], [first])["differs"].any()
    assert compare.parameters([], []).empty


def test_of_several_runs_the_different_values_are_shown(pair: tuple[Record, Record]) -> None:
    first, second = pair
    assert first.environment
    on = [
        dataclasses.replace(first, environment=dataclasses.replace(first.environment, device=f"GPU {number}"))
        for number in (0, 1, 1, 2, 3)
    ]
    found = compare.environment(on, [second]).set_index("what")
    assert list(found.loc["device"]) == ["GPU 0; GPU 1; GPU 2 and 1 more", "made up", True]
    assert not found.loc["torch", "differs"]
    assert not compare.environment(on, on[::-1])["differs"].any()
    assert not compare.data([first], [second])["differs"].any()


def test_a_pair_is_turned_round() -> None:
    pair = Pair("a", "b", (0, 1), 0.02, 0.01, 0.03, 0.06, "seeds and rows")
    assert compare.oriented(pair, "a") is pair
    turned = compare.oriented(pair, "b")
    assert (turned.first, turned.second, turned.difference, turned.p) == ("b", "a", -0.02, 0.03)
    assert compare.oriented(dataclasses.replace(pair, difference=None), "b").difference is None


def _judged(said: list[int], labels: list[int]) -> errors.Judged:
    logits = np.eye(3, dtype=np.float32)[said]
    ids = tuple(f"row {place}" for place in range(len(said)))
    made = errors.judge([Predictions("test", "t", ("x", "y", "z"), ids, np.array(labels, dtype=np.int64), logits)])
    assert made
    return made


def test_two_models_are_compared_by_mcnemar() -> None:
    labels = [0] * 12
    first, second = _judged([0] * 10 + [1, 1], labels), _judged([0] * 3 + [1] * 8 + [0], labels)
    found = compare.models(first, second)
    assert found.difference == pytest.approx((10 - 4) / 12)
    assert found.p == pytest.approx(stats.binomtest(7, 8).pvalue)
    with pytest.raises(ValueError, match="different rows"):
        compare.models(first, _judged([0], [0]))


def test_flipped_examples_are_kept_by_who_is_right() -> None:
    found = errors.disagreements(_judged([0, 1, 1], [0, 0, 2]), _judged([1, 0, 0], [0, 0, 2]), {})
    assert [len(compare.keep(found, side)) for side in compare.SIDES] == [3, 1, 1, 1]
    assert list(compare.keep(found, "second")["id"]) == ["row 1"]


def test_predictions_of_one_output_as_csv() -> None:
    logits, ids = np.array([[1.5], [-0.5]], dtype=np.float32), ("a", "b")
    binary = Predictions("test", "quora", ("0", "1"), ids, np.array([1, 1]), logits, "pair-binary")
    assert runs.csv(binary).decode().splitlines() == ["id,label,predicted,logit 1", "a,1,1,1.5", "b,1,0,-0.5"]
    number = Predictions("test", "sts", (), ids, np.array([1.0, 2.5]), logits, "pair-regression")
    assert runs.csv(number).decode().splitlines() == ["id,label,predicted", "a,1.0,1.5", "b,2.5,-0.5"]
