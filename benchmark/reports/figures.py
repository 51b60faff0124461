"""The figures of an HTML report, drawn by Matplotlib: score against cost, curves, average ranks over suites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.analysis import formats
from benchmark.analysis.columns import Column
from benchmark.analysis.tradeoffs import lowest_near, on_front
from benchmark.core.scales import Scale, of_headline
from benchmark.reports import labels, style
from benchmark.reports.content import Curve, OverSuites, Section
from benchmark.reports.escape import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOGARITHMIC = 3.0
"""Costs of which the largest is more than so many times the smallest are drawn on a logarithmic axis."""
LONGEST = 34
"""Characters of a label in a figure."""
DPI = 72
"""Dots per inch: one is a point, and a pixel of the SVG."""


@dataclass(frozen=True)
class Drawing:
    """One figure of a page."""

    svg: str
    says: str  # what it shows, to those who can't see it
    caption: str = ""


@dataclass(frozen=True)
class Dot:
    """One row in a figure of score against cost, in the units shown."""

    label: str
    place: int  # in the table, from 0
    cost: float
    score: float
    half: float | None
    tied: bool  # with the best
    front: bool
    below: bool = False  # far below the best: it stands on the lower edge


@dataclass(frozen=True)
class Panel:
    """The curves of one phase and key."""

    phase: str
    drawing: Drawing
    labels: tuple[str, ...]  # of the rows in it


def dots(section: Section, cost: Column) -> tuple[list[Dot], list[str]]:
    """Return the rows that are drawn, and what is said of those that are not."""
    scale = of_headline(section.protocol)
    rows = [(place, number) for number, place in enumerate(section.board.places) if place.row.test]
    best = max((place.row.test.mean for place, _ in rows if place.row.test), default=0.0)
    ahead = on_front(
        [cost.value(place.row) for place, _ in rows],
        [place.row.test.mean if place.row.test else None for place, _ in rows],
    )
    drawn, absent = [], []
    for (place, number), front in zip(rows, ahead, strict=True):
        test, spent = place.row.test, cost.value(place.row)
        if spent is None or test is None:
            absent.append(f"{place.row.label}: {cost.title} not recorded")
            continue
        half = None if test.half_width is None else scale.factor * test.half_width
        below = test.mean < lowest_near(best)
        drawn.append(
            Dot(
                place.row.label,
                number,
                cost.factor * spent,
                scale.factor * test.mean,
                half,
                place.tied_with_best,
                front,
                below,
            )
        )
    return drawn, absent


def trade_off(section: Section, cost: Column) -> Drawing | None:
    """Return score against `cost` with intervals and the Pareto front; None where no row has both."""
    found, absent = dots(section, cost)
    if not found:
        return None
    scale = of_headline(section.protocol)
    title = f"test {scale.title}"
    words = f"{title} against {cost.title}: " + ", ".join(f"{dot.label} {dot.score:.{scale.digits}f}" for dot in found)
    name = f"{section.protocol.id} {cost.key}"
    titles = {
        f"row-{dot.place}": f"{dot.label}: {dot.score:.{scale.digits}f}"
        f"{formats.half_width(None if dot.half is None else dot.half / scale.factor, scale)}, "
        f"{cost.title} {dot.cost:,.6g} {cost.unit}".rstrip()
        for dot in found
    }
    with style.settings():
        drawn = pareto(found, (cost.heading, title), scale)
        return Drawing(style.svg(drawn, name, titles), words, _caption(found, absent, logarithmic=_is_log(found)))


def _caption(found: Sequence[Dot], absent: Sequence[str], *, logarithmic: bool) -> str:
    """Return how to read the figure: nothing of what isn't drawn."""
    parts = ["Filled: not significantly different from the best" if any(dot.tied for dot in found) else ""]
    parts.append(
        "bars: 95% intervals over seeds" if any(dot.half is not None and not dot.below for dot in found) else ""
    )
    parts.append("dotted: the Pareto front" if sum(dot.front for dot in found) > 1 else "")
    parts.append("triangles at the lower edge: scores far below" if any(dot.below for dot in found) else "")
    parts.append("a cost of 0 stands at the left edge" if logarithmic and any(dot.cost <= 0 for dot in found) else "")
    text = "; ".join([*filter(None, parts), *absent])
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _is_log(found: Sequence[Dot]) -> bool:
    positive = [dot.cost for dot in found if dot.cost > 0]
    return bool(positive) and max(positive) > LOGARITHMIC * min(positive)


def pareto(found: Sequence[Dot], titles: tuple[str, str], scale: Scale) -> Figure:
    """Return score against cost; filled dots are tied with the best. `titles` head the axes of cost and score."""
    figure, axes = _figure(560, 370)
    near = [dot for dot in found if not dot.below] or list(found)
    low = min(dot.score - (dot.half or 0.0) for dot in near)
    high = max(dot.score + (dot.half or 0.0) for dot in near)
    room = 0.06 * (high - low) or 0.02 * abs(high) or 1.0
    bottom = low - room * (3 if any(dot.below for dot in found) else 1)
    axes.set_ylim(bottom, high + room)
    edge = bottom + 0.6 * room
    left = _cost_axis(axes, found)
    at = {dot.place: (max(dot.cost, left), edge if dot.below else dot.score) for dot in found}
    ahead = sorted((dot for dot in found if dot.front and not dot.below), key=lambda dot: (dot.cost, dot.score))
    if len(ahead) > 1:
        axes.step(
            [at[dot.place][0] for dot in ahead], [dot.score for dot in ahead], where="post", color=style.FAINT,
            linestyle=":", linewidth=1.4, zorder=1,
        )  # fmt: skip
    for dot in found:
        hue = style.colour(dot.place)
        marker = "v" if dot.below else style.symbol(dot.place)
        axes.errorbar(
            [at[dot.place][0]], [at[dot.place][1]], None if dot.half is None or dot.below else [dot.half], fmt=marker,
            color=hue, markerfacecolor=hue if dot.tied else style.PANEL, markeredgewidth=1.6, markersize=7,
            elinewidth=1.2, zorder=3,
        )[0].set_gid(f"row-{dot.place}")  # fmt: skip
    axes.set_xlabel(titles[0])
    axes.set_title(titles[1], loc="left", y=1.02, fontsize=10, color=style.FAINT)
    _label(figure, axes, found, at, scale)
    return figure


def _figure(width: int, height: int) -> tuple[Figure, Axes]:
    """Return an empty figure, `width` by `height` pixels, whose margins fit an axis with ticks and title."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((52 / width, 46 / height, (width - 66) / width, (height - 74) / height))
    return figure, axes


def _cost_axis(axes: Axes, found: Sequence[Dot]) -> float:
    """Set the axis of costs; return its lower end for points, at which a cost of 0 stands."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    positive = [dot.cost for dot in found if dot.cost > 0]
    most = max((dot.cost for dot in found), default=0.0)
    written = FuncFormatter(lambda value, _: short(value))
    if not _is_log(found):
        axes.xaxis.set_major_formatter(written)
        axes.set_xlim(0, 1.3 * most or 1.0)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        return 0.0
    left = min(positive) / (6 if any(dot.cost <= 0 for dot in found) else 1)
    wide = most / left
    axes.set_xscale("log")
    axes.set_xlim(left / wide**0.06, most * wide**0.22)  # room for the labels of the dearest
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if wide > 300 else (1.0, 2.0, 5.0)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(written)  # the scale brought its own
    return left


def _label(figure: Figure, axes: Axes, found: Sequence[Dot], at: dict[int, tuple[float, float]], scale: Scale) -> None:
    """Write each row's label where there is room, with a line to its point where it isn't beside it."""
    from matplotlib.text import Text

    ordered = sorted(found, key=lambda dot: (dot.below, -dot.score))
    shown = [_shortened(dot.label) + (f" ({dot.score:.{scale.digits}f})" if dot.below else "") for dot in ordered]
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]  # of FigureCanvasAgg
    sizes = []
    for words in shown:
        text = Text(0, 0, words, fontsize=8.5)
        text.set_figure(figure)
        extent = text.get_window_extent(renderer)
        sizes.append((extent.width, extent.height))
    pixels = [tuple(axes.transData.transform(at[dot.place])) for dot in ordered]
    window = axes.get_window_extent()
    room = labels.Box(window.x0, window.y0, figure.bbox.width - 2, window.y1 + 6)
    boxes = labels.place([(float(x), float(y)) for x, y in pixels], sizes, room)
    back = axes.transData.inverted()
    for dot, words, (x, y), box in zip(ordered, shown, pixels, boxes, strict=True):
        if box is None:
            continue
        side = box.left if box.left > x else box.right
        if abs(side - x) > 1.5 * labels.GAP or abs((box.low + box.high) / 2 - y) > 10:
            start, end = back.transform((x, y)), back.transform((side, (box.low + box.high) / 2))
            axes.plot(
                [start[0], end[0]], [start[1], end[1]], color=style.colour(dot.place), linewidth=0.6, alpha=0.7,
                zorder=2, clip_on=False,
            )  # fmt: skip
        x_data, y_data = back.transform((box.left, (box.low + box.high) / 2))
        axes.text(x_data, y_data, words, fontsize=8.5, va="center_baseline", ha="left", zorder=4)


def _shortened(label: str) -> str:
    line = visible(label)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def short(value: float) -> str:
    """Return ``22.8M``, ``150k``, ``0.5`` or ``12``."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def panels(name: str, curves: Sequence[Curve], rows: Sequence[str]) -> list[Panel]:
    """Return a panel for each phase, in their order, and key; `rows` are the table's labels, which choose colours.

    `name` tells the figures from those of other sections.
    """
    phases = _phases(curves)
    kinds = list(dict.fromkeys((curve.phase, curve.key) for curve in curves))
    kinds.sort(key=lambda kind: (phases.index(kind[0]), kind[1] != "train/loss", "accuracy" not in kind[1], kind[1]))
    places = {label: place for place, label in enumerate(rows)}
    found = []
    for phase, key in kinds:
        own = [curve for curve in curves if (curve.phase, curve.key) == (phase, key)]
        shown = tuple(dict.fromkeys(curve.label for curve in own))
        titles = {f"row-{places[label]}": label for label in shown}
        with style.settings():
            drawn = style.svg(_panel(own, key, places), f"{name} {phase} {key}", titles)
        found.append(Panel(phase, Drawing(drawn, f"{_title(key)} per epoch"), shown))
    return found


def _phases(curves: Sequence[Curve]) -> list[str]:
    """Return the phases in the order of training: rows that go through most of them tell it."""
    own: dict[str, dict[str, None]] = {}
    for curve in curves:
        own.setdefault(curve.label, {})[curve.phase] = None
    ordered = sorted(own.values(), key=len, reverse=True)
    return list(dict.fromkeys(phase for phases in ordered for phase in phases))


def _title(key: str) -> str:
    split, _, rest = key.partition("/")
    return f"{'training' if split == 'train' else split} {rest.replace('/', ' ').replace('_', ' ')}"


def _panel(curves: Sequence[Curve], key: str, places: dict[str, int]) -> Figure:
    """Return the mean over seeds of each row by epoch, a band from the lowest seed to the highest."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = _figure(420, 270)
    for curve in curves:
        place = places[curve.label]
        epochs = [epoch for epoch, *_ in curve.epochs]
        axes.fill_between(
            epochs, [low for _, _, low, _ in curve.epochs], [high for *_, high in curve.epochs],
            color=style.colour(place), alpha=0.12, linewidth=0,
        )  # fmt: skip
        axes.plot(
            epochs, [mean for _, mean, _, _ in curve.epochs], color=style.colour(place), linestyle=style.dash(place),
            linewidth=1.6, marker="o" if len(epochs) == 1 else "", markersize=4, gid=f"row-{place}",
        )  # fmt: skip
    last = max(epoch for curve in curves for epoch, *_ in curve.epochs)
    axes.set_xlim(*((0.5, 1.5) if last == 1 else (1, last)))
    axes.margins(y=0.05)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.set_xlabel("epoch")
    axes.set_title(_title(key), loc="left", y=1.02, fontsize=10, color=style.FAINT)
    return figure


def critical_difference(found: OverSuites) -> Drawing:
    """Return Demšar's diagram (2006, figure 1): average ranks on a line, bars over ranks that don't differ."""
    ranks = found.ranks
    order = sorted(range(len(found.methods)), key=lambda place: ranks.average[place])
    half = (len(order) + 1) // 2
    depth = 0.9 + 0.45 * len(ranks.tied) + half  # of the lowest label, in lines below the axis
    height = 70 + round(20 * depth)
    with style.settings():
        figure, _ = _figure(760, height)
        figure.clear()
        axes = figure.add_axes((0.24, 0.02, 0.52, 0.96))
        axes.set_axis_off()
        axes.set_xlim(1, max(2, len(order)))
        axes.set_ylim(-depth, 70 / 20 * 0.9)
        axes.plot([1, len(order)], [0, 0], color=style.FAINT, linewidth=1.2)
        for rank in range(1, len(order) + 1):
            axes.plot([rank, rank], [0, 0.25], color=style.FAINT, linewidth=1.2)
            axes.text(rank, 0.45, str(rank), ha="center", va="bottom")
        wide = min(ranks.critical_difference, 1.4 * max(1, len(order) - 1))
        axes.plot([1, 1 + wide], [2.2, 2.2], color=style.FAINT, linewidth=1.2, marker="|", clip_on=False)
        axes.text(1, 2.4, f"critical difference {ranks.critical_difference:.2f}", ha="left", va="bottom")
        for number, bar in enumerate(ranks.tied):
            ends = [ranks.average[member] for member in bar]
            level = -0.45 * (number + 1)
            axes.plot([min(ends), max(ends)], [level, level], color=style.INK, linewidth=3, solid_capstyle="round")
        for number, place in enumerate(order):
            left = number < half
            level = -depth + half - (number if left else len(order) - 1 - number) - 0.5
            edge = -0.03 if left else 1.03
            across = axes.get_yaxis_transform()  # x as a fraction of the axis, y in lines
            at = (ranks.average[place] - 1) / max(1, len(order) - 1)
            axes.plot(
                [at, at, edge], [0, level, level], color=style.FAINT, linewidth=0.9, transform=across, clip_on=False
            )
            words = f"{_shortened(found.methods[place])} {ranks.average[place]:.2f}"
            axes.text(edge + (-0.01 if left else 0.01), level, words, transform=across, va="center",
                      ha="right" if left else "left")  # fmt: skip
        says = f"average ranks over {len(found.suites)} suites"
        return Drawing(style.svg(figure, says), says)
