"""What is installed is what is declared: versions agree, every dependency is pinned, data files travel along."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import benchmark

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = ("benchmark", "methods", "leaderboard")
PIN = re.compile(r"([A-Za-z0-9._-]+)==(\S+)")


def _pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    matches = [PIN.fullmatch(line) for line in lines if line and not line.startswith("#")]
    assert all(matches), "a line of constraints.txt is name==version: no addresses, no paths, no editable installs"
    return {canonicalize_name(found[1]): Version(found[2]) for found in matches if found}


def _required() -> dict[str, SpecifierSet]:
    """Walk the requirements of the project with its extra `dev`, as they hold on this platform."""
    waiting = [Requirement(line) for line in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"])]
    found: dict[str, SpecifierSet] = {}
    walked: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        found[name] = found.get(name, SpecifierSet()) & requirement.specifier
        for extra in {"", *requirement.extras}:
            if (name, extra) not in walked:
                walked.add((name, extra))
                inner = [Requirement(line) for line in importlib.metadata.requires(name) or ()]
                waiting += [item for item in inner if item.marker is None or item.marker.evaluate({"extra": extra})]
    return found


def test_every_dependency_is_pinned() -> None:
    pins, required = _pins(), _required()
    assert len(required) > 100
    # What a pinned package demands with == is pinned by it (the CUDA libraries of torch for Linux).
    exact = {name for name, wanted in required.items() if any(part.operator == "==" for part in wanted)}
    assert sorted(required.keys() - pins.keys() - exact) == []
    assert [
        f"{name} {pins[name]}" for name, wanted in required.items() if name in pins and pins[name] not in wanted
    ] == []


@pytest.mark.parametrize("line", PROJECT["dependencies"])
def test_dependencies_are_ranges(line: str) -> None:
    assert {part.operator for part in Requirement(line).specifier} == {">="}


def test_what_is_imported_is_declared() -> None:
    declared = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    known = {*sys.stdlib_module_names, *PACKAGES}
    homes = importlib.metadata.packages_distributions()
    imported: dict[str, str] = {}
    for path in (file for package in PACKAGES for file in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [str(node.module)]
            else:
                continue
            imported |= {name.partition(".")[0]: f"{path.relative_to(ROOT)}:{node.lineno}" for name in names}
    missing = {
        name: where
        for name, where in imported.items()
        if name not in known and not declared & {canonicalize_name(home) for home in homes.get(name, [name])}
    }
    assert "torch" in imported
    assert missing == {}


def test_versions_agree() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {benchmark.__version__}\n" in citation
    assert "version" in PROJECT["dynamic"]


def test_the_installed_distribution_is_this_one() -> None:
    assert importlib.metadata.version(PROJECT["name"]) == benchmark.__version__
    points = importlib.metadata.entry_points()
    assert [point.value for point in points.select(group="console_scripts", name="bench")] == [
        "benchmark.cli.main:main"
    ]
    assert [point.value for point in points.select(group="bench.methods", name="builtin")] == ["methods"]


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_say_that_they_are_typed(package: str) -> None:
    assert files(package).joinpath("py.typed").is_file()
