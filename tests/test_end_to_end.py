"""The command as people meet it: every bad input of the list is one line, and a real run, from table to Ctrl-C.

Most bad input is tried in this process, to be quick; what is about processes runs in processes of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from benchmark.cli.main import main
from tests.support.encoders import TinyEncoder

ROOT = Path(__file__).resolve().parents[1]
BENCH = (sys.executable, "-m", "benchmark")


def environment() -> dict[str, str]:
    """What a process of its own gets: this checkout's code, from whatever folder it is started in."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def bench(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``bench`` in a process of its own, started in `folder`."""
    return subprocess.run(
        [*BENCH, *words], cwd=folder, env=environment(), capture_output=True, text=True, check=False, timeout=240
    )


# Bad input.

LINES = '{"text": "switch it on", "label": "on"}\n{"text": "switch it off", "label": "off"}\n'
FILES: dict[str, dict[str, str | bytes]] = {
    "without-train": {"test.jsonl": LINES},
    "without-label": {"train.csv": "text,topic\nswitch it on,on\n", "test.csv": "text,topic\nswitch it off,off\n"},
    "empty-split": {"train.csv": "text,label\nswitch it on,on\n", "test.csv": "text,label\n"},
    "empty-file": {"train.jsonl": LINES, "validation.jsonl": "", "test.jsonl": LINES},
    "new-label": {"train.jsonl": LINES * 9, "test.jsonl": LINES + '{"text": "dim it", "label": "dim"}\n'},
    "latin-1": {"train.csv": "text,label\ncafé,on\n".encode("latin-1"), "test.csv": "text,label\noff,off\n"},
    "suite": {
        "mine.toml": 'name = "mine"\ntitle = "Mine"\nencoder = "all-MiniLM-L6-v2"\nepoch = 1\nbatch_size = 8\n'
        'max_length = 32\nselection = "best"\n[[tasks]]\nname = "scenario"\nsource = { type = "builtin" }\n'
    },
    "no-encoder": {"README.md": "nothing that could be loaded"},
}


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tokens are kept where these tests end, whichever process makes them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all sorts of unusable files, and a tracking store of the future."""
    folder = tmp_path_factory.mktemp("bad")
    for name, files in FILES.items():
        (folder / name).mkdir()
        for file, content in files.items():
            (folder / name / file).write_bytes(content.encode() if isinstance(content, str) else content)
    (folder / "newer").mkdir()
    with contextlib.closing(sqlite3.connect(folder / "newer" / "mlflow.db")) as store, store:
        for table in ("experiments", "runs", "tags"):
            store.execute(f"CREATE TABLE {table} (name TEXT)")
        store.execute("CREATE TABLE alembic_version (version_num TEXT)")
        store.execute("INSERT INTO alembic_version VALUES ('ffffffffffff')")
    return folder


@dataclass(frozen=True)
class Bad:
    """Words behind ``bench run``, and what the one line must say; ``BAD`` stands for the folder of unusable files."""

    words: str
    says: tuple[str, ...]


INPUTS: dict[str, Bad] = {
    "unknown method": Bad("--methods finetnue", ("unknown method 'finetnue'", "did you mean 'finetune'?")),
    "unknown part of a combination": Bad("--methods swa+reinitt", ("'reinitt' in 'swa+reinitt'", "'reinit'?")),
    "the same twice": Bad("--methods reinit+reinit", ("names 'reinit' twice", "write it once")),
    "two answers": Bad("--methods schedule+warmup", ("'schedule' and 'warmup' both say", "choose one of them")),
    "two first phases": Bad("--methods supcon+simclr", ("simclr", "supcon")),
    "a whole method": Bad("--methods zero-shot+swa", ("'zero-shot' is a whole method",)),
    "fresh layers left frozen": Bad("--methods reinit+lora", ("'lora' would leave frozen", "choose one of them")),
    "no seeds": Bad("--seeds 0", ("--seeds takes a whole number from 1", "'0'")),
    "unknown parameter": Bad("--set lora.rnk=8", ("lora.rnk", "no such parameter", "rank")),
    "unknown parameter of a part": Bad("--methods swa+reinit --set swa.rank=8", ("swa.rank", "no such parameter")),
    "out of range": Bad("--set lora.rank=0", ("lora.rank takes a whole number from 1 to 512",)),
    "wrong type": Bad("--set lora.rank=2.5", ("lora.rank takes a whole number", "'2.5'")),
    "not a number": Bad("--set finetune.lr=nan", ("finetune.lr takes a number above 0",)),
    "a method that isn't run": Bad("--methods swa --set lora.rank=8", ("contains 'lora'", "add it to --methods")),
    "unknown key": Bad("--suite BAD/suite/mine.toml", ("mine.toml", "unknown key 'epoch'", "did you mean 'epochs'?")),
    "no train split": Bad("--data BAD/without-train", ("has no train split", "train.jsonl, train.csv")),
    "no label column": Bad("--data BAD/without-label", ("train.csv", "'text', 'topic'", "--label-column")),
    "a split without rows": Bad("--data BAD/empty-split", ("test.csv is empty", "at least one row")),
    "an empty file": Bad("--data BAD/empty-file", ("validation.jsonl is empty", "at least one row")),
    "a label only in test": Bad(
        "--data BAD/new-label", ("test has the label 'dim', which train never has", "add rows")
    ),
    "not UTF-8": Bad("--data BAD/latin-1", ("train.csv is not UTF-8 (line 2)", "save it as UTF-8")),
    "no such folder": Bad("--data BAD/nowhere", ("nowhere", "doesn't exist", "check the path")),
    "no CUDA": Bad("--device cuda", ("--device cuda:", "use --device cpu")),
    "an encoder not cached": Bad("--encoder nobody/no-such-encoder", ("not cached", "hf download", "--encoder FOLDER")),
    "a known encoder not cached": Bad("--suite massive-intent --data BAD/good", ("google-bert/bert-base-uncased",)),
    "a folder without encoder": Bad("--encoder BAD/no-encoder", ("no config.json", "save_pretrained")),
    "tracking below a file": Bad("--tracking-uri sqlite:///BAD/suite/mine.toml/mlflow.db", ("is a file", "make it")),
    "tracking in a read-only folder": Bad("--tracking-uri sqlite:////sys/bench/mlflow.db", ("can't be written",)),
    "tracking in a folder": Bad("--tracking-uri mlruns", ("legacy file store", "sqlite:///mlruns/mlflow.db")),
    "a newer store": Bad("--tracking-uri sqlite:///BAD/newer/mlflow.db", ("newer MLflow", "upgrade mlflow")),
}


def test_every_bad_input_is_there() -> None:
    assert len(INPUTS) == 30


def _listing(*folders: Path) -> dict[Path, tuple[int, int]]:
    """Every file and folder below `folders`, with size and time of the last change."""
    found = (path for folder in folders for path in folder.rglob("*"))
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


@pytest.fixture
def good_data(bad: Path) -> Path:
    folder = bad / "good"
    folder.mkdir(exist_ok=True)
    for split in ("train", "validation", "test"):
        (folder / f"{split}.jsonl").write_text(LINES * 3, encoding="utf-8")
    return folder


def _is_one_line(text: str, says: tuple[str, ...]) -> None:
    (line,) = text.splitlines()
    assert line.startswith("bench: error: ")
    assert "Traceback" not in line
    for part in says:
        assert part in line


@pytest.mark.parametrize("name", list(INPUTS))
def test_bad_input_is_one_line_and_status_2_and_nothing_is_written(
    name: str,
    bad: Path,
    good_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if "cuda" in INPUTS[name].words:
        import torch

        if torch.cuda.is_available():
            pytest.skip("this machine has CUDA")
    if "/sys/" in INPUTS[name].words and not Path("/sys").is_dir():
        pytest.skip("needs a file system that not even the superuser may write")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    before = _listing(tmp_path, bad)
    capfd.readouterr()
    status = main(["run", *INPUTS[name].words.replace("BAD", str(bad)).split()])
    shown = capfd.readouterr()
    assert (status, shown.out) == (2, "")
    _is_one_line(shown.err, INPUTS[name].says)
    assert _listing(tmp_path, bad) == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unknown method", "no label column", "an encoder not cached", "a newer store"])
def test_bad_input_in_a_process_of_its_own(name: str, bad: Path, tmp_path: Path) -> None:
    done = bench(tmp_path, "run", *INPUTS[name].words.replace("BAD", str(bad)).split())
    assert (done.returncode, done.stdout) == (2, "")
    _is_one_line(done.stderr, INPUTS[name].says)
    assert list(tmp_path.iterdir()) == []


# A real run.


@dataclass(frozen=True)
class Ran:
    """A cut of the default suite, run twice in one folder and once in another, each time by another process."""

    here: Path
    there: Path
    first: subprocess.CompletedProcess[str]
    again: subprocess.CompletedProcess[str]
    elsewhere: subprocess.CompletedProcess[str]
    touched: bool  # the second run changed something in its folder

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        """What the first process recorded, by method."""
        return {record["cell"]["method"]: record for record in json.loads(self.again.stdout)["records"]}


@pytest.fixture(scope="module")
def ran(tiny_encoder: TinyEncoder, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    here, there = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("there")
    words = ("run", "--methods", "finetune,reinit+swa", "--limit-train", "60", "--encoder", str(tiny_encoder()))
    first = bench(here, *words)
    before = _listing(here)
    again = bench(here, *words, "--json")
    touched = _listing(here) != before
    return Ran(here, there, first, again, bench(there, *words, "--json"), touched)


def _in(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.chdir(folder)
    return main(list(words))


def _predictions(folder: Path, record: dict[str, Any]) -> Any:
    (file,) = folder.joinpath("mlruns", "artifacts", "quick", record["run"]).rglob("*.parquet")
    return pq.read_table(file)


@pytest.mark.slow
def test_a_run_ends_with_a_table_on_stdout_and_what_it_does_is_on_stderr(ran: Ran) -> None:
    assert ran.first.returncode == 0, ran.first.stderr
    rows = [line.split() for line in ran.first.stdout.splitlines()]
    assert {row[0] for row in rows if row and row[-1] == "done"} == {"finetune", "swa+reinit"}
    assert "synthetic" in ran.first.stdout
    lines = ran.first.stderr.splitlines()
    assert lines[0] == "2 cells to run"
    assert [line for line in lines if "swa+reinit seed 0: done" in line]
    assert all(line.startswith("[") for line in lines[1:]), lines  # no library says anything
    assert {path.name for path in ran.here.iterdir()} == {"mlruns"}


@pytest.mark.slow
def test_the_second_run_trains_nothing_and_json_is_one_document(ran: Ran) -> None:
    assert ran.again.returncode == 0
    assert ran.again.stderr == "2 cells were finished already: nothing to train\n"
    assert not ran.touched
    document = json.loads(ran.again.stdout)
    assert (document["exit_status"], document["cells"], document["finished_before"]) == (0, 2, 2)
    assert [record["status"] for record in document["records"]] == ["done", "done"]
    assert [row["status"] for row in document["table"]] == ["done", "done"]


@pytest.mark.slow
def test_the_same_cell_in_another_process_and_folder_is_equal_to_the_bit(ran: Ran) -> None:
    document = json.loads(ran.elsewhere.stdout)
    assert document["finished_before"] == 0
    elsewhere = {record["cell"]["method"]: record for record in document["records"]}
    tables = []
    for name, record in ran.records.items():
        other = elsewhere[name]
        assert other["cell"] == record["cell"]
        assert other["run"] != record["run"]
        assert len(record["scores"]) == 6
        assert other["scores"] == record["scores"]
        tables.append(_predictions(ran.here, record))
        assert tables[-1].equals(_predictions(ran.there, other))
    assert not tables[0]["logits"].equals(tables[1]["logits"])
    assert tables[0].num_rows == 600


@pytest.mark.slow
def test_runs_are_listed_and_shown(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record = ran.records["swa+reinit"]
    assert _in(ran.here, monkeypatch, "list", "runs") == 0
    listed = capsys.readouterr().out
    assert record["run"][:8] in listed
    assert _in(ran.here, monkeypatch, "show", record["run"][:8]) == 0
    shown = capsys.readouterr().out
    assert "swa+reinit seed 0" in shown
    assert "train 60, validation 300, test 600" in shown
    assert _in(ran.here, monkeypatch, "show", record["run"], "--json") == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["scores"] == record["scores"]
    assert whole["points"]
    assert Path(whole["artifacts"], "cell.json").is_file()
    assert _in(ran.here, monkeypatch, "show", "reinit+swa") == 0
    method = capsys.readouterr().out
    assert all(word in method for word in ("swa+reinit", "snapshots", "layers", "weight_decay"))
    assert _in(ran.here, monkeypatch, "doctor", "--json") == 0
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["tracking"]["found"].endswith("mlflow.db: 2 runs")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs process groups")
def test_ctrl_c_finishes_the_record_and_the_next_call_goes_on(
    good_data: Path,
    tiny_encoder: TinyEncoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["run", "--methods", "zero-shot,finetune", "--data", str(good_data), "--encoder", str(tiny_encoder())]
    words += ["--epochs", "60", "--batch-size", "2"]
    process = subprocess.Popen(
        [*BENCH, *words],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            assert process.stderr
            assert any("finetune seed 0: classification epoch 1/60" in line for line in process.stderr)
            os.killpg(process.pid, signal.SIGINT)
            table, lines = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 130, lines
    assert lines.splitlines()[-1].startswith("bench: interrupted: finished cells are kept")
    assert "Traceback" not in lines
    assert "interrupted" in table
    with contextlib.closing(sqlite3.connect(tmp_path / "mlruns" / "mlflow.db")) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]

    def statuses() -> dict[tuple[str, str], str]:
        assert _in(tmp_path, monkeypatch, "list", "runs", "--json") == 0
        return {(run["method"], run["status"]): run["run"] for run in json.loads(capsys.readouterr().out)}

    before = statuses()
    assert set(before) == {("zero-shot", "done"), ("finetune", "interrupted")}
    assert _in(tmp_path, monkeypatch, *words, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["finished_before"] == 1
    assert [record["status"] for record in document["records"]] == ["done", "done"]
    after = statuses()
    assert set(after) == {*before, ("finetune", "done")}
    assert after["zero-shot", "done"] == before["zero-shot", "done"]


@pytest.mark.slow
def test_massive_as_it_is(
    real_data: Path,
    tiny_encoder: TinyEncoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["run", "--suite", "massive-scenario", "--data", str(real_data / "massive"), "--methods", "finetune"]
    words += ["--encoder", str(tiny_encoder()), "--limit-train", "200", "--epochs", "1", "--json"]
    assert _in(tmp_path, monkeypatch, *words) == 0
    (record,) = json.loads(capsys.readouterr().out)["records"]
    assert (record["status"], record["cell"]["protocol"]["suite"]) == ("done", "massive-scenario")
    (facts,) = record["data"]
    assert facts["rows"] == [["train", 200], ["validation", 2033], ["test", 2974]]
    assert sum(count for _, count in facts["duplicates"]) > 0
    assert not facts["synthetic"]
    assert "train limited to 200 of 11514 rows by a hash of the row" in facts["notes"]
    (file,) = tmp_path.joinpath("mlruns", "artifacts").rglob("*.parquet")
    table = pq.read_table(file).to_pylist()
    names = {row["label_name"] for row in table}
    assert len(names) == len(table[0]["logits"]) == 18
    assert {"alarm", "iot", "weather"} <= names
    assert not [name for name in names if "_" in name]
