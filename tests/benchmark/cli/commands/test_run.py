"""`bench run` from end to end, with a tiny random encoder: what it prints, writes, and which status it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli.main import main
from benchmark.experiment import runner
from benchmark.tracking import Tracking, resolve_uri
from benchmark.train import method_handle
from benchmark.train.loop import train
from tests.support.encoders import TinyEncoder


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def words(tiny_encoder: TinyEncoder) -> list[str]:
    """A run of three seconds: two cells."""
    budget = ["--epochs", "1", "--batch-size", "16"]
    return ["run", "--methods", "finetune,zero-shot", "--limit-train", "64", "--encoder", str(tiny_encoder()), *budget]


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)  # one document and nothing else
    return found


def test_a_dry_run_shows_the_plan_and_writes_nothing(
    words: list[str], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--seeds", "2", "--dry-run"]) == 0
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert "per cell       1 epoch of batches of 16: 4 steps; the best epoch is kept" in lines
    assert "finetune       2  0, 1          0       2" in lines
    assert lines[-1] == "4 cells, 4 to run; nothing was trained or written"
    assert main([*words, "--dry-run", "--json"]) == 0
    plan = document(capsys)
    assert [(cell["method"], cell["seed"], cell["finished"]) for cell in plan["cells"]] == [
        ("finetune", 0, False),
        ("zero-shot", 0, False),
    ]
    assert list(place.iterdir()) == []


def test_a_dry_run_says_what_will_be_skipped_and_why(
    tiny_encoder: TinyEncoder, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--encoder", str(tiny_encoder()), "--dry-run"]
    assert main(words) == 0
    said = capsys.readouterr().out
    (line,) = [line for line in said.splitlines() if line.startswith("pcgrad ") and "cells" not in line][:1]
    assert line.split()[-1] == "skipped"
    assert "pcgrad is skipped: " in said
    assert main([*words, "--json"]) == 0
    found = document(capsys)
    skipped = {cell["method"] for cell in found["cells"] if cell["skipped"]}
    assert f"{len(found['cells'])} cells, {len(found['cells']) - len(skipped)} to run" in said
    assert "pcgrad" in skipped
    assert "finetune" not in skipped


def test_a_run_ends_with_the_table_and_what_to_type_next_and_is_not_repeated(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    first = capsys.readouterr()
    assert first.err.splitlines()[0] == "2 cells to run"
    assert "synthetic data" in first.out
    assert {line.split()[0] for line in first.out.splitlines() if line.rstrip().endswith(" done")} == {
        "finetune",
        "zero-shot",
    }
    assert "bench run --methods finetune,zero-shot --seeds 3 " in first.out
    assert "\n  bench leaderboard\n" in first.out

    assert main(words) == 0
    again = capsys.readouterr()
    assert again.err == "2 cells were finished already: nothing to train\n"
    assert again.out == first.out

    assert main([*words, "--json"]) == 0
    found = document(capsys)
    assert (found["exit_status"], found["cells"], found["finished_before"]) == (0, 2, 2)
    assert {row["status"] for row in found["table"]} == {"done"}
    assert len(found["records"]) == 2
    assert all(
        record["run"] in {p.name for p in Path("mlruns/artifacts/quick").iterdir()} for record in found["records"]
    )


def test_a_cell_that_fails_is_status_1_and_the_others_go_on(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(method_handle, "train", broken)  # zero-shot doesn't train
    assert main([*words, "--json"]) == 1
    found = document(capsys)
    status = {record["cell"]["method"]: (record["status"], record["reason"]) for record in found["records"]}
    assert status == {"finetune": ("failed", "RuntimeError: boom"), "zero-shot": ("done", "")}


def test_ctrl_c_keeps_what_is_finished_and_is_status_130(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[int] = []

    def stopped(recipe: Any, model: Any, tasks: Any, run: Any) -> None:
        seeds.append(run.streams.seed)
        if len(seeds) == 2:
            raise KeyboardInterrupt
        train(recipe, model, tasks, run)

    monkeypatch.setattr(method_handle, "train", stopped)
    assert main([*words, "--seeds", "3", "--json"]) == 130
    output = capsys.readouterr()
    found = json.loads(output.out)
    assert [record["status"] for record in found["records"]] == ["done", "done", "interrupted"]
    assert output.err.splitlines()[-1].startswith("bench: interrupted: finished cells are kept")
    assert seeds == [0, 1]


def test_ctrl_c_before_the_first_cell(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run", stopped)
    assert main(words) == 130
    assert capsys.readouterr().err.startswith("bench: interrupted: ")


def test_several_values_make_several_cells_also_where_a_choice_has_a_comma(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "--methods", "lora", "--set", "lora.rank=4,8", "--set", "lora.targets=query,value,all-linear"]
    assert main([*words, "--dry-run", "--json"]) == 0
    cells = [dict(cell["parameters"]) for cell in document(capsys)["cells"]]
    assert [(cell["rank"], cell["targets"]) for cell in cells] == [
        (4, "query,value"),
        (4, "all-linear"),
        (8, "query,value"),
        (8, "all-linear"),
    ]


def test_what_the_environment_says_is_checked_before_anything_is_run(
    words: list[str], place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENCH_STATES_MEMORY", "x")
    assert main(words) == 2
    assert "BENCH_STATES_MEMORY must be a number of bytes, such as 1073741824, not 'x'" in capsys.readouterr().err
    assert list(place.iterdir()) == []


def test_ones_own_data_are_named_by_their_folder(
    words: list[str], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "tickets").mkdir()
    lines = "".join(f"play song {number},{'ab'[number % 2]}\n" for number in range(40))
    for split in ("train", "test"):
        (place / "tickets" / f"{split}.csv").write_text(f"body,scenario\n{lines}")
    own = [*words, "--data", "tickets", "--text-column", "body"]
    assert main([*own, "--dry-run"]) == 0
    assert "suite          quick: data: tickets" in capsys.readouterr().out
    assert main(own) == 0
    assert "quick  data: tickets" in [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    (record, *_) = Tracking(resolve_uri(None)).records()
    assert record.own_data == "tickets"
    origin = record.data[0].origin
    assert origin
    assert (origin.dataset, origin.text_column) == (str(place / "tickets"), "body")
    assert main(["report", "--suite", "quick", "--format", "md"]) == 0
    report = capsys.readouterr().out
    assert "quick, data: tickets" in report
    assert "18 scenarios" not in report


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("--methods finetun", "unknown method 'finetun': did you mean 'finetune'?"),
        ("--methods reinit+reinit", "names 'reinit' twice"),
        ("--methods reinit+lora", "choose one of them"),
        ("--methods schedule+warmup", "choose one of them"),
        ("--methods finetune --set finetune.nothing=1", "has no such parameter"),
        ("--methods finetune --set finetune.lr=-1", "takes a number above 0"),
        ("--methods finetune --set finetune.lr=fast", "takes a number above 0"),
        ("--suite quik", "did you mean 'quick'?"),
        ("--suite missing.toml", "doesn't exist: check the path"),
        ("--data nowhere", "nowhere"),
        ("--data ~nosuchuser/x", "no such user"),
        ("--data /dev/zero", "is neither a file nor a folder"),
        ("--suite ~nosuchuser/x.toml", "no such user"),
        (f"--epochs {10**23}", "--epochs must be at most 100,000"),
        (f"--epochs {'9' * 5000}", "--epochs takes a whole number"),
        (f"--limit-train {10**23}", "--limit-train must be at most"),
        (f"--methods lora --set lora.rank={10**23}", "rank takes a whole number"),
        (f"--methods finetune --set finetune.lr={'9' * 5000}", "takes a number above 0"),
        ("--encoder \udcff", "is not UTF-8"),
        ("--device cuda:99", "cuda"),
        ("--encoder no-such/encoder", "--encoder all-MiniLM-L6-v2"),
        ("--tracking-uri mlruns", "give sqlite:///mlruns/mlflow.db"),
    ],
)
def test_what_can_not_be_run_is_one_line_status_2_and_nothing_is_written(
    words: str, part: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *words.split()]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("bench: error: ")
    assert output.err.count("\n") == 1
    assert part in output.err
    assert list(place.iterdir()) == []
