"""A row per method with its score, interval, ties and costs; what still runs or failed; and the runs behind a row."""

from __future__ import annotations

import zlib

import pandas as pd
import streamlit as st

from benchmark.analysis import notes
from benchmark.analysis.standings import Board
from benchmark.core.record import Record
from leaderboard import show, words
from leaderboard.context import Context
from leaderboard.queries import board as queries
from leaderboard.queries import curves

TITLE = "Leaderboard"
ICON = ":material/leaderboard:"
PATH = "leaderboard"
ORDER = 10
ROW = "row"
"""In the address: the key of the row whose runs are shown."""


def render(context: Context) -> None:
    """Show the table of the protocol, and below it the runs of the row that was clicked."""
    if show.nothing_shown(context):
        return
    judged = context.store.board(context.table)
    frame = queries.board(context.table, context.shown, judged)
    chosen = _table(context, frame)
    _notes(context, judged)
    if chosen is None:
        st.caption("Click the box at the left of a row to see its runs.")
    else:
        _runs(context, chosen)
    _running(context)
    _failures(context)


def _table(context: Context, frame: pd.DataFrame) -> str | None:
    """Show the table and return the key of the chosen row. Its key in the session changes with the order of rows."""
    groups = [str(group) for group in frame.index]
    asked = st.query_params.get(ROW)
    state = show.table(
        context.protocol,
        frame,
        _columns(context, frame),
        rows=24,
        key=f"board {zlib.crc32(' '.join(groups).encode()):08x}",
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [groups.index(asked)]}} if asked in groups else None,
    )
    rows = state["selection"]["rows"]
    chosen = groups[rows[0]] if rows and rows[0] < len(groups) else None
    if chosen is None:
        st.query_params.pop(ROW, None)
    elif asked != chosen:
        st.query_params[ROW] = chosen
    return chosen


def _columns(context: Context, frame: pd.DataFrame) -> list[str]:
    """Return which columns are shown: what failed stands beside the score, and what no row has is left out."""
    first = ["method", "test", "half", "tie", *queries.of_tasks(context.protocol), "done", "others", "status"]
    rest = ["validation", "loss", "trainable", "epoch_seconds", "memory", "trainable_fraction", "origin"]
    tuning = [name for name in ("tuning_trials", "tuning_seconds") if frame[name].notna().any()]
    gone = {"others"} if not frame["others"].any() else set()
    gone |= {"memory"} if frame["memory"].isna().all() else set()  # on the CPU it isn't measured
    return [name for name in (*first, *rest, *tuning) if name not in gone]


def _notes(context: Context, judged: Board | None) -> None:
    on_ties = notes.on_ties(judged) if judged else ("The tie groups are being computed.",)
    said = (*notes.on_figures(context.shown, context.protocol), *on_ties, *notes.on_tuning(context.shown))
    st.caption(words.markdown(" ".join(said)))


def _runs(context: Context, chosen: str) -> None:
    records = context.table.records_of[chosen]
    st.subheader("Runs", anchor=False)
    st.text(context.table.names[chosen])
    frame = queries.runs(records)
    frame["progress"] = [_progress(context, record) for record in records]
    names = ["seed", "status", "test", "validation", "loss", "fit_seconds", "memory", "memory_of", "device", "started"]
    names += [name for name in ("progress", "reason") if frame[name].astype(bool).any()]
    show.table(context.protocol, frame, [*names, "run"])
    with st.container(horizontal=True):
        for record in records:
            mark = "" if record.status == "done" else f" ({words.markdown(record.status)})"
            show.link(context, "run", f"seed {record.cell.seed}{mark}", run=record.run)


def _progress(context: Context, record: Record) -> str:
    if record.status != "running":
        return ""
    return curves.progress(context.store.points(record), context.protocol.epochs)


def _running(context: Context) -> None:
    """Show how far the cells are that have no score because they still run."""
    lines = [
        {"method": context.name(row), "seed": record.cell.seed, "progress": _progress(context, record)}
        for row in context.shown
        for record in context.of(row)
        if record.status == "running"
    ]
    if lines:
        st.subheader("Still running", anchor=False)
        frame = pd.DataFrame(lines)
        show.table(context.protocol, frame, frame.columns)


def _failures(context: Context) -> None:
    frame = queries.without_score(context.table, context.shown)
    if not frame.empty:
        st.subheader("Without a score", anchor=False)
        show.table(context.protocol, frame, frame.columns)
