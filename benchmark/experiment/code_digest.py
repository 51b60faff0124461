"""The digest of the code that a result depends on: part of every cell's identity.

It is a digest of what the code means, not of where it lies. From the modules that plan, fit and score and from a
method's own module all imports are followed, lazy and relative ones too (`benchmark.experiment.code_scope` says how
far). Each module's meaning (`benchmark.experiment.code_meaning`) is hashed with the digests of what its names refer to
in place of their paths. So moving or renaming a module changes nothing, and importing a name from another module that
computes something else does. What shows, records or searches is not followed.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmark.experiment.code_meaning import EMPTY, Meaning
from benchmark.experiment.code_scope import (
    KNOWN_DISTRIBUTIONS,
    Module,
    Project,
    Scope,
    distributions,
    file_sha256,
    scope_of,
    top_of,
)

CODE = (".py", ".pyi", ".pyc")


def code_digest(modules: Iterable[str], project: Project | None = None) -> str:
    """Return the sha256 of the code that results of a method depend on, whose classes stand in `modules`."""
    return _code_digest(tuple(sorted(set(modules))), project or Project())


@functools.cache
def _code_digest(modules: tuple[str, ...], project: Project) -> str:
    scope = scope_of(project, frozenset(map(top_of, modules)))
    known = _closure(scope, modules)
    parts = [sorted(_digests(scope, known)), sorted(_versions(scope, known)), sorted(_resources(scope, known, modules))]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _closure(scope: Scope, modules: Iterable[str]) -> dict[Module, Meaning]:
    """Return every module that is reached, and what it means."""
    todo = [Module(name) for name in (*scope.project.roots, *modules)]
    known: dict[Module, Meaning] = {}
    imported_alone: list[Module] = []
    while todo or imported_alone:
        module = todo.pop() if todo else imported_alone.pop()
        if module in known or Module(module.name) in known:
            continue
        known[module] = scope.meaning(module)
        for found in scope.reached(module):
            (imported_alone if found.imported_alone else todo).append(found)
    return {
        module: found
        for module, found in known.items()
        if not module.imported_alone or Module(module.name) not in known
    }


def _digests(scope: Scope, known: Mapping[Module, Meaning]) -> set[str]:
    """Return the digests of the modules, each with what it refers to; those that compute nothing are left out.

    Modules may import each other in circles. So, as in the colour refinement of graphs, every round replaces the
    references by the digests of the round before, until no round distinguishes more modules.
    """
    targets = {module: [scope.target(found) for found in found.references] for module, found in known.items()}
    digests = {module: found.sha256 for module, found in known.items()}
    while True:
        refined = {
            module: _sha256(digests[module], *(f"{_of(target, digests)} {name}" for target, name in targets[module]))
            for module in known
        }
        if len(set(refined.values())) == len(set(digests.values())):
            return {digest for module, digest in refined.items() if known[module].text != EMPTY}
        digests = refined


def _of(target: Module | str, digests: Mapping[Module, str]) -> str:
    return digests[target] if isinstance(target, Module) else target


def _versions(scope: Scope, known: Mapping[Module, Meaning]) -> set[str]:
    """Return name and version of the imported distributions that no other part of a cell accounts for."""
    imported = {reference.module for found in known.values() for reference in found.imported}
    tops = {top_of(name) for name in imported if not scope.is_followed(top_of(name))}
    return {f"{name} {_version(name)}" for name in tops - KNOWN_DISTRIBUTIONS - sys.stdlib_module_names}


def _version(top: str) -> str:
    try:
        return importlib.metadata.version(top)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        names = sorted(distributions().get(top, ()))
        return " ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


def _resources(scope: Scope, known: Mapping[Module, Meaning], modules: Iterable[str]) -> set[str]:
    """Return name and sha256 of the files, no Python source, that lie beside a method and may decide what it does.

    Of a package of its own those are all in it; beside single modules, those that a text in them names. The project's
    own are not among them: rows have fingerprints, and suites are protocols.
    """
    found: dict[str, Path] = {}
    for package in {scope.outermost_package(name) for name in modules if top_of(name) in scope.plugins}:
        for folder in scope.folders_of(package) if package else ():
            inner = ((file.relative_to(folder), file) for file in folder.rglob("*") if file.is_file())
            found |= {name.as_posix(): file for name, file in inner if not _is_code(name)}
    for module, its in known.items():
        source = scope.file(module.name)
        if source and top_of(module.name) != scope.project.packages[0]:
            files = (source.parent / name for name in its.files)
            found |= {file.name: file for file in files if file.suffix not in CODE and file.is_file()}
    return {f"{name} {file_sha256(file)}" for name, file in found.items()}


def _is_code(name: Path) -> bool:
    """Return whether the file `name` is source, made from source, or hidden."""
    return name.suffix in CODE or any(part == "__pycache__" or part.startswith(".") for part in name.parts)


def _sha256(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
