"""``bench run`` on several tasks: what can't be is one line and exit status 2, before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli.main import main
from tests.support.encoders import TinyEncoder

Rows = Callable[[int], object]


def table(columns: tuple[str, ...], texts: int, label: Rows, count: int = 40) -> str:
    """A table as the course writes it: tab-separated, with a leading column of numbers."""
    lines = [
        "\t".join([str(n), f"id{n}", *(f"film {n} {place}" for place in range(texts)), str(label(n))])
        for n in range(count)
    ]
    return "\n".join(["\t".join(["", "id", *columns]), *lines, ""])


def sst(label: Rows = lambda n: n % 5, count: int = 40) -> str:
    return table(("sentence", "sentiment"), 1, label, count)


def quora(label: Rows = lambda n: float(n % 2)) -> str:
    return table(("sentence1", "sentence2", "is_duplicate"), 2, label)


def sts(label: Rows = lambda n: n % 6, column: str = "similarity") -> str:
    return table(("sentence1", "sentence2", column), 2, label)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The course's files, made up: quora has no train file and is divided."""
    files = {"ids-sst-train": sst(), "ids-sst-dev": sst(), "quora-dev": quora(), "sts-train": sts(), "sts-dev": sts()}
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def bench(
    data: Path, tiny_encoder: TinyEncoder, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, list[str]]]:
    """Plan `methods` on `suite`; return exit status and lines of stderr."""
    encoder = str(tiny_encoder())
    capsys.readouterr()  # saving it draws bars

    def run(methods: str, *more: str, suite: str = "cs224n") -> tuple[int, list[str]]:
        store = f"sqlite:///{data}/mlruns.db"
        words = ["--suite", suite, "--data", str(data), "--encoder", encoder, "--tracking-uri", store]
        status = main(["run", "--methods", methods, *words, *more, "--dry-run"])
        assert not (data / "mlruns.db").exists()
        return status, capsys.readouterr().err.splitlines()

    return run


def test_the_courses_files_are_planned(bench: Any) -> None:
    assert bench("all") == (0, [])
    assert bench("multitask+swa,pcgrad+lora,simcse+pcgrad,layer-heads+pcgrad,probe", "--limit-train", "10") == (0, [])


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("sts-train", sts(column="how_similar"), "has no label column"),
        ("sts-train", sts(lambda n: "high" if n == 7 else 2.5), "row 8 has the label 'high'"),
        (
            "sts-dev",
            sts(lambda n: 7.5 if n == 3 else 1),
            "row 4 has the label '7.5' (column 'similarity'), outside 0..5",
        ),
        ("sts-dev", sts(lambda n: -1 if n == 3 else n % 6), "outside 0..5"),
        ("quora-dev", quora(lambda n: n), "neither 0 nor 1"),
        ("ids-sst-train", sts(), "has no text column"),
        ("ids-sst-train", sst(count=0), "is empty: the train split needs at least one row"),
    ],
)
def test_rows_that_can_not_be(bench: Any, data: Path, file: str, text: str, says: str) -> None:
    (data / f"{file}.csv").write_text(text, encoding="utf-8")
    status, lines = bench("multitask")
    assert status == 2
    assert len(lines) == 1
    assert f"{file}.csv" in lines[0]
    assert says in lines[0]


@pytest.mark.parametrize(
    ("suite", "methods", "setting", "says"),
    [
        ("sst5", "pcgrad", "", "'pcgrad' can't be run on this suite"),
        ("sst5", "multitask", "", "this suite has one"),
        ("cs224n", "supcon", "", "pairs of sentences: task 'quora'"),
        ("cs224n", "layer-heads", "layer-heads.heads=sst=layer:9", "the encoder has layers 0 to 2, not 9"),
        ("cs224n", "layer-heads", "layer-heads.heads=sst=layer:1,model:2", "only 1 above it"),
        ("cs224n", "probe", "probe.blocks=model:3", "only 2 above it"),
        ("cs224n", "multitask", "multitask.weights=stss=2", "did you mean 'sts'"),
    ],
)
def test_methods_that_can_not_be(bench: Any, suite: str, methods: str, setting: str, says: str) -> None:
    status, lines = bench(methods, *(["--set", setting] if setting else []), suite=suite)
    assert status == 2
    assert len(lines) == 1
    assert says in lines[0]
