"""`bench list`: every kind, for people and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli.commands.list import LISTINGS
from benchmark.cli.main import main
from benchmark.core import registry, suite


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert main(["list", *words, "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("kind", LISTINGS)
def test_every_kind_is_a_table_and_the_same_names_in_json(
    kind: str, capsys: pytest.CaptureFixture[str], store: str
) -> None:
    place = ["--tracking-uri", store]
    items = listed(capsys, kind, *place)
    assert items
    assert main(["list", kind, *place]) == 0
    table = capsys.readouterr().out
    for item in items:
        assert str(item.get("name") or item["run"][:8]) in table


def test_methods_are_all_that_all_means(capsys: pytest.CaptureFixture[str]) -> None:
    items = listed(capsys, "methods")
    assert sorted(item["name"] for item in items) == list(registry.names())
    assert all(item["summary"] and item["source"] for item in items)
    (both,) = [item for item in items if item["name"] == "swa+reinit"]
    assert (both["kind"], both["summary"]) == ("combination", "reinit and swa together")
    assert {"layers", "swa_start", "lr"} <= set(both["parameters"])


def test_suites_are_their_protocols(capsys: pytest.CaptureFixture[str]) -> None:
    items = listed(capsys, "suites")
    assert [item["name"] for item in items] == list(suite.names())
    assert all(item["tasks"][0]["source"]["type"] in suite.SOURCES for item in items)


def test_synthetic_data_is_labelled(capsys: pytest.CaptureFixture[str]) -> None:
    items = listed(capsys, "datasets")
    assert {item["kind"]: item["synthetic"] for item in items} == {"builtin": True, "hub": False}
    main(["list", "datasets"])
    assert "builtin, synthetic" in capsys.readouterr().out


def test_encoders_say_where_they_come_from(capsys: pytest.CaptureFixture[str]) -> None:
    found = {item["name"]: item["from"] for item in listed(capsys, "encoders")}
    assert found == {"all-MiniLM-L6-v2": "package", "bert-base-uncased": "hub"}


def test_runs_are_newest_first_with_status_and_score(capsys: pytest.CaptureFixture[str], store: str) -> None:
    failed, done = listed(capsys, "runs", "--tracking-uri", store)
    assert (failed["status"], failed["reason"], failed["test"]) == ("failed", "RuntimeError: [b]no[/b]", None)
    assert (done["method"], done["seed"], done["test"], done["parameters"]) == (
        "lora",
        1,
        0.25,
        {"lr": 1e-4, "rank": 4},
    )
    main(["list", "runs", "--tracking-uri", store])
    table = capsys.readouterr().out
    assert "failed: RuntimeError: [b]no[/b]" in table
    assert "lora (set)" in table


def test_runs_of_another_suite_are_left_out(capsys: pytest.CaptureFixture[str], store: str) -> None:
    assert listed(capsys, "runs", "--suite", "massive-intent", "--tracking-uri", store) == []


def test_no_store_is_no_runs_and_stays_no_store(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["list", "runs"]) == 0
    assert capsys.readouterr().out == "no runs yet: `bench run` makes some\n"
    assert list(tmp_path.iterdir()) == []
