"""Figures of a run, from its record alone: PNG for reading, Plotly's JSON for whoever draws it again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core import layer_scores
from benchmark.core.errors import UsageError
from benchmark.core.metrics import metric
from benchmark.core.record import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from plotly.graph_objects import Figure as PlotlyFigure

SPLITS = ("validation", "train")
COLOURS = "viridis"
NEAREST = 0.05
"""Shortest axis of scores."""


@dataclass(frozen=True)
class LayerCurves:
    """One metric of one task on one split, by epoch and layer."""

    task: str
    measure: str
    split: str
    epochs: tuple[int, ...]
    layers: tuple[int, ...]
    values: tuple[tuple[float, ...], ...]  # (epochs, layers); nan where there is none


def layer_curves(record: Record) -> tuple[LayerCurves, ...]:
    """Return the curves by layer in `record`, each task's own metric before its others. Empty for a run without any."""
    found: dict[tuple[str, str, str], dict[tuple[int, int], float]] = {}
    for point in record.points:
        parsed = layer_scores.parse(point.key)
        if parsed:
            split, task, measure, layer = parsed
            found.setdefault((task, measure, split), {})[point.epoch, layer] = point.value
    own = {task.name: task.metric for task in record.cell.protocol.tasks}
    order = {task: number for number, task in enumerate(own)}
    curves = []
    for (task, measure, split), values in found.items():
        epochs = tuple(sorted({epoch for epoch, _ in values}))
        places = tuple(sorted({layer for _, layer in values}))
        rows = tuple(tuple(values.get((epoch, layer), float("nan")) for layer in places) for epoch in epochs)
        curves.append(LayerCurves(task, measure, split, epochs, places, rows))
    curves.sort(
        key=lambda one: (order.get(one.task, 0), own.get(one.task) != one.measure, one.measure, SPLITS.index(one.split))
    )
    return tuple(curves)


def recommended(record: Record) -> dict[str, int]:
    """Return the recommended layer of each task that has one: the last that the run said."""
    said = (point for point in sorted(record.points, key=lambda point: point.epoch))
    return {
        point.key.partition("/")[2]: int(point.value)
        for point in said
        if point.key.startswith(f"{layer_scores.RECOMMENDED}/")
    }


def write_layers(record: Record, folder: Path) -> tuple[Path, ...]:
    """Write the figures by layer of `record` into `folder`; return the files. Raises UsageError where there are none.

    For each task a PNG of its own metric, and Plotly's JSON of the same: against the layer, a line per epoch, and
    against the epoch, a line per layer, on validation and train (vela-2024, figures 2 to 4).
    """
    curves = layer_curves(record)
    if not curves:
        raise UsageError(
            f"run {record.run[:8]} of {record.cell.method!r} has no scores by layer: `bench list runs` shows other runs"
        )
    folder.mkdir(parents=True, exist_ok=True)
    best = recommended(record)
    files = []
    for task in dict.fromkeys(one.task for one in curves):
        mine = [one for one in curves if one.task == task]
        main = [one for one in mine if one.measure == mine[0].measure]
        picture, document = folder / f"layers_{task}.png", folder / f"layers_{task}.plotly.json"
        draw(main, best.get(task), _title(record, task)).savefig(picture, dpi=150)
        document.write_text(plotly(main, best.get(task), _title(record, task)).to_json(), encoding="utf-8")
        files += [picture, document]
    return tuple(files)


def draw(curves: Sequence[LayerCurves], best: int | None, title: str) -> Figure:
    """Return one task's figure: a row per split; on the left against the layer, on the right against the epoch."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 3.6 * len(curves) + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=12)
    axes = figure.subplots(len(curves), 2, sharey="row", squeeze=False)
    for number, one in enumerate(curves):
        by_layer, by_epoch = axes[number]
        _lines(
            by_layer, one.layers, [(f"epoch {epoch}", row) for epoch, row in zip(one.epochs, one.values, strict=True)]
        )
        columns = list(zip(*one.values, strict=True))
        _lines(
            by_epoch,
            one.epochs,
            [(f"layer {layer}", row) for layer, row in zip(one.layers, columns, strict=True)],
            best,
        )
        by_layer.set(xlabel="layer (0: embeddings)", ylabel=f"{one.split} {label(one.measure)}")
        by_epoch.set(xlabel="epoch")
        if best is not None:
            by_layer.axvline(best, color="0.55", linestyle="--", linewidth=1, zorder=0)
            by_layer.annotate(
                "recommended", (best, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 2),
                textcoords="offset points", ha="center", va="bottom", fontsize=8, color="0.4", annotation_clip=False,
            )  # fmt: skip
        low, high = span(one)
        by_layer.set_ylim(low, high)  # the right one shares it
    return figure


def _lines(
    axes: Axes, places: Sequence[int], lines: Sequence[tuple[str, Sequence[float]]], best: int | None = None
) -> None:
    """Draw lines from dark (the first) to light (the last), a legend beside them, whole numbers below."""
    from matplotlib import colormaps
    from matplotlib.ticker import MaxNLocator

    shades = colormaps[COLOURS]
    for number, (name, values) in enumerate(lines):
        shade = shades(0.92 * number / max(1, len(lines) - 1))
        chosen = name == f"layer {best}"
        axes.plot(
            places, values, color=shade, marker="o", markersize=4.5 if chosen else 3, linewidth=2.6 if chosen else 1.3,
            label=f"{name} (recommended)" if chosen else name, zorder=3 if chosen else 2,
        )  # fmt: skip
    if len(places) > 1:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=14))
    else:
        axes.set_xticks(places)
    axes.grid(axis="y", color="0.9")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))


def span(one: LayerCurves) -> tuple[float, float]:
    """Return the ends of the axis of scores: with some room, and never so near that noise looks like a finding."""
    known = [value for row in one.values for value in row if math.isfinite(value)] or [0.0]
    middle, half = (min(known) + max(known)) / 2, (max(known) - min(known)) / 2
    half = max(1.08 * half, NEAREST / 2)
    return middle - half, middle + half


def plotly(curves: Sequence[LayerCurves], best: int | None, title: str) -> PlotlyFigure:
    """Return the same as `draw` for Plotly."""
    from plotly.colors import sample_colorscale
    from plotly.graph_objects import Scatter
    from plotly.subplots import make_subplots

    figure: PlotlyFigure = make_subplots(
        rows=len(curves), cols=2, shared_yaxes=True, horizontal_spacing=0.04, vertical_spacing=0.14
    )
    for number, one in enumerate(curves, start=1):
        columns = list(zip(*one.values, strict=True))
        sides = (
            (1, one.layers, [(f"epoch {epoch}", row) for epoch, row in zip(one.epochs, one.values, strict=True)]),
            (2, one.epochs, [(f"layer {layer}", row) for layer, row in zip(one.layers, columns, strict=True)]),
        )
        for side, places, lines in sides:
            shades = sample_colorscale(COLOURS, [0.92 * place / max(1, len(lines) - 1) for place in range(len(lines))])
            for shade, (name, values) in zip(shades, lines, strict=True):
                figure.add_trace(
                    Scatter(
                        x=list(places), y=list(values), name=name, mode="lines+markers", line={"color": shade},
                        legendgroup=name, showlegend=number == 1,
                    ),
                    row=number,
                    col=side,
                )  # fmt: skip
        figure.update_yaxes(range=span(one), row=number)
        figure.update_yaxes(title_text=f"{one.split} {label(one.measure)}", row=number, col=1)
        figure.update_xaxes(title_text="layer (0: embeddings)", dtick=1, row=number, col=1)
        figure.update_xaxes(title_text="epoch", dtick=1 if max(one.epochs) <= 15 else None, row=number, col=2)
        if best is not None:
            figure.add_vline(x=best, line_dash="dash", line_color="grey", row=number, col=1)
    figure.update_layout(title=title, template="plotly_white", height=340 * len(curves) + 80)
    return figure


def label(measure: str) -> str:
    """Return a metric's name for an axis, with its unit where it has one that isn't plain from the name."""
    unit = metric(measure).unit
    words = measure.replace("_", " ")
    return words if unit in ("fraction", "correlation") else f"{words} ({unit})"


def _title(record: Record, task: str) -> str:
    protocol = record.cell.protocol
    blocks = dict(record.cell.parameters).get("blocks")
    made = f", blocks {blocks}" if blocks not in (None, "none") else ""
    where = f"{protocol.encoder}, suite {protocol.suite}"
    return f"{task} by layer: {record.cell.method}{made}, seed {record.cell.seed}, {where}"
