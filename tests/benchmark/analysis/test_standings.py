"""Letters and pairs on results whose hits and misses are known, and against twenty lines of scipy."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from scipy import stats

from benchmark.analysis.standings import Board, Pair, key, standings
from benchmark.core.cell import TaskIdentity
from benchmark.core.errors import UnreadableError
from benchmark.core.predictions import Predictions
from benchmark.core.record import Record, Score
from tests.support.results import Results


def board(results: Results) -> Board:
    (found,) = standings(results.records, results.predictions).boards
    return found


def lettered(found: Board) -> dict[str, str]:
    return {place.row.label: place.letters for place in found.places}


def test_methods_that_differ_get_letters_of_their_own_and_others_share_one(three: Results) -> None:
    found = board(three)
    assert lettered(found) == {"good": "a", "same": "a", "bad": "b"}
    assert [place.row.label for place in found.tied] == ["good", "same"]
    tied, apart, other = found.pairs
    assert (tied.difference, tied.p, tied.test) == (0.0, 1.0, "seeds and rows")
    assert apart.difference == pytest.approx(0.4)
    assert apart.seeds == (0, 1, 2)
    assert apart.p is not None
    assert apart.p < 1e-10
    assert [pair.separated for pair in found.pairs] == [False, True, True]
    assert found.pair(other.second, other.first) is other
    assert found.pair("x", "y") is None


def test_the_cheapest_of_the_tied_are_named_and_not_the_cheapest_of_all(three: Results) -> None:
    found = board(three)
    assert found.fewest_parameters is not None
    assert found.fastest is not None
    assert (found.fewest_parameters.row.label, found.fastest.row.label) == ("same", "same")


def test_the_same_records_give_the_same_standings_in_any_order(three: Results) -> None:
    again = standings(list(three.records), three.predictions)
    assert again == standings(three.records, three.predictions)
    turned = standings(three.records[::-1], three.predictions)
    assert [place.letters for place in turned.boards[0].places] == [place.letters for place in again.boards[0].places]


def test_one_seed_is_compared_by_mcnemar(results: Results) -> None:
    rows = np.arange(100)
    results.add(results.cell("a", 0), rows < 90)
    results.add(results.cell("b", 0), rows < 80)
    (pair,) = board(results).pairs
    assert (pair.test, pair.seeds, pair.difference) == ("McNemar", (0,), pytest.approx(0.1))
    assert pair.p == pytest.approx(2 / 2**10)  # ten rows, all one way
    assert lettered(board(results)) == {"a": "a", "b": "b"}


def test_only_common_seeds_are_compared(results: Results) -> None:
    rows = np.arange(100)
    for seed in (0, 1, 2):
        results.add(results.cell("a", seed), rows < 80 + seed)
    for seed in (1, 2, 3):
        results.add(results.cell("b", seed), rows < 70 + seed)
    results.add(results.cell("c", 7), rows < 60)
    found = board(results)
    by_names = {
        (one.row.label, other.row.label): found.pair(one.row.cell.group, other.row.cell.group)
        for one, other in itertools.combinations(found.places, 2)
    }
    pair = by_names["a", "b"]
    assert pair is not None
    assert pair.seeds == (1, 2)
    assert pair.difference == pytest.approx(0.1)
    lonely = by_names["a", "c"]
    assert lonely is not None
    assert (lonely.p, lonely.test, lonely.separated) == (None, "", False)
    assert lonely.reason == "no seed in common: run both with the same seeds"
    assert (found.places[2].letters, found.places[2].reason) == ("", lonely.reason)


def test_rows_that_can_not_be_tested_say_why(three: Results) -> None:
    three.fail(three.cell("broken", 0), "no memory")
    lost = three.add(three.cell("lost", 0), np.arange(400) > 20)
    other = three.add(three.cell("elsewhere", 0), np.arange(400) > 25, names="other row")
    wrong = three.add(three.cell("wrong", 0), np.arange(400) > 30)
    three.stored[lost.run] = ()
    three.stored[wrong.run] = three.stored[three.records[0].run]
    # the rows first met are those of the best: put an honest one there
    three.add(three.cell("best", 0), np.arange(400) > 10)
    reasons = {place.row.label: place.reason for place in board(three).places if not place.letters}
    assert reasons == {
        "lost": "seed 0 has no stored predictions",
        "elsewhere": "the stored predictions of seed 0 cover other test rows",
        "wrong": f"the stored predictions of seed 0 give 0.7975, its record says {wrong.headline('test'):.4f}",
        "broken": "no seed has a score: failed",
    }
    assert other.headline("test") is not None


def test_a_row_whose_predictions_are_damaged_says_which_run_once(three: Results) -> None:
    broken = three.add(three.cell("broken", 0), np.arange(400) > 20)

    def predictions(run: str) -> tuple[Predictions, ...]:
        if run == broken.run:
            raise UnreadableError(run, "scenario.parquet: no Parquet file")
        found: tuple[Predictions, ...] = three.predictions(run)
        return found

    (found,) = standings(three.records, predictions).boards
    (reason,) = [place.reason for place in found.places if place.row.label == "broken"]
    run = broken.run[:12]
    assert reason == f"the stored predictions of seed 0 (run {run}) can't be read: scenario.parquet: no Parquet file"


def test_a_lonely_row_has_no_letter(results: Results) -> None:
    results.add(results.cell("a", 0), np.arange(10) < 5)
    (place,) = board(results).places
    assert (place.letters, place.reason, place.tied_with_best) == ("", "nothing to compare it with", False)
    assert board(results).fastest is None


def test_protocols_are_never_mixed(three: Results) -> None:
    longer = dataclasses.replace(three.protocol, epochs=5)
    three.add(three.cell("good", 0, longer), np.arange(400) < 399)
    first, second = standings(three.records, three.predictions).boards
    assert (first.protocol.epochs, len(first.places), len(first.pairs)) == (2, 3, 3)
    assert (second.protocol.epochs, len(second.places), len(second.pairs)) == (5, 1, 0)


def test_a_metric_that_is_no_mean_over_rows_is_tested_by_what_each_row_does_to_it(results: Results) -> None:
    task = dataclasses.replace(results.task, metric="macro_f1")
    protocol = dataclasses.replace(results.protocol, tasks=(task,))
    rows = np.arange(90)
    for seed in range(3):
        results.add(results.cell("a", seed, protocol), rows < 80 - seed * seed)
        results.add(results.cell("b", seed, protocol), rows < 40 + seed)
    (found,) = standings(results.records, results.predictions).boards
    (pair,) = found.pairs
    scores = [
        [record.headline("test") or 0.0 for record in results.records if record.cell.method == name] for name in "ab"
    ]
    assert pair.test == "seeds and rows"
    assert pair.difference == pytest.approx(np.mean(scores[0]) - np.mean(scores[1]))
    assert pair.separated


def test_one_seed_of_several_tasks_tests_the_mean_that_is_shown(results: Results) -> None:
    """Ten points up on 100 rows and 1.5 down on 10,000: +4.25 is the difference, and no evidence against the first."""
    few = TaskIdentity("few", "classes", "accuracy", "1", "2", "3")
    many = TaskIdentity("many", "classes", "accuracy", "4", "5", "6")
    protocol = dataclasses.replace(results.protocol, tasks=(few, many))
    hits = {"a": (np.arange(100) < 90, np.arange(10_000) < 8000), "b": (np.arange(100) < 80, np.arange(10_000) < 8150)}
    for method, parts in hits.items():
        stored = []
        for task, right in zip(protocol.tasks, parts, strict=True):
            labels = np.arange(len(right)) % 3
            logits = np.eye(3, dtype=np.float32)[np.where(right, labels, (labels + 1) % 3)]
            ids = tuple(f"{task.name} {place}" for place in range(len(right)))
            stored.append(Predictions("test", task.name, ("x", "y", "z"), ids, labels, logits))
        record = results.add(results.cell(method, 0), parts[0])
        scores = tuple(score for one in stored for score in one.scores())
        cell = dataclasses.replace(record.cell, protocol=protocol)
        results.records[-1] = dataclasses.replace(record, cell=cell, scores=scores)
        results.stored[record.run] = tuple(stored)
    (pair,) = board(results).pairs
    assert pair.difference == pytest.approx(0.0425)
    assert pair.test == "rows"
    variance = np.array([0.1 * 0.9 * 100 / 99 / 100 + 1e-4, 0.015 * 0.985 * 10_000 / 9999 / 10_000 + 1e-8]) / 4
    df = variance.sum() ** 2 / (variance**2 / [99, 9999]).sum()
    assert pair.p == pytest.approx(2 * stats.t.sf(0.0425 / variance.sum() ** 0.5, df), rel=1e-3)
    assert pair.p is not None
    assert pair.p > 0.001  # McNemar's p over all rows is 1e-33, for the other one


def test_two_tasks_count_alike(results: Results) -> None:
    tasks = (results.task, TaskIdentity("intent", "classes", "accuracy", "1", "2", "3"))
    protocol = dataclasses.replace(results.protocol, tasks=tasks)
    rows = np.arange(100)
    for seed in range(2):
        results.add(results.cell("a", seed, protocol), rows < 90 + seed)
        results.add(results.cell("b", seed, protocol), rows < 30 + seed)
    (pair,) = board(results).pairs
    single = dataclasses.replace(results.protocol, epochs=9)
    for seed in range(2):
        results.add(results.cell("a", seed, single), rows < 90 + seed)
        results.add(results.cell("b", seed, single), rows < 30 + seed)
    (one,) = standings(results.records, results.predictions).boards[1].pairs
    assert pair.difference == pytest.approx(0.6)
    assert pair.half_width == pytest.approx(one.half_width, rel=0.1)  # the same rows twice are no more rows


def test_the_key_is_that_of_what_counts(three: Results) -> None:
    before = key(three.records)
    assert before == key(list(three.records))
    assert len(before) == 16
    better = dataclasses.replace(three.records[0], scores=(Score("test", "scenario", "accuracy", 0.9),))
    others: list[list[Record]] = [three.records[1:], [better, *three.records[1:]]]
    assert len({before, *[key(records) for records in others]}) == 3


def test_no_records_make_no_boards(results: Results) -> None:
    assert standings([], results.predictions).boards == ()


class TestSeveralTasks:
    """Heads with one logit are right or wrong by its sign; a correlation has no value per row: seeds alone tell."""

    SENTIMENT = TaskIdentity("sentiment", "classes", "accuracy", "f" * 64, "e" * 64, "d" * 64)
    PAIRS = TaskIdentity("pairs", "pair-binary", "accuracy", "f" * 64, "e" * 64, "c" * 64)
    SIMILAR = TaskIdentity("similar", "pair-regression", "pearson", "f" * 64, "e" * 64, "b" * 64, 0.0, 5.0)

    def add(self, results: Results, method: str, seed: int, hits: Any, *tasks: TaskIdentity) -> None:
        """Add a record whose model is right where `hits` is true, and whose numbers are nearly so."""
        protocol = dataclasses.replace(results.protocol, tasks=tasks)
        ids, count = tuple(map(str, range(len(hits)))), len(hits)
        three, two, number = np.arange(count) % 3, np.arange(count) % 2, np.linspace(0.0, 5.0, count)
        made: dict[str, tuple[tuple[str, ...], Any, Any]] = {  # classes, labels, logits
            "classes": (("x", "y", "z"), three, np.eye(3)[np.where(hits, three, (three + 1) % 3)]),
            "pair-binary": (("0", "1"), two, np.where(hits == (two == 1), 0.7, -0.7)[:, None]),
            "pair-regression": ((), number, np.where(hits, number, 5.0 - number)[:, None]),
        }
        stored = []
        for task in tasks:
            names, labels, logits = made[task.kind]
            stored.append(Predictions("test", task.name, names, ids, labels, logits.astype(np.float32), task.kind))
        record = results.add(results.cell(method, seed, dataclasses.replace(protocol, tasks=(self.SENTIMENT,))), hits)
        scores = tuple(score for one in stored for score in one.scores())
        cell = dataclasses.replace(record.cell, protocol=protocol)
        results.records[-1] = dataclasses.replace(record, cell=cell, scores=scores)
        results.stored[record.run] = tuple(stored)

    @pytest.mark.parametrize("seeds", [1, 3])
    def test_one_logit_is_judged_by_its_sign(self, results: Results, seeds: int) -> None:
        rows = np.arange(200)
        for seed in range(seeds):
            self.add(results, "good", seed, rows >= 20 + seed, self.SENTIMENT, self.PAIRS)
            self.add(results, "bad", seed, rows >= 100 + seed, self.SENTIMENT, self.PAIRS)
        found = board(results)
        assert lettered(found) == {"good": "a", "bad": "b"}
        (pair,) = found.pairs
        assert pair.difference == pytest.approx(0.4)
        assert pair.test == ("rows" if seeds == 1 else "seeds and rows")

    def test_a_correlation_among_the_tasks_is_tested_over_seeds_and_rows(self, results: Results) -> None:
        rows = np.arange(200)
        for seed in range(3):
            for method, wrong in (("good", 5 * seed), ("bad", 80 + 7 * seed)):
                self.add(results, method, seed, rows >= wrong, self.SENTIMENT, self.PAIRS, self.SIMILAR)
        (pair,) = board(results).pairs
        assert pair.test == "seeds and rows"
        assert pair.separated

    def test_one_seed_of_a_correlation_is_tested_over_rows(self, results: Results) -> None:
        draw = np.random.Generator(np.random.PCG64(1))
        for method, wrong in (("good", 0.1), ("same", 0.1), ("bad", 0.4)):
            self.add(results, method, 0, draw.random(200) > wrong, self.SIMILAR)
        found = board(results)
        assert [pair.test for pair in found.pairs] == ["rows"] * 3
        assert [pair.separated for pair in found.pairs] == [False, True, True]


class TestWhatSeedsCanDecide:
    """A board without differences says how large one must be, and how many seeds would show the largest."""

    def test_two_seeds_that_differ_widely(self, results: Results) -> None:
        for seed, swing in enumerate((-20, 20)):
            for method, right in (("a", 820 + swing), ("b", 800 - swing), ("c", 790 + swing // 2)):
                results.add(results.cell(method, seed), np.arange(1000) < right)
        found = board(results)
        assert not any(pair.separated for pair in found.pairs)
        assert found.least is not None
        assert found.least > max(abs(pair.difference or 0.0) for pair in found.pairs)
        assert found.seeds_needed is not None
        assert found.seeds_needed > 2

    def test_a_board_with_a_difference_names_no_seeds(self, three: Results) -> None:
        found = board(three)
        assert found.seeds_needed is None
        assert found.least is not None
        assert 0 < found.least < 0.4


@pytest.mark.parametrize(("p", "borderline"), [(0.0449, False), (0.0451, True), (0.0549, True), (0.0551, False)])
def test_a_pair_is_borderline_where_p_rounds_to_the_level(p: float, borderline: bool) -> None:
    assert Pair("a", "b", (0, 1), 0.01, 0.02, 0.01, p, "seeds and rows").borderline is borderline


def test_an_interval_leaves_out_zero_just_where_p_is_below_the_level(results: Results) -> None:
    draw = np.random.Generator(np.random.PCG64(2))
    for method in range(8):
        for seed in range(3):
            results.add(results.cell(f"m{method}", seed), draw.random(300) < 0.7 + 0.02 * method)
    for pair in board(results).pairs:
        assert pair.p is not None
        assert pair.half_width is not None
        assert (abs(pair.difference or 0.0) > pair.half_width) == (pair.p < 0.05)


def test_a_method_of_one_seed_is_not_tested_as_if_its_seed_were_all(results: Results) -> None:
    draw = np.random.Generator(np.random.PCG64(3))
    for seed in range(3):
        for method in "abcd":
            results.add(results.cell(method, seed), np.arange(2000) < 1500 + 60 * draw.normal())
    results.add(results.cell("late", 0), np.arange(2000) < 1600)
    found = [pair for pair in board(results).pairs if pair.seeds == (0,)]
    assert len(found) == 4
    assert {pair.test for pair in found} == {"seeds and rows"}
    assert not any(pair.separated for pair in found)  # McNemar's test is sure of each
