"""`bench show`: a method with all of its parameters, a run with all that was recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmark.cli.main import main
from benchmark.core import registry
from benchmark.train.method_handle import resolve_method


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["show", *words]) == 0
    return capsys.readouterr().out


def run_id(capsys: pytest.CaptureFixture[str], store: str) -> str:
    main(["list", "runs", "--tracking-uri", store, "--json"])
    return str(json.loads(capsys.readouterr().out)[-1]["run"])


@pytest.mark.parametrize("name", registry.names())
def test_a_method_says_what_it_does_where_from_and_every_parameter(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(capsys, name)
    assert text.startswith(f"{name}  ")
    document = json.loads(shown(capsys, name, "--json"))
    assert [part["name"] for part in document["parts"]] == [entry.name for entry in registry.parts(name)]
    assert [one["name"] for one in document["parameters"]] == [one.name for one in resolve_method(name).parameters]
    for one in resolve_method(name).parameters:
        assert f"\n{one.name} " in text


def test_a_method_shows_what_tune_searches(capsys: pytest.CaptureFixture[str]) -> None:
    searched = json.loads(shown(capsys, "supcon", "--json"))["search_space"]
    assert searched == {one.name: searched[one.name] for one in resolve_method("supcon").parameters if one.search}
    assert searched["lr"].endswith(":log")
    (line,) = [line for line in shown(capsys, "supcon").splitlines() if line.startswith("temperature ")]
    assert f" {searched['temperature']} " in line


def test_a_combination_is_shown_in_either_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "reinit+swa") == shown(capsys, "swa+reinit")


def test_a_run_is_shown_by_the_beginning_of_its_id(capsys: pytest.CaptureFixture[str], store: str) -> None:
    run = run_id(capsys, store)
    lines = shown(capsys, run[:8], "--tracking-uri", store).splitlines()
    words = " ".join(" ".join(lines).split())  # names stand beside their values, or above them where a path is long
    assert lines[0].split() == ["lora", "seed", "1", "done"]
    for line in (
        f"run {run}",
        "scenario accuracy 0.2500 0.2500",
        "main 1,000 50 2,000 2.50 1.50 666.70",
        "peak memory 512 MiB (device memory allocated)",
        "parameters (set)",
        "rank 4",
        "scenario: exact duplicates train ∩ test 7",
        "scenario: rows cut at the maximum length train 3 (0.3%)",
        "scenario: notes validation carved from train",
        "scenario: source my data (synthetic)",
        "commit abc123 with uncommitted changes",
        "main 1 1.0000 0.0100",
        "main 20 0.0500 0.2000",
        "12 of 20 epochs; --json has them all",
    ):
        assert line in words, line
    assert sum(line.split()[:1] == ["main"] for line in lines) == 1 + 12  # its costs, its curves


def test_the_command_that_repeats_a_run_is_the_one_that_made_it_narrowed_to_the_cell(
    capsys: pytest.CaptureFixture[str], store: str
) -> None:
    document = json.loads(shown(capsys, run_id(capsys, store), "--tracking-uri", store, "--json"))
    assert document["command"] == (
        "bench run --methods lora --seed 1 --set lora.lr=0.0001 --set lora.rank=4 --data 'my data' "
        "--epochs 20 --limit-train 100 --device cpu"
    )


def test_a_run_as_json_is_everything(capsys: pytest.CaptureFixture[str], store: str) -> None:
    run = run_id(capsys, store)
    document: dict[str, Any] = json.loads(shown(capsys, run, "--tracking-uri", store, "--json"))
    assert document["run"] == run
    assert len(document["points"]) == 40
    assert document["cell"]["parameters"] == [["lr", 1e-4], ["rank", 4]]
    assert document["artifacts"].endswith(f"artifacts/quick/{run}/artifacts")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("swaa", "'swaa' is no method, run or study: did you mean 'swa'?"),
        (
            "zzzz",
            (
                "'zzzz' is no method, run or study: `bench list methods`, `bench list runs` and `bench list studies` "
                "show their names"
            ),
        ),
        ("swa+reinitt", "unknown method 'reinitt' in 'swa+reinitt': did you mean 'reinit'?"),
        ("reinit+reinit", "method 'reinit+reinit' names 'reinit' twice: write it once"),
        ("0123abcd", "no run in {store} is called '0123abcd': `bench list runs` shows their ids"),
    ],
)
def test_a_name_that_nothing_has(name: str, line: str, capsys: pytest.CaptureFixture[str], store: str) -> None:
    assert main(["show", name, "--tracking-uri", store]) == 2
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", f"bench: error: {line.format(store=store)}\n")
