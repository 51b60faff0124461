"""Which code is whose: where a module's source lies, whether it is followed, and what a name that it imports leads to.

Nothing is imported to find out. Followed are the project's packages, and of a method from elsewhere its own top-level
package, the modules beside it, and what its distribution installs besides.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from benchmark.experiment.code_meaning import EMPTY, Meaning, Reference, meaning

PROJECT = __name__.partition(".")[0]
METHODS = "methods"
ROOTS = (f"{PROJECT}.experiment.runner", f"{PROJECT}.experiment.plan")
"""Modules from which everything that computes a result is reached, but for the methods."""
PRESENTATION = (
    f"{PROJECT}.core.text",
    f"{PROJECT}.experiment.code_digest",  # says itself what it sees
    f"{PROJECT}.experiment.collector",
    f"{PROJECT}.experiment.display",
    f"{PROJECT}.experiment.environment",
    f"{PROJECT}.tracking",
)
"""Modules and packages that show or record and don't compute. Floors keep the command line and its like away."""
COMPUTING = ("torch", "transformers", "peft", "tokenizers", "numpy", "scipy")
READING = ("datasets", "huggingface_hub", "httpx2", "pandas", "pyarrow", "pydantic", "safetensors")
KNOWN_DISTRIBUTIONS = frozenset((*COMPUTING, *READING))
"""What the project imports: a cell holds the versions of what computes, and what was read has fingerprints."""


@dataclass(frozen=True)
class Project:
    """The names and places of the project's code."""

    roots: tuple[str, ...] = ROOTS
    presentation: tuple[str, ...] = PRESENTATION
    packages: tuple[str, ...] = (PROJECT, METHODS)  # the first is the one with the roots
    path: tuple[str, ...] | None = None  # folders in which modules are looked for; None: where Python does


@dataclass(frozen=True)
class Module:
    """A module that is reached."""

    name: str
    imported_alone: bool = False  # nothing refers into it: it counts by what happens when it is imported


@functools.lru_cache(maxsize=16)
def scope_of(project: Project, tops: frozenset[str]) -> Scope:
    """Return the scope of methods whose modules have the top-level names `tops`."""
    return Scope(project, tops)


class Scope:
    """What is followed for some methods. It remembers what it found: a process sees one state of the files."""

    def __init__(self, project: Project, tops: frozenset[str]) -> None:
        self.project = project
        self.tops = tops | frozenset(project.packages)
        self.plugins = self.tops - frozenset(project.packages)
        self.folders = {folder for top in self.tops if (folder := self._folder_beside(top))}
        self._meanings: dict[Module, Meaning] = {}
        self._targets: dict[Reference, tuple[Module | str, str]] = {}
        self._followed: dict[str, bool] = {}
        self._reached: dict[Module, tuple[Module, ...]] = {}

    def meaning(self, module: Module) -> Meaning:
        """Return what the source of `module` means."""
        if module not in self._meanings:
            spec = self._spec(module.name)
            is_package = spec is not None and spec.submodule_search_locations is not None
            package = module.name if is_package else module.name.rpartition(".")[0]
            ours = self.project.packages[0]
            self._meanings[module] = _read(self.file(module.name), package, ours, module.imported_alone)
        return self._meanings[module]

    def reached(self, module: Module) -> tuple[Module, ...]:
        """Return the modules that `module` refers to, imports, or stands in."""
        if module not in self._reached:
            self._reached[module] = tuple(dict.fromkeys(self._find_reached(module)))
        return self._reached[module]

    def _find_reached(self, module: Module) -> Iterator[Module]:
        known = self.meaning(module)
        for reference in known.imported | set(known.references):
            target, _ = self.target(reference)
            if isinstance(target, Module):
                yield target
            if self.is_followed(submodule := f"{reference.module}.{reference.attribute}"):
                yield Module(submodule)  # also where the package has something else of that name
            for name in packages_around(f"{reference.module}.{reference.attribute}"):
                if self.is_followed(name):
                    yield Module(name, imported_alone=True)
        for name in packages_around(module.name):
            yield Module(name, imported_alone=True)
        if known.opaque and top_of(module.name) in self.plugins:
            yield from (Module(name) for name in self._all_within(self.outermost_package(module.name)))

    def target(self, reference: Reference) -> tuple[Module | str, str]:
        """Return what `reference` leads to: a followed module and a name in it, or words for what isn't followed.

        A module that merely hands a name on is passed through.
        """
        if reference not in self._targets:
            self._targets[reference] = self._find_target(reference)
        return self._targets[reference]

    def is_followed(self, name: str) -> bool:
        """Return whether `name` is a module of the project or of a method's own code, and computes."""
        if name not in self._followed:
            self._followed[name] = (
                not self._is_presentation(name) and self._is_own(top_of(name)) and self._spec(name) is not None
            )
        return self._followed[name]

    def file(self, name: str) -> Path | None:
        """Return the file of the module `name`; None where it has none (made in a session, a namespace)."""
        spec = self._spec(name)
        return Path(spec.origin) if spec and spec.origin and _has_file(spec) else None

    def folders_of(self, package: str) -> list[Path]:
        """Return the folders of the package `package`; none of a plain module."""
        spec = self._spec(package)
        return [Path(folder) for folder in spec.submodule_search_locations or ()] if spec else []

    def outermost_package(self, name: str) -> str:
        """Return the outermost regular package of the module `name` (a namespace may be shared with others), or ""."""
        for package in (*packages_around(name), name):
            if self.folders_of(package) and self.file(package):
                return package
        return ""

    def _find_target(self, reference: Reference) -> tuple[Module | str, str]:
        seen: set[Reference] = set()
        while reference not in seen:
            seen.add(reference)
            module, attribute = reference.module, reference.attribute
            if self._is_presentation(module) or (attribute and self._is_presentation(f"{module}.{attribute}")):
                return "presentation", ""
            if not self.is_followed(module):
                return module, attribute
            if not attribute or attribute == "*":
                break
            known = self.meaning(Module(module))
            if attribute in known.bindings:
                reference = known.bindings[attribute]
            elif attribute not in known.defined and self.is_followed(f"{module}.{attribute}"):
                return Module(f"{module}.{attribute}"), ""
            else:
                break
        return Module(reference.module), reference.attribute

    def _is_presentation(self, name: str) -> bool:
        return any(name == shown or name.startswith(f"{shown}.") for shown in self.project.presentation)

    def _is_own(self, top: str) -> bool:
        if top in self.tops:
            return True
        if top in sys.stdlib_module_names or top in KNOWN_DISTRIBUTIONS or self._spec(top) is None:
            return False
        if self.folders and self._folder_beside(top) in self.folders:
            return True
        return bool(self.plugins) and bool(self._own_distributions & distributions().get(top, frozenset()))

    @functools.cached_property
    def _own_distributions(self) -> frozenset[str]:
        return frozenset(found for top in self.plugins for found in distributions().get(top, ()))

    def _folder_beside(self, top: str) -> Path | None:
        """Return the folder whose modules belong together with `top`; None where everything installed lies there."""
        places = self.folders_of(top) or [file for file in (self.file(top),) if file]
        folder = places[0].parent if places else None
        return None if folder is None or folder.name in ("site-packages", "dist-packages") else folder

    def _spec(self, name: str) -> ModuleSpec | None:
        return _find(name, self.project.path)

    def _all_within(self, package: str) -> Iterator[str]:
        for folder in self.folders_of(package) if package else ():
            for file in folder.rglob("*.py"):
                inner = file.relative_to(folder).with_suffix("").parts
                yield ".".join((package, *(inner[:-1] if inner[-1] == "__init__" else inner)))


def packages_around(name: str) -> list[str]:
    """Return the packages around the module `name`, outermost first."""
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def top_of(name: str) -> str:
    """Return the top-level name of a module."""
    return name.partition(".")[0]


@functools.cache
def distributions() -> dict[str, frozenset[str]]:
    """Return top-level names → the distributions that install them. Slow: ask only about plug-ins."""
    return {name: frozenset(found) for name, found in importlib.metadata.packages_distributions().items()}


@functools.cache
def file_sha256(file: Path) -> str:
    """Return the sha256 of a file's bytes; a constant where it can't be read."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return "unreadable"


def _find(name: str, path: tuple[str, ...] | None) -> ModuleSpec | None:
    """Return where the module `name` lies, without importing it or its parents; None where it is not found."""
    if path is None and name in sys.modules:
        module = sys.modules[name]
        spec = getattr(module, "__spec__", None)
        if spec is None and getattr(module, "__file__", None):  # run as a script, or made by hand
            return importlib.util.spec_from_file_location(name, str(module.__file__))
        return spec
    return _search(name, path)


@functools.cache
def _search(name: str, path: tuple[str, ...] | None) -> ModuleSpec | None:
    parent, _, _ = name.rpartition(".")
    try:
        if not parent:
            return PathFinder.find_spec(name, path) if path is not None else importlib.util.find_spec(name)
        above = _find(parent, path)
        if above is None or above.submodule_search_locations is None:
            return None
        return PathFinder.find_spec(name, above.submodule_search_locations)
    except (ImportError, ValueError, AttributeError):
        return None


def _has_file(spec: ModuleSpec) -> bool:
    return spec.has_location and spec.origin is not None


def _read(file: Path | None, package: str, ours: str, effects_only: bool) -> Meaning:
    """Return the meaning of a source. A file that is none (an extension, bytecode) counts by its bytes."""
    if file is None:
        return _opaque(EMPTY if effects_only else "no source")
    if file.suffix == ".py":
        try:
            return _parsed(importlib.util.decode_source(file.read_bytes()), package, ours, effects_only)
        except (OSError, SyntaxError, ValueError, RecursionError):
            pass  # written for another Python, or nothing that can be imported
    return _opaque(file_sha256(file))


_parsed = functools.cache(meaning)


def _opaque(text: str) -> Meaning:
    return Meaning(text, (), frozenset(), {}, frozenset(), False, frozenset())
