"""The figures of an HTML report: score against cost, curves, ranks over suites."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmark.analysis.rows import Row
from benchmark.core.scales import of_headline
from benchmark.reports import svg
from benchmark.reports.content import Curve, OverSuites, Section

NEAR = 0.15
"""Scores of at least 1 - this share of the best are drawn; the others would press these into a line."""
WIDTH, HEIGHT = 560, 340
Cost = Callable[[Row], float | None]


@dataclass(frozen=True)
class Dot:
    """One row in a figure of score against cost, in the units shown."""

    label: str
    place: int  # in the table, from 0
    cost: float
    score: float
    half: float | None
    tied: bool  # with the best


def dots(section: Section, cost: Cost) -> tuple[list[Dot], list[str]]:
    """Return the rows that are drawn, and what is said of those that are not."""
    scale = of_headline(section.protocol)
    factor, digits = scale.factor, scale.digits
    found, absent = [], []
    scores = [line.row.test.mean for line in section.lines if line.row.test]
    for place, line in enumerate(section.lines):
        row, spent = line.row, cost(line.row)
        if row.test is None:
            continue
        if row.test.mean < least(max(scores)):
            absent.append(f"{row.label} ({factor * row.test.mean:.{digits}f}) lies below the axis")
        elif spent is None:
            absent.append(f"{row.label} has no such cost")
        else:
            half = None if row.test.half_width is None else factor * row.test.half_width
            found.append(Dot(row.label, place, spent, factor * row.test.mean, half, line.place.tied_with_best))
    return found, absent


def least(best: float) -> float:
    """Return the lowest score that is drawn where `best` is the best one; a correlation may be negative."""
    return best - NEAR * abs(best)


def pareto(found: Sequence[Dot], titles: tuple[str, str]) -> str:
    """Return score against cost with intervals and the Pareto front; filled dots are tied with the best."""
    costs = [dot.cost for dot in found]
    positive = [cost for cost in costs if cost > 0]
    log = bool(positive) and max(positive) > 20 * min(positive)
    if log:
        x = svg.Axis(min(positive) / (10 if min(costs) <= 0 else 2), max(positive) * 2, 60, WIDTH - 10, log=True)
    else:
        x = svg.Axis(0.0, max(costs) * 1.25 or 1.0, 60, WIDTH - 10)
    low = min(dot.score - (dot.half or 0.0) for dot in found)
    high = max(dot.score + (dot.half or 0.0) for dot in found)
    room = 0.06 * (high - low) or 0.01 * abs(high) or 1.0
    y = svg.Axis(low - room, high + room, HEIGHT - 46, 30)
    parts = [svg.axes(x, y, titles, (svg.short, svg.short))]
    steps: list[tuple[float, float]] = []
    for dot in front(found):
        steps += [(x(dot.cost), steps[-1][1])] if steps else []
        steps.append((x(dot.cost), y(dot.score)))
    if len(steps) > 1:
        parts.append(svg.path(steps, 'class="front"'))
    taken = [(x(dot.cost) - 6, y(dot.score) - 6, x(dot.cost) + 6, y(dot.score) + 6) for dot in found]
    parts += [_dot(dot, x, y, taken) for dot in sorted(found, key=lambda dot: -dot.score)]
    words = f"{titles[1]} against {titles[0]}: " + ", ".join(f"{dot.label} {dot.score:.1f}" for dot in found)
    return svg.figure(WIDTH, HEIGHT, words, parts)


def front(found: Sequence[Dot]) -> list[Dot]:
    """Return the dots that no other beats in both score and cost, by cost."""
    best: list[Dot] = []
    for dot in sorted(found, key=lambda dot: (dot.cost, -dot.score)):
        if not best or dot.score > best[-1].score:
            best.append(dot)
    return best


def _dot(dot: Dot, x: svg.Axis, y: svg.Axis, taken: list[tuple[float, float, float, float]]) -> str:
    """Return one dot with its interval and, where no earlier label is in the way, its label."""
    at, up, hue = x(dot.cost), y(dot.score), svg.colour(dot.place)
    half = "" if dot.half is None else f" ± {dot.half:.2f}"
    parts = [f"<g><title>{html.escape(f'{dot.label}: {dot.score:.2f}{half}, {dot.cost:,.6g}')}</title>"]
    if dot.half is not None:
        parts.append(svg.line(at, y(dot.score - dot.half), at, y(dot.score + dot.half), f'stroke="{hue}"'))
    fill = hue if dot.tied else "var(--ground)"
    parts.append(f'<circle cx="{at:.1f}" cy="{up:.1f}" r="5" fill="{fill}" stroke="{hue}" stroke-width="2"/>')
    words = dot.label if len(dot.label) <= 28 else f"{dot.label[:27]}…"
    wide = svg.CHARACTER * len(words)
    for step in range(12):
        shift = (step + 1) // 2 * (13 if step % 2 else -13)
        for left in (at + 9, at - 9 - wide):
            box = (left, up + shift - 8, left + wide, up + shift + 4)
            free = not any(box[0] < o[2] and o[0] < box[2] and box[1] < o[3] and o[1] < box[3] for o in taken)
            if free and x.start <= box[0] and box[2] <= x.end + 8 and y.end - 8 <= box[1] and box[3] <= y.start:
                taken.append(box)
                parts.append(svg.text(left, up + shift + 4, words, more=' class="label"'))
                return "".join([*parts, "</g>"])
    return "".join([*parts, "</g>"])


def panels(curves: Sequence[Curve], labels: Sequence[str]) -> list[tuple[str, str, list[str]]]:
    """Return phase, figure and labels of each panel of curves: one for each phase, in their order, and key."""
    phases = _phases(curves)
    kinds = list(dict.fromkeys((curve.phase, curve.key) for curve in curves))
    kinds.sort(key=lambda kind: (phases.index(kind[0]), kind[1] != "train/loss", "accuracy" not in kind[1], kind[1]))
    made = []
    for phase, key in kinds:
        own = [curve for curve in curves if (curve.phase, curve.key) == (phase, key)]
        shown = list(dict.fromkeys(curve.label for curve in own))
        made.append((phase, _panel(own, key, labels), shown))
    return made


def _phases(curves: Sequence[Curve]) -> list[str]:
    """Return the phases in the order of training: rows that go through most of them tell it."""
    own: dict[str, dict[str, None]] = {}
    for curve in curves:
        own.setdefault(curve.label, {})[curve.phase] = None
    ordered = sorted(own.values(), key=len, reverse=True)
    return list(dict.fromkeys(phase for phases in ordered for phase in phases))


def _panel(curves: Sequence[Curve], key: str, labels: Sequence[str]) -> str:
    width, height = 420, 260
    values = [value for curve in curves for _, *spread in curve.epochs for value in spread]
    last = max(epoch for curve in curves for epoch, *_ in curve.epochs)
    room = 0.05 * (max(values) - min(values)) or 0.05
    x = svg.Axis(min(1, last - 1), last, 60, width - 10) if last == 1 else svg.Axis(1, last, 60, width - 10)
    y = svg.Axis(min(values) - room, max(values) + room, height - 46, 30)
    split, _, rest = key.partition("/")
    name = f"{'training' if split == 'train' else split} {rest.replace('/', ' ').replace('_', ' ')}"
    parts = [svg.axes(x, y, ("epoch", name), (lambda epoch: f"{epoch:g}" if epoch == int(epoch) else "", svg.short))]
    for curve in curves:
        place = labels.index(curve.label)
        hue = svg.colour(place)
        upper = [(x(epoch), y(high)) for epoch, _, _, high in curve.epochs]
        lower = [(x(epoch), y(low)) for epoch, _, low, _ in curve.epochs]
        parts.append(svg.path(upper + lower[::-1], f'fill="{hue}" fill-opacity="0.12"', closed=True))
        middle = [(x(epoch), y(mean)) for epoch, mean, _, _ in curve.epochs]
        more = f'fill="none" stroke="{hue}" stroke-width="1.8" {svg.dash(place)}'
        title = f"<title>{html.escape(curve.label)}</title>"
        parts.append(f"<g>{title}{svg.path(middle, more)}")
        if len(middle) == 1:
            parts.append(f'<circle cx="{middle[0][0]:.1f}" cy="{middle[0][1]:.1f}" r="3" fill="{hue}"/>')
        parts.append("</g>")
    return svg.figure(width, height, f"{name} per epoch", parts)


def critical_difference(found: OverSuites) -> str:
    """Return Demšar's diagram: average ranks on a line, bars over what can't be told apart."""
    ranks = found.ranks
    order = sorted(range(len(found.methods)), key=lambda place: ranks.average[place])
    half = (len(order) + 1) // 2
    base = 58  # of the line of ranks; the critical difference stands above it
    top = base + 16 + 10 * len(ranks.tied)
    height = top + 22 * half + 20
    x = svg.Axis(1, len(order), 150, 610)
    parts = [svg.line(x.start, base, x.end, base, 'class="axis"')]
    for rank in range(1, len(order) + 1):
        parts.append(svg.line(x(rank), base - 5, x(rank), base, 'class="axis"'))
        parts.append(svg.text(x(rank), base - 12, str(rank), "middle"))
    wide = x(1 + ranks.critical_difference) - x(1)
    parts.append(svg.line(x.start, 10, x.start + wide, 10, 'class="axis"'))
    parts.append(svg.text(x.start + wide + 8, 14, f"critical difference {ranks.critical_difference:.2f}"))
    for number, bar in enumerate(ranks.tied):
        level = base + 10 * (number + 1)
        ends = [x(ranks.average[member]) for member in bar]
        parts.append(svg.line(min(ends) - 4, level, max(ends) + 4, level, 'class="bar"'))
    for number, place in enumerate(order):
        on_left = number < half
        level = top + 22 * (number if on_left else len(order) - 1 - number)
        at, edge = x(ranks.average[place]), (140 if on_left else 620)
        parts.append(svg.path([(at, base), (at, level), (edge, level)], 'class="axis" fill="none"'))
        words = f"{found.methods[place]} {ranks.average[place]:.2f}"
        parts.append(svg.text(edge + (-6 if on_left else 6), level + 4, words, "end" if on_left else "start"))
    return svg.figure(760, height, f"average ranks over {len(found.suites)} suites", parts)
