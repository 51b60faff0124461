"""One run: everything recorded of it, its files to download, and the command that repeats it."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import streamlit as st

from benchmark.analysis import facts
from benchmark.analysis.columns import MEMORY
from benchmark.cli.rerun import again
from benchmark.core.record import Record
from leaderboard import show, words
from leaderboard.context import Context
from leaderboard.parts import examples, phases
from leaderboard.queries import curves, runs

TITLE = "Run"
ICON = ":material/science:"
PATH = "run"
ORDER = 80
WITHOUT_ROWS = True  # a trial stands in no row
RUN = "run"
"""In the address: the run's id, or the beginning of it."""
COLOURS = {"done": "green", "running": "blue", "failed": "red", "diverged": "red"}
"""Of a status' badge; any other is orange."""


def render(context: Context) -> None:
    """Show the run that the address names, of whichever protocol, and let one choose another."""
    asked = st.query_params.get(RUN, "").strip()
    record = _find(context, asked)
    _picker(context, record)
    if record is None:
        if asked:
            st.warning(f"No run in this store has the id {words.markdown(asked)}.", icon=":material/search_off:")
        else:
            st.info("Choose a run, or follow a link to one from the leaderboard.", icon=":material/science:")
        return
    _head(context, record)
    left, right = st.columns(2)
    with left:
        _pairs("Measured", facts.measured(record))
        _pairs("Parameters", facts.parameters(record))
    with right:
        _scores(record)
        _pairs("Environment", facts.environment(record))
    _cost(record)
    _pairs("Data", facts.data(record))
    _curves_of(context, record)
    _files(context, record)


def _find(context: Context, asked: str) -> Record | None:
    """Return the run called `asked`. Trials, which are in no table, are looked for last: they are read for it."""
    if not asked:
        return None
    return runs.find(context.store.records(), asked) or runs.find(context.store.trials(), asked)


def _picker(context: Context, chosen: Record | None) -> None:
    """Ask for a run of the rows shown. What is chosen goes into the address."""
    known = {record.run: record for row in context.shown for record in context.of(row)}
    if chosen:
        known.setdefault(chosen.run, chosen)
    options = list(known)
    key = f"picked {chosen.run if chosen else ''}"
    st.selectbox(
        "Run",
        options,
        index=options.index(chosen.run) if chosen else None,
        format_func=lambda run: runs.label(context.table.names, known[run]),
        key=key,
        placeholder="method, seed, or the beginning of an id",
        on_change=_picked,
        args=(key,),
    )


def _picked(key: str) -> None:
    """Put the run that was chosen into the address, before the page is made again."""
    if found := st.session_state[key]:
        st.query_params[RUN] = found


def _head(context: Context, record: Record) -> None:
    """Say which run it is and what became of it, with the command that repeats it."""
    cell, protocol = record.cell, record.cell.protocol
    name = context.table.names.get(cell.group, cell.method)
    badge = f":{COLOURS.get(record.status, 'orange')}-badge[{words.markdown(record.status)}]"
    st.subheader(f"{words.markdown(name)}, seed {cell.seed} {badge}", anchor=False)
    if protocol != context.protocol:
        st.caption(
            f"This run has another protocol than the one chosen in the sidebar: {words.markdown(protocol.suite)}, "
            f"{words.markdown(protocol.encoder)}, {words.markdown(words.budget(protocol))}."
        )
    if record.reason:
        st.warning(words.markdown(record.reason), icon=":material/report:")
    if record.status == "running":
        st.caption(words.markdown(curves.progress(context.store.points(record), protocol.epochs)))
    command = again(record)
    if command:
        st.caption("The command that started its study:" if record.trial else "This command repeats it:")
        st.code(command, language="bash", wrap_lines=True)
    with st.container(horizontal=True):
        if cell.group in context.table.names:
            show.link(context, "leaderboard", "Its row", row=cell.group)
            label = runs.label(context.table.names, record)
            show.link(context, "compare", "Compare it with another run", compare="runs", first_run=label)


def _scores(record: Record) -> None:
    found = runs.scores(record)
    if found.empty:
        return
    st.markdown("**Scores**")
    number = st.column_config.NumberColumn
    splits = {str(name): number(str(name), format="%.4f") for name in found if name not in ("task", "score", "unit")}
    st.dataframe(found, hide_index=True, column_config=splits, placeholder=words.NONE)


def _cost(record: Record) -> None:
    cost = record.cost
    if not cost.fit_seconds and not cost.phases:
        return
    st.markdown("**Cost**")
    peak = f", peak memory {MEMORY.with_unit(cost.peak_memory_bytes)} ({cost.peak_memory_of})"
    whole = f"{words.seconds(cost.fit_seconds)} of training in all, validation included"
    st.caption(words.markdown(whole + (peak if cost.peak_memory_bytes is not None else "")))
    found = runs.cost(record)
    if found.empty:
        return
    number = st.column_config.NumberColumn
    st.dataframe(
        found,
        hide_index=True,
        placeholder=words.NONE,
        column_config={
            "phase": st.column_config.TextColumn("phase", pinned=True),
            "trainable_encoder": number("trainable in the encoder", format="localized", help="parameters"),
            "trainable_head": number("trainable in the head", format="localized", help="parameters"),
            "total": number("all parameters", format="localized"),
            "first_epoch_seconds": number("first epoch (s)", format="%.2f"),
            "epoch_seconds": number("later epochs (s)", format="%.2f", help="median"),
            "examples_per_second": number("examples per s", format="%.1f"),
        },
    )


def _pairs(title: str, found: Mapping[str, str]) -> None:
    """Show facts as two columns."""
    if not found:
        return
    st.markdown(f"**{title}**")
    text = st.column_config.TextColumn
    st.dataframe(
        runs.pairs(found),
        hide_index=True,
        column_config={"what": text("what", pinned=True, width=150), "value": text("value", width="large")},
        height=38 + 35 * len(found),
        key=f"facts {title}",
    )


def _curves_of(context: Context, record: Record) -> None:
    lines = curves.frame([(record.run, record.cell.seed, context.store.points(record))])
    if lines.empty:
        st.caption("No epoch of this run was recorded, so it has no curves.")
        return
    names = {record.run: runs.label(context.table.names, record)}
    places = {record.run: context.table.places.get(record.cell.group, 0)}
    phases.sections(record.cell.protocol, lines, names, places)


def _files(context: Context, record: Record) -> None:
    """Offer what is stored with the run. A file is made when it is asked for."""
    st.subheader("Files", anchor=False)
    points = context.store.points(record)
    stored = examples.readable(context, record)
    with st.container(horizontal=True):
        st.download_button(
            "Record (JSON)",
            functools.partial(runs.document, record, points),
            runs.file_name(record, None, "json"),
            "application/json",
            key="record json",
            on_click="ignore",
            icon=":material/download:",
        )
        for one in stored:
            task = f"{words.markdown(one.task)}, {words.markdown(one.split)} split"
            for ending, made, kind in (
                ("parquet", runs.parquet, "application/vnd.apache.parquet"),
                ("csv", runs.csv, "text/csv"),
            ):
                st.download_button(
                    f"Predictions ({task}) as {'CSV' if ending == 'csv' else 'Parquet'}",
                    functools.partial(made, one),
                    runs.file_name(record, one, ending),
                    kind,
                    key=f"{ending} {one.task} {one.split}",
                    on_click="ignore",
                    icon=":material/download:",
                )
    rows = ", ".join(f"{len(one.ids):,} rows of {words.markdown(one.task)}" for one in stored)
    st.caption(f"Predictions are logits with ids and labels: {rows}." if stored else "No predictions are stored.")
    st.caption("All files of this run are here:")
    st.code(context.store.files(record), language=None, wrap_lines=True)
