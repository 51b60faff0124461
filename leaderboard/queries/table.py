"""The table of one protocol with what pages ask of it again and again: found once, not on every rerun."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

from benchmark.analysis.rows import Row, latest, rows
from benchmark.core.cell import Protocol
from benchmark.core.record import Record


@dataclass(frozen=True, eq=False)
class ResultsTable:
    """The rows of one protocol and the records behind them."""

    protocol: Protocol
    every: tuple[Record, ...]  # newest first; a cell that ran several times has several

    @functools.cached_property
    def records(self) -> tuple[Record, ...]:
        """One record per cell, newest first."""
        return latest(self.every)

    @functools.cached_property
    def rows(self) -> tuple[Row, ...]:
        """The rows, best test score first. Made when first asked for, which is before the server listens."""
        return rows(self.records)

    @functools.cached_property
    def own_data(self) -> str:
        """What a person's own data are called: the name of their folder or file. Nothing for a suite's own."""
        return next((record.own_data for record in self.every if record.own_data), "")

    @functools.cached_property
    def groups(self) -> tuple[str, ...]:
        """The keys of `rows`, in their order."""
        return tuple(row.cell.group for row in self.rows)

    @functools.cached_property
    def places(self) -> dict[str, int]:
        """Key of a row → its place, from 0."""
        return {group: place for place, group in enumerate(self.groups)}

    @functools.cached_property
    def records_of(self) -> dict[str, tuple[Record, ...]]:
        """Key of a row → its records, by seed."""
        found: dict[str, list[Record]] = {}
        for record in sorted(self.records, key=lambda record: record.cell.seed):
            found.setdefault(record.cell.group, []).append(record)
        return {group: tuple(records) for group, records in found.items()}

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """Key of a row → its name, unlike every other's: the label, with the origin where labels are equal."""
        labels = [row.label for row in self.rows]
        named = {}
        for group, row in zip(self.groups, self.rows, strict=True):
            twin = labels.count(row.label) > 1
            named[group] = f"{row.label} [{row.cell.origin}]" if twin else row.label
        repeated = {name for name in named.values() if list(named.values()).count(name) > 1}
        return {group: f"{name} [{group}]" if name in repeated else name for group, name in named.items()}

    @functools.cached_property
    def days(self) -> dict[str, frozenset[str]]:
        """Key of a row → the days (UTC, ISO 8601) on which its cells began."""
        return {
            group: frozenset(record.environment.started[:10] for record in records if record.environment)
            for group, records in self.records_of.items()
        }


def tables(records: Iterable[Record]) -> dict[str, ResultsTable]:
    """Return the table of each protocol by the protocol's id, in order of appearance: the newest first."""
    found: dict[Protocol, list[Record]] = {}
    for record in records:
        found.setdefault(record.cell.protocol, []).append(record)
    return {protocol.id: ResultsTable(protocol, tuple(own)) for protocol, own in found.items()}
