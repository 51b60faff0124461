"""The table of results: from rows to something to print, and to JSON data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from benchmark.analysis import columns, facts, formats, notes
from benchmark.analysis.rows import Row, seeds_text
from benchmark.analysis.stats import Summary
from benchmark.cli.printing import Column, FittingTable, Paragraph
from benchmark.core import scales
from benchmark.core.cell import Protocol
from benchmark.core.scales import Scale
from benchmark.core.suite import Suite

STYLES: dict[str, str] = {"done": "", "skipped": "yellow", "interrupted": "yellow", "running": "yellow"}
"""Of a row by its status; any other status is red."""


def render(rows: Sequence[Row], suite: Suite | None = None) -> RenderableType:
    """Return what to print for `rows`: one table for each protocol, none for no rows.

    `suite` gives the title of the tables that were measured under it; without it the suite's name stands there, and
    what the data are called where they are somebody's own.
    """
    protocols = dict.fromkeys(row.protocol for row in rows)
    parts: list[RenderableType] = []
    for protocol in protocols:
        own = [row for row in rows if row.protocol == protocol]
        data = next((f"data: {row.own_data}" for row in own if row.own_data), "")
        title = suite.title if suite and suite.name == protocol.suite else data
        parts += _block(own, protocol, title)
    return Group(*parts)


def plain_rows(rows: Iterable[Row]) -> list[dict[str, object]]:
    """Return `rows` as JSON data: shares and nats as they are, nothing rounded."""
    return [
        {
            "label": row.label,
            "method": row.cell.method,
            "parameters": dict(row.cell.parameters),
            "origin": row.cell.origin,
            "tuning": dataclasses.asdict(row.tuning) if row.tuning else None,
            "group": row.cell.group,
            "protocol": row.protocol.id,
            "suite": row.protocol.suite,
            "status": row.status,
            "seeds": list(row.seeds),
            "without_score": [dataclasses.asdict(other) for other in row.others],
            "validation": dataclasses.asdict(row.validation) if row.validation else None,
            "test": dataclasses.asdict(row.test) if row.test else None,
            "tasks": [dataclasses.asdict(task) for task in row.tasks],
            f"test_{scales.loss_name(row.protocol)}": row.loss
            if row.loss is not None and math.isfinite(row.loss)
            else None,
            "trainable_parameters": row.trainable,
            "epoch_seconds": row.epoch_seconds,
            "synthetic": row.synthetic,
        }
        for row in rows
    ]


def _block(rows: Sequence[Row], protocol: Protocol, title: str) -> list[RenderableType]:
    """Return title, table and footnotes of one protocol."""
    heading = Text(protocol.suite, style="bold", overflow="ignore")
    heading.append(f"  {title}" if title else "", style="not bold")
    if any(row.synthetic for row in rows):
        heading.append("  synthetic data", style="not bold yellow")
    return [
        Text(),
        heading,
        _table(rows, protocol),
        *[Paragraph(line, style="dim", hanging=2) for line in _notes(rows, protocol)],
    ]


def _table(rows: Sequence[Row], protocol: Protocol) -> FittingTable:
    """Return the table: what a row scored, and what it cost, which may stand below where a terminal is narrow."""
    shown, texts_of = [Column("method")], []
    for header, summaries, scale in _score_columns(rows, protocol):
        lines, texts = _aligned(header, summaries, scale)
        shown.append(Column("\n".join(lines), whole=True))
        texts_of.append(texts)
    for title, texts in _cost_columns(rows):
        shown.append(Column(title, right=True, whole=True, below=True))
        texts_of.append(texts)
    table = FittingTable(*shown, Column("status", below=True))
    for place, row in enumerate(rows):
        status = Text("\n".join(dict.fromkeys(other.status for other in row.others)) or "done", style=_style(row))
        table.add_row(row.label, *[texts[place] for texts in texts_of], status)
    return table


def _cost_columns(rows: Sequence[Row]) -> list[tuple[str, list[str]]]:
    """Return the columns of loss, costs and seeds: header, texts."""
    figures = (columns.loss(rows[0].protocol), columns.TRAINABLE, columns.EPOCH_SECONDS)
    return [
        *[(column.narrow, [column.text(column.value(row)) for row in rows]) for column in figures],
        ("seeds", [f"{len(row.seeds)}{f'/{len(row.seeds) + len(row.others)}' if row.others else ''}" for row in rows]),
    ]


ScoreColumn = tuple[list[str], list[Summary | None], Scale]
"""Lines of the header, one summary per row, how to show it."""


def _score_columns(rows: Sequence[Row], protocol: Protocol) -> list[ScoreColumn]:
    """Return the columns of scores: validation and test of one task; of several, each one's test, and both overall."""
    tasks, splits, scale = protocol.tasks, ("validation", "test"), scales.of_headline(protocol)
    if len(tasks) == 1:
        return [([split, scale.title], [getattr(row, split) for row in rows], scale) for split in splits]
    own: list[ScoreColumn] = [  # narrow, so that three of them leave room for what a row cost
        ([task.name, "test", own.title], [row.tasks[place].test for row in rows], own)
        for place, (task, own) in enumerate((task, scales.of_metric(task.metric)) for task in tasks)
    ]
    both: list[ScoreColumn] = [
        (["overall", split, scale.unit], [getattr(row, split) for row in rows], scale) for split in splits
    ]
    return [*own, *both]


def _style(row: Row) -> str:
    worst = [STYLES.get(other.status, "red") for other in row.others]
    return "red" if "red" in worst else "yellow" if worst else "green"


def _aligned(header: Sequence[str], summaries: Sequence[Summary | None], scale: Scale) -> tuple[list[str], list[str]]:
    """Return the lines of the column's header and one text per summary, all equally long.

    So means stand below means, also in rows without an interval: `rich` strips the spaces that would do this in a
    right-aligned column.
    """
    means = [formats.mean(found, scale) for found in summaries]
    halves = [formats.half_width(found.half_width, scale) if found else "" for found in summaries]
    most = max(map(len, halves), default=0)
    texts = [mean + half.ljust(most) for mean, half in zip(means, halves, strict=True)]
    width = max(map(len, [*header, *texts]))
    return [line.rjust(width) for line in header], [text.rjust(width) for text in texts]


def _notes(rows: Sequence[Row], protocol: Protocol) -> list[str]:
    """Return the lines below a table: the protocol, how to read it, and every cell without a score."""
    devices = ", ".join(dict.fromkeys(f"{row.cell.device} {row.cell.precision}" for row in rows))
    seeds = sorted({seed for row in rows for seed in (*row.seeds, *(other.seed for other in row.others))})
    return [
        f"encoder {protocol.encoder}, {facts.budget(protocol)}, {devices}, {seeds_text(seeds)}",
        *notes.on_figures(rows, protocol),
        *notes.on_tuning(rows),
        *notes.on_unscored(rows),
    ]
