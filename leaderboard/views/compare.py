"""Two methods or two runs: by how much they differ, in which parameters, curves, surroundings and examples."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from benchmark.analysis import formats, notes
from benchmark.analysis.standings import ALPHA
from benchmark.core.cell import Protocol
from benchmark.core.record import Record
from benchmark.core.scales import Scale, of_headline
from benchmark.core.text import pluralize
from leaderboard import show, words
from leaderboard.context import Context
from leaderboard.parts import examples, phases
from leaderboard.queries import board, compare, curves, errors, runs
from leaderboard.sidebar import BIND

TITLE = "Compare two"
ICON = ":material/compare_arrows:"
PATH = "compare"
ORDER = 50
ROWS, RUNS = KINDS = ("methods", "runs")
KEYS = {ROWS: ("first", "second"), RUNS: ("first_run", "second_run")}
"""Keys of the two choices, which are the names in the address."""


@dataclass(frozen=True)
class Side:
    """One of the two that are compared."""

    key: str  # the row's, or the run's id
    name: str  # unlike any other
    records: tuple[Record, ...]  # the row's, by seed, or the run's own
    scored: tuple[Record, ...]  # those of them that have a score
    place: int  # chooses the colour


def render(context: Context) -> None:
    """Ask which two, and show what they have in common and what not."""
    if show.nothing_shown(context):
        return
    kind = st.segmented_control("Compare", KINDS, default=ROWS, required=True, key="compare", bind=BIND)
    sides = _sides(context, kind)
    if len(sides) < 2:
        st.info(f"Only one of the {kind} is shown: change the filters to choose a second.", icon=":material/help:")
        return
    first, second = _choose(sides, kind)
    task = _task(context.protocol)
    one, other = (examples.judged(context, side.scored, task) for side in (first, second))
    if kind == ROWS:
        _gap_of_rows(context, first, second)
    else:
        _gap_of_runs(context.protocol, task, one, other)
        _links(context, first, second)
    _facts(first, second)
    _overlay(context, first, second)
    _flipped(context, first, task, one, other)


def _sides(context: Context, kind: str) -> dict[str, Side]:
    """Return what can be chosen, by name, in the order of the table."""
    found = []
    for row in context.shown:
        records, place = context.of(row), context.place(row)
        scored = tuple(record for record in records if record.cell.seed in row.seeds)
        if kind == ROWS:
            found.append(Side(row.cell.group, context.name(row), records, scored, place))
            continue
        for record in records:
            own = (record,)
            name = runs.label(context.table.names, record)
            found.append(Side(record.run, name, own, own if record in scored else (), place))
    return {side.name: side for side in found}


def _choose(sides: dict[str, Side], kind: str) -> tuple[Side, Side]:
    """Ask for two of `sides`, which are unlike each other."""
    left, right = st.columns(2)
    one, other = KEYS[kind]
    with left:
        first = _one("First", list(sides), one)
    with right:
        second = _one("Second", [name for name in sides if name != first], other)
    return sides[first], sides[second]


def _one(label: str, known: list[str], key: str) -> str:
    """Return the chosen one of `known`; the first where what was chosen is not there any more."""
    if key in st.session_state and st.session_state[key] not in known:
        del st.session_state[key]
    return st.selectbox(label, known, key=key, bind=BIND)


def _task(protocol: Protocol) -> str:
    tasks = examples.tasks(protocol) or [task.name for task in protocol.tasks]
    return tasks[0] if len(tasks) == 1 else _one("Task", tasks, "compare_task")


def _gap_of_rows(context: Context, first: Side, second: Side) -> None:
    """Show both rows' figures, and the difference with the test that the leaderboard's letters rest on."""
    protocol = context.protocol
    places = context.table.places
    rows = [context.rows[places[side.key]] for side in (first, second)]
    judged = context.store.board(context.table)
    pair = judged.pair(first.key, second.key) if judged else None
    pair = compare.oriented(pair, first.key) if pair else None
    unit = " (points)" if words.scale(protocol)[1] else ""
    columns = st.columns(3)
    for column, side, row in zip(columns, ("first", "second"), rows, strict=False):
        column.metric(f"{side}: test {words.score_name(protocol)}", words.mean(row.test, protocol), border=True)
    gap = formats.difference(pair.difference, pair.half_width, of_headline(protocol)) if pair else words.NONE
    columns[2].metric(f"first − second{unit}", gap, border=True)
    if judged is None:
        st.caption("The test is being computed.")
    elif pair is None:
        st.info("One of the two has no test score: there is nothing to compare.", icon=":material/help:")
    elif pair.p is None:
        st.info(f"Not tested: {words.markdown(pair.reason)}", icon=":material/help:")
    else:
        said = f"The two are {'' if pair.separated else 'not '}significantly different"
        seeds = ", ".join(map(str, pair.seeds))
        tested = sum(found.p is not None for found in judged.pairs)
        st.info(
            f"**{said}** (p {_equals(pair.p_holm)} after Holm's correction over {pluralize(tested, 'pair')}, "
            f"{_equals(pair.p)} alone): {notes.TESTS.get(pair.test, pair.test)}, "
            f"{'seed' if len(pair.seeds) == 1 else 'seeds'} {seeds}. "
            "± is the half-width of the pair's 95% interval, which is not corrected for the number of pairs.",
            icon=":material/balance:",
        )
    frame = board.board(context.table, rows, judged)
    names = ["method", "tie", "test", "half", "validation", "loss", "trainable", "epoch_seconds", "fit_seconds"]
    show.table(protocol, frame, [*names, "memory", "done", "status"])


def _gap_of_runs(protocol: Protocol, task: str, first: errors.Judged | None, second: errors.Judged | None) -> None:
    """Show how many test rows each run has right, and McNemar's test of the two trained models."""
    if first is None or second is None or not examples.comparable(first, second):
        st.info("There are no stored predictions of both for the same test rows.", icon=":material/help:")
        return
    found = compare.models(first, second)
    columns = st.columns(3)
    for column, side, one in zip(columns, ("first", "second"), (first, second), strict=False):
        right = (one.predicted[0] == one.labels).mean()
        column.metric(f"{side}: right of {len(one.ids):,} test rows", f"{100 * right:.1f} %", border=True)
    gap = formats.difference(found.difference, found.half_width, Scale("accuracy", 100.0, 1, "%"))
    columns[2].metric("first − second (points)", gap, border=True)
    separated = found.p is not None and found.p < ALPHA
    of = f", task {words.markdown(task)}" if len(protocol.tasks) > 1 else ""
    st.info(
        f"**The two models are {'' if separated else 'not '}significantly different** (p {_equals(found.p)}"
        f"{of}): McNemar's exact test, which compares two trained models and not the methods. "
        "Other seeds may differ.",
        icon=":material/balance:",
    )


def _equals(p: float | None) -> str:
    """Return a p-value after its sign, equal or less, as Markdown."""
    text = formats.p_value(p)
    return words.markdown(text) if text.startswith("<") else f"= {text}"


def _links(context: Context, first: Side, second: Side) -> None:
    protocol = context.protocol
    frame = board.runs(record for side in (first, second) for record in side.records)
    frame = frame.assign(method=[first.name, second.name])
    names = ["method", "seed", "status", "test", "validation", "loss", "fit_seconds", "memory", "device", "started"]
    show.table(protocol, frame, [*names, *(["reason"] if frame["reason"].any() else [])])
    with st.container(horizontal=True):
        for side in (first, second):
            show.link(context, "run", words.markdown(side.name), run=side.key)


def _facts(first: Side, second: Side) -> None:
    """Show parameters, surroundings and data beside each other."""
    st.subheader("What differs", anchor=False)
    differing = st.toggle("Only what differs", value=True, key="differing", bind=BIND)
    sections = {"parameters": compare.parameters, "environment": compare.environment, "data": compare.data}
    for name, beside in sections.items():
        found = beside(first.records, second.records)
        shown = found[found["differs"]] if differing else found
        if shown.empty:
            st.caption(f"{name[0].upper()}{name[1:]}: {'nothing differs' if len(found) else 'none recorded'}.")
        else:
            _beside(shown, name)


def _beside(shown: pd.DataFrame, name: str) -> None:
    text = st.column_config.TextColumn
    st.dataframe(
        shown,
        hide_index=True,
        column_order=["what", "first", "second"],
        column_config={"what": text(name), "first": text("first"), "second": text("second")},
        height=38 + 35 * min(len(shown), 14),
        key=f"beside {name}",
    )


def _overlay(context: Context, first: Side, second: Side) -> None:
    lines = curves.frame(
        (side.key, record.cell.seed, context.store.points(record))
        for side in (first, second)
        for record in side.records
        if record.status in phases.LIVELY
    )
    if lines.empty:
        st.caption("Neither has curves: no epoch was recorded.")
        return
    names = {side.key: side.name for side in (first, second)}
    twin = first.place == second.place  # two runs of one row: the second takes another colour
    places = {first.key: first.place, second.key: second.place + twin}
    phases.sections(context.protocol, lines, names, places)


def _flipped(context: Context, first: Side, task: str, one: errors.Judged | None, other: errors.Judged | None) -> None:
    """Show the test rows about which the two disagree."""
    st.subheader("Flipped examples", anchor=False)
    if one is None or other is None or not examples.comparable(one, other):
        st.caption("There are no stored predictions of both for the same test rows.")
        return
    at_hand = context.store.texts(first.scored[0], task)
    texts = at_hand.by_id
    found = errors.disagreements(one, other, texts)
    examples.count(found)
    if not texts:
        st.caption(f"{examples.not_at_hand(at_hand)}.")
    left, right = st.columns([2, 3])
    side = left.segmented_control("Who is right", compare.SIDES, default="all", required=True, key="right", bind=BIND)
    wanted = right.text_input("Search", key="flipped", bind=BIND, placeholder="text, label, prediction, id")
    kept = errors.search(compare.keep(found, side), wanted)
    examples.table(context.protocol, kept, texts, examples.SAYS)
