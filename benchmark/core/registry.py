"""The names of methods. `load` finds them; nothing in ``benchmark`` knows one by name.

Two kinds register: a *technique* (a frozen dataclass that answers some of a recipe's questions differently from the
baseline, and combines with others by ``+``) and a *method* (writes ``fit`` itself: no combination). Built-in ones live
in the package ``methods``; an installed distribution adds its own with an entry point of the group
``bench.methods`` that names a module or package.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from benchmark.core.errors import UsageError
from benchmark.core.text import did_you_mean

GROUP = "bench.methods"
C = TypeVar("C", bound=type)


@dataclass(frozen=True)
class Entry:
    """A registered technique or method."""

    name: str
    kind: Literal["technique", "method"]
    cls: type
    source: str  # the paper or report that it stands for
    module: str

    @property
    def summary(self) -> str:
        """The first line of the class's docstring."""
        return (inspect.getdoc(self.cls) or "").split("\n", 1)[0]


@dataclass(frozen=True)
class Combination:
    """A registered combination of techniques: a name such as ``a+b`` that ``all`` includes."""

    name: str
    source: str


_entries: dict[str, Entry] = {}
_combinations: dict[frozenset[str], Combination] = {}


def technique(name: str, *, source: str) -> Callable[[C], C]:
    """Register the decorated frozen dataclass as a technique. Raises ValueError for a taken or malformed name."""
    return functools.partial(_register, name, "technique", source)


def method(name: str, *, source: str) -> Callable[[C], C]:
    """Register the decorated frozen dataclass, which writes ``fit`` itself, as a method. Raises ValueError."""
    return functools.partial(_register, name, "method", source)


def combination(name: str, *, source: str) -> None:
    """Register the combination `name` (``a+b``) as part of ``all``, with this spelling."""
    _combinations[frozenset(name.split("+"))] = Combination(name, source)


def load() -> None:
    """Import every module of ``methods`` and of the installed entry points, once per process."""
    _load()


def entries() -> tuple[Entry, ...]:
    """Return every registered technique and method, sorted by name."""
    load()
    return tuple(_entries[name] for name in sorted(_entries))


def combinations() -> tuple[Combination, ...]:
    """Return every registered combination, sorted by name."""
    load()
    return tuple(sorted(_combinations.values(), key=lambda found: found.name))


def names() -> tuple[str, ...]:
    """Return what ``--methods all`` means: every entry and every registered combination, sorted."""
    return tuple(sorted([entry.name for entry in entries()] + [found.name for found in combinations()]))


def parts(name: str) -> tuple[Entry, ...]:
    """Return the entries that `name` (``a`` or ``a+b``) combines, sorted by name.

    Raises UsageError for an unknown name (naming the nearest), a repeated one, or a method that doesn't combine.
    """
    words = [word.strip() for word in name.split("+")]
    found = [_find(word, within=name) for word in words]
    for entry in found:
        if words.count(entry.name) > 1:
            raise UsageError(f"method {name!r} names {entry.name!r} twice: write it once")
        if entry.kind == "method" and len(found) > 1:
            raise UsageError(f"method {name!r}: {entry.name!r} is a whole method and does not combine with others")
    return tuple(sorted(found, key=lambda entry: entry.name))


def canonical(name: str) -> str:
    """Return the one spelling of `name`: a registered combination's own, else the parts sorted. Raises UsageError."""
    members = [entry.name for entry in parts(name)]
    registered = _combinations.get(frozenset(members))
    return registered.name if registered else "+".join(members)


def _find(word: str, within: str) -> Entry:
    load()
    if word in _entries:
        return _entries[word]
    hint = did_you_mean(word, _entries, "`bench list methods` shows the known ones")
    where = "" if word == within else f" in {within!r}"
    raise UsageError(f"unknown method {word!r}{where}: {hint}")


def _register(name: str, kind: Literal["technique", "method"], source: str, cls: C) -> C:
    taken = _entries.get(name)
    if taken and (taken.module, taken.cls.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ValueError(f"method {name!r} is registered already, by {taken.module}")
    if not name or any(mark in name for mark in "+,.= ") or name == "all":
        raise ValueError(f"{name!r} can't be a method's name: no '+', ',', '.', '=' or space, and not 'all'")
    _entries[name] = Entry(name, kind, cls, source, cls.__module__)
    return cls


@functools.cache
def _load() -> None:
    _import("methods")
    for point in importlib.metadata.entry_points(group=GROUP):
        try:
            _import(point.value.split(":")[0])
        except UsageError:
            raise
        except Exception as error:  # a plug-in may raise anything while it is imported
            raise UsageError(
                f"plug-in {point.name!r} ({point.value}) can't be imported: {error}: fix or uninstall it"
            ) from error


def _import(name: str) -> None:
    """Import the module `name`, and every module in it where it is a package."""
    module = importlib.import_module(name)
    for found in pkgutil.iter_modules(getattr(module, "__path__", ()), prefix=f"{name}."):
        importlib.import_module(found.name)
