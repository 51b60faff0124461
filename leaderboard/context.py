"""What a page is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from benchmark.analysis.rows import Row
from benchmark.core.cell import Protocol
from benchmark.core.record import Record
from leaderboard.queries.table import ResultsTable
from leaderboard.store import Snapshot


@dataclass(frozen=True)
class Context:
    """The table of the chosen protocol, which of its rows to show, and the way to everything else."""

    store: Snapshot
    table: ResultsTable
    shown: tuple[Row, ...]  # the rows that the filters let through
    pages: Mapping[str, st.Page]  # by PATH

    @property
    def protocol(self) -> Protocol:
        """The chosen protocol."""
        return self.table.protocol

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows of the protocol, best test score first."""
        return self.table.rows

    @property
    def records(self) -> tuple[Record, ...]:
        """All records of the protocol, one per cell, newest first."""
        return self.table.records

    def of(self, row: Row) -> tuple[Record, ...]:
        """Return the records of `row`, by seed."""
        return self.table.records_of[row.cell.group]

    def name(self, row: Row) -> str:
        """Return what `row` is called, unlike any other."""
        return self.table.names[row.cell.group]

    def place(self, row: Row) -> int:
        """Return the place of `row` among all rows of the protocol, from 0: it chooses its colour."""
        return self.table.places[row.cell.group]
