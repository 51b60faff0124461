"""Rows and their table, on numbers that one can check by hand."""

from __future__ import annotations

import dataclasses
import io
import json
import math

import pytest
from rich.console import Console

from benchmark.analysis.rows import latest, rows
from benchmark.analysis.stats import summarise
from benchmark.cli.console import make_console
from benchmark.cli.results_table import plain_rows, render
from benchmark.core.cell import TUNED, Cell, Protocol, TaskIdentity
from benchmark.core.record import Cost, DataFacts, Environment, PhaseCost, Record, Score, Status, Tuning
from benchmark.core.suite import load

TASK = TaskIdentity("scenario", "classes", "accuracy", "f1", "f2", "f3")
PROTOCOL = Protocol("quick", (TASK,), "tiny", "r1", "e1", 2, 16, 32, "best", None)
ENVIRONMENT = Environment("2025-01-01T00:00:00+00:00", "", False, "3.11", (), "", "", "", 1, "")


def cell(method: str, seed: int = 0, protocol: Protocol = PROTOCOL, **parameters: float) -> Cell:
    return Cell(protocol, method, tuple(sorted(parameters.items())), seed, "default", "cpu", "fp32", "c0de", ())


def done(of: Cell, test: float, loss: float = 1.0, seconds: float | None = 2.0, synthetic: bool = False) -> Record:
    """A finished record whose validation accuracy is one point above `test`."""
    scores = (
        Score("validation", "scenario", "accuracy", test + 0.01),
        Score("test", "scenario", "accuracy", test),
        Score("test", "scenario", "cross_entropy", loss),
    )
    phases = (PhaseCost("pretext", 0, 50, 1050, 1.0, 1.0, 1.0), PhaseCost("main", 1000, 50, 1050, 9.0, seconds, 1.0))
    facts = (DataFacts("scenario", "somewhere", synthetic, (), (), (), ()),)
    return Record(of, "done", "", scores, (), Cost(phases), ENVIRONMENT, facts)


def bad(of: Cell, status: Status, reason: str) -> Record:
    return Record(of, status, reason)


def printed(records: list[Record], width: int = 120) -> list[str]:
    stream = io.StringIO()
    console = Console(file=stream, width=width, color_system=None, markup=False, highlight=False)
    console.print(render(rows(records), load("quick")))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_a_row_is_the_mean_over_seeds_with_a_t_interval() -> None:
    seconds = (1.0, 5.0, 2.0)
    found = rows([done(cell("a", seed), 0.80 + 0.02 * seed, 1.0 + seed, seconds[seed]) for seed in (2, 0, 1)])
    (row,) = found
    assert row.seeds == (0, 1, 2)
    assert row.others == ()
    assert row.test is not None
    assert row.validation is not None
    assert row.test.mean == pytest.approx(0.82)
    assert row.test.sd == pytest.approx(0.02)
    assert row.test.half_width == pytest.approx(4.302653 * 0.02 / math.sqrt(3), rel=1e-6)  # t, two degrees of freedom
    assert row.validation.mean == pytest.approx(0.83)
    assert row.loss == pytest.approx(2.0)
    assert row.epoch_seconds == 2.0
    assert row.trainable == 1050  # of the phase that trains the encoder
    assert row.status == "done"


def test_one_seed_has_no_interval() -> None:
    (row,) = rows([done(cell("a"), 0.5)])
    assert row.test is not None
    assert (row.test.n, row.test.half_width) == (1, None)


def test_the_best_test_score_comes_first_and_rows_without_one_last() -> None:
    records = [
        bad(cell("x"), "failed", "no memory"),
        *[done(cell(m), s) for m, s in (("a", 0.3), ("c", 0.9), ("b", 0.9))],
    ]
    assert [row.label for row in rows(records)] == ["b", "c", "a", "x"]


def test_parameters_that_differ_make_rows_and_stand_in_their_labels() -> None:
    found = rows([done(cell("a", rank=8, lr=1), 0.6), done(cell("a", rank=16, lr=1), 0.7)])
    assert [row.label for row in found] == ["a (rank=16)", "a (rank=8)"]


def test_protocols_are_never_mixed() -> None:
    other = dataclasses.replace(PROTOCOL, epochs=3)
    found = rows([done(cell("a"), 0.1), done(cell("a", protocol=other), 0.9), done(cell("b"), 0.2)])
    assert [(row.protocol.epochs, row.label) for row in found] == [(2, "b"), (2, "a"), (3, "a")]
    lines = printed([done(cell("a"), 0.1), done(cell("a", protocol=other), 0.9)])
    assert sum(line.startswith("method") for line in lines) == 2
    assert [line.split(", ")[1] for line in lines if line.startswith("encoder")] == ["2 epochs", "3 epochs"]


def test_cells_that_failed_stay_visible_with_their_reasons() -> None:
    records = [
        done(cell("a", 0), 0.5),
        bad(cell("a", 1), "diverged", "loss is nan\nat step 3"),
        bad(cell("a", 2), "failed", ""),
        bad(cell("b", 0), "skipped", "no meaning here"),
    ]
    first, second = rows(records)
    assert (first.seeds, first.status) == ((0,), "1 diverged, 1 failed")
    assert first.test is not None
    assert first.test.mean == 0.5
    assert (second.seeds, second.status, second.test) == ((), "skipped", None)
    lines = printed(records)
    assert "a, seed 1: diverged: loss is nan at step 3" in lines
    assert "a, seed 2: failed: no reason was recorded" in lines
    assert "b, seed 0: skipped: no meaning here" in lines
    alike = [bad(cell("c", seed), "skipped" if seed < 3 else "failed", "no meaning here") for seed in range(4)]
    assert next(line for line in lines if line.startswith("a ")).split()[-2:] == ["1/3", "diverged"]
    lines = printed(alike)
    assert "c, seeds 0–2: skipped: no meaning here" in lines
    assert "c, seed 3: failed: no meaning here" in lines


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_score_that_is_not_finite_counts_as_diverged(value: float) -> None:
    (row,) = rows([done(cell("a", 0), value), done(cell("a", 1), 0.5)])
    assert (row.seeds, row.status) == ((1,), "1 diverged")
    assert row.others[0].reason == "a score is not finite"


def test_a_done_record_without_a_test_score_is_no_gap() -> None:
    (row,) = rows([dataclasses.replace(done(cell("a"), 0.5), scores=())])
    assert row.status == "failed"
    assert row.others[0].reason == "no test score was recorded"


def test_of_several_records_of_a_cell_the_newest_done_one_counts() -> None:
    newest, older, oldest = bad(cell("a"), "failed", "x"), done(cell("a"), 0.7), done(cell("a"), 0.6)
    assert latest([newest, older, oldest]) == (older,)
    assert latest([newest, bad(cell("a"), "diverged", "y")]) == (newest,)


def test_a_tuned_row_is_told_from_the_default_by_its_mark_and_from_another_by_its_parameters() -> None:
    first, second = (dataclasses.replace(cell("a", lr=lr), origin=TUNED) for lr in (2e-5, 3e-5))
    found = [done(cell("a", lr=1e-3), 0.3), done(first, 0.2)]
    assert [row.label for row in rows(found)] == ["a", "a [tuned]"]
    found.append(done(second, 0.1))
    assert [row.label for row in rows(found)] == ["a", "a (lr=2e-05) [tuned]", "a (lr=3e-05) [tuned]"]


def test_equal_labels_are_told_apart_by_what_differs() -> None:
    one, other = cell("a"), dataclasses.replace(cell("a"), code="beef123456", precision="bf16")
    upgraded = dataclasses.replace(cell("b"), versions=(("numpy", "2"), ("torch", "3")))
    before = dataclasses.replace(cell("b"), versions=(("numpy", "2"), ("torch", "2")))
    found = rows([done(one, 0.4), done(other, 0.3), done(upgraded, 0.2), done(before, 0.1)])
    assert [row.label for row in found] == [
        "a [fp32, code c0de]",
        "a [bf16, code beef123]",
        "b [torch 3]",
        "b [torch 2]",
    ]


def test_the_table_reads_as_expected() -> None:
    records = [done(cell("alpha", seed), 0.80 + 0.02 * seed, 0.5, 2.0) for seed in (0, 1, 2)]
    records.append(done(cell("beta"), 0.9, 0.25, 12.4))
    loss = (
        "Test loss is cross-entropy in nats per example; seconds per epoch are medians, the first of several epochs "
        "left out."
    )
    assert printed(records) == [
        "",
        "quick  Synthetic assistant utterances, 18 scenarios (built in)",
        "        validation        test   test   trainable  s per",
        "method  accuracy %  accuracy %   loss  parameters  epoch  seeds  status",
        "───────────────────────────────────────────────────────────────────────",
        "beta    91.0        90.0        0.250       1,050     12      1  done",
        "alpha   83.0 ± 5.0  82.0 ± 5.0  0.500       1,050   2.00      3  done",
        "encoder tiny, 2 epochs, batches of 16, at most 32 tokens, best epoch kept, cpu fp32, seeds 0–2",
        "± is the half-width of the 95% t interval over seeds (2.48 standard deviations at three seeds).",
        "A row with one seed has no interval: more seeds give one (--seeds 3).",
        loss,
    ]


TASKS = (
    TaskIdentity("sst", "classes", "accuracy", "a", "b", "c"),
    TaskIdentity("quora", "pair-binary", "accuracy", "a", "b", "c"),
    TaskIdentity("sts", "pair-regression", "pearson", "a", "b", "c", 0.0, 5.0),
)
SEVERAL = dataclasses.replace(PROTOCOL, suite="cs224n", tasks=TASKS)
LOSSES = ("cross_entropy", "binary_cross_entropy", "mean_squared_error")


def several(method: str, *values: float, seed: int = 0) -> Record:
    """A finished record of three tasks whose validation scores are those of test."""
    scores = [
        score
        for task, loss, value in zip(TASKS, LOSSES, values, strict=True)
        for split in ("validation", "test")
        for score in (Score(split, task.name, task.metric, value), Score(split, task.name, loss, 1.5))
    ]
    return dataclasses.replace(done(cell(method, seed, SEVERAL), 0.5), scores=tuple(scores))


def test_several_tasks_have_a_column_each_and_an_overall_score() -> None:
    lines = printed([several("alpha", 0.507, 0.784, 0.310), several("beta", 0.5, 0.798, 0.098)], width=120)
    header = [line.split() for line in lines[2:5]]
    assert header[0][:5] == ["sst", "quora", "sts", "overall", "overall"]
    assert header[1][:5] == ["test", "test", "test", "validation", "test"]
    assert header[2][1:8] == ["accuracy", "%", "accuracy", "%", "pearson", "%", "%"]
    first = next(line for line in lines if line.startswith("alpha")).split()
    assert first[1:7] == ["50.7", "78.4", "0.310", "64.9", "64.9", "1.500"]
    assert lines.index(next(line for line in lines if line.startswith("beta"))) > 5
    assert "Score: overall is the mean of sst accuracy, quora accuracy, sts (pearson + 1) / 2." in lines
    assert any(
        line.startswith("Test loss is the mean over tasks of cross-entropy in nats per example") for line in lines
    )


def test_a_narrow_terminal_gets_two_tables_and_loses_no_word() -> None:
    lines = printed([several("alpha", 0.507, 0.784, 0.310)], width=80)
    first, second = (line.split() for line in lines if line.startswith("alpha"))
    assert first == ["alpha", "50.7", "78.4", "0.310", "64.9", "64.9"]
    assert second == ["alpha", "1.500", "1,050", "2.00", "1", "done"]
    assert not any("…" in line for line in lines)


def test_several_tasks_in_json() -> None:
    (row,) = plain_rows(rows([several("alpha", 0.507, 0.784, 0.310)]))
    assert row["test_loss"] == 1.5
    assert row["tasks"] == [
        {"task": task.name, "metric": task.metric, "validation": one(value), "test": one(value)}
        for task, value in zip(TASKS, (0.507, 0.784, 0.310), strict=True)
    ]


def one(value: float) -> dict[str, object]:
    return dataclasses.asdict(summarise([value]))


def test_one_task_that_is_a_correlation_is_shown_as_it_is() -> None:
    protocol = dataclasses.replace(SEVERAL, suite="stsb", tasks=TASKS[2:])
    scores = (Score("test", "sts", "pearson", 0.31), Score("test", "sts", "mean_squared_error", 2.0))
    lines = printed([dataclasses.replace(done(cell("alpha", protocol=protocol), 0.5), scores=scores)])
    assert next(line for line in lines if line.startswith("alpha")).split()[1:4] == ["–", "0.310", "2.000"]
    assert any(line.startswith("Test loss is the mean squared error;") for line in lines)


def test_synthetic_data_is_labelled() -> None:
    assert printed([done(cell("a"), 0.5, synthetic=True)])[1].endswith("  synthetic data")
    assert not printed([done(cell("a"), 0.5)])[1].endswith("synthetic data")


def test_a_limited_train_split_stands_below_the_table() -> None:
    protocol = dataclasses.replace(PROTOCOL, limit_train=1200)
    lines = printed([done(cell("a", seed, protocol), 0.5) for seed in (1, 4)])
    assert "best epoch kept, train limited to 1,200 rows, cpu fp32, seeds 1, 4" in " ".join(map(str.strip, lines))


@pytest.mark.parametrize("width", [40, 80])
def test_a_narrow_terminal_gets_no_wider_lines_and_whole_names(width: int) -> None:
    lines = printed([done(cell("a-method-with-a-long-name", seed), 0.5) for seed in (0, 1)], width)
    assert max(map(len, lines)) <= width


def test_markup_in_names_is_text() -> None:
    lines = printed([done(cell("[red]x[/red]"), 0.5), bad(cell("[b]", 1), "failed", "[/] [link=x]")])
    assert any(line.startswith("[red]x[/red]") for line in lines)
    assert "[b], seed 1: failed: [/] [link=x]" in lines


def test_without_a_terminal_the_table_is_wide_and_has_no_escape_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = io.StringIO()
    console = make_console(stream)
    console.print(render(rows([bad(cell("a"), "failed", "no memory")])))
    assert console.width == 120
    assert "\x1b" not in stream.getvalue()


def test_no_records_make_no_table() -> None:
    assert rows([]) == ()
    assert printed([]) == []


def test_plain_rows_are_json_with_unrounded_numbers() -> None:
    records = [done(cell("a", 0, rank=8), 1 / 3), bad(cell("a", 1, rank=8), "failed", "no memory")]
    (row,) = json.loads(json.dumps(plain_rows(rows(records)), allow_nan=False))
    assert row["test"] == {"n": 1, "mean": 1 / 3, "sd": None, "half_width": None, "median": 1 / 3}
    assert row["without_score"] == [{"seed": 1, "status": "failed", "reason": "no memory"}]
    assert (row["method"], row["parameters"], row["seeds"]) == ("a", {"rank": 8}, [0])
    assert (row["test_cross_entropy"], row["trainable_parameters"], row["epoch_seconds"]) == (1.0, 1050, 2.0)


def test_a_running_cell_has_no_reason_and_needs_none() -> None:
    (row,) = rows([done(cell("a", 0), 0.5), bad(cell("a", 1), "running", "")])
    assert row.others[0].reason == ""
    assert row.without_score == ["a, seed 1: running"]


def test_a_row_carries_runs_totals_memory_seconds_and_tuning() -> None:
    made = [
        dataclasses.replace(
            done(dataclasses.replace(cell("a", seed), origin=TUNED), 0.5),
            run=f"run {seed}",
            cost=Cost((PhaseCost("main", 900, 100, 4000, 9.0, 2.0, 1.0),), 10.0 + seed, 500 - seed),
            tuning=Tuning("quick/a", 1, 0.5, 8, 75.0),
        )
        for seed in (1, 0)
    ]
    (row,) = rows(made)
    assert row.runs == ("run 0", "run 1")
    assert (row.total, row.trainable_fraction) == (4000, 0.25)
    assert (row.fit_seconds, row.memory) == (10.5, 500)
    assert (row.tuning_trials, row.tuning_seconds) == (8, 75.0)
