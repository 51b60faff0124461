"""What a score costs: parameters, seconds, memory; the Pareto front; the cheapest method that is tied with the best."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from benchmark.analysis.standings import Board
from leaderboard import show, words
from leaderboard.charts import tradeoffs as charts
from leaderboard.context import Context
from leaderboard.queries import board, tradeoffs

TITLE = "Trade-offs"
ICON = ":material/balance:"
PATH = "tradeoffs"
ORDER = 20
UNITS = {"trainable": "", "epoch_seconds": " (s)", "fit_seconds": " (s)", "memory": " (MB)"}
FORMS = {
    "trainable": words.count,
    "epoch_seconds": words.seconds,
    "fit_seconds": words.seconds,
    "memory": words.memory,
}


def render(context: Context) -> None:
    """Show score against the chosen cost."""
    if show.nothing_shown(context):
        return
    cost = st.segmented_control(
        "Cost",
        list(tradeoffs.COSTS),
        default="trainable",
        format_func=tradeoffs.COSTS.__getitem__,
        required=True,
        key="cost",
        bind="query-params",
    )
    near = st.toggle("Only scores near the best", value=True, key="near", bind="query-params")
    judged = context.store.board(context.table)
    every = board.board(context.table, context.rows, judged)
    if judged is None:
        st.caption("Ties with the best are being computed.")
    else:
        _cheapest(context, cost, every, judged)
    frame = every.loc[[row.cell.group for row in context.shown]]
    frame = frame.assign(front=tradeoffs.front(frame, cost))
    protocol = context.protocol
    titles = (f"{tradeoffs.COSTS[cost]}{UNITS[cost]}", f"test {words.score_name(protocol)}{words.scale(protocol)[1]}")
    figure = charts.scatter(show.scaled(protocol, frame), cost, titles, context.table.names, context.table.places)
    below = charts.zoom(figure, show.scaled(protocol, frame), cost) if near else []
    st.plotly_chart(figure, key="scatter", config=show.CHART)
    if below:
        st.caption("Below the edge: " + ", ".join(words.markdown(context.table.names[group]) for group in below))
    missing = frame[frame[["test", cost]].isna().any(axis=1)]
    for group in missing.index:
        st.text(
            f"{context.table.names[group]}: not drawn, has no {'score' if missing['test'].isna()[group] else 'cost'}"
        )
    st.caption(
        "Bars are 95% intervals over seeds. The dotted line is the Pareto front of the rows shown: none of the others "
        "costs as little and scores as well. On a logarithmic axis, a cost of 0 stands at the left end."
    )
    st.subheader("On the front", anchor=False)
    names = ["method", "test", "half", "tie", "trainable", "epoch_seconds", "fit_seconds", "memory"]
    show.table(protocol, frame[frame["front"]].sort_values(cost), names)


def _cheapest(context: Context, cost: str, every: pd.DataFrame, judged: Board) -> None:
    group, tied = tradeoffs.cheapest(every, cost, judged), len(judged.tied)
    if group is None:
        unknown = "Nothing could be tested: which rows are tied with the best is not known."
        none = f"None of the rows tied with the best has a cost: {tradeoffs.COSTS[cost]}."
        st.info(none if tied else unknown, icon=":material/help:")
        return
    row = context.rows[context.table.places[group]]
    value = float(every[cost][group])
    st.success(
        f"Cheapest tied with the best, by {tradeoffs.COSTS[cost]}: **{words.markdown(context.name(row))}** with "
        f"{FORMS[cost](value)}, {words.markdown(words.mean(row.test, context.protocol))} "
        f"({tied} {'row is' if tied == 1 else 'rows are'} tied with the best, itself included)",
        icon=":material/savings:",
    )
