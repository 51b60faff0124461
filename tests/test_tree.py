"""The shape of the tree: files and functions of a readable size, a word about each, nothing of one machine in any."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("benchmark", "methods", "leaderboard", "tests")
LINES_OF_A_FILE = 420
LINES_OF_A_FUNCTION = 70
# A folder under somebody's home or a machine's own mount. Addresses and relative paths have a word before the slash.
MACHINE_PATH = re.compile(r"(?<![\w.~})/-])/(?:home|root|Users|work|workspace|mnt|media|srv)/\w|[A-Z]:\\Users\\\w")

MODULES = tuple(sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")))
SUFFIXES = {".py", ".toml", ".md", ".txt", ".cff", ".yaml", ".yml", ".json", ".css", ".js", ".html", ".sh", ""}
TEXTS = tuple(
    sorted(
        path
        for path in (
            *(file for file in ROOT.iterdir() if not file.name.startswith(".git")),
            *(ROOT / ".ci").rglob("*"),
            *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if "__pycache__" not in file.parts),
        )
        if path.is_file() and path.suffix in SUFFIXES
    )
)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_walk_finds_the_tree() -> None:
    assert len(MODULES) > 25
    assert {"Makefile", "pyproject.toml", "constraints.txt", ".ci/run", "benchmark/suites/quick.toml"} <= {
        _name(path) for path in TEXTS
    }


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_module_is_described_and_of_readable_size(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    module = ast.parse(text)
    assert ast.get_docstring(module), "a module says what it is for"
    assert len(text.splitlines()) <= LINES_OF_A_FILE
    sizes = {
        node.name: (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in sizes.items() if lines > LINES_OF_A_FUNCTION} == {}


def test_no_file_names_a_folder_of_one_machine() -> None:
    found = [
        f"{_name(path)}:{number}: {line.strip()}"
        for path in TEXTS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "caught"),
    [
        ("cd /" + "home/ann/project", True),
        ("path = '/" + "root/x'", True),
        ("C:" + "\\Users\\ann", True),
        ("../shared/data", False),
        ("https://example.org/home/page", False),
        ("/usr/bin/chromium", False),
        ("sqlite:///mlruns/mlflow.db", False),
    ],
)
def test_the_pattern_knows_a_machine_path(text: str, caught: bool) -> None:
    assert bool(MACHINE_PATH.search(text)) is caught
