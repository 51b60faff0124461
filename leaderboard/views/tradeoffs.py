"""What a score costs: parameters, seconds, memory; the Pareto front; the cheapest method that is tied with the best."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from benchmark.analysis.columns import Column
from benchmark.analysis.standings import Board
from benchmark.core.text import pluralize
from leaderboard import show, words
from leaderboard.charts import tradeoffs as charts
from leaderboard.context import Context
from leaderboard.queries import board, tradeoffs

TITLE = "Trade-offs"
ICON = ":material/balance:"
PATH = "tradeoffs"
ORDER = 20


def render(context: Context) -> None:
    """Show score against the chosen cost."""
    if show.nothing_shown(context):
        return
    judged = context.store.board(context.table)
    every = board.board(context.table, context.rows, judged)
    offered = tradeoffs.known_costs(every)
    if st.session_state.get("cost", offered[0]) not in offered:
        del st.session_state["cost"]  # chosen under another protocol, whose rows have it
    cost = tradeoffs.COSTS[
        st.segmented_control(
            "Cost",
            offered,
            default=offered[0],
            format_func=lambda key: tradeoffs.COSTS[key].title,
            required=True,
            key="cost",
            bind="query-params",
        )
    ]
    near = st.toggle("Zoom to scores near the best", value=True, key="near", bind="query-params")
    if judged is None:
        st.caption("The tie groups are being computed.")
    else:
        _cheapest(context, cost, every, judged)
    frame = every.loc[[row.cell.group for row in context.shown]]
    frame = frame.assign(front=tradeoffs.front(frame, cost.key))
    protocol = context.protocol
    score = f"test {words.score_name(protocol)}{words.scale(protocol)[1]}"
    shown = show.scaled(protocol, frame)
    figure = charts.scatter(shown, cost, score, context.table.names, context.table.places, near)
    st.plotly_chart(figure, key="scatter", config=show.CHART)
    st.caption(_caption(shown, cost, near))
    missing = frame[frame[["test", cost.key]].isna().any(axis=1)]
    for group in missing.index:
        lacks = "score" if missing["test"].isna()[group] else cost.title
        st.text(f"{context.table.names[group]} is not drawn: no {lacks} recorded.")
    st.subheader("On the Pareto front", anchor=False)
    known = [name for name in tradeoffs.COSTS if frame[name].notna().any()]
    names = ["method", "test", "half", "tie", *known]
    show.table(protocol, frame[frame["front"]].sort_values(cost.key), names)


def _caption(frame: pd.DataFrame, cost: Column, near: bool) -> str:
    """Return how to read the figure of `frame`, as shown: nothing of what isn't drawn."""
    known = frame.dropna(subset=["test", cost.key])
    below = charts.is_below(known) if near and len(known) else pd.Series(False, index=known.index)
    parts = []
    if known.loc[~below, "half"].notna().any():
        parts.append("Bars are 95% intervals over seeds.")
    if (known["front"] & ~below).sum() > 1:
        parts.append(
            "The dotted line is the Pareto front: no other row shown costs no more and scores no less, "
            "with one of the two better."
        )
    if below.any():
        parts.append("Triangles at the lower edge are rows that score far lower; their scores are in the labels.")
    costs = known[cost.key]
    if (costs <= 0).any() and charts.is_logarithmic(costs):
        parts.append("A cost of 0 stands at the left end of the logarithmic axis.")
    return " ".join(parts)


def _cheapest(context: Context, cost: Column, every: pd.DataFrame, judged: Board) -> None:
    group, tied = tradeoffs.cheapest(every, cost.key, judged), len(judged.tied)
    if group is None:
        unknown = "No pair of rows could be tested, so the rows tied with the best are unknown."
        none = f"None of the rows tied with the best has a recorded cost: {cost.title}."
        st.info(none if tied else unknown, icon=":material/help:")
        return
    row = context.rows[context.table.places[group]]
    value = f"{cost.with_unit(float(every[cost.key][group]))}{'' if cost.unit else f' {cost.title}'}"
    st.success(
        f"Cheapest of the rows tied with the best, by {cost.title}: **{words.markdown(context.name(row))}** with "
        f"{words.markdown(value)}, {words.markdown(words.mean(row.test, context.protocol))} "
        f"({pluralize(tied, 'row')} tied with the best, counting the best itself)",
        icon=":material/savings:",
    )
