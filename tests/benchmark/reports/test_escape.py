"""Hostile names in every format: each shows the characters, and none of them is obeyed."""

from __future__ import annotations

import csv
import io
import re

import numpy as np
import pytest

from benchmark.reports import page, text
from benchmark.reports.content import Report, gather
from benchmark.reports.escape import in_csv, in_latex, in_latex_key, in_markdown, visible
from tests.support.results import Results

HOSTILE = (
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "+1",
    "-1",
    "  =1+1",
    "\t=1",
    "\r=1",
    "\uff1d1",
    "a|b",
    "`code`",
    "<script>alert(1)</script>",
    r"\input{/etc/passwd}",
    "a\n\n# heading\n- item",
    "$x$ ${y}",
    "\x1b[31mred\x1b[0m",
    "a\u202egnp.exe",
    "{{ 7*7 }} {% raw %}",
    "![x](https://example.com/x.png)",
)


def report(results: Results, name: str) -> Report:
    results.add(results.cell(name, 0), np.arange(50) < 30)
    results.fail(results.cell("failed", 0), name)
    return gather(results.records, results.predictions, "2026-01-02T03:04:05+00:00", lambda _: ())


@pytest.mark.parametrize("value", HOSTILE[:8])
def test_no_text_begins_a_formula(value: str) -> None:
    assert in_csv(value) == "'" + value.replace("\r", "\n")


@pytest.mark.parametrize("value", [-1.5, 1e-9, 0, None, True, "plain", "a=b", "lora (rank=8)"])
def test_numbers_and_plain_texts_are_not_changed(value: object) -> None:
    assert in_csv(value) == ("" if value is None else value)


@pytest.mark.parametrize("name", HOSTILE)
def test_csv_reports_have_no_formula_in_any_cell(results: Results, name: str) -> None:
    made = text.comma_separated(report(results, name))
    rows = list(csv.DictReader(io.StringIO(made, newline="")))
    assert len(rows) == 2
    for row in rows:
        for key, value in row.items():
            number = re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", value)
            assert number or not value.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d")), (key, value)


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_reports_keep_their_table(results: Results, name: str) -> None:
    made = text.markdown(report(results, name))
    table = [line for line in made.splitlines() if line.startswith("|")]
    assert len(table) == 4
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {11}
    assert "<script" not in made
    assert "\x1b" not in made
    assert "\u202e" not in made
    assert not re.search(r"^# heading|^- item", made, re.MULTILINE)
    assert not re.search(r"(?<!\\)`", made)
    assert not re.search(r"(?<!\\)\]\(", made)


@pytest.mark.parametrize("name", HOSTILE)
def test_latex_reports_have_no_command_of_a_user(results: Results, name: str) -> None:
    made = text.latex(report(results, name))
    assert r"\input" not in made
    unescaped = re.sub(r"\\[{}$&#%_\\]", "", made)
    assert unescaped.count("{") == unescaped.count("}")
    assert unescaped.replace(r"$\pm$", "").replace(r"$-$", "").replace(r"$\times$", "").count("$") == 0


@pytest.mark.parametrize("name", HOSTILE)
def test_html_reports_have_no_element_of_a_user(results: Results, name: str) -> None:
    made = page.page(report(results, name))
    assert "<script" not in made
    assert "\x1b" not in made
    assert "{{ 49" not in made
    assert not re.search(r">49 ", made)


def test_a_label_of_latex_is_a_word() -> None:
    assert in_latex_key("my suite}\\input{x") == "my-suite-input-x"
    assert in_latex("a|b`c…") == r"a\textbar{}b\textasciigrave{}c\ldots{}"


def test_what_begins_a_block_of_markdown_begins_none() -> None:
    assert in_markdown("- x") == r"\- x"
    assert in_markdown("1. x") == r"1\. x"
    assert in_markdown("---") == r"\---"
    assert in_markdown("+1.5 ± 0.2") == "+1.5 ± 0.2"
    assert in_markdown("84.2 ± 3.5") == "84.2 ± 3.5"
    assert in_markdown("see https://example.com") == r"see https\://example.com"


def test_marks_without_a_shape_are_replaced() -> None:
    assert visible("a\x00b\u202ec\u200bd\ne") == "a\ufffdb\ufffdc\ufffdd e"
