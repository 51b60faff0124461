"""The frames: figures equal to the table's, filters that hide rows and change nothing, errors that one can count."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.analysis.rows import rows
from benchmark.analysis.standings import standings
from benchmark.core.metrics import binary_cross_entropy, cross_entropy, macro_f1
from benchmark.core.predictions import Predictions
from benchmark.core.record import DataFacts, Point, Record, Score
from benchmark.core.serialization import from_plain, to_plain
from benchmark.core.suite import Source, TaskSpec
from benchmark.data.sources import load_task
from benchmark.tracking import Tracking
from leaderboard import show
from leaderboard.queries import board, curves, errors, texts, tradeoffs
from leaderboard.queries.selection import Filters, let_through, options, protocol_name
from leaderboard.queries.table import ResultsTable

Known = Mapping[str, ResultsTable]


def test_the_store_is_what_the_tests_think(known: Known) -> None:
    assert set(known) == {"quick", "made-up-18"}
    assert {len(table.rows) for table in known.values()} == {17}


def test_the_frame_has_the_tables_figures(known: Known, made_up: str) -> None:
    table = known["quick"]
    same = rows(record for record in Tracking(made_up).records() if record.cell.protocol == table.protocol)
    frame = board.board(table, table.rows, None)
    assert list(frame.index) == [row.cell.group for row in same]
    for row, (_, line) in zip(same, frame.iterrows(), strict=True):
        assert row.test
        assert (line["test"], line["half"]) == (row.test.mean, row.test.half_width)
        assert (line["loss"], line["epoch_seconds"] or None) == (row.loss, row.epoch_seconds) or not row.epoch_seconds
        assert (line["trainable"], line["done"], line["others"]) == (row.trainable, len(row.seeds), len(row.others))


def test_several_tasks_have_columns_of_their_own(known: Known) -> None:
    table = known["quick"]
    assert board.of_tasks(table.protocol) == {}
    task = table.protocol.tasks[0]
    pairs = dataclasses.replace(task, name="sts", kind="pair-regression", metric="pearson")
    protocol = dataclasses.replace(table.protocol, tasks=(task, pairs))
    record = next(found for found in table.records if found.status == "done")
    scores = tuple(
        Score(split, name, metric, value)
        for split in ("validation", "test")
        for name, metric, value in ((task.name, "accuracy", 0.75), ("sts", "pearson", 0.5))
    )
    cell = dataclasses.replace(record.cell, protocol=protocol)
    several = ResultsTable(protocol, (dataclasses.replace(record, cell=cell, scores=scores),))
    (line,) = board.board(several, several.rows, None).to_dict("records")
    assert (line[f"task {task.name}"], line["task sts"], line["test"]) == (0.75, 0.5, 0.75)
    (shown,) = show.scaled(protocol, board.board(several, several.rows, None)).to_dict("records")
    assert (shown[f"task {task.name}"], shown["task sts"], shown["test"]) == (75.0, 0.5, 75.0)
    assert set(board.of_tasks(protocol)) <= set(show.columns(protocol))


def test_letters_are_those_of_the_standings(known: Known, made_up: str) -> None:
    table = known["made-up-18"]
    (judged,) = standings(table.records, Tracking(made_up).predictions).boards
    frame = board.board(table, table.rows, judged)
    assert dict(frame["tie"]) == {place.row.cell.group: place.letters for place in judged.places}
    best = tradeoffs.cheapest(frame, "trainable", judged)
    assert judged.fewest_parameters
    assert best == judged.fewest_parameters.row.cell.group


def test_filters_hide_rows_and_change_none(known: Known) -> None:
    table = known["quick"]
    assert let_through(table, Filters()) == table.rows
    lora = let_through(table, Filters(methods=("lora",)))
    assert {row.cell.method for row in lora} == {"lora"}
    assert all(row in table.rows for row in lora)
    assert let_through(table, Filters(statuses=("diverged",))) == tuple(
        row for row in table.rows if any(other.status == "diverged" for other in row.others)
    )
    assert {row.cell.origin for row in let_through(table, Filters(search="TUNED"))} == {"tuned"}
    assert let_through(table, Filters(search="out of memory"))
    assert let_through(table, Filters(devices=("cuda",))) == ()
    assert let_through(table, Filters(since="2026-11-02", until="2026-11-02"))
    assert let_through(table, Filters(until="2026-10-31")) == ()


def test_options_are_what_the_rows_have(known: Known) -> None:
    offered = options(known["quick"].rows)
    assert offered.origins == ("default", "tuned")
    assert offered.statuses == ("diverged", "done", "failed")
    assert protocol_name(known["quick"].protocol).endswith(known["quick"].protocol.id)
    assert protocol_name(known["quick"].protocol, "tickets").startswith("tickets · ")


def test_every_row_has_a_name_of_its_own(known: Known) -> None:
    table = known["quick"]
    twins = ResultsTable(table.protocol, table.every)
    vars(twins)["rows"] = tuple(dataclasses.replace(row, label="twin") for row in table.rows)
    for one in (table, twins):
        assert len(set(one.names.values())) == len(one.rows) == 17


def test_cells_without_a_score_keep_their_reason(known: Known) -> None:
    found = board.without_score(known["quick"], known["quick"].rows)
    assert set(found["status"]) == {"failed", "diverged"}
    assert any("<b>out of memory</b>" in reason for reason in found["reason"])


def test_the_front_is_what_nothing_beats() -> None:
    frame = pd.DataFrame(
        {"test": [0.9, 0.8, 0.9, 0.7, None], "cost": [10, 5, 12, 6, 1]}, index=["a", "b", "c", "d", "e"]
    )
    assert dict(tradeoffs.front(frame, "cost")) == {"a": True, "b": True, "c": False, "d": False, "e": False}


def test_a_cost_is_offered_where_some_row_has_it(known: Known) -> None:
    table = known["quick"]
    frame = board.board(table, table.rows, None)
    assert tradeoffs.known_costs(frame.assign(memory=1e6)) == ["trainable", "epoch_seconds", "fit_seconds", "memory"]
    assert tradeoffs.known_costs(frame.assign(memory=None)) == ["trainable", "epoch_seconds", "fit_seconds"]
    nothing = frame.assign(**dict.fromkeys(tradeoffs.COSTS))
    assert tradeoffs.known_costs(nothing) == ["trainable"]


def test_nothing_is_cheapest_where_nothing_was_tested(known: Known) -> None:
    table = known["quick"]
    assert tradeoffs.cheapest(board.board(table, table.rows, None), "trainable", None) is None


def test_a_band_is_the_seeds_lowest_and_highest() -> None:
    points = {
        0: (Point("contrastive", 1, "train/loss", 2.0), Point("classification", 1, "train/loss", 1.0)),
        1: (Point("contrastive", 1, "train/loss", 4.0), Point("classification", 1, "train/loss", math.nan)),
    }
    lines = curves.frame(("a", seed, found) for seed, found in points.items())
    assert curves.phases(lines) == ["contrastive", "classification"]
    found = curves.band(lines).set_index("phase")
    assert tuple(found.loc["contrastive", ["mean", "low", "high", "n", "odd"]]) == (3.0, 2.0, 4.0, 2, 0)
    assert tuple(found.loc["classification", ["mean", "low", "high", "n", "odd"]]) == (1.0, 1.0, 1.0, 1, 1)


def test_a_phase_stands_before_what_it_comes_before() -> None:
    plain = (Point("classification", 1, "train/loss", 1.0),)
    both = (Point("contrastive", 1, "train/loss", 1.0), *plain)
    assert curves.phases(curves.frame([("a", 0, plain), ("b", 0, both)])) == ["contrastive", "classification"]


def test_titles_name_the_task_where_there_are_several() -> None:
    keys = ["validation/x/macro_f1", "validation/x/accuracy", "train/loss"]
    assert list(curves.titles(keys).values()) == ["training loss", "validation accuracy", "validation macro f1"]
    assert curves.titles(keys, 2)["validation/x/accuracy"] == "validation accuracy, x"


@pytest.mark.parametrize(("epoch", "said"), [(2, "classification: epoch 2 of 3"), (5, "classification: epoch 5")])
def test_progress_is_the_last_epoch(epoch: int, said: str) -> None:
    assert curves.progress((Point("classification", epoch, "train/loss", 1.0),), 3) == said


def _predictions(said: list[int], labels: list[int]) -> Predictions:
    logits = np.full((len(said), 3), -1.0, dtype=np.float32)
    logits[np.arange(len(said)), said] = 1.0
    ids = tuple(f"row {place}" for place in range(len(said)))
    return Predictions("test", "t", ("x", "y", "z"), ids, np.array(labels, dtype=np.int64), logits)


def test_errors_are_counted() -> None:
    first, second = _predictions([0, 1, 1, 2], [0, 0, 1, 2]), _predictions([0, 0, 1, 1], [0, 0, 1, 2])
    judged = errors.judge([first, second])
    assert judged
    assert judged.n == 2
    cells = errors.confusion(judged, "by name")
    assert cells.to_numpy().tolist() == [[3, 1, 0], [0, 2, 0], [0, 1, 1]]
    classes = errors.per_class(cells).set_index("class")
    assert classes.loc["x", "recall"] == 3 / 4
    assert classes.loc["y", "precision"] == 2 / 4
    assert errors.confusion(judged).index[0] == "y"
    hardest = errors.hardest(judged, {"row 1": "Turn IT off"})
    assert set(hardest["wrong"][:2]) == {1}
    assert len(errors.search(hardest, "it OFF")) == 1


def test_one_runs_figures_are_the_metrics() -> None:
    one = _predictions([0, 1, 1, 2, 0], [0, 0, 1, 2, 2])
    judged = errors.judge([one])
    assert judged
    assert judged.loss.mean() == pytest.approx(cross_entropy(one.logits, one.labels), rel=1e-12)  # sums in one order
    assert errors.per_class(errors.confusion(judged))["f1"].mean() == pytest.approx(macro_f1(one.logits, one.labels))


def test_one_logit_is_judged_by_its_sign_and_a_number_not_at_all() -> None:
    logits, labels = np.array([[1.5], [-0.5], [0.1], [-2.0]], dtype=np.float32), np.array([1, 1, 0, 0])
    ids = ("a", "b", "c", "d")
    judged = errors.judge([Predictions("test", "quora", ("0", "1"), ids, labels, logits, "pair-binary")])
    assert judged
    assert judged.predicted.tolist() == [[1, 0, 1, 0]]
    assert judged.loss.mean() == pytest.approx(binary_cross_entropy(logits, labels))
    assert errors.judge([Predictions("test", "sts", (), ids, labels.astype(float), logits, "pair-regression")]) is None


def test_disagreements_say_who_is_right() -> None:
    one, other = errors.judge([_predictions([0, 1, 1], [0, 0, 2])]), errors.judge([_predictions([1, 0, 0], [0, 0, 2])])
    assert one
    assert other
    assert list(errors.disagreements(one, other, {})["right"]) == ["first", "second", "neither"]


def test_runs_on_other_rows_are_not_pooled() -> None:
    short = _predictions([0], [0])
    judged = errors.judge([_predictions([0, 1], [0, 1]), short])
    assert judged
    assert judged.n == 1
    assert errors.judge([]) is None


def test_texts_are_had_where_the_fingerprint_is_the_same(known: Known) -> None:
    record = known["quick"].records[0]
    found = texts.texts(record, "scenario")
    assert len(found.by_id) == 600
    assert all(found.by_id.values())
    assert not found.reason
    identity = dataclasses.replace(record.cell.protocol.tasks[0], test="0" * 64)
    protocol = dataclasses.replace(record.cell.protocol, tasks=(identity,))
    other = dataclasses.replace(record, cell=dataclasses.replace(record.cell, protocol=protocol))
    assert texts.texts(other, "scenario").by_id == {}
    assert "holds other rows than those that the run was scored on" in texts.texts(other, "scenario").reason
    assert texts.texts(known["made-up-18"].records[0], "scenario").by_id == {}


def test_texts_of_ones_own_data_are_read_as_the_record_says(tmp_path: Path, known: Known) -> None:
    rows = "".join(f"{name},{number},{name} {number} times\n" for name in ("cat", "dog") for number in range(20))
    for split in ("train", "test"):
        (tmp_path / f"{split}.csv").write_text(f"queue,n,body\n{rows}")
    source = Source("files", str(tmp_path), text_column="body", label_column="queue")
    task = load_task(TaskSpec("topic", source))
    facts = DataFacts("topic", task.source, False, (), (), (), task.notes, task.origin)
    cell = known["quick"].records[0].cell
    own = dataclasses.replace(cell, protocol=dataclasses.replace(cell.protocol, suite="x", tasks=(task.identity,)))
    record = from_plain(Record, to_plain(Record(own, "done", data=(facts,))))
    assert texts.texts(record, "topic").by_id["test-1"] == "cat 0 times"
    assert record.own_data == tmp_path.name
    (tmp_path / "test.csv").unlink()
    assert "has no test split: name its file" in texts.texts(record, "topic").reason
