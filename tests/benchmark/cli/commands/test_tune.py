"""`bench tune` from the command line with a tiny encoder: killed and continued, used, listed, shown, refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli.commands.tune import duration
from benchmark.cli.main import main
from benchmark.core.errors import UsageError
from tests.support.encoders import TinyEncoder

BUDGET = ["--epochs", "1", "--batch-size", "16", "--limit-train", "48"]
LISTENING = (  # a process that was started in the background ignores the signal unless told otherwise
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from benchmark.cli.main import main; sys.exit(main(sys.argv[1:]))"
)
STORES = ["mlflow.db", "optuna.db"]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def words(tiny_encoder: TinyEncoder) -> list[str]:
    return ["--methods", "finetune", "--encoder", str(tiny_encoder()), *BUDGET]


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)  # one document and nothing else


@pytest.mark.slow
def test_a_sweep_is_killed_continued_used_and_shown(
    words: list[str], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = ["tune", *words, "--trials", "4", "--space", "lr=1e-4:3e-2:log,dropout=0.0:0.5"]
    assert main([*sweep, "--json", "--storage", "sqlite:///whole/optuna.db"]) == 0
    (whole,) = document(capsys)["studies"]

    killed = subprocess.Popen([sys.executable, "-m", "benchmark.cli.main", *sweep], stderr=subprocess.PIPE, text=True)
    assert killed.stderr
    for line in killed.stderr:
        if "finetune trial 2: started" in line:
            killed.send_signal(signal.SIGKILL)
            break
    killed.stderr.close()
    assert killed.wait() == -signal.SIGKILL
    assert sorted(file.name for file in Path("mlruns").iterdir() if file.suffix == ".db") == STORES

    assert main(["list", "studies", "--json"]) == 0
    (listed,) = document(capsys)
    assert (listed["trials"], listed["asked"], listed["interrupted"], listed["status"]) == (2, 4, 1, "unfinished")
    assert main(["run", *words, "--tuned", "--dry-run", "--json"]) == 0
    assert "its defaults are used" in capsys.readouterr().err
    assert main(sweep) == 2
    assert "has 2 of 4 trials: go on with it by --resume" in capsys.readouterr().err

    assert main([*sweep, "--resume", "--json"]) == 0
    (found,) = document(capsys)["studies"]
    assert found["name"] == whole["name"]
    tried = [(trial["parameters"], trial["value"]) for trial in found["all_trials"] if trial["status"] == "done"]
    assert tried == [(trial["parameters"], trial["value"]) for trial in whole["all_trials"]]
    assert (found["trials"], found["complete"], found["interrupted"]) == (4, 4, 1)

    assert main(["show", found["name"][:-3]]) == 0
    shown = capsys.readouterr().out
    assert f"study {found['name']}  finished" in shown
    assert "4 of 4: 4 complete, 1 interrupted" in shown
    assert "trial 2 again" in shown
    assert main(["run", *words, "--tuned", "--json"]) == 0
    captured = capsys.readouterr()
    best = "the defaults are the best, " if found["best_trial"] == 0 else ""
    assert f"finetune: tuned: {best}lr " in captured.err
    (record,) = json.loads(captured.out)["records"]
    assert record["cell"]["origin"] == "tuned"
    assert dict(record["cell"]["parameters"]).items() >= found["best_parameters"].items()
    assert (record["tuning"]["study"], record["tuning"]["trials"]) == (found["name"], 4)
    assert record["tuning"]["trial"] == found["best_trial"]

    assert main(["run", *words]) == 0  # the defaults are another cell, and no trial counts as one
    assert "1 cell to run" in capsys.readouterr().err
    assert main(["run", *words, "--tuned"]) == 0
    table = capsys.readouterr().out
    assert "finetune [tuned]" in table
    assert "which cost 4 trials" in table
    trial = found["all_trials"][0]["runs"][0]
    assert main(["show", trial]) == 0
    assert f"  0 of study {found['name']}" in capsys.readouterr().out


@pytest.mark.slow
def test_ctrl_c_is_130_and_loses_nothing(words: list[str], place: Path) -> None:
    sweep = ["tune", *words, "--trials", "3", "--params", "lr"]
    with subprocess.Popen(
        [sys.executable, "-c", LISTENING, *sweep], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as stopped:
        assert stopped.stderr
        for line in stopped.stderr:
            if "finetune trial 1: started" in line:
                time.sleep(0.05)
                stopped.send_signal(signal.SIGINT)
                break
        rest = stopped.stderr.read()
        assert stopped.stdout
        table = stopped.stdout.read()
    assert stopped.returncode == 130, rest
    assert rest.endswith("bench: interrupted: no trial is lost, the same command goes on with --resume\n")
    assert "unfinished" in table
    assert main([*sweep, "--resume"]) == 0


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--trials", "0"], "--trials takes a whole number from 1 to 100,000, not '0'"),
        (["--trials", "many"], "--trials takes a whole number"),
        (["--timeout", "soon"], "--timeout takes a time such as 90s, 30m, 2h or 1h30m, not 'soon'"),
        (["--timeout", "30"], "--timeout takes a time such as"),
        (["--timeout", "0m"], "--timeout takes a time above 0, not '0m'"),
        (["--sampler", "best"], "--sampler takes tpe, random, grid or cmaes, not 'best'"),
        (["--pruner", "mean"], "--pruner takes none, median or hyperband, not 'mean': did you mean 'median'?"),
        (["--params", "lr,,dropout"], "--params 'lr,,dropout' has an empty name"),
        (["--params", "tempo"], "--params names 'tempo': no method of this sweep has such a parameter"),
        (
            ["--params", "gradient_clip"],
            "gradient_clip, which has no range to search: give one, --space gradient_clip=",
        ),
        (["--space", "lr"], "--space takes NAME=LOW:HIGH[:log] or NAME=V|V|V"),
        (["--space", "lr=1e-3:7"], "--space lr=1e-3:7: lr takes a number above 0 up to 1, not 7.0"),
        (["--space", ""], "--space is empty"),
        (["--seeds", "3"], "--seeds 3: trials have seeds of their own (from 1,000,000 on)"),
        (["--seeds-per-trial", "0"], "--seeds-per-trial takes a whole number"),
        (["--storage", "redis://here"], "--storage takes sqlite:///PATH.db, journal:///PATH.log, postgresql://…"),
        (["--storage", "sqlite://"], "names no file, so nothing would be kept"),
        (["--set", "finetune.lr=1e-4,1e-5"], "--set gives several values"),
        (["--methods", "zero-shot"], "method 'zero-shot' has no parameter with a range"),
        (["--methods", "fintune"], "unknown method 'fintune': did you mean 'finetune'?"),
        (["--reusme"], "unknown option '--reusme': did you mean '--resume'?"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    given: list[str], says: str, words: list[str], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tune", *words, *given]) == 2
    error = capsys.readouterr().err
    assert error.startswith("bench: error: ")
    assert error.count("\n") == 1
    assert says in error
    assert not (place / "mlruns").exists()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["run", "--tuned", "--set", "finetune.lr=1e-4"], "--tuned and --set exclude each other"),
        (["run", "--storage", "sqlite:///x.db"], "--storage says where studies are: give --tuned as well"),
        (["run", "--seed", "1000000"], "seeds from 1,000,000 on are for tuning"),
        (["show", "quick/finetune"], "no study in sqlite:///mlruns/optuna.db is called 'quick/finetune'"),
        (["list", "runs", "--storage", "sqlite:///x.db"], "leave it out of `bench list runs`"),
    ],
)
def test_other_verbs_say_what_is_wrong_too(
    given: list[str], says: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(given) == 2
    assert says in capsys.readouterr().err
    assert not (place / "mlruns").exists()


def test_there_are_no_studies_at_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "studies"]) == 0
    assert capsys.readouterr().out == "no studies yet: `bench tune` makes some\n"


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), ("0.5m", 30)])
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "-1h", "1 h", "1h ", "1w"])
def test_no_durations(text: str) -> None:
    with pytest.raises(UsageError, match="--timeout takes a time"):
        duration(text)


def test_help_needs_no_heavy_library() -> None:
    code = (
        "import sys; from benchmark.cli.main import main\n"
        "try: main(['tune', '--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'optuna', 'torch', 'mlflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.endswith("[]\n")
    assert "--trials N" in done.stdout
