"""Where a method is wrong: confusion matrix, classes, the hardest examples, and where two methods disagree."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from benchmark.analysis.rows import Row
from benchmark.core.cell import Protocol
from benchmark.core.text import pluralize
from leaderboard import show
from leaderboard.charts import errors as charts
from leaderboard.context import Context
from leaderboard.parts import examples
from leaderboard.queries import errors

TITLE = "Errors"
ICON = ":material/error_med:"
PATH = "errors"
ORDER = 40
ALL = "all"


def render(context: Context) -> None:
    """Show the errors of the chosen row."""
    rows = {context.name(row): row for row in context.shown if row.seeds}
    if show.nothing_shown(context):
        return
    if not rows:
        st.info("None of these rows has a test score yet.", icon=":material/hourglass_empty:")
        return
    tasks = examples.tasks(context.protocol)
    if not tasks:
        st.info("The labels of this suite are numbers: no prediction is simply right or wrong.", icon=":material/help:")
        return
    left, middle, right = st.columns([3, 1, 1])
    name = left.selectbox("Row", list(rows), key="of", bind="query-params")
    row = rows[name]
    seeds = [ALL, *map(str, row.seeds)]
    if st.session_state.get("seed", ALL) not in seeds:
        st.session_state["seed"] = ALL
    seed = middle.selectbox("Seed", seeds, key="seed", bind="query-params")
    task = right.selectbox("Task", tasks, key="task", bind="query-params")
    judged = _judge(context, row, seed, task)
    if judged is None:
        st.info("This row has no readable predictions for this task.", icon=":material/help:")
        return
    found = context.store.texts(context.of(row)[0], task)
    texts = found.by_id
    st.caption(
        f"{pluralize(judged.n, 'run')} on {pluralize(len(judged.ids), 'test row')}, pooled"
        + ("" if found.by_id else f". {examples.not_at_hand(found)}")
    )
    _confusion(context.protocol, judged)
    wanted = st.text_input("Search examples", key="find", bind="query-params", placeholder="text, label, id")
    _hardest(context.protocol, judged, texts, wanted)
    _disagreements(context, rows, judged, name, seed, task, texts, wanted)


def _judge(context: Context, row: Row, seed: str, task: str) -> errors.Judged | None:
    """Return the predictions of one seed of `row`, or of all."""
    records = [record for record in context.of(row) if record.cell.seed in row.seeds]
    records = [record for record in records if seed in (ALL, str(record.cell.seed))]
    return examples.judged(context, records, task)


def _confusion(protocol: Protocol, judged: errors.Judged) -> None:
    left, right = st.columns([3, 2])
    with left:
        order = st.selectbox("Classes", errors.ORDERS, key="order", bind="query-params")
        mistakes = st.toggle("Mistakes only", value=True, key="mistakes", bind="query-params")
        cells = errors.confusion(judged, order)
        st.plotly_chart(charts.confusion(cells, mistakes), key="confusion", config=show.CHART)
        st.caption("Drag to zoom in, double-click to zoom out.")
    with right:
        st.subheader("By class", anchor=False)
        found = errors.per_class(cells)
        show.table(protocol, found, found.columns, rows=len(found))


def _hardest(protocol: Protocol, judged: errors.Judged, texts: Mapping[str, str], wanted: str) -> None:
    st.subheader("Hardest examples", anchor=False)
    found = errors.search(errors.hardest(judged, texts), wanted)
    examples.table(protocol, found, texts, {"wrong": st.column_config.NumberColumn(f"wrong of {judged.n}")})


def _disagreements(
    context: Context,
    rows: dict[str, Row],
    first: errors.Judged,
    name: str,
    seed: str,
    task: str,
    texts: Mapping[str, str],
    wanted: str,
) -> None:
    st.subheader("Where two rows disagree", anchor=False)
    others = [other for other in rows if other != name]
    if not others:
        st.caption("There is only one row: change the filters to choose a second.")
        return
    if st.session_state.get("against", others[0]) not in others:
        del st.session_state["against"]
    other = st.selectbox("The other row", others, key="against", bind="query-params")
    second = _judge(context, rows[other], seed if seed == ALL or int(seed) in rows[other].seeds else ALL, task)
    if second is None or not examples.comparable(first, second):
        st.info("The two have no predictions for the same rows.", icon=":material/help:")
        return
    found = errors.disagreements(first, second, texts)
    examples.count(found)
    examples.table(context.protocol, errors.search(found, wanted), texts, examples.SAYS)
