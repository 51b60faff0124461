"""How pages say things: what is missing, what is wrong, where a link leads, how a column is headed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import streamlit as st

from benchmark.analysis.columns import COSTS, Column, loss
from benchmark.core.cell import Protocol
from benchmark.core.scales import of_metric
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
    st.info("There are no runs yet. Runs of this command appear here as they go:", icon=":material/inbox:")
    st.code("bench run --methods all --seeds 3", language="bash")
    st.caption("The tracking store that this page reads:")
    st.code(place, language=None)


def only_trials(context: Context) -> None:
    """Say that nothing but trials of studies was recorded yet, which stand in no table, and where they are seen."""
    st.info("There are only trials of tuning studies yet, which are not in the table.", icon=":material/tune:")
    link(context, "sweeps", "See the sweeps")
    st.code(f"bench run --methods all --tuned --seeds 3 --suite {context.protocol.suite}", language="bash")


def nothing_shown(context: Context) -> bool:
    """Say so, and return True, where the filters hide every row."""
    if not context.shown:
        st.info("No row matches the filters. Change them in the sidebar.", icon=":material/filter_list_off:")
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
    """Return `frame` as it is shown: scores in their units, costs in those of `analysis.columns`."""
    factor, _, _ = words.scale(protocol)
    factors = {"test": factor, "half": factor, "validation": factor, "precision": 100.0, "recall": 100.0}
    factors |= {cost.key: cost.factor for cost in COSTS}
    factors |= {name: of_metric(task.metric).factor for name, task in of_tasks(protocol).items()}
    return frame.assign(**{name: frame[name] * times for name, times in factors.items() if name in frame})


def columns(protocol: Protocol) -> dict[str, Any]:
    """Return how the columns of `queries.board` are headed and formatted, once they are `scaled`."""
    column = st.column_config
    _, unit, digits = words.scale(protocol)
    score, number = words.score_name(protocol), f"%.{digits}f"
    tasks = {
        name: column.NumberColumn(f"{task.name} {scale.title}", format=f"%.{scale.digits}f", help="on test data")
        for name, task in of_tasks(protocol).items()
        for scale in (of_metric(task.metric),)
    }
    return {
        **tasks,
        "method": column.TextColumn("method", pinned=True),
        "origin": column.TextColumn(
            "parameters from", help="the defaults, the command line (set), a tuning study, or a paper"
        ),
        "tie": column.TextColumn("ties", help="Rows that share a letter are not significantly different.", width=60),
        "test": _score(f"test {score}{unit}", number, unit),
        "half": column.NumberColumn("± 95%", format=number, help="Half-width of the 95% interval over seeds", width=68),
        "validation": column.NumberColumn(f"validation{unit}", format=number),
        **{cost.key: _figure(cost) for cost in (loss(protocol), *COSTS)},
        "memory_of": column.TextColumn("memory measured"),
        "done": column.NumberColumn("seeds", help="Seeds with a test score", width=60),
        "others": column.NumberColumn("without a score", help="Seeds that failed, diverged, were skipped or still run"),
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
        "predicted": column.TextColumn("prediction", help="The class that most seeds predict"),
        "example_loss": column.NumberColumn("loss (nats)", format="%.2f"),
        "started": column.TextColumn("started (UTC)"),
    }


def _figure(cost: Column) -> Any:
    """Return a column of figures as `analysis.columns` describes it."""
    form = f"%.{cost.digits}f" if cost.digits else "localized"
    return st.column_config.NumberColumn(cost.heading, format=form, help=cost.help)


def _score(title: str, number: str, unit: str) -> Any:
    """Return a column with a bar where the score has a largest value."""
    if unit:
        return st.column_config.ProgressColumn(title, format=number, min_value=0.0, max_value=100.0)
    return st.column_config.NumberColumn(title, format=number)
