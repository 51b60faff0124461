"""Names of methods: how they are registered, found, combined and misspelt."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmark.core import registry
from benchmark.core.errors import UsageError
from benchmark.core.registry import canonical, combination, combinations, entries, method, names, parts, technique


@pytest.fixture(autouse=True)
def own() -> Iterator[None]:
    """Three techniques, a method and a combination, and nothing else, until the test is over."""
    with registry.isolated(empty=True):
        for name in ("swap", "warm", "llr"):
            technique(name, source="a paper")(make())
        method("nothing", source="a report")(make())
        combination("warm+llr", source="table 4")
        yield


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


BAD = [
    "a+b", "a,b", "a.b", "a=b", "a b", "", "all", "@sum", "=1+1", "-x", "x-", "a--b", "a/b", "a_b", "Swa", "SWA", "swä",
    "\u0455wa", "x" * 41, "x" * 9999, "a\nb", "a\0", "\u202eawn", " swa", "swa\u200b", "%s", "{x}", "[bold]", "a|b",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_could_be_misread(name: str) -> None:
    with pytest.raises(ValueError, match="can't be a method's name: lower-case letters") as caught:
        technique(name, source="a paper")(make())
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250
    assert name not in {entry.name for entry in entries()}


@pytest.mark.parametrize("name", ["a", "1cycle", "a-b-2", "x" * 40])
def test_a_name_that_will_do(name: str) -> None:
    technique(name, source="a paper")(make())
    assert parts(name)[0].name == name


@pytest.mark.parametrize("name", ["swap", "swap+swap", "", "+", "swap+", "swap+A"])
def test_what_is_no_combination(name: str) -> None:
    with pytest.raises(ValueError, match=r"is no combination|can't be a method's name"):
        combination(name, source="x")


def test_what_is_registered_in_isolation_is_forgotten() -> None:
    before = names()
    with registry.isolated():
        technique("new", source="x")(make())
        assert set(names()) == {*before, "new"}
        with contextlib.suppress(RuntimeError), registry.isolated(empty=True):
            assert names() == ()
            technique("newer", source="x")(make())
            raise RuntimeError
        assert set(names()) == {*before, "new"}
    assert names() == before


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
