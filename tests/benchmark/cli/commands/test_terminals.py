"""Every verb in terminals of 40, 60, 80 and 120 columns: no name is cut or broken, and what has no room is named."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.cli.commands import doctor
from benchmark.cli.main import main
from benchmark.tracking import Tracking
from benchmark.tuning.report import studies
from benchmark.tuning.storage import locate
from tests.support.encoders import TinyEncoder

WIDTHS = (40, 60, 80, 120)
REFERENCE = 1000
"""Columns of a terminal in which nothing has to be wrapped."""
VERBS = {
    "methods": "list methods",
    "suites": "list suites",
    "datasets": "list datasets",
    "encoders": "list encoders",
    "runs": "list runs --tracking-uri STORE",
    "studies": "list studies --tracking-uri STORE",
    "method": "show lora",
    "combination": "show swa+reinit",
    "run": "show RUN --tracking-uri STORE",
    "study": "show STUDY --tracking-uri STORE",
    "report": "report --tracking-uri STORE",
    "dry run": "run --methods finetune,swa+reinit,zero-shot --limit-train 64 --encoder ENCODER --dry-run",
    "doctor": "doctor",
}


class Terminal(io.StringIO):
    """What was printed to it, without colours."""

    def isatty(self) -> bool:
        return True

    @property
    def text(self) -> str:
        return re.sub(r"\x1b\[[0-9;]*m", "", self.getvalue())


Printed = Callable[[int, list[str]], str]


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Printed:
    """What `bench` prints on stdout in a terminal of that width."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)

    def run(width: int, words: list[str]) -> str:
        terminal = Terminal()
        with monkeypatch.context() as patched:
            patched.setenv("COLUMNS", str(width))
            patched.setattr(sys, "stdout", terminal)
            assert main(words) == 0
        return terminal.text

    return run


def words_of(text: str) -> set[str]:
    return {word for word in text.split() if not set(word) <= {"─"}}


@pytest.mark.parametrize("verb", VERBS)
def test_no_word_is_broken_at_any_width(
    verb: str, printed: Printed, store: str, tiny_encoder: TinyEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = [
        doctor.Check("python", "ok", "3.11.7 (/a/rather/long/path/to/some/environment/of/python/bin/python)"),
        doctor.Check(
            "suite massive-scenario", "warn", "mteb/amazon_massive_scenario can't be had", "give --data FOLDER"
        ),
    ]
    monkeypatch.setattr(doctor, "_checks", lambda _: iter(checks))
    tracking = Tracking(store)
    known = {"STORE": store, "ENCODER": str(tiny_encoder()), "RUN": tracking.records()[-1].run[:8]}
    known["STUDY"] = studies(locate(None, tracking.store))[0].name
    given = [known.get(word, word) for word in VERBS[verb].split()]
    whole = words_of(printed(REFERENCE, given))
    for width in WIDTHS:
        text = printed(width, given)
        note = [line for line in text.splitlines() if line.startswith("no room here for ")]
        told = words_of("no room here for " + " ".join(text.split("no room here for ")[1:]))
        assert words_of(text) - told <= whole, width
        missing = whole - words_of(text)
        assert not missing or note or width == 40 or missing <= {"–", "bad", "pruned"}, (width, missing)
        if verb == "report":
            continue  # a document: its lines are as long as they are, for a file or a pager
        for line in text.splitlines():
            long = [word for word in line.split() if len(word) > width - 10]
            assert len(line) <= width or long or line.startswith("  bench "), (width, line)


def test_a_run_shows_every_method_in_every_terminal(printed: Printed, tiny_encoder: TinyEncoder) -> None:
    words = ["run", "--methods", "finetune,zero-shot", "--limit-train", "64", "--encoder", str(tiny_encoder())]
    for width in WIDTHS:
        text = printed(width, words)
        for part in ("finetune", "zero-shot", "parameters", "epoch", "seeds", "status"):
            assert part in text, width
        (hint,) = [line for line in text.splitlines() if line.startswith("  bench run ")]
        assert f"--encoder {tiny_encoder()}" in hint  # a path, whole
