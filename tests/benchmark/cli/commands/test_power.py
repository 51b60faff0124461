"""`bench power` on a real store."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from benchmark.cli.main import main
from tests.support.results import Results


@pytest.fixture
def uri(results: Results, tracking: Any) -> str:
    for seed in range(3):
        results.add(results.cell("swa", seed), np.arange(1000) < 810 + 10 * seed)
        results.add(results.cell("finetune", seed), np.arange(1000) < 800)
    results.save(tracking)
    return str(tracking.store.uri)


def test_it_says_what_is_needed_and_how_to_get_it(uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["power", "--methods", "swa,finetune", "--gain", "2", "--tracking-uri", uri]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    for line in (
        "methods swa − finetune",
        "seeds at hand 3 (0, 1, 2)",
        "difference +2.00 ± 2.57 points (95% interval)",  # Student's t over seeds alone has 2.48
        "sd between seeds 1.00 points; with 95% confidence 0.52 to 6.28",
        "sd by test rows 0.37 points, which more seeds don't change",
        "power for 2 points 39% at 3 seeds",
        "seeds for 80% power 5; 3 to 109 over that range of the sd",
        "on the leaderboard 5, corrected for 1 pair",
        "bench run --methods swa,finetune --seeds 5",
    ):
        assert line in lines, line

    assert main(["power", "--methods", "swa,finetune", "--gain", "40", "--tracking-uri", uri]) == 0
    assert "The seeds at hand are enough for a gain of 40 points." in capsys.readouterr().out

    assert main(["power", "--methods", "swa,finetune", "--gain", "0.5", "--tracking-uri", uri]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "No number of seeds that can be run will show a gain of 0.5 points: the test set is too small." in said

    assert main(["power", "--methods", "swa,finetune", "--gain", "2", "--tracking-uri", uri, "--json"]) == 0
    (plan,) = json.loads(capsys.readouterr().out)
    assert (plan["gain_points"], plan["needed"], plan["sd"]) == (2.0, 5, pytest.approx(0.01))

    assert main(["power", "--methods", "swa,lora", "--suite", "quick", "--tracking-uri", uri]) == 2
    assert capsys.readouterr().err == (
        f"bench: error: swa and lora have fewer than two finished seeds in common in {uri}: "
        "`bench run --methods swa,lora --seeds 3 --suite quick` makes three\n"
    )


def test_the_command_keeps_what_was_set_for_a_part_and_drops_what_was_for_others(
    results: Results, tracking: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    told = "bench run --methods all --seeds 2 --set swa.lr=0.001 --set lora.rank=4 --set gone.x=1"
    results.environment = dataclasses.replace(results.environment, command=told)
    for seed in range(2):
        results.add(results.cell("swa+reinit", seed), np.arange(1000) < 810 + 10 * seed)
        results.add(results.cell("finetune", seed), np.arange(1000) < 800)
    results.save(tracking)
    assert main(["power", "--methods", "swa+reinit,finetune", "--tracking-uri", str(tracking.store.uri)]) == 0
    said = capsys.readouterr().out
    assert "--set swa.lr=0.001" in said
    assert "lora" not in said
    assert "gone" not in said


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("--methods swa", "--methods takes two names joined by a comma"),
        ("--methods swa,lora,llrd", "--methods takes two names joined by a comma"),
        ("--methods swa,swa", "names one method twice"),
        ("--methods swa,nothing", "unknown method 'nothing'"),
        ("--methods swa,lora --gain 0", "--gain takes percentage points above 0"),
        ("--methods swa,lora --gain nan", "--gain takes percentage points above 0"),
        ("--methods swa,lora --gain half", "--gain takes percentage points above 0"),
        ("", "--methods is missing"),
        ("--methods swa,lora", "`bench run --methods swa,lora --seeds 3` makes three"),
    ],
)
def test_what_can_not_be_told(
    words: str, part: str, capsys: pytest.CaptureFixture[str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["power", *words.split()]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("bench: error: ")
    assert output.err.count("\n") == 1
    assert part in output.err
    assert list(tmp_path.iterdir()) == []
