"""What the layers of an encoder are worth: the figures of runs that have a head on every layer."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from benchmark.analysis.rows import Row
from benchmark.core.record import Point
from benchmark.core.text import pluralize
from leaderboard import show, words
from leaderboard.charts import layers as charts
from leaderboard.context import Context
from leaderboard.parts import phases
from leaderboard.queries import curves, layers

TITLE = "Layers"
ICON = ":material/layers:"
PATH = "layers"
ORDER = 70
ALL = "all"


def render(context: Context) -> None:
    """Show the layers of the chosen row."""
    if show.nothing_shown(context):
        return
    rows = {context.name(row): row for row in context.shown if _is_probe(context, row)}
    if not rows:
        _nothing()
        return
    left, middle, right = st.columns([3, 1, 3])
    row = rows[_one(left, "Row", list(rows), "probe")]
    found = _points(context, row)
    seed = _one(middle, "Seed", [ALL, *(str(seed) for seed, _ in found)], "probe_seed")
    found = [(own, points) for own, points in found if seed in (ALL, str(own))]
    lines = layers.frame(found)
    if lines.empty:
        st.info("No figure of a layer of these runs is a number.", icon=":material/help:")
        return
    titles = {title: key for key, title in _titles(context, lines).items()}
    title = _one(right, "Figure", list(titles), "figure")
    _figures(lines[lines["curve"] == titles[title]], titles[title], title, layers.recommended(found))
    _tables(context, lines, layers.recommended(found))


def _nothing() -> None:
    """Say which kind of run has figures of layers."""
    st.info(
        "None of these runs has figures of single layers. A probe has: the encoder is frozen, and a head of its own "
        "is trained on every hidden layer.",
        icon=ICON,
    )
    st.caption("The methods at hand, one of which may be a probe of all layers, are listed by:")
    st.code("bench list methods", language="bash")
    st.caption(
        "Such a run records its figures under keys that end in `/layer_08`, such as "
        "`validation/sst/accuracy/layer_08`, and its advice as `recommended/sst`."
    )


def _is_probe(context: Context, row: Row) -> bool:
    """Return whether `row` has figures of layers: by one of its runs, for all are of one method."""
    lively = [record for record in context.of(row) if record.status in phases.LIVELY]
    lively.sort(key=lambda record: record.status != "done")
    return any(layers.has_layers(context.store.points(record)) for record in lively[:1])


def _points(context: Context, row: Row) -> list[tuple[int, tuple[Point, ...]]]:
    """Return seed and points of each run of `row` that has any of layers."""
    lively = [record for record in context.of(row) if record.status in phases.LIVELY]
    found = [(record.cell.seed, context.store.points(record)) for record in lively]
    return [(seed, points) for seed, points in found if layers.has_layers(points)]


def _one(place: st.delta_generator.DeltaGenerator, label: str, known: list[str], key: str) -> str:
    """Ask for one of `known`; the first where what was chosen is not there any more."""
    if st.session_state.get(key, known[0]) not in known:
        del st.session_state[key]
    return str(place.selectbox(label, known, key=key, bind="query-params"))


def _titles(context: Context, lines: pd.DataFrame) -> dict[str, str]:
    """Return what each curve is called, by its key: the score that ranks, on validation data, comes first."""
    found = curves.titles(lines["curve"], len(context.protocol.tasks))
    first = [f"validation/{task.name}/{task.metric}" for task in context.protocol.tasks]
    order = sorted(found, key=lambda key: (key not in first, first.index(key) if key in first else 0))
    return {key: found[key] for key in order}


def _figures(lines: pd.DataFrame, curve: str, title: str, advice: pd.DataFrame) -> None:
    """Show one curve both ways, a section per phase."""
    factor, unit = words.curve_scale(curve)
    shown = lines.assign(value=factor * lines["value"])
    heading = words.chart(f"{title}{unit}")
    task = curve.partition("/")[2].rpartition("/")[0]
    for phase in dict.fromkeys(shown["phase"]):
        own = shown[shown["phase"] == phase]
        epochs = layers.some(own["epoch"])
        st.subheader(words.markdown(phase[:1].upper() + phase[1:]), anchor=False)
        left, right = st.columns(2)
        with left:
            told = [int(layer) for layer in advice[advice["task"] == task]["layer"]]
            figure = charts.by_layer(own, epochs, heading, told)
            st.plotly_chart(figure, key=f"by layer {phase}", config=show.CHART)
            left_out = own["epoch"].nunique() - len(epochs)
            if left_out:
                st.caption(f"{len(epochs)} epochs are drawn, evenly spread; {left_out} are left out.")
        with right:
            st.plotly_chart(charts.by_epoch(own, heading), key=f"by epoch {phase}", config=show.CHART)
    most = int(lines["n"].max())
    st.caption(f"A value is the mean over {pluralize(most, 'seed')}." if most > 1 else "One seed.")


def _tables(context: Context, lines: pd.DataFrame, advice: pd.DataFrame) -> None:
    """Show the best layer of every curve, and the layer that the runs recommend."""
    left, right = st.columns(2)
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    with left:
        st.subheader("Best layer after the last epoch", anchor=False)
        titles = _titles(context, lines)
        found = layers.best(lines)
        show.table(
            context.protocol,
            found.assign(curve=found["curve"].map(titles)),
            ["curve", "layer", "value", "epoch", "phase"],
            key="best_layers",
            column_config={
                "curve": text("figure", pinned=True),
                "phase": text("phase"),
                "epoch": number("epoch", width="small"),
                "layer": number("layer", width="small"),
                "value": number("value", format="%.4f"),
            },
        )
    with right:
        st.subheader("Recommended", anchor=False)
        if advice.empty:
            st.caption("The runs recommend no layer.")
            return
        columns = {"task": text("task", pinned=True), "seed": number("seed"), "layer": number("layer", width="small")}
        show.table(context.protocol, advice, advice.columns, key="recommended_layers", column_config=columns)
        st.caption("The smallest layer within noise of the best, as the run itself found it.")
