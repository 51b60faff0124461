"""A report as one HTML file: no script, nothing from elsewhere, every string escaped."""

from __future__ import annotations

import html
from collections.abc import Sequence

from benchmark.core.scales import of_headline
from benchmark.core.text import one_line, pluralize
from benchmark.reports import figures, svg, wording
from benchmark.reports.content import Report, Section
from benchmark.reports.text import EFFECT_HEADS, EFFECTS, RIGHT, about_effects, alone, over_suites, title

BAD = ("failed", "diverged")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
STYLE = """
:root { --ground: #fff; --ink: #1c2430; --faint: #5d6878; --rule: #d8dde5; --panel: #f6f8fa; color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #12161c; --ink: #e3e8ef; --faint: #9aa5b4; --rule: #303843; --panel: #1a2028; }
}
body { background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 0 auto;
  max-width: 1180px; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.8rem 0 .4rem; }
.faint, figcaption, .notes { color: var(--faint); font-size: .87rem; }
.notes { padding-left: 1.1rem; } .notes li { margin: .15rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--rule); padding: .32rem .55rem .32rem 0; text-align: left; vertical-align: top; }
th { vertical-align: bottom; font-weight: 600; } td.n, th.n { text-align: right; } td.n { white-space: nowrap; }
td.bar { min-width: 130px; padding-left: .4rem; width: 130px; }
td.bar svg { display: block; height: 1.2em; width: 130px; }
td.name { overflow-wrap: anywhere; min-width: 9em; } .facts td:first-child { color: var(--faint); white-space: nowrap; }
.facts td { overflow-wrap: anywhere; border: 0; padding: .12rem 1rem .12rem 0; }
.bad { color: #d1453b; } .best { font-weight: 700; }
.figures { display: grid; gap: 1.2rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 380px), 1fr)); }
.figures.large { grid-template-columns: repeat(auto-fill, minmax(min(100%, 480px), 1fr)); }
figure { background: var(--panel); border-radius: 8px; margin: 0; padding: .8rem; }
figure svg { display: block; height: auto; width: 100%; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; } svg .title { fill: var(--faint); }
svg .label { paint-order: stroke; stroke: var(--panel); stroke-linejoin: round; stroke-width: 4; }
svg .grid { stroke: var(--rule); } svg .axis { stroke: var(--faint); } svg .bar { stroke: var(--ink); stroke-width: 4; }
svg .front { fill: none; stroke: var(--faint); stroke-dasharray: 3 3; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem .9rem; list-style: none; margin: .6rem 0; padding: 0;
  font-size: .87rem; }
.legend svg { height: .7em; margin-right: .35em; width: 1.8em; }
details { margin: .8rem 0; } summary { cursor: pointer; }
"""


def page(report: Report) -> str:
    """Return the report as one HTML document."""
    names = " · ".join(dict.fromkeys(section.protocol.suite for section in report.sections))
    parts = [_section(section) for section in report.sections]
    if report.over_suites:
        caption = f"<figcaption>{escape(over_suites(report.over_suites))}</figcaption>"
        parts.append(f"<h2>Over suites</h2><figure>{figures.critical_difference(report.over_suites)}{caption}</figure>")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(names)} - fine-tuning benchmark</title><style>{STYLE}</style></head>\n<body>"
        f'<h1>{escape(names)}</h1><p class="faint">Fine-tuning benchmark, report of {escape(report.made[:10])}, '
        f"bench {escape(report.bench)}</p>\n{''.join(parts)}</body></html>\n"
    )


def escape(text: str) -> str:
    """Return `text` on one line, as HTML that shows just its characters."""
    return html.escape(one_line(text), quote=True)


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(title(section))}</h2>", _table(section)]
    parts.append(f'<ul class="notes">{"".join(f"<li>{escape(note)}</li>" for note in section.notes)}</ul>')
    parts += [_trade_offs(section), _curves(section), _effects(section), _pairs(section)]
    facts = [[f"<td>{escape(name)}</td>", f"<td>{escape(text)}</td>"] for name, text in section.facts.items() if text]
    rows = "".join(f"<tr>{''.join(cells)}</tr>" for cells in facts)
    parts.append(f'<h3>Provenance</h3><div class="wide"><table class="facts"><tbody>{rows}</tbody></table></div>')
    return f"<section>{''.join(parts)}</section>\n"


def _table(section: Section) -> str:
    heads = list(wording.headers(section.protocol))
    numbers = set(heads[RIGHT])
    best = alone(section)
    bars = _bars(section)
    lines = []
    for place, line in enumerate(section.lines, start=1):
        cells = []
        for head, text in zip(heads, wording.cells(line), strict=True):
            kind = "n" if head in numbers else "name" if head == "method" else ""
            kind += " best" if place == best and head == heads[2] else ""
            kind += " bad" if head == "status" and any(other.status in BAD for other in line.row.others) else ""
            cells.append(f'<td class="{kind.strip()}">{escape(text)}</td>')
        cells.insert(3, f'<td class="bar">{bars[place - 1]}</td>')
        lines.append(f"<tr>{''.join(cells)}</tr>")
    shown = [f'<th class="{"n" if head in numbers else ""}">{escape(head)}</th>' for head in heads]
    shown.insert(3, "<th></th>")
    return (
        f'<div class="wide"><table><thead><tr>{"".join(shown)}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _bars(section: Section) -> list[str]:
    """Return a small drawing of each row's mean and interval, all on one scale that leaves out rows far below."""
    best = max((line.row.test.mean for line in section.lines if line.row.test), default=0.0)
    near = [line.row.test for line in section.lines if line.row.test and line.row.test.mean >= figures.least(best)]
    if not near:
        return ["" for _ in section.lines]
    low = min(found.mean - (found.half_width or 0.0) for found in near)
    high = max(found.mean + (found.half_width or 0.0) for found in near)
    x = svg.Axis(low, high, 6, 124)
    made = []
    for place, line in enumerate(section.lines):
        test, hue = line.row.test, svg.colour(place)
        if test is None or test not in near:
            made.append("")
            continue
        half = test.half_width or 0.0
        parts = [svg.line(x(test.mean - half), 9, x(test.mean + half), 9, f'stroke="{hue}" stroke-width="2"')]
        parts.append(f'<circle cx="{x(test.mean):.1f}" cy="9" r="4" fill="{hue}"/>')
        made.append(svg.figure(130, 18, wording.score(test, section.protocol), parts))
    return made


def _trade_offs(section: Section) -> str:
    unit = of_headline(section.protocol).title
    costs: list[tuple[figures.Cost, str]] = [
        (lambda row: row.trainable, "trainable parameters"),
        (lambda row: row.epoch_seconds, "seconds per epoch"),
    ]
    made = []
    for cost, name in costs:
        found, absent = figures.dots(section, cost)
        if found:
            says = f"<figcaption>{escape('; '.join(absent))}</figcaption>" if absent else ""
            made.append(f"<figure>{figures.pareto(found, (name, f'test {unit}'))}{says}</figure>")
    if not made:
        return ""
    says = "Filled: tied with the best. Dotted: nothing scores as well for less. Lines: 95% intervals over seeds."
    return f'<h3>Trade-offs</h3><p class="faint">{says}</p><div class="figures large">{"".join(made)}</div>'


def _curves(section: Section) -> str:
    if not section.curves:
        return ""
    labels = [line.row.label for line in section.lines]
    panels = figures.panels(section.curves, labels)
    parts = ["<h3>Curves</h3>", '<p class="faint">Mean over seeds; the band goes from the lowest to the highest.</p>']
    for phase in dict.fromkeys(phase for phase, *_ in panels):
        own = [panel for panel in panels if panel[0] == phase]
        shown = [label for label in labels if any(label in panel[2] for panel in own)]
        drawn = "".join(f"<figure>{drawing}</figure>" for _, drawing, _ in own)
        parts.append(f"<p>Phase {escape(phase)}</p>{_legend(shown, labels)}<div class='figures'>{drawn}</div>")
    return "".join(parts)


def _legend(shown: Sequence[str], labels: Sequence[str]) -> str:
    items = []
    for label in shown:
        place = labels.index(label)
        more = f'stroke="{svg.colour(place)}" stroke-width="3" {svg.dash(place)}'
        drawn = f'<svg viewBox="0 0 28 10" aria-hidden="true">{svg.line(0, 5, 28, 5, more)}</svg>'
        items.append(f"<li>{drawn}{escape(label)}</li>")
    return f'<ul class="legend">{"".join(items)}</ul>'


def _effects(section: Section) -> str:
    if not section.effects or not section.effects.found:
        return ""
    rows = [
        [
            " × ".join(effect.factors),
            wording.gap(effect.estimate, effect.half_width, section.protocol),
            wording.probability(effect.p),
        ]
        for effect in section.effects.found
    ]
    says = f'<p class="faint">{escape(about_effects(section.effects))}</p>'
    return f"<h3>{EFFECTS}</h3>{_plain(EFFECT_HEADS, rows)}{says}"


def _pairs(section: Section) -> str:
    """Return every comparison, folded away: the letters' evidence."""
    if not section.board.pairs:
        return ""
    labels = {line.row.cell.group: line.row.label for line in section.lines}
    rows = [
        [
            f"{labels[pair.first]} − {labels[pair.second]}",
            wording.gap(pair.difference, pair.half_width, section.protocol),
            wording.probability(pair.p),
            wording.probability(pair.p_holm),
            ", ".join(map(str, pair.seeds)) or wording.NONE,
            pair.test or pair.reason,
        ]
        for pair in section.board.pairs
    ]
    heads = ("pair", "difference, 95% interval", "p", "p, Holm", "seeds", "test")
    count = pluralize(len(rows), "pair")
    return f"<details><summary>All {count} of rows</summary>{_plain(heads, rows)}</details>"


def _plain(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
