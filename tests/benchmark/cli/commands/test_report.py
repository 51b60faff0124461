"""`bench report` on a real store, in every format."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli.commands.report import FORMATS
from benchmark.cli.main import main

FINGERPRINT = "d" * 12


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_states_where_its_figures_come_from(form: str, three_store: str, tmp_path: Path) -> None:
    target = tmp_path / "report"
    assert main(["report", "--format", form, "--tracking-uri", three_store, "-o", str(target)]) == 0
    written = target.read_bytes()
    if form == "parquet":
        import pyarrow.parquet as pq

        metadata = pq.read_table(target).schema.metadata[b"bench.report"]
        written = metadata
        row = pq.read_table(target).to_pylist()[0]
        assert (row["suite"], row["ties"], row["test_mean"]) == ("quick", "a", pytest.approx(0.7975))
    text = written.decode()
    for fact in ("quick", "tiny", FINGERPRINT, "2.13.0", "2025-01-02", "good", "broken"):
        assert fact in text, fact


def test_without_a_file_it_goes_to_stdout(three_store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--format", "csv", "--suite", "quick", "--tracking-uri", three_store]) == 0
    output = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(output.out)))
    assert [(row["label"], row["ties"], row["n"]) for row in rows] == [
        ("good", "a", "3"),
        ("same", "a", "3"),
        ("bad", "b", "3"),
        ("broken", "", "0"),
    ]
    assert output.err == ""


def test_stdout_is_one_document(three_store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--format", "json", "--tracking-uri", three_store]) == 0
    document = json.loads(capsys.readouterr().out)
    (section,) = document["sections"]
    assert section["tied_with_best"] == ["good", "same"]
    assert section["cheapest_tied_with_best"] == {"trainable_parameters": "same", "epoch_seconds": "same"}
    assert len(section["pairs"]) == 3


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("", "no results in sqlite:///mlruns/mlflow.db: `bench run --methods all --seeds 3` makes some"),
        ("--suite massive-intent", "`bench run --methods all --seeds 3 --suite massive-intent` makes some"),
        ("--format pdf", "--format takes md, csv, latex, html, json or parquet, not 'pdf'"),
        ("-o nowhere/report.md", "there is no folder"),
        ("--tracking-uri mlruns", "give sqlite:///mlruns/mlflow.db"),
    ],
)
def test_what_can_not_be_reported(
    words: str, part: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["report", *words.split()]) == 2
    output = capsys.readouterr()
    assert (output.out, output.err.count("\n")) == ("", 1)
    assert part in output.err
    assert list(tmp_path.iterdir()) == []


def test_bytes_are_not_sent_to_a_terminal(
    three_store: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["report", "--format", "parquet", "--tracking-uri", three_store]) == 2
    assert "give -o FILE" in capsys.readouterr().err


def test_a_file_that_can_not_be_written_is_named(
    three_store: str, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    assert main(["report", "--tracking-uri", three_store, "-o", str(tmp_path)]) == 2
    assert "can't be written" in capsys.readouterr().err
