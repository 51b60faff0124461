"""The names of methods. `load` finds them; nothing in ``benchmark`` knows one by name.

Two kinds register: a *technique* (a frozen dataclass that answers some of a recipe's questions differently from the
baseline, and combines with others by ``+``) and a *method* (writes ``fit`` itself: no combination). Built-in ones live
in the package ``methods``; an installed distribution adds its own with an entry point of the group
``bench.methods`` that names a module or package.

A file that is broken is left out, said so in one line, and takes nothing else down: see `left_out`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import importlib.util
import inspect
import logging
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from benchmark.core.errors import UsageError
from benchmark.core.guarded_import import import_all
from benchmark.core.parameters import describe
from benchmark.core.text import did_you_mean

GROUP = "bench.methods"
BUILT_IN = "methods"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_NAME = 40
RULE = f"lower-case letters a-z, digits and single '-' between them, at most {LONGEST_NAME} characters, and not 'all'"
"""What a name may be: it stands in options, tables, file names and spreadsheets, and looks like no other name."""
C = TypeVar("C", bound=type)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Origin:
    """Whose code a method is."""

    module: str
    distribution: str = ""  # of an installed plug-in; "" for this project's own and for what a program registers itself
    version: str = ""


@dataclass(frozen=True)
class Entry:
    """A registered technique or method."""

    name: str
    kind: Literal["technique", "method"]
    cls: type
    source: str  # the paper or report that it stands for
    origin: Origin

    @property
    def module(self) -> str:
        """The module that defines it."""
        return self.origin.module

    @property
    def summary(self) -> str:
        """The first line of the class's docstring."""
        return (inspect.getdoc(self.cls) or "").split("\n", 1)[0]


@dataclass(frozen=True)
class Combination:
    """A registered combination of techniques: a name such as ``a+b`` that ``all`` includes."""

    name: str
    source: str
    module: str = ""


@dataclass(frozen=True)
class LeftOut:
    """A module, a plug-in or a combination that can't be used."""

    what: str  # "methods.x", "plug-in 'mine' (my_package.methods)", "combination 'a+b'"
    reason: str
    names: tuple[str, ...] = ()  # what it would have registered, as far as its text says

    def __str__(self) -> str:
        return f"{self.what} is left out: {self.reason}"


@dataclass
class _Registered:
    """All that is registered. One of it is in use: see `isolated`."""

    entries: dict[str, Entry] = field(default_factory=dict)
    combinations: dict[frozenset[str], Combination] = field(default_factory=dict)
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    loaded: bool = False


_now = _Registered()
_importing: tuple[tuple[str, str], set[str]] | None = None
"""While a module is imported: distribution and version of its plug-in, and the names registered since."""


def technique(name: str, *, source: str) -> Callable[[C], C]:
    """Return a decorator that registers a frozen dataclass as a technique.

    Raises ValueError for a malformed or taken name, and for a class that is no frozen dataclass of parameters.
    """
    return _registering(name, "technique", source)


def method(name: str, *, source: str) -> Callable[[C], C]:
    """Return a decorator that registers a frozen dataclass that writes ``fit`` itself as a method; see `technique`."""
    return _registering(name, "method", source)


def combination(name: str, *, source: str) -> None:
    """Register the combination `name` (``a+b``) as part of ``all``, with this spelling. Raises ValueError.

    Whether its parts exist is asked when everything is loaded.
    """
    parts_of = str(name).split("+")
    if len(parts_of) < 2 or len(set(parts_of)) < len(parts_of):
        raise ValueError(f"{name!r} is no combination: join two or more different techniques by '+'")
    for part in parts_of:
        _check_name(part)
    module = str(sys._getframe(1).f_globals.get("__name__", ""))  # noqa: SLF001 — there is no public way
    _now.combinations[frozenset(parts_of)] = Combination(name, source, module)


def load(again: bool = False) -> None:
    """Import every module of ``methods`` and of the installed entry points, once per process (or `again`).

    What can't be imported is left out, and said so by a warning of this module's logger: one line on stderr.
    """
    if _now.loaded and not again:
        return
    _now.loaded = True  # now, because a module may ask for names while it is imported
    before = dict(_now.left_out)
    _import(BUILT_IN, None)
    for point in importlib.metadata.entry_points(group=GROUP):
        if (module := point.value.partition(":")[0].strip()) != BUILT_IN:
            _import(module, point)
    _check_combinations()
    for key, found in _now.left_out.items():
        if before.get(key) != found:
            log.warning("bench: %s", found)


def left_out() -> tuple[LeftOut, ...]:
    """Return what was found but can't be used, in the order in which it was met."""
    load()
    return tuple(_now.left_out.values())


def entries() -> tuple[Entry, ...]:
    """Return every registered technique and method, sorted by name."""
    load()
    return tuple(_now.entries[name] for name in sorted(_now.entries))


def combinations() -> tuple[Combination, ...]:
    """Return every registered combination, sorted by name."""
    load()
    return tuple(sorted(_now.combinations.values(), key=lambda found: found.name))


def names() -> tuple[str, ...]:
    """Return what ``--methods all`` means: every entry and every registered combination, sorted."""
    return tuple(sorted([entry.name for entry in entries()] + [found.name for found in combinations()]))


def parts(name: str) -> tuple[Entry, ...]:
    """Return the entries that `name` (``a`` or ``a+b``) combines, sorted by name.

    Raises UsageError for an unknown name (naming the nearest), one whose file is left out (saying why), a repeated one,
    or a method that doesn't combine.
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
    registered = _now.combinations.get(frozenset(members))
    return registered.name if registered else "+".join(members)


@contextlib.contextmanager
def isolated(empty: bool = False) -> Iterator[None]:
    """Forget at the end of the block what is registered in it. `empty`: the block begins with nothing registered."""
    global _now
    load()
    before = _now
    copies = {name: dict(getattr(before, name)) for name in ("entries", "combinations", "left_out")}
    _now = _Registered(loaded=True) if empty else _Registered(**copies, loaded=True)
    try:
        yield
    finally:
        _now = before


def _find(word: str, within: str) -> Entry:
    load()
    if word in _now.entries:
        return _now.entries[word]
    where = "" if word == within else f" in {within!r}"
    for missing in _now.left_out.values():
        if word in missing.names:
            raise UsageError(f"method {word!r}{where} can't be used: {missing}: fix that first")
    hint = did_you_mean(word, _now.entries, "`bench list methods` shows the known ones")
    raise UsageError(f"unknown method {word!r}{where}: {hint}")


def _registering(name: str, kind: Literal["technique", "method"], source: str) -> Callable[[C], C]:
    def register(cls: C) -> C:
        _check_name(name)
        _check_class(name, source, cls)
        taken = _now.entries.get(name)
        again = taken and (taken.module, taken.cls.__qualname__) == (cls.__module__, cls.__qualname__)
        if taken and (not again or (_importing and name in _importing[1])):  # again: the module is reloaded
            raise ValueError(f"method {name!r} is registered already, by {taken.module}")
        origin = Origin(cls.__module__, *(_importing[0] if _importing else ()))
        _now.entries[name] = Entry(name, kind, cls, source, origin)
        if _importing:
            _importing[1].add(name)
        return cls

    return register


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not NAME.fullmatch(name) or len(name) > LONGEST_NAME or name == "all":
        short = repr(name) if len(repr(name)) <= 2 * LONGEST_NAME else repr(name)[: 2 * LONGEST_NAME] + "…"
        raise ValueError(f"{short} can't be a method's name: {RULE}")


def _check_class(name: str, source: object, cls: type) -> None:
    """Raise ValueError unless `cls` is a frozen dataclass whose fields are parameters with defaults in their ranges."""
    if not isinstance(source, str):
        raise ValueError(f"method {name!r}: source is the paper's name, a text, not {source!r}")
    frozen = getattr(getattr(cls, "__dataclass_params__", None), "frozen", False)
    if not frozen or not dataclasses.is_dataclass(cls):
        raise ValueError(f"method {name!r}: the class must be a @dataclass(frozen=True), decorated before it registers")
    try:
        for found in describe(cls):
            found.check(found.default)
    except (TypeError, NameError, UsageError) as error:
        raise ValueError(f"method {name!r}: {error}") from error


def _import(name: str, point: importlib.metadata.EntryPoint | None) -> None:
    """Import the module `name`, and every module in it where it is a package; leave out what can't be."""
    global _importing
    before = _importing
    _importing = (_distribution(point), set())
    try:
        for module, reason in import_all(name):
            where = f"{module or repr(point.value)} of plug-in {point.name!r}" if point else module
            _now.left_out.pop(where, None)
            if reason:
                _forget(module)
                _now.left_out[where] = LeftOut(where, reason, _names_in(module))
    finally:
        _importing = before


def _distribution(point: importlib.metadata.EntryPoint | None) -> tuple[str, str]:
    """Return name and version of the distribution that a plug-in came with, as far as its metadata can be read."""
    with contextlib.suppress(Exception):
        if point and point.dist:
            return str(point.dist.name), str(point.dist.version)
    return "", ""


def _forget(failed: str) -> None:
    """Take back what the module `failed` has registered before it broke."""
    for name in [name for name, entry in _now.entries.items() if entry.module == failed]:
        del _now.entries[name]
    for key in [key for key, found in _now.combinations.items() if found.module == failed]:
        del _now.combinations[key]


def _names_in(module: str) -> tuple[str, ...]:
    """Return the names that the file of a broken `module` would register: read from its text, which may be anything."""
    try:
        found = importlib.util.find_spec(module)
        text = Path(found.origin).read_text(encoding="utf-8", errors="replace") if found and found.origin else ""
    except Exception:  # noqa: BLE001 — to look for a module imports its package
        text = ""
    named = re.findall(r"""\b(?:technique|method)\(\s*["']([^"'\s]+)["']""", text)
    return tuple(dict.fromkeys([*named, module.rpartition(".")[2].replace("_", "-")]))


def _check_combinations() -> None:
    """Leave out the combinations whose parts aren't there or don't combine."""
    for key, made in list(_now.combinations.items()):
        what = f"combination {made.name!r}"
        _now.left_out.pop(what, None)
        try:
            parts(made.name)
        except UsageError as error:
            del _now.combinations[key]
            _now.left_out[what] = LeftOut(what, str(error))
