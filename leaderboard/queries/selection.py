"""What there is to choose from, and which rows a choice lets through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.analysis.rows import Row
from benchmark.core.cell import Protocol
from benchmark.core.text import pluralize
from leaderboard.queries.table import ResultsTable


@dataclass(frozen=True)
class Filters:
    """Which rows are shown. An empty one lets everything through."""

    methods: tuple[str, ...] = ()  # canonical spelling
    devices: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()  # of any cell of the row
    since: str = ""  # first day (UTC, ISO 8601) on which any cell of the row began
    until: str = ""  # last such day
    search: str = ""  # words that all stand in label, origin or reasons


def protocol_name(protocol: Protocol, own_data: str = "") -> str:
    """Return what the protocol is called where suite and encoder are known: ``my-data · 3 epochs · `` and its id."""
    return " · ".join([*([own_data] if own_data else []), pluralize(protocol.epochs, "epoch"), protocol.id])


@dataclass(frozen=True)
class Options:
    """The values that the rows of a protocol have."""

    methods: tuple[str, ...]
    devices: tuple[str, ...]
    precisions: tuple[str, ...]
    origins: tuple[str, ...]
    statuses: tuple[str, ...]


def options(rows: Sequence[Row]) -> Options:
    """Return what can be filtered by."""
    cells = [row.cell for row in rows]
    return Options(
        methods=tuple(sorted({cell.method for cell in cells})),
        devices=tuple(sorted({cell.device for cell in cells})),
        precisions=tuple(sorted({cell.precision for cell in cells})),
        origins=tuple(sorted({cell.origin for cell in cells})),
        statuses=tuple(sorted({status for row in rows for status in _statuses(row)})),
    )


def let_through(table: ResultsTable, filters: Filters) -> tuple[Row, ...]:
    """Return those rows of `table` that `filters` let through, unchanged."""
    return tuple(
        row for group, row in zip(table.groups, table.rows, strict=True) if _passes(row, filters, table.days[group])
    )


def _passes(row: Row, filters: Filters, days: frozenset[str]) -> bool:
    cell = row.cell
    wanted = (
        (cell.method, filters.methods),
        (cell.device, filters.devices),
        (cell.precision, filters.precisions),
        (cell.origin, filters.origins),
    )
    if any(chosen and value not in chosen for value, chosen in wanted):
        return False
    if filters.statuses and not _statuses(row) & set(filters.statuses):
        return False
    if (filters.since or filters.until) and not any(
        filters.since <= day and (not filters.until or day <= filters.until) for day in days
    ):
        return False
    text = " ".join([row.label, cell.origin, *(other.reason for other in row.others)]).casefold()
    return all(word in text for word in filters.search.casefold().split())


def _statuses(row: Row) -> set[str]:
    return {str(other.status) for other in row.others} | ({"done"} if row.seeds else set())
