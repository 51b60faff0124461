"""`bench speed` on a tiny encoder."""

from __future__ import annotations

import json

import pytest

from benchmark.cli.main import main
from tests.support.encoders import TinyEncoder


def test_table(tiny_encoder: TinyEncoder, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["speed", "--methods", "finetune", "--against", "trainer,stock", "--steps", "2", "--blocks", "1"]
    assert main([*words, "--encoder", str(tiny_encoder()), "--limit-train", "80"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "method",
        "phase",
        "by",
        "ms",
        "per",
        "step",
        "quartiles",
        "times",
        "as",
        "long",
        "times",
        "the",
        "floor",
    ]
    rows = [line.split() for line in lines[1:4]]
    assert [row[:3] for row in rows] == [["finetune", "classification", side] for side in ("bench", "trainer", "stock")]
    assert rows[0][-2] == "1.00"
    assert "tokens per step" in lines[4]


def test_json(tiny_encoder: TinyEncoder, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["speed", "--methods", "lora,supcon", "--against", "none", "--steps", "1", "--blocks", "1", "--json"]
    assert main([*words, "--encoder", str(tiny_encoder()), "--limit-train", "80"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["method"], one["phase"]) for one in found] == [
        ("lora", "classification"),
        ("supcon", "contrastive"),
        ("supcon", "classification"),
    ]
    assert all(one["ratios"] == {"bench": 1.0} for one in found)
    assert found[2]["floor"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--methods", "finetune", "--against", "keras"], "--against takes trainer, padded, stock"),
        (["--methods", "probe"], "'probe' is no technique: it has no training steps to measure"),
        (["--methods", "finetune", "--steps", "0"], "--steps takes a whole number from 1 to 10,000"),
    ],
)
def test_what_cant_be_measured(
    words: list[str], message: str, tiny_encoder: TinyEncoder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["speed", *words, "--encoder", str(tiny_encoder()), "--limit-train", "80"]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("bench: error: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1
