"""Names of methods: how they are registered, found, combined and misspelt."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmark.core import registry
from benchmark.core.errors import UsageError
from benchmark.core.registry import canonical, combination, combinations, entries, method, names, parts, technique


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three techniques, a method and a combination, and nothing else, until the test is over."""
    registry.load()
    monkeypatch.setattr(registry, "_entries", {})
    monkeypatch.setattr(registry, "_combinations", {})
    for name in ("swap", "warm", "llr"):
        technique(name, source="a paper")(make())
    method("nothing", source="a report")(make())
    combination("warm+llr", source="table 4")


def make() -> type:
    @dataclass(frozen=True)
    class Made:
        """First line.

        Second paragraph.
        """

    return Made


def refused(name: str) -> str:
    with pytest.raises(UsageError) as caught:
        parts(name)
    return str(caught.value)


def test_entries_are_sorted_and_described() -> None:
    assert [(entry.name, entry.kind) for entry in entries()] == [
        ("llr", "technique"),
        ("nothing", "method"),
        ("swap", "technique"),
        ("warm", "technique"),
    ]
    entry = entries()[0]
    assert (entry.source, entry.module, entry.summary) == ("a paper", __name__, "First line.")


def test_all_is_every_entry_and_registered_combination() -> None:
    assert names() == ("llr", "nothing", "swap", "warm", "warm+llr")
    assert [(made.name, made.source) for made in combinations()] == [("warm+llr", "table 4")]


@pytest.mark.parametrize("name", ["warm+llr", "llr+warm", " llr + warm "])
def test_a_registered_combination_has_one_spelling(name: str) -> None:
    assert canonical(name) == "warm+llr"
    assert [entry.name for entry in parts(name)] == ["llr", "warm"]


@pytest.mark.parametrize("name", ["warm+swap", "swap+warm"])
def test_any_other_is_spelt_by_the_alphabet(name: str) -> None:
    assert canonical(name) == "swap+warm"


def test_one_name_is_one_part() -> None:
    assert canonical("swap") == "swap"
    assert [entry.name for entry in parts(" swap ")] == ["swap"]


def test_the_same_combination_twice_is_one() -> None:
    combination("llr+warm", source="table 5")
    assert [(made.name, made.source) for made in combinations()] == [("llr+warm", "table 5")]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("swop", "unknown method 'swop': did you mean 'swap'?"),
        ("warm+swop", "unknown method 'swop' in 'warm+swop': did you mean 'swap'?"),
        ("xyz", "unknown method 'xyz': `bench list methods` shows the known ones"),
        ("", "unknown method '': `bench list methods` shows the known ones"),
        ("warm+", "unknown method '' in 'warm+': `bench list methods` shows the known ones"),
        ("swap+swap", "method 'swap+swap' names 'swap' twice: write it once"),
        ("warm+swap+warm", "method 'warm+swap+warm' names 'warm' twice: write it once"),
        ("nothing+swap", "method 'nothing+swap': 'nothing' is a whole method and does not combine with others"),
        ("swap+nothing", "method 'swap+nothing': 'nothing' is a whole method and does not combine with others"),
    ],
)
def test_a_name_that_will_not_do(name: str, line: str) -> None:
    assert refused(name) == line


@pytest.mark.parametrize("name", ["a+b", "a,b", "a.b", "a=b", "a b", "", "all"])
def test_a_name_that_the_command_line_could_not_read(name: str) -> None:
    with pytest.raises(ValueError, match="can't be a method's name"):
        technique(name, source="a paper")(make())
    assert name not in {entry.name for entry in entries()}


def test_a_name_is_taken_once() -> None:
    @dataclass(frozen=True)
    class Other:
        """Another class."""

    with pytest.raises(ValueError, match=f"method 'swap' is registered already, by {__name__}"):
        technique("swap", source="a paper")(Other)


def test_a_module_may_be_imported_again() -> None:
    again = make()
    technique("swap", source="a paper")(again)  # the same module and name: a reload
    assert next(entry for entry in entries() if entry.name == "swap").cls is again


def test_a_decorator_gives_the_class_back() -> None:
    made = make()
    assert technique("another", source="a paper")(made) is made


def test_the_engine_imports_no_method_until_names_are_asked_for() -> None:
    code = (
        "import sys; from benchmark.core import registry; import benchmark.train.method_handle\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'methods']\n"
        "print(*registry.names())"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=root)
    expected = {
        "finetune", "llrd", "llrd+warmup", "lora", "reinit", "schedule", "schedule+swa",
        "simclr", "supcon", "swa", "swa+reinit", "warmup", "zero-shot",
    }  # fmt: skip
    assert expected <= set(done.stdout.split())
