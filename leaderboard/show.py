"""How pages say things: what is missing, what is wrong, where a link leads, how a column is headed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import streamlit as st

from benchmark.core.cell import Protocol
from benchmark.core.scales import about_loss, of_metric
from benchmark.core.text import pluralize
from leaderboard import words
from leaderboard.context import Context
from leaderboard.queries.board import of_tasks

CHART = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}
"""Plotly's settings of every figure."""


def heading(context: Context) -> None:
    """Say what the page is about: protocol, how many rows and cells, and whether the data are synthetic."""
    protocol = context.protocol
    hidden = len(context.rows) - len(context.shown)
    parts = [
        f"**{words.markdown(protocol.suite)}**",
        words.markdown(protocol.encoder),
        words.markdown(words.budget(protocol)),
        f"{pluralize(len(context.rows), 'row')} from {pluralize(len(context.records), 'run')}",
    ]
    if context.table.own_data:
        parts.insert(1, f"data: {words.markdown(context.table.own_data)}")
    if hidden:
        parts.append(f"{hidden} hidden by filters")
    if any(row.synthetic for row in context.rows):
        parts.append(":orange-badge[synthetic data]")
    running = sum(record.status == "running" for record in context.records)
    if running:
        parts.append(f":blue-badge[{running} running]")
    st.caption(" · ".join(parts))


def nothing_yet(place: str) -> None:
    """Say which command fills an empty store."""
    st.info("There are no runs yet. This command makes some; they appear here as they go on:", icon=":material/inbox:")
    st.code("bench run --methods all --seeds 3", language="bash")
    st.caption("The tracking store that was looked at:")
    st.code(place, language=None)


def only_trials(context: Context) -> None:
    """Say that nothing but trials of studies was recorded yet, which stand in no table, and where they are seen."""
    st.info("There are no results yet, only trials of studies, which stand in no table.", icon=":material/tune:")
    link(context, "sweeps", "See the sweeps")
    st.code(f"bench run --methods all --tuned --seeds 3 --suite {context.protocol.suite}", language="bash")


def nothing_shown(context: Context) -> bool:
    """Say so, and return True, where the filters hide every row."""
    if not context.shown:
        st.info("No row passes the filters: loosen them in the sidebar.", icon=":material/filter_list_off:")
    return not context.shown


def problem(message: str) -> None:
    """Say what is wrong, in the words of a UsageError."""
    st.error(words.markdown(message), icon=":material/error:")


def link(context: Context, path: str, label: str, **parameters: str) -> None:
    """Show a link to the page at `path` with `parameters` in the address; nothing where there is no such page.

    `label` is Markdown: pass what a user gave through `words.markdown`. Streamlit adds the shared choices itself.
    """
    page = context.pages.get(path)
    if page is not None:
        st.page_link(page, label=label, query_params=parameters)


def table(protocol: Protocol, frame: pd.DataFrame, names: Iterable[str], rows: int = 20, **settings: Any) -> Any:
    """Show the columns `names` of `frame`, `scaled` and with units, `rows` lines at most without scrolling.

    Returns what is selected, where `settings` (those of ``st.dataframe``) let something be.
    """
    return st.dataframe(
        scaled(protocol, frame),
        **{
            "hide_index": True,
            "column_order": list(names),
            "column_config": columns(protocol),
            "height": 38 + 35 * max(1, min(len(frame), rows)),
            "placeholder": words.NONE,
            **settings,
        },
    )


def scaled(protocol: Protocol, frame: pd.DataFrame) -> pd.DataFrame:
    """Return `frame` as it is shown: scores that are shares in percent, memory in MB (10⁶ bytes)."""
    factor, _, _ = words.scale(protocol)
    factors = {"test": factor, "half": factor, "validation": factor, "share": 100.0, "memory": 1e-6}
    factors |= {"precision": 100.0, "recall": 100.0}
    factors |= {name: of_metric(task.metric).factor for name, task in of_tasks(protocol).items()}
    return frame.assign(**{name: frame[name] * times for name, times in factors.items() if name in frame})


def columns(protocol: Protocol) -> dict[str, Any]:
    """Return how the columns of `queries.board` are headed and formatted, once they are `scaled`."""
    column = st.column_config
    _, unit, digits = words.scale(protocol)
    score, number = words.score_name(protocol), f"%.{digits}f"
    nats = "" if "squared" in about_loss(protocol) else " (nats)"
    tasks = {
        name: column.NumberColumn(f"{task.name} {scale.title}", format=f"%.{scale.digits}f", help="on test data")
        for name, task in of_tasks(protocol).items()
        for scale in (of_metric(task.metric),)
    }
    return {
        **tasks,
        "method": column.TextColumn("method", pinned=True),
        "origin": column.TextColumn("origin", help="default, set by hand, tuned by a study, or a paper's parameters"),
        "tie": column.TextColumn("tie", help="Rows that share a letter can't be told apart.", width=60),
        "test": _score(f"test {score}{unit}", number, unit),
        "half": column.NumberColumn("± 95%", format=number, help="Half-width of the interval over seeds", width=68),
        "validation": column.NumberColumn(f"validation{unit}", format=number),
        "loss": column.NumberColumn(f"test loss{nats}", format="%.3f", help=about_loss(protocol)),
        "trainable": column.NumberColumn("trainable parameters", format="localized"),
        "share": column.NumberColumn("of all (%)", format="%.2f", width="small"),
        "epoch_seconds": column.NumberColumn("s per epoch", format="%.2f"),
        "fit_seconds": column.NumberColumn("training (s)", format="%.1f", help="All phases, validation included"),
        "memory": column.NumberColumn("peak memory (MB)", format="%.0f"),
        "memory_of": column.TextColumn("memory of"),
        "tuning_trials": column.NumberColumn("tuning trials", format="localized"),
        "tuning_seconds": column.NumberColumn("tuning (s)", format="localized"),
        "done": column.NumberColumn("seeds", help="with a test score", width=60),
        "others": column.NumberColumn("no score"),
        "status": column.TextColumn("status", width=80),
        "reasons": column.TextColumn("reasons"),
        "reason": column.TextColumn("reason", width="large"),
        "seed": column.NumberColumn("seed", width="small"),
        "class": column.TextColumn("class", pinned=True),
        "precision": column.NumberColumn("precision %", format="%.1f"),
        "recall": column.NumberColumn("recall %", format="%.1f"),
        "f1": column.NumberColumn("F1", format="%.3f"),
        "predictions": column.NumberColumn("predictions", format="localized"),
        "text": column.TextColumn("text", width="large"),
        "predicted": column.TextColumn("mostly predicted"),
        "example_loss": column.NumberColumn("loss (nats)", format="%.2f"),
        "started": column.TextColumn("begun (UTC)"),
    }


def _score(title: str, number: str, unit: str) -> Any:
    """Return a column with a bar where the score has a largest value."""
    if unit:
        return st.column_config.ProgressColumn(title, format=number, min_value=0.0, max_value=100.0)
    return st.column_config.NumberColumn(title, format=number)
