"""What a method's file may import: it is all in one place, and the built-in methods need no more."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import benchmark.train
import methods

FILES = sorted(Path(methods.__file__).parent.glob("*.py"))
DOCUMENTED = set(re.findall(r"`(\w+)`", benchmark.train.__doc__ or ""))


def imports(file: Path) -> dict[str, list[str]]:
    """The names that `file` imports, by module."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found.setdefault(str(node.module), []).extend(alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            found |= {alias.name: [] for alias in node.names}
    return found


def exported() -> set[str]:
    """The names that ``benchmark/train/__init__.py`` imports under their own name."""
    tree = ast.parse(Path(str(benchmark.train.__file__)).read_text(encoding="utf-8"))
    return {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
            if alias.asname == alias.name}  # fmt: skip


def test_there_are_files_and_names() -> None:
    assert len(FILES) >= 17
    assert len(exported()) >= 60


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_methods_file_has_one_import_from_the_project(file: Path) -> None:
    from_project = {module: names for module, names in imports(file).items() if module.split(".")[0] in
                    ("benchmark", "methods", "leaderboard")}  # fmt: skip
    if file.stem == "__init__":
        assert from_project == {}
        return
    assert set(from_project) == {"benchmark.train"}
    assert set(from_project["benchmark.train"]) <= exported()


def test_what_the_documentation_names_is_there() -> None:
    assert len(DOCUMENTED) >= 45
    assert {name for name in DOCUMENTED if not hasattr(benchmark.train, name)} == {"fit"}  # what a method writes itself


def test_every_question_has_its_protocol_documented() -> None:
    protocols = {
        "Start",
        "Trainable",
        "Rates",
        "Schedule",
        "OptimizerRule",
        "Batches",
        "Heads",
        "Objective",
        "Gradients",
    }
    assert protocols | {"WeightSelection", "GradientCombiner", "WeightTracker"} <= DOCUMENTED
