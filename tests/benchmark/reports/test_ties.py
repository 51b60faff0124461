"""Tie groups, computed again from the stored predictions by a script that imports nothing of ours."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.cli.main import main
from benchmark.tracking import Tracking
from tests.support.results import Results

SCRIPT = Path(__file__).resolve().parents[2] / "check_ties.py"


def report(uri: str, target: Path) -> dict[str, Any]:
    """Write the report of the store to `target` and return its one section."""
    assert main(["report", "--format", "json", "-o", str(target), "--tracking-uri", uri]) == 0
    (section,) = json.loads(target.read_text(encoding="utf-8"))["sections"]
    found: dict[str, Any] = section
    return found


def test_the_script_uses_nothing_of_the_project() -> None:
    assert not [line for line in SCRIPT.read_text(encoding="utf-8").splitlines() if line.startswith("from benchmark")]


def test_tie_groups_of_made_up_methods(results: Results, tracking: Tracking, tmp_path: Path) -> None:
    luck = np.random.default_rng(1)
    ease = luck.random(500)  # of each test row, the same for all methods
    for skill in (0.9, 0.88, 0.84, 0.8, 0.6):
        for seed in range(3):
            noise = luck.normal(0, 0.1, 500) + luck.normal(0, 0.005)
            results.add(results.cell(f"skill-{skill}", seed), ease + noise < skill)
    results.save(tracking)
    section = report(tracking.store.shown, tmp_path / "report.json")
    script = runpy.run_path(str(SCRIPT))
    found = script["check"](section, tmp_path / "mlruns" / "artifacts")
    assert len({row["ties"] for row in section["rows"]}) > 2  # neither all tied nor all apart
    assert (found["tied"] == found["letters"]).all()
    given = {(pair["first"], pair["second"]): pair["p"] for pair in section["pairs"]}
    for line in found.itertuples():
        assert line.p == pytest.approx(given[line.first, line.second], rel=0.1, abs=1e-4)  # on other grids

    assert script["main"](tmp_path / "report.json", tmp_path / "mlruns" / "artifacts") == 0
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    last = section["rows"][-1]["ties"]
    (tmp_path / "wrong.json").write_text(text.replace(f'"ties": "{last}"', '"ties": "a"'), encoding="utf-8")
    assert script["main"](tmp_path / "wrong.json", tmp_path / "mlruns" / "artifacts") == 1


@pytest.mark.slow
def test_tie_groups_of_real_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["--methods", "finetune,zero-shot", "--seeds", "3", "--limit-train", "256"]
    assert main(["run", *words]) == 0
    section = report("sqlite:///mlruns/mlflow.db", tmp_path / "report.json")
    assert len(section["rows"]) == 2
    found = runpy.run_path(str(SCRIPT))["check"](section, tmp_path / "mlruns" / "artifacts")
    edge = found["p_holm"].between(0.03, 0.08)
    assert (found["tied"] == found["letters"])[~edge].all()
    assert not found["tied"].all()
