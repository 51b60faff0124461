"""Reports as Markdown, LaTeX and CSV. Names and reasons that a user gave are escaped in each."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence

from benchmark.analysis.stats.effects import Effects
from benchmark.core.text import one_line, pluralize
from benchmark.reports import wording
from benchmark.reports.content import OverSuites, Report, Section
from benchmark.reports.files import COLUMNS, flat

RIGHT = slice(2, -1)
"""Columns of figures: behind method and ties, before status."""
BREAK = r" \\ "
MARKDOWN = re.compile(r"([\\`*_\[\]|~$#])")
LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "–": "--",
    "×": r"$\times$",
}
Escape = Callable[[str], str]


def markdown(report: Report) -> str:
    """Return the report in GitHub's Markdown."""
    parts = [part for section in report.sections for part in _markdown_section(section)]
    if report.over_suites:
        parts += ["## Over suites", in_markdown(over_suites(report.over_suites))]
    return "\n\n".join(parts) + "\n"


def _markdown_section(section: Section) -> list[str]:
    heads = wording.headers(section.protocol)
    rows = [[in_markdown(cell) for cell in wording.cells(line)] for line in section.lines]
    if winner := alone(section):
        rows[winner - 1][2] = f"**{rows[winner - 1][2]}**"
    parts = [f"## {in_markdown(title(section))}", _grid(heads, rows)]
    parts.append("\n".join(f"- {in_markdown(note)}" for note in section.notes))
    if section.effects and section.effects.found:
        parts += [
            f"### {EFFECTS}",
            _grid(EFFECT_HEADS, _effects(section, in_markdown)),
            in_markdown(about_effects(section.effects)),
        ]
    facts = [f"- {in_markdown(name)}: {in_markdown(value)}" for name, value in section.facts.items() if value]
    return [*filter(None, parts), "\n".join(facts)]


def latex(report: Report) -> str:
    """Return the report in LaTeX: a table with booktabs per section, provenance as comments and below the table."""
    parts = ["% needs \\usepackage{booktabs}"]
    for section in report.sections:
        parts.append(_latex_section(section))
        if section.effects and section.effects.found:
            body = [f"\\caption{{{EFFECTS}: {in_latex(title(section))}. {in_latex(about_effects(section.effects))}}}"]
            parts.append(
                _float(body, "lrr", [in_latex(name) for name in EFFECT_HEADS], _effects(section, in_latex), [])
            )
    if report.over_suites:
        parts.append(f"\\par {in_latex(over_suites(report.over_suites))}")
    return "\n\n".join(parts) + "\n"


def _latex_section(section: Section) -> str:
    heads = wording.headers(section.protocol)
    rows = [[in_latex(cell) for cell in wording.cells(line)] for line in section.lines]
    if winner := alone(section):
        rows[winner - 1][2] = f"\\textbf{{{rows[winner - 1][2]}}}"
    facts = "; ".join(f"{name}: {value}" for name, value in section.facts.items() if value)
    below = [in_latex(" ".join(note if note.endswith(".") else f"{note}." for note in section.notes)), in_latex(facts)]
    return _float(
        [f"\\caption{{{in_latex(title(section))}}}", f"\\label{{tab:{section.protocol.suite}-{section.protocol.id}}}"],
        f"ll{'r' * (len(heads) - 3)}l",
        [_head(name) for name in heads],
        rows,
        [f"\\par\\smallskip\\footnotesize {text}" for text in below],
    )


def _float(head: list[str], form: str, heads: Sequence[str], rows: Sequence[Sequence[str]], below: list[str]) -> str:
    lines = ["\\begin{table}", "\\centering", *head, "\\small"]
    lines += ["\\setlength{\\tabcolsep}{3.5pt}", f"\\begin{{tabular}}{{{form}}}", "\\toprule"]
    lines += [" & ".join(heads) + r" \\", "\\midrule"]
    lines += [" & ".join(row) + r" \\" for row in rows]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", *below, "\\end{table}"])


def _head(name: str) -> str:
    """Return the heading of a column, its words below each other: a page is narrow, and numbers are short."""
    words = in_latex(name).replace(r" \%", r"~\%").split(" ")
    return words[0] if len(words) == 1 else rf"\shortstack[r]{{{BREAK.join(words)}}}"


def comma_separated(report: Report) -> str:
    """Return the report as CSV: a line per row, everything that it depends on in columns, numbers unrounded."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: "" if value is None else value for name, value in row.items()} for row in flat(report))
    return stream.getvalue()


def title(section: Section) -> str:
    """Return what the section is called."""
    return f"{section.facts['suite']}, {section.protocol.encoder}"


def alone(section: Section) -> int:
    """Return the place, from 1, of the row that the tests tell from every other; 0 where there is none.

    Nothing else may be printed bold: inside a group that can't be told apart there is no best.
    """
    tied = section.board.tied
    if len(tied) != 1 or any(place.row.test and not place.letters for place in section.board.places):
        return 0
    best = tied[0].row.cell.group
    pairs = [pair for pair in section.board.pairs if best in (pair.first, pair.second)]
    return section.board.places.index(tied[0]) + 1 if all(pair.separated for pair in pairs) else 0


def in_markdown(text: str) -> str:
    """Return `text` so that Markdown shows just its characters."""
    line = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return MARKDOWN.sub(r"\\\1", line)


def in_latex(text: str) -> str:
    """Return `text` so that LaTeX shows just its characters."""
    return "".join(LATEX.get(mark, mark) for mark in one_line(text))


EFFECTS = "Effects of techniques"
EFFECT_HEADS = ("technique", "effect, 95% interval", "p")


def _effects(section: Section, escape: Escape) -> list[list[str]]:
    """Return a line per effect: its factors, the estimate with its interval, p."""
    found = section.effects.found if section.effects else ()
    return [
        [
            escape(" × ".join(effect.factors)),
            escape(wording.gap(effect.estimate, effect.half_width, section.protocol)),
            escape(wording.probability(effect.p)),
        ]
        for effect in found
    ]


def about_effects(effects: Effects) -> str:
    """Return how to read the table of effects."""
    unknown = ", ".join(" × ".join(term) for term in effects.unknown)
    return (
        "Least squares over the runs with default parameters, each seed with a mean of its own: what a technique adds "
        "on average over what it was combined with; a × b is what b changes in the effect of a. "
        f"{pluralize(effects.n, 'run')}, {effects.df} residual degrees of freedom, p not adjusted."
        + (" As many coefficients as runs: no intervals, more seeds give them." if effects.df == 0 else "")
        + (f" Not told apart by these runs: {unknown}." if unknown else "")
    )


def over_suites(found: OverSuites) -> str:
    """Return the average ranks over suites in a sentence, best first, and the critical difference."""
    order = sorted(range(len(found.methods)), key=lambda place: found.ranks.average[place])
    listed = ", ".join(f"{found.methods[place]} {found.ranks.average[place]:.2f}" for place in order)
    friedman = f", Friedman's p {wording.probability(found.ranks.p)}" if found.ranks.p is not None else ""
    return (
        f"Average ranks over {len(found.suites)} suites ({', '.join(found.suites)}): {listed}. Methods nearer than the "
        f"critical difference {found.ranks.critical_difference:.2f} (Nemenyi, 5%) can't be told apart{friedman}."
    )


def _grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown whose source can be read as well."""
    right = set(range(len(heads))[RIGHT]) if len(heads) > 3 else {1, 2}
    names = [in_markdown(head) for head in heads]
    widths = [max(3, *(len(row[place]) for row in (names, *rows))) for place in range(len(heads))]

    def line(texts: Sequence[str]) -> str:
        padded = [
            text.rjust(width) if place in right else text.ljust(width)
            for place, (text, width) in enumerate(zip(texts, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = [("-" * (width - 1) + ":") if place in right else "-" * width for place, width in enumerate(widths)]
    return "\n".join([line(names), line(rule), *map(line, rows)])
