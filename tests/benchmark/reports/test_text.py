"""Markdown, LaTeX and CSV: readable, escaped, nothing bold that is tied."""

from __future__ import annotations

import csv
import dataclasses
import io
import json

import numpy as np
import pytest

from benchmark.reports import text
from benchmark.reports.content import Report, gather
from tests.support.results import Results

REASON = r"<script>alert('x')</script> | $y$ & 100% _z_ [a](b) \input{c}"


def report(results: Results) -> Report:
    return gather(results.records, results.predictions, "2026-01-02T03:04:05+00:00")


def test_markdown_reads_as_expected(three: Results) -> None:
    lines = text.markdown(report(three)).splitlines()
    assert lines[0] == "## quick: Synthetic assistant utterances, 18 scenarios (built in), tiny"
    assert lines[2].split(" | ")[:4] == ["| method", "ties", "test accuracy %", "validation accuracy %"]
    assert [" ".join(line.split()) for line in lines[4:7]] == [
        "| good | a | 79.8 ± 0.0 | 79.8 ± 0.0 | 0.754 | 20,050 | 4.00 | 537 | 3 | done |",
        "| same | a | 79.8 ± 0.0 | 79.8 ± 0.0 | 0.754 | 200 | 3.00 | 537 | 3 | done |",
        "| bad | b | 39.8 ± 0.0 | 39.8 ± 0.0 | 1.154 | 100 | 1.00 | 537 | 3 | done |",
    ]
    assert len({len(line) for line in lines[2:7]}) == 1  # the source is a table as well


def test_nothing_is_bold_inside_a_tie(three: Results) -> None:
    assert "**" not in text.markdown(report(three))
    assert "textbf" not in text.latex(report(three))


def test_a_method_that_is_told_from_all_others_is_bold(results: Results) -> None:
    for seed in range(3):
        results.add(results.cell("a", seed), np.arange(400) < 380 + seed)
        results.add(results.cell("b", seed), np.arange(400) < 200 + seed)
    assert text.markdown(report(results)).count("**95.2 ± 0.6**") == 1
    assert text.latex(report(results)).count(r"\textbf{95.2 $\pm$ 0.6}") == 1
    unknown = results.add(results.cell("c", 0), np.arange(400) < 10)
    results.stored[unknown.run] = ()
    assert "**" not in text.markdown(report(results))  # c was not compared with it


def test_what_a_user_wrote_is_text(three: Results) -> None:
    three.fail(three.cell("a_b|c", 0), REASON)
    markdown, latex = text.markdown(report(three)), text.latex(report(three))
    assert r"| a\_b\|c " in markdown
    assert r"&lt;script&gt;alert('x')&lt;/script&gt; \| \$y\$ &amp; 100% \_z\_ \[a\](b) \\input{c}" in markdown
    assert r"a\_b\textbar{}c & --" in latex
    assert (
        r"\textless{}script\textgreater{}alert('x')\textless{}/script\textgreater{} "
        r"\textbar{} \$y\$ \& 100\% \_z\_ [a](b) \textbackslash{}input\{c\}"
    ) in latex


def test_latex_is_balanced_and_uses_booktabs(three: Results) -> None:
    lines = text.latex(report(three)).splitlines()
    assert lines[0] == r"% needs \usepackage{booktabs}"
    for name in ("table", "tabular"):
        begun = sum(line.startswith(f"\\begin{{{name}}}") for line in lines)
        assert begun == sum(line.startswith(f"\\end{{{name}}}") for line in lines) == 1
    table = lines[lines.index(r"\toprule") + 1 : lines.index(r"\bottomrule")]
    assert {line.replace(r"\&", "").count("&") for line in table if line != r"\midrule"} == {9}
    assert "\n".join(lines).count("{") == "\n".join(lines).count("}")


def test_csv_is_one_line_per_row_with_all_it_depends_on(three: Results) -> None:
    three.fail(three.cell("broken", 0), REASON)
    longer = dataclasses.replace(three.protocol, epochs=5)
    three.add(three.cell("good", 0, longer, lr=0.1), np.arange(400) < 100)
    rows = list(csv.DictReader(io.StringIO(text.comma_separated(report(three)))))
    assert [(row["label"], row["epochs"], row["place"]) for row in rows] == [
        ("good", "2", "1"),
        ("same", "2", "2"),
        ("bad", "2", "3"),
        ("broken", "2", "4"),
        ("good", "5", "1"),
    ]
    first, broken, alone = rows[0], rows[3], rows[4]
    assert float(first["test_mean"]) == pytest.approx(0.7975)
    assert (first["seeds"], first["n"], first["ties"], first["synthetic"]) == ("0 1 2", "3", "a", "True")
    assert json.loads(first["data_fingerprints"])["scenario"]["test"] == "d" * 64
    assert json.loads(broken["without_score"]) == [{"seed": 0, "status": "failed", "reason": REASON}]
    assert (broken["test_mean"], broken["status"]) == ("", "failed")
    assert (alone["test_half_width"], alone["parameters"]) == ("", '{"lr": 0.1}')


def test_effects_and_ranks_have_sections(results: Results) -> None:
    for suite in ("quick", "other"):
        protocol = dataclasses.replace(results.protocol, suite=suite)
        for seed in range(2):
            for method, hits in (("finetune", 50), ("swa", 60), ("reinit", 55), ("swa+reinit", 80)):
                results.add(results.cell(method, seed, protocol), np.arange(100) < hits + seed)
    markdown = text.markdown(report(results))
    assert "| reinit × swa | +15.0 ± 0.0" in " ".join(markdown.split())
    assert (
        "Average ranks over 2 suites (quick, other): swa+reinit 1.00, swa 2.00, reinit 3.00, finetune 4.00." in markdown
    )
    assert r"reinit $\times$ swa" in text.latex(report(results))
