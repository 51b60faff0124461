"""Loss and score after each epoch: a line per method, a band over its seeds, phases kept apart."""

from __future__ import annotations

import streamlit as st

from leaderboard import show
from leaderboard.context import Context
from leaderboard.parts import phases
from leaderboard.queries import curves

TITLE = "Curves"
ICON = ":material/show_chart:"
PATH = "curves"
ORDER = 30
FIRST = 6
"""How many rows are drawn unasked: more lines are hard to distinguish."""


def render(context: Context) -> None:
    """Show the curves of the chosen rows, a section per phase."""
    if show.nothing_shown(context):
        return
    rows = {context.name(row): row for row in context.shown}
    names = st.multiselect(
        "Rows",
        list(rows),
        key="rows",
        bind="query-params",
        placeholder=f"the first {FIRST}" if len(rows) > FIRST else "all",
    )
    chosen = [rows[name] for name in names] or list(context.shown[:FIRST])
    lines = curves.frame(
        (row.cell.group, record.cell.seed, context.store.points(record))
        for row in chosen
        for record in context.of(row)
        if record.status in phases.LIVELY
    )
    if lines.empty:
        st.info("No epoch of these rows was recorded: an untrained method has no curves.", icon=":material/show_chart:")
        return
    phases.sections(context.protocol, lines, context.table.names, context.table.places)
