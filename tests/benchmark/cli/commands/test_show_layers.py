"""``bench show RUN --plot layers``: a probe's figures lie among its run's artifacts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli.main import main
from tests.support.encoders import TinyEncoder


def test_a_probes_figures_are_artifacts_of_its_run(
    tmp_path: Path, tiny_encoder: TinyEncoder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    store = ["--tracking-uri", f"sqlite:///{tmp_path}/mlruns/mlflow.db"]
    budget = ["--suite", "quick-tasks", "--encoder", str(tiny_encoder()), "--epochs", "2", "--limit-train", "20"]
    assert main(["run", "--methods", "probe,zero-shot", *budget, *store, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    probe, other = (record["run"] for record in document["records"])
    shown: dict[str, Any] = {}
    for _ in range(2):  # drawn again, they take the place of what was there
        assert main(["show", probe[:8], "--plot", "layers", *store, "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
    tasks = ("sentiment", "paraphrase", "similarity")
    assert shown["artifacts"] == [f"figures/layers_{task}.{kind}" for task in tasks for kind in ("png", "plotly.json")]
    assert set(shown["recommended"]) == set(tasks)
    (folder,) = (tmp_path / "mlruns").rglob(f"{probe}/artifacts/figures")
    assert len(list(folder.iterdir())) == 6
    for task in tasks:
        assert (folder / f"layers_{task}.png").read_bytes().startswith(b"\x89PNG")
        drawn = json.loads((folder / f"layers_{task}.plotly.json").read_text(encoding="utf-8"))
        assert len(drawn["data"]) == 2 * (2 + 3)  # on two splits a line per epoch, and one per layer
    assert main(["show", other, "--plot", "layers", *store]) == 2
    assert "has no scores by layer" in capsys.readouterr().err
