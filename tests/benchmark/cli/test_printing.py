"""Wrapping keeps words, tables fit, and where they can't, what is left out is named."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType

from benchmark.cli.printing import Column, Command, Facts, FittingTable, show, table, wrap


def printed(renderable: RenderableType, width: int) -> list[str]:
    stream = io.StringIO()
    show(Console(file=stream, width=width, color_system=None), renderable)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


@given(st.lists(st.text("ab界é/-", min_size=1, max_size=30), min_size=1), st.integers(1, 40), st.integers(0, 6))
def test_wrapping_keeps_every_word_and_the_width(words: list[str], width: int, hanging: int) -> None:
    lines = wrap(" ".join(words), width, hanging)
    assert [word for line in lines for word in line.split()] == words
    assert all(cell_len(line) <= width or len(line.split()) == 1 for line in lines)


def test_lines_and_their_indentation_are_kept() -> None:
    assert wrap("one two\n\n  - three four", 9) == ["one two", "", "  - three", "  four"]
    assert wrap("a b c", 3, hanging=1) == ["a b", " c"]


def example() -> FittingTable:
    grid = FittingTable(
        Column("method"),
        Column("test\n%", right=True, whole=True),
        Column("encoder", optional=True),
        Column("status"),
    )
    grid.add_row("schedule+swa", "91.6 ± 0.2", "all-MiniLM-L6-v2", "done")
    grid.add_row("lora", "–", "all-MiniLM-L6-v2", "failed: out of memory")
    return grid


def test_a_table_that_fits_is_as_wide_as_it_needs() -> None:
    assert printed(example(), 90) == [
        "                    test",
        "method                 %  encoder           status",
        "─" * 65,
        "schedule+swa  91.6 ± 0.2  all-MiniLM-L6-v2  done",
        "lora                   –  all-MiniLM-L6-v2  failed: out of memory",
    ]


def test_an_optional_column_is_left_out_and_named() -> None:
    lines = printed(example(), 50)
    assert lines[3] == "schedule+swa  91.6 ± 0.2  done"
    assert " ".join(lines[-2:]) == "no room here for encoder: a wider terminal or --json shows more"
    assert "all-MiniLM" not in "\n".join(lines)


def test_a_row_is_a_card_where_nothing_else_fits() -> None:
    assert printed(example(), 30) == [
        "method schedule+swa",
        "  test %   91.6 ± 0.2",
        "  encoder  all-MiniLM-L6-v2",
        "  status   done",
        "",
        "method lora",
        "  encoder  all-MiniLM-L6-v2",
        "  status   failed: out of",
        "           memory",
    ]


def test_costs_stand_below_scores_in_a_narrow_terminal() -> None:
    grid = FittingTable(Column("method"), Column("test"), Column("parameters", right=True, whole=True, below=True))
    grid.add_row("schedule+swa", "91.6", "22,816,402")
    assert printed(grid, 24) == [
        "method        test",
        "─" * 18,
        "schedule+swa  91.6",
        "",
        "method        parameters",
        "─" * 24,
        "schedule+swa  22,816,402",
    ]


@pytest.mark.parametrize("width", [20, 60, 200])
def test_markup_is_text(width: int) -> None:
    grid = table("name!", "what")
    grid.add_row("[bold]a[/bold]", "[red]b[/red]")
    text = "\n".join(printed(grid, width))
    assert "[bold]a[/bold]" in text
    assert "[red]b[/red]" in text


def test_facts_stand_beside_or_below_their_names_and_commands_are_whole() -> None:
    command = "bench run --methods all --data '/a/long/path to/a folder'"
    facts = Facts({"suite": "quick", "nothing": "", "none": None, "repeat it": Command(command)})
    assert printed(facts, 80) == ["suite      quick", f"repeat it  {command}"]
    assert printed(facts, 40) == ["suite      quick", "repeat it", f"  {command}"]
    path = "/a/path/of/thirty/characters/0"
    assert printed(Facts({"place": path}), 30) == ["place", f"  {path}"]
