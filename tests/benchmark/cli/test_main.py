"""The command line: exit statuses, one line for what can't be used, and how quickly help comes."""

from __future__ import annotations

import argparse
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark import __version__
from benchmark.cli import commands
from benchmark.cli.main import Parser, main
from benchmark.cli.request_options import add_request, assignment, command, request_of
from benchmark.core.errors import UsageError
from benchmark.experiment.request import Assignment, Request

HEAVY = ("torch", "mlflow", "transformers", "datasets", "pandas", "scipy", "optuna", "peft", "pyarrow", "sqlalchemy")


def parse(*words: str) -> Request:
    parser = Parser(prog="bench run", allow_abbrev=False)
    add_request(parser)
    return request_of(parser.parse_args(words))


@pytest.mark.parametrize(
    "words",
    [["--help"], ["run", "--help"], ["list", "--help"], ["show", "--help"], ["doctor", "--help"], ["--version"], []],
    ids=" ".join,
)
def test_help_and_version_print_to_stdout_and_succeed(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(words)
    except SystemExit as stop:
        status = int(stop.code or 0)
    shown = capsys.readouterr()
    assert status == 0
    assert shown.err == ""
    assert (f"bench {__version__}" if words == ["--version"] else "usage: bench") in shown.out


def test_help_names_every_verb_with_its_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    shown = capsys.readouterr().out
    known = commands.load()
    assert {"run", "list", "show", "doctor"} <= known.keys()
    for name, verb in known.items():
        assert f" {name}  " in shown
        assert verb.HELP.split()[0] in shown


@pytest.mark.parametrize(
    "words", [["--help"], ["run", "--help"], ["run", "--seeds", "0"], ["list", "methodz"]], ids=str
)
def test_help_and_wrong_arguments_import_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys\nfrom benchmark.cli.main import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


BAD = [
    (["rnu"], "unknown command 'rnu': did you mean 'run'?"),
    (["run", "--sedes", "3"], "unknown option '--sedes': did you mean '--seeds'?"),
    (["run", "--sedes=3"], "unknown option '--sedes': did you mean '--seeds'?"),
    (["run", "extra"], "unknown argument 'extra': `bench run --help` shows what it takes"),
    (["run", "--seeds", "0"], "--seeds takes a whole number from 1 to 10,000, not '0'"),
    (["run", "--seeds", "three"], "--seeds takes a whole number from 1 to 10,000, not 'three'"),
    (["run", "--seed", "-1"], "--seed takes a whole number from 0 to 2,147,483,647, not '-1'"),
    (["run", "--seed", "9" * 5000], f"--seed takes a whole number from 0 to 2,147,483,647, not '{'9' * 5000}'"),
    (["run", "--seeds", "2", "--seed", "1"], "--seed and --seeds exclude each other: give one of them"),
    (["run", "--seeds"], "--seeds: expected one argument: `bench run --help` shows what it takes"),
    (["run", "--epochs", "0"], "--epochs takes a whole number of at least 1, not '0'"),
    (["run", "--batch-size", "1"], "--batch-size takes a whole number of at least 2, not '1'"),
    (["run", "--limit-train", "1.5"], "--limit-train takes a whole number of at least 1, not '1.5'"),
    (["run", "--methods", "a,,b"], "--methods 'a,,b' has an empty name: write all, or names joined by single commas"),
    (["run", "--methods", ""], "--methods '' has an empty name: write all, or names joined by single commas"),
    (["run", "--set", "a.b"], "--set takes METHOD.PARAM=V[,V…], such as NAME.rank=8,16, not 'a.b'"),
    (["run", "--set", "ab=1"], "--set takes METHOD.PARAM=V[,V…], such as NAME.rank=8,16, not 'ab=1'"),
    (["run", "--set", "a.b= "], "--set 'a.b= ' has no value: write --set a.b=V or --set a.b=V,V"),
    (["run", "--max-length", "3"], "--max-length takes a whole number of at least 4, not '3'"),
    (["run", "--selection", "bets"], "--selection takes best or last, not 'bets': did you mean 'best'?"),
    (["run", "--set", "a.b=1", "--set", "a.b=2"], "--set a.b is given twice: put the values into one, --set a.b=V,V"),
    (["run", "--device", "gpu"], "--device takes auto, cpu, cuda, cuda:1 (or another number) or mps, not 'gpu'"),
    (["run", "--precision", "fp16"], "--precision takes fp32 or bf16, not 'fp16': did you mean 'bf16'?"),
    (["run", "--data", ""], "--data is empty: give a value, or leave the option out"),
    (["list"], "KIND is missing: `bench list --help` shows what it takes"),
    (
        ["list", "method"],
        "bench list takes methods, suites, datasets, encoders, runs or studies, not 'method': did you mean 'methods'?",
    ),
    (["list", "suites", "--suite", "quick"], "--suite selects runs or studies: leave it out of `bench list suites`"),
    (["show"], "METHOD|RUN|STUDY is missing: `bench show --help` shows what it takes"),
]


@pytest.mark.parametrize(("words", "line"), BAD, ids=[" ".join(words)[:40] for words, _ in BAD])
def test_bad_arguments_are_one_line_and_status_2(
    words: list[str], line: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"bench: error: {line}\n")
    assert list(tmp_path.iterdir()) == []


def verb(run: Callable[[argparse.Namespace], int]) -> types.SimpleNamespace:
    return types.SimpleNamespace(NAME="do", HELP="does it", configure=lambda _: None, run=run)


def raising(error: BaseException) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        raise error

    return run


@pytest.mark.parametrize(
    ("run", "status", "line"),
    [
        (lambda _: 0, 0, ""),
        (lambda _: 1, 1, ""),
        (raising(UsageError("no such\n  thing: make one")), 2, "bench: error: no such thing: make one\n"),
        (raising(KeyboardInterrupt()), 130, "bench: interrupted\n"),
    ],
)
def test_the_verb_decides_the_status(
    run: Callable[[argparse.Namespace], int],
    status: int,
    line: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commands, "load", lambda: {"do": verb(run)})
    assert main(["do"]) == status
    assert capsys.readouterr().err == line


def test_a_defect_is_no_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "load", lambda: {"do": verb(raising(RuntimeError("a bug")))})
    with pytest.raises(RuntimeError, match="a bug"):
        main(["do"])


def test_a_reader_that_goes_away_is_no_error() -> None:
    shell = f"{sys.executable} -m benchmark list suites --json | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_a_verb_joins_by_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "NAME, HELP = 'greet', 'say it'\ndef configure(parser): parser.add_argument('who')\n"
    tmp_path.joinpath("greet.py").write_text(source + "def run(arguments): print('hello', arguments.who); return 0\n")
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    assert main(["greet", "you"]) == 0
    assert capsys.readouterr().out == "hello you\n"
    monkeypatch.delitem(sys.modules, "benchmark.cli.commands.greet")
    monkeypatch.delattr(commands, "greet")


def test_without_options_it_is_every_method_on_the_default_suite_at_one_seed() -> None:
    assert parse() == Request()


def test_every_option_reaches_the_request() -> None:
    words = (
        "--methods a,b+c --seed 7 --seed 3 --seed 7 --set b+c.rank=8,16 --suite s.toml --data d --text-column t "
        "--label-column l --limit-train 9 --encoder e --epochs 2 --batch-size 4 --device cuda:1 --precision bf16"
    )
    assert parse(*words.split()) == Request(
        methods=("a", "b+c"),
        seeds=(7, 3),
        suite="s.toml",
        data="d",
        text_column="t",
        label_column="l",
        encoder="e",
        epochs=2,
        batch_size=4,
        limit_train=9,
        assignments=(Assignment("b+c", "rank", "8,16"),),
        device="cuda:1",
        precision="bf16",
    )


def test_seeds_counts_from_zero() -> None:
    assert parse("--seeds", "3").seeds == (0, 1, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lora.rank=8", Assignment("lora", "rank", "8")),
        ("lora.targets=query,value", Assignment("lora", "targets", "query,value")),
        ("swa+reinit.layers= 1, 2", Assignment("swa+reinit", "layers", "1, 2")),
        ("a.path=x=y.z", Assignment("a", "path", "x=y.z")),
    ],
)
def test_assignment_keeps_what_was_typed(text: str, expected: Assignment) -> None:
    assert assignment(text) == expected


@pytest.mark.parametrize(
    "request_",
    [
        Request(),
        Request(methods=("a", "b+c"), seeds=(0, 1, 2), suite="s", limit_train=5, max_length=9, selection="last"),
        Request(seeds=(4,), data="a folder", assignments=(Assignment("a", "b", "1,2"),), device="mps"),
    ],
    ids=["default", "names", "quoted"],
)
def test_the_command_line_of_a_request_makes_that_request(request_: Request) -> None:
    import shlex

    words = shlex.split(command(request_))
    assert words[:2] == ["bench", "run"]
    assert parse(*words[2:]) == request_
