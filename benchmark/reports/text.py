"""Reports as Markdown, LaTeX and CSV. Names and reasons that a user gave are escaped in each."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence

from benchmark.analysis import formats
from benchmark.analysis.stats.effects import Effects
from benchmark.core.scales import of_headline
from benchmark.core.text import pluralize
from benchmark.reports import table
from benchmark.reports.content import OverSuites, Report, Section
from benchmark.reports.escape import in_csv, in_latex, in_latex_key, in_markdown
from benchmark.reports.files import COLUMNS, flat

BREAK = r" \\ "
Escape = Callable[[str], str]


def markdown(report: Report) -> str:
    """Return the report in GitHub's Markdown."""
    parts = [part for section in report.sections for part in _markdown_section(section)]
    if report.over_suites:
        parts += ["## Over suites", in_markdown(over_suites(report.over_suites))]
    return "\n\n".join(parts) + "\n"


def _markdown_section(section: Section) -> list[str]:
    winner = table.winner(section)
    rows = [[in_markdown(cell) for cell in table.cells(place, table.costs(section))] for place in section.board.places]
    for place, row in zip(section.board.places, rows, strict=True):
        if place is winner:
            row[table.SCORE] = f"**{row[table.SCORE]}**"
    parts = [
        f"## {in_markdown(table.title(section))}",
        _grid(table.headings(section.protocol, table.costs(section)), rows),
    ]
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
            body = [
                f"\\caption{{{EFFECTS}: {in_latex(table.title(section))}. {in_latex(about_effects(section.effects))}}}"
            ]
            parts.append(
                _float(body, "lrr", [in_latex(name) for name in EFFECT_HEADS], _effects(section, in_latex), [])
            )
    if report.over_suites:
        parts.append(f"\\par {in_latex(over_suites(report.over_suites))}")
    return "\n\n".join(parts) + "\n"


def _latex_section(section: Section) -> str:
    winner, headings = table.winner(section), table.headings(section.protocol, table.costs(section))
    rows = [[in_latex(cell) for cell in table.cells(place, table.costs(section))] for place in section.board.places]
    for place, row in zip(section.board.places, rows, strict=True):
        if place is winner:
            row[table.SCORE] = f"\\textbf{{{row[table.SCORE]}}}"
    facts = "; ".join(f"{name}: {value}" for name, value in section.facts.items() if value)
    below = [in_latex(" ".join(note if note.endswith(".") else f"{note}." for note in section.notes)), in_latex(facts)]
    return _float(
        [
            f"\\caption{{{in_latex(table.title(section))}}}",
            f"\\label{{tab:{in_latex_key(section.protocol.suite)}-{section.protocol.id}}}",
        ],
        f"ll{'r' * (len(headings) - 3)}l",
        [_head(name) for name in headings],
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
    writer.writerows({name: in_csv(value) for name, value in row.items()} for row in flat(report))
    return stream.getvalue()


EFFECTS = "Effects of techniques"
EFFECT_HEADS = ("technique", "effect, 95% interval", "p")


def effect_rows(section: Section) -> list[tuple[str, str, str]]:
    """Return a line per effect: its factors, the estimate with its interval, p."""
    scale = of_headline(section.protocol)
    return [
        (
            " × ".join(effect.factors),
            formats.difference(effect.estimate, effect.half_width, scale),
            formats.p_value(effect.p),
        )
        for effect in (section.effects.found if section.effects else ())
    ]


def _effects(section: Section, escape: Escape) -> list[list[str]]:
    return [[escape(cell) for cell in row] for row in effect_rows(section)]


def about_effects(effects: Effects) -> str:
    """Return how to read the table of effects."""
    unknown = ", ".join(" × ".join(term) for term in effects.unknown)
    return (
        "Least squares over the runs with default parameters, with a mean for each seed: what a technique adds on "
        "average over what it was combined with; a × b is how the effect of a changes when b is added. "
        f"{pluralize(effects.n, 'run')}, {effects.df} residual degrees of freedom, p not adjusted."
        + (" There are as many coefficients as runs: more seeds would give intervals." if effects.df == 0 else "")
        + (f" These runs can't identify: {unknown}." if unknown else "")
    )


def over_suites(found: OverSuites) -> str:
    """Return the average ranks over suites in a sentence, best first, and the critical difference."""
    order = sorted(range(len(found.methods)), key=lambda place: found.ranks.average[place])
    listed = ", ".join(f"{found.methods[place]} {found.ranks.average[place]:.2f}" for place in order)
    friedman = f", Friedman's p {formats.p_value(found.ranks.p)}" if found.ranks.p is not None else ""
    return (
        f"Average ranks over {len(found.suites)} suites ({', '.join(found.suites)}): {listed}. Methods whose ranks "
        f"differ by less than {found.ranks.critical_difference:.2f}, the critical difference (Nemenyi, 5%), are not "
        f"significantly different{friedman}."
    )


def _grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown whose source can be read as well."""
    right = set(range(len(heads))[table.FIGURES]) if len(heads) > 3 else {1, 2}
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
