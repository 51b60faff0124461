"""The table of a section as texts, the same for Markdown, LaTeX and HTML. Nothing here is escaped."""

from __future__ import annotations

from benchmark.analysis import columns, formats
from benchmark.analysis.standings import Standing
from benchmark.core.cell import Protocol, TaskIdentity
from benchmark.core.scales import of_headline, of_metric
from benchmark.core.text import pluralize
from benchmark.reports.content import Section

COSTS = (columns.TRAINABLE, columns.EPOCH_SECONDS, columns.MEMORY)
SCORE = 2
"""Which column has the score that ranks."""
FIGURES = slice(SCORE, -1)
"""Columns of figures: after method and ties, before status."""


def costs(section: Section) -> tuple[columns.Column, ...]:
    """Return the columns of costs: peak memory only where some row has it, because on the CPU it isn't measured."""
    measured = any(columns.MEMORY.value(place.row) is not None for place in section.board.places)
    return COSTS if measured else tuple(column for column in COSTS if column is not columns.MEMORY)


def headings(protocol: Protocol, shown: tuple[columns.Column, ...] = COSTS) -> tuple[str, ...]:
    """Return the headings of the columns that `cells` fills, with the costs that are `shown`."""
    score = of_headline(protocol).title
    tasks = [f"{task.name} test {of_metric(task.metric).title}" for task in _several(protocol)]
    figures = [column.heading for column in (columns.loss(protocol), *shown)]
    return ("method", "ties", f"test {score}", f"validation {score}", *tasks, *figures, "seeds", "status")


def cells(place: Standing, shown: tuple[columns.Column, ...] = COSTS) -> tuple[str, ...]:
    """Return a row of the table, with the costs that are `shown`."""
    row, protocol = place.row, place.row.protocol
    scale = of_headline(protocol)
    tuned = "" if row.tuning_trials is None else f" after {pluralize(row.tuning_trials, 'trial')}"
    return (
        row.label + tuned,
        place.letters or formats.NONE,
        formats.interval(row.test, scale),
        formats.interval(row.validation, scale),
        *[formats.interval(task.test, of_metric(task.metric)) for task in row.tasks if _several(protocol)],
        *[column.text(column.value(row)) for column in (columns.loss(protocol), *shown)],
        f"{len(row.seeds)}/{len(row.seeds) + len(row.others)}" if row.others else str(len(row.seeds)),
        row.status,
    )


def winner(section: Section) -> Standing | None:
    """Return the row that differs significantly from every other; None where there is none.

    Nothing else may be printed bold: among rows that are not significantly different there is no best.
    """
    tied = section.board.tied
    if len(tied) != 1 or any(place.row.test and not place.letters for place in section.board.places):
        return None
    best = tied[0].row.cell.group
    pairs = [pair for pair in section.board.pairs if best in (pair.first, pair.second)]
    return tied[0] if all(pair.separated for pair in pairs) else None


def title(section: Section) -> str:
    """Return what the section is called."""
    return f"{section.facts['suite']}, {section.protocol.encoder}"


def _several(protocol: Protocol) -> tuple[TaskIdentity, ...]:
    """Return the tasks that have columns of their own, beside the overall score: none where there is one."""
    return protocol.tasks if len(protocol.tasks) > 1 else ()
