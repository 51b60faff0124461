"""Scores in reports: one task's on its own scale, several tasks' each on its own beside the overall score."""

from __future__ import annotations

import dataclasses

import pytest

from benchmark.core.cell import TaskIdentity
from benchmark.core.record import Record, Score
from benchmark.reports import files, page, table, text
from benchmark.reports.content import Report, gather
from tests.support.results import Results

TASKS = (
    TaskIdentity("sst", "classes", "accuracy", "a", "b", "c"),
    TaskIdentity("quora", "pair-binary", "accuracy", "a", "b", "c"),
    TaskIdentity("sts", "pair-regression", "pearson", "a", "b", "c", 0.0, 5.0),
)
LOSSES = ("cross_entropy", "binary_cross_entropy", "mean_squared_error")


def report(results: Results, tasks: tuple[TaskIdentity, ...], **rows: tuple[float, ...]) -> Report:
    """A report of one seed per row, whose scores on `tasks` are given."""
    found: list[Record] = []
    for method, values in rows.items():
        made = results.add(results.cell(method, 0), [True, False])
        scores = [
            score
            for task, value in zip(tasks, values, strict=True)
            for split in ("validation", "test")
            for score in (
                Score(split, task.name, task.metric, value),
                Score(split, task.name, LOSSES[TASKS.index(task)], 1.5),
            )
        ]
        cell = dataclasses.replace(made.cell, protocol=dataclasses.replace(made.cell.protocol, tasks=tasks))
        found.append(dataclasses.replace(made, cell=cell, scores=tuple(scores)))
    return gather(found, results.predictions, "2026-01-02T03:04:05+00:00", lambda _: ())


def test_several_tasks_have_a_column_each(results: Results) -> None:
    made = report(results, TASKS, alpha=(0.507, 0.784, 0.310), beta=(0.5, 0.798, 0.098))
    (section,) = made.sections
    heads = table.headings(section.protocol)
    assert heads[2:8] == (
        *("test score %", "validation score %", "sst test accuracy %", "quora test accuracy %", "sts test pearson"),
        "test loss",
    )
    first = table.cells(section.board.places[0])
    assert len(first) == len(heads)
    assert first[2:8] == ("64.9", "64.9", "50.7", "78.4", "0.310", "1.500")
    assert "Score: overall is the mean of sst accuracy, quora accuracy, sts (pearson + 1) / 2." in section.notes
    assert any(note.startswith("Test loss is the mean over tasks of cross-entropy") for note in section.notes)
    for written in (text.markdown(made), text.latex(made), page.page(made)):
        assert "0.310" in written
        assert "64.9" in written


@pytest.mark.parametrize("values", [(0.31, -0.2), (-0.31, -0.5)])
def test_one_correlation_is_shown_as_it_is(results: Results, values: tuple[float, float]) -> None:
    made = report(results, TASKS[2:], alpha=values[:1], beta=values[1:])
    (section,) = made.sections
    assert table.headings(section.protocol)[2:5] == ("test pearson", "validation pearson", "test loss")
    assert [table.cells(place)[2] for place in section.board.places] == [f"{value:.3f}" for value in values]
    assert any(note.startswith("Test loss is the mean squared error;") for note in section.notes)
    assert "pearson %" not in page.page(made)


def test_programs_are_told_what_the_loss_is(results: Results) -> None:
    for tasks, name in ((TASKS[:1], "cross_entropy"), (TASKS[2:], "mean_squared_error"), (TASKS, "loss")):
        made = report(results, tasks, alpha=(0.5, 0.25, 0.125)[: len(tasks)])
        (row,) = files.flat(made)
        assert (row["test_loss"], row["test_loss_is"]) == (1.5, name)
        assert row["test_means_by_task"].startswith(f'{{"{tasks[0].name}": 0.5')


def test_peak_memory_is_a_column_only_where_it_was_measured(three: Results) -> None:
    (section,) = gather(three.records, three.predictions, "now").sections
    assert len(table.costs(section)) == 3
    unmeasured = [
        dataclasses.replace(record, cost=dataclasses.replace(record.cost, peak_memory_bytes=None))
        for record in three.records
    ]
    (section,) = gather(unmeasured, three.predictions, "now").sections
    heads = table.headings(section.protocol, table.costs(section))
    assert not any("memory" in head for head in heads)
    assert all(len(table.cells(place, table.costs(section))) == len(heads) for place in section.board.places)
