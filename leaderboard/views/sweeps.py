"""A study of `bench tune`, while it runs and afterwards: trials, parameters, what mattered, what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from benchmark.core.errors import UsageError
from benchmark.core.text import pluralize
from leaderboard import show, store, words
from leaderboard.charts import sweeps as charts
from leaderboard.context import Context
from leaderboard.queries import sweeps

if TYPE_CHECKING:
    from benchmark.tuning.report import StudyReport

TITLE = "Sweeps"
ICON = ":material/tune:"
PATH = "sweeps"
ORDER = 60
WITHOUT_ROWS = True
BADGES = {"finished": "green", "running": "blue", "unfinished": "orange"}
LEDGER = (
    *("study", "status", "trials", "asked", "pruned", "unsuccessful", "seconds", "validation", "best_trial"),
    *("searched", "sampler", "pruner", "seeds", "device", "begun"),
)
SCORE = "score"
"""What is drawn upwards where only one parameter can be drawn, or when it is chosen."""


def render(context: Context) -> None:
    """Show the chosen study, those of the protocol first."""
    stamp = store.studies_stamp(context.store.uri)
    reports = sweeps.ordered(context.store.studies(), context.protocol)
    if reports:
        own = [report for report in reports if report.definition.protocol == context.protocol]
        _study(context, _choose(context, reports, own))
        _ledger(context, own)
    else:
        _nothing(context)
    _watch(context.store.uri, stamp)


def _nothing(context: Context) -> None:
    """Say which command makes a study."""
    st.info("There are no studies yet. This command makes some; they appear here as they go on:", icon=ICON)
    st.code(f"bench tune --methods all --trials 20 --suite {context.protocol.suite}", language="bash")
    st.caption("The storage that was looked for:")
    st.code(str(store.studies_place(context.store.uri)), language=None)


@st.fragment(run_every=store.EVERY)
def _watch(uri: str, stamp: str) -> None:
    """Rerun the page once a trial began or ended, or an epoch of it: the tracking store needn't show that."""
    try:
        if store.studies_stamp(uri) != stamp:
            st.rerun()
    except UsageError as error:
        show.problem(str(error))


def _choose(context: Context, reports: tuple[StudyReport, ...], own: list[StudyReport]) -> StudyReport:
    known = {report.name: report for report in reports}
    if st.session_state.get("study", reports[0].name) not in known:
        del st.session_state["study"]
    chosen = known[st.selectbox("Study", list(known), key="study", bind="query-params")]
    if chosen.definition.protocol != context.protocol:
        protocol = chosen.definition.protocol
        st.caption(
            f"This study is of another protocol than the one chosen at the side: {words.markdown(protocol.suite)}, "
            f"{words.markdown(protocol.encoder)}, {words.markdown(words.budget(protocol))}."
            + ("" if own else " Of that one there is none.")
        )
    return chosen


def _study(context: Context, report: StudyReport) -> None:
    factor, unit, _ = words.scale(report.definition.protocol)
    frame = sweeps.scaled(sweeps.trials(report), factor)
    title = f"validation {words.score_name(report.definition.protocol)}{unit}"
    _head(report)
    if frame.empty:
        st.info("No trial of it has begun.", icon=":material/hourglass_empty:")
        return
    left, right = st.columns(2)
    with left:
        st.subheader("History", anchor=False)
        st.plotly_chart(charts.history(frame, title), key="history", config=show.CHART)
        st.caption("A trial that was cut stands at its last epoch's score; one without any score on the lower edge.")
    with right:
        _pair(report, frame, title)
    _all_parameters(report, frame, title)
    _by_epoch(report, title, factor)
    _trials(context, report, frame)


def _head(report: StudyReport) -> None:
    """Say how far the study is, what it found and what it is."""
    definition = report.definition
    factor, unit, digits = words.scale(definition.protocol)
    badge = f":{BADGES.get(report.status, 'orange')}-badge[{words.markdown(report.status)}]"
    counts = ", ".join(f"{number} {status}" for status, number in report.counts.items())
    st.markdown(f"{badge} {words.markdown(definition.method)}: {words.markdown(counts or 'no trial yet')}")
    best = report.best
    columns = st.columns(3)
    score = words.NONE if best is None or best.value is None else f"{factor * best.value:.{digits}f}{unit}"
    columns[0].metric(
        "best validation score", score, f"trial {best.number}" if best else None, delta_color="off", delta_arrow="off"
    )
    columns[1].metric("trials over", f"{report.count} of {report.asked}")
    columns[2].metric("wall clock of the trials", words.seconds(report.seconds))
    if best:
        found = ", ".join(f"{name} = {sweeps.shown(value)}" for name, value in best.parameters)
        st.caption(f"Best: {words.markdown(found)}")
    seeds = pluralize(len(definition.seeds), "tuning seed")
    searched = ", ".join(str(dimension) for dimension in definition.space)
    st.caption(
        words.markdown(
            f"Searched: {searched} · sampler {definition.sampler} · pruner {definition.pruner} · {seeds} per trial · "
            f"{definition.device}, {definition.precision}"
        )
    )


def _pair(report: StudyReport, frame: pd.DataFrame, title: str) -> None:
    """Show the trials over two parameters that one chooses."""
    st.subheader("Two parameters", anchor=False)
    numeric = {axis.name: axis for axis in sweeps.axes(report) if axis.numeric}
    if not numeric:
        st.info("This study searches no number: there is no plane to draw.", icon=":material/help:")
        return
    first = [*sweeps.first_two(list(numeric.values())), SCORE]
    one, two = st.columns(2)
    across = numeric[_one(one, "Across", list(numeric), "across", first[0])]
    others = [name for name in numeric if name != across.name] + [SCORE]
    wanted = next(name for name in first if name != across.name)
    up = _one(two, "Up", others, "up", wanted)
    if up == SCORE and SCORE not in numeric:
        st.plotly_chart(charts.against(frame, across, title), key="against", config=show.CHART)
        return
    contour = st.toggle("Contour", value=True, key="contour", bind="query-params")
    below = sweeps.surface(frame, across, numeric[up]) if contour else None
    least = report.definition.direction == "minimize"
    figure = charts.pair(frame, across, numeric[up], title, below, least)
    st.plotly_chart(figure, key="pair", config=show.CHART)
    if contour:
        st.caption(
            "The star is the best trial. Between the trials the score is interpolated, a picture and no measurement."
            if below is not None
            else f"A surface needs {sweeps.FEWEST} trials that are done and don't lie on one line."
        )


def _one(place: st.delta_generator.DeltaGenerator, label: str, known: list[str], key: str, first: str) -> str:
    """Ask for one of `known`; `first` unless one of them was chosen."""
    if st.session_state.get(key, first) not in known:
        del st.session_state[key]
    found = place.selectbox(label, known, index=known.index(first), key=key, bind="query-params")
    return str(found)


def _all_parameters(report: StudyReport, frame: pd.DataFrame, title: str) -> None:
    if frame["validation"].notna().sum() < 2:
        st.caption("Importance and parallel coordinates need trials that are done.")
        return
    left, right = st.columns([1, 2])
    with left:
        st.subheader("Importance", anchor=False)
        if report.importance:
            st.plotly_chart(charts.importance(report.importance), key="importance", config=show.CHART)
            st.caption("PED-ANOVA over the trials that are done. Of few trials it says little.")
        else:
            st.info("Too few trials are done to say which parameter matters.", icon=":material/hourglass_empty:")
    with right:
        st.subheader("All parameters", anchor=False)
        least = report.definition.direction == "minimize"
        figure = charts.parallel(frame, sweeps.axes(report), title, least)
        st.plotly_chart(figure, key="parallel", config=show.CHART)
        st.caption("A line is a trial that is done. Drag along an axis to keep only the lines through that part.")


def _by_epoch(report: StudyReport, title: str, factor: float) -> None:
    lines = sweeps.scaled(sweeps.by_epoch(report), factor)
    if lines["epoch"].nunique() > 1:
        st.subheader("By epoch", anchor=False)
        st.plotly_chart(charts.epochs(lines, title), key="epochs", config=show.CHART)


def _trials(context: Context, report: StudyReport, frame: pd.DataFrame) -> None:
    st.subheader("Trials", anchor=False)
    found = sweeps.axes(report)
    optional = [name for name in ("note", "reason") if frame[name].astype(bool).any()]
    names = ["number", "status", "validation", *(axis.column for axis in found), "last", "epochs", "seconds", *optional]
    digits = words.scale(report.definition.protocol)[2]
    unit = words.scale(report.definition.protocol)[1]
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    state = show.table(
        context.protocol,
        frame.drop(columns="validation").assign(score=frame["validation"]),
        ["score" if name == "validation" else name for name in names] + ["started"],
        key="trial_table",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "number": number("trial", pinned=True, width="small"),
            "status": text("status"),
            "score": number(f"validation{unit}", format=f"%.{digits}f"),
            "last": number(f"last epoch{unit}", format=f"%.{digits}f", help="the live weights' after the last epoch"),
            "epochs": number("epochs", width="small", help="with a validation score"),
            "seconds": number("wall clock (s)", format="%.1f"),
            "note": text("note"),
            "reason": text("reason", width="large"),
            "started": text("begun (UTC)"),
            **{axis.column: number(axis.name, format="%.3g") for axis in found if axis.numeric},
            **{axis.column: text(axis.name) for axis in found if not axis.numeric},
        },
    )
    chosen = state.selection.rows if state else []
    wanted = frame.iloc[chosen] if chosen else frame[frame["best"]]
    for _, line in wanted.iterrows():
        for run in str(line["runs"]).split():
            show.link(context, "run", f"The run of trial {line['number']}{'' if chosen else ', the best'}", run=run)
    st.caption("Choose a trial to be led to its run.")


def _ledger(context: Context, own: list[StudyReport]) -> None:
    """Show what tuning under the chosen protocol cost: every study, and the sum that a tuned row has to its name."""
    if not own:
        return
    st.subheader("What tuning cost", anchor=False)
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    show.table(
        context.protocol,
        sweeps.costs(own, context.records),
        ["method", "studies", "tuning_trials", "tuning_seconds", "cells", "recorded"],
        key="costs",
        column_config={
            **show.columns(context.protocol),
            "studies": number("studies", width="small"),
            "cells": number("tuned runs", width="small", help="runs with parameters of these studies"),
            "recorded": number("trials they recorded", format="localized"),
        },
    )
    st.caption(
        "Pruned, failed and diverged trials are counted, for they were paid for; one that was cut short and run again "
        "counts once. All studies of a method are added up: each was there to be chosen from."
    )
    show.table(
        context.protocol,
        sweeps.ledger(own),
        LEDGER,
        key="ledger",
        column_config={
            **show.columns(context.protocol),
            "study": text("study", pinned=True),
            "trials": number("trials over", width="small"),
            "asked": number("asked for", width="small"),
            "pruned": number("pruned", width="small"),
            "unsuccessful": number("failed, diverged, skipped", width="small"),
            "seconds": number("wall clock (s)", format="localized"),
            "best_trial": number("best trial", width="small"),
            "searched": text("searched", width="large"),
            "seeds": number("seeds per trial", width="small"),
            "begun": text("begun (UTC)"),
        },
    )
