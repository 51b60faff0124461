"""What a Python source means, as text to hash: no comments, docstrings, layout, module paths or words for people.

A name that an import binds is replaced by what it refers to (`Reference`), so that a module can be moved or renamed
and its importers still mean the same. `benchmark.experiment.code_digest` puts digests of content in their place.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

EMPTY = "(Module )"
"""The text of a module that computes nothing."""
FOR_PEOPLE = {
    "parameter": (1, ("help", "log", "search", "unit")),
    "technique": (9, ("source",)),
    "method": (9, ("source",)),
}
"""Function of ours → (place of the positional argument, keywords) that are read by people or by a tuner alone."""
DYNAMIC = ("import_module", "__import__")
OPAQUE = ("exec", "eval", "run_module", "run_path", "iter_modules", "walk_packages", "spec_from_file_location")
"""Functions that run code which can't be seen in the source."""
IMPORTS = (ast.Import, ast.ImportFrom)
_FILE = re.compile(r"[\w][\w ./-]*\.\w+")


@dataclass(frozen=True)
class Reference:
    """What an import names: a module, or an attribute of it (``*``: all of them)."""

    module: str  # absolute
    attribute: str = ""


@dataclass(frozen=True)
class Meaning:
    """A source without what computes nothing."""

    text: str
    references: tuple[Reference, ...]  # without repetition, in the order in which `text` first mentions them
    imported: frozenset[Reference]  # everything that is imported, also for its side effects alone
    bindings: dict[str, Reference] = field(hash=False)  # names that imports bind, and nothing else
    defined: frozenset[str]  # names that the module binds by itself, at any depth
    opaque: bool  # whether it runs code that its source doesn't name
    files: frozenset[str]  # texts in it that could be names of files

    @functools.cached_property
    def sha256(self) -> str:
        """Digest of the text."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


def meaning(source: str, package: str = "", ours: str = "benchmark", effects_only: bool = False) -> Meaning:
    """Return what `source` means; relative imports start from `package`. Raises SyntaxError and ValueError.

    `ours` is the package whose functions of `FOR_PEOPLE` and whose UsageError are known. With `effects_only` the
    module's definitions and plain constants are left out: what is left is what happens when it is imported.
    """
    tree = ast.parse(source)
    if effects_only:
        tree.body = [statement for statement in tree.body if not _is_pure(statement)]
    nodes = list(_walk(tree))
    statements = [node for node in nodes if isinstance(node, IMPORTS)]
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    imports = [pair for statement in statements for pair in _bound_by(statement, package)]
    defined = frozenset(_defined(nodes))
    bound: dict[str, set[Reference]] = {}
    for name, reference in imports:
        bound.setdefault(name, set()).add(reference)
    single = {name: next(iter(found)) for name, found in bound.items() if len(found) == 1}
    bindings = {name: found for name, found in single.items() if name not in defined and name != "*"}
    writer = _Writer(package, ours, bindings)
    writer.docstrings = any("__doc__" in (getattr(node, "attr", ""), getattr(node, "id", "")) for node in nodes)
    writer.write(tree)
    imported = {reference for _, reference in imports}
    imported |= {Reference(found) for call in calls if (found := _literal_import(call, package))}
    # ``import a.b.c`` binds a alone.
    imported |= {Reference(name.name) for found in statements if isinstance(found, ast.Import) for name in found.names}
    return Meaning(
        text="".join(writer.out),
        references=tuple(writer.references),
        imported=frozenset(imported),
        bindings=bindings,
        defined=defined,
        opaque=any(_is_opaque(call, package) for call in calls),
        files=frozenset(writer.files),
    )


class _Writer:
    """Writes a syntax tree as text: no positions, no empty fields (new Pythons add such: `type_params` in 3.12)."""

    def __init__(self, package: str, ours: str, bindings: dict[str, Reference]) -> None:
        self.package, self.ours, self.bindings = package, ours, bindings
        self.out: list[str] = []
        self.references: dict[Reference, int] = {}
        self.files: set[str] = set()
        self.docstrings = False  # whether they are kept, because the source reads them
        self.depth = 0  # of nodes: 1 in the body of the module itself

    def write(self, node: Any) -> None:
        """Write a node, a list of nodes, or a plain value of a field."""
        if isinstance(node, ast.Name):
            self._name(node.id)
        elif isinstance(node, ast.Constant):
            self.out.append(f"{type(node.value).__name__} {node.value!r};")
            if isinstance(node.value, str) and len(node.value) < 200 and _FILE.fullmatch(node.value):
                self.files.add(node.value)
        elif isinstance(node, ast.AST):
            self._node(_shown(node, self._is_ours))
        elif isinstance(node, list):
            self._list(node)
        else:
            self.out.append(f"{type(node).__name__} {node!r};")

    def _node(self, node: ast.AST) -> None:
        self.depth += 1
        self.out.append(f"({type(node).__name__} ")
        for name in node._fields:
            value = getattr(node, name, None)
            if value is None or value == [] or name in ("ctx", "kind", "type_comment", "type_ignores"):
                continue
            start = len(self.out)
            self.write(value)
            if len(self.out) > start:  # a body of docstrings alone is an empty one
                self.out.insert(start, f"{name}=")
        self.out.append(")")
        self.depth -= 1

    def _list(self, nodes: list[Any]) -> None:
        start = len(self.out)
        for are_imports, run in itertools.groupby(self._statements(nodes), lambda node: isinstance(node, IMPORTS)):
            if are_imports:
                self._imports([pair for node in run for pair in _bound_by(node, self.package)])
            else:
                for node in run:
                    self.write(node)
        if len(self.out) > start:
            self.out.insert(start, "[")
            self.out.append("]")

    def _statements(self, nodes: list[Any]) -> Iterator[Any]:
        """Yield `nodes` without docstrings (of attributes, too), `pass`, and imports for type checkers."""
        for node in nodes:
            is_docstring = isinstance(node, ast.Expr) and _is_text(node.value) and not self.docstrings
            if isinstance(node, ast.Pass) or is_docstring:
                continue
            if _is_for_type_checkers(node):
                yield from self._statements(node.orelse)
            else:
                yield node

    def _name(self, name: str) -> None:
        if name in self.bindings:
            self.out.append(self._mark(self.bindings[name]))
        else:
            self.out.append(f"{name};")

    def _imports(self, bound: list[tuple[str, Reference]]) -> None:
        """Write imports that stand together, sorted by the names that they bind: module paths decide no order.

        At the top of a file a name that always means the same needs no mention: its uses say what it refers to.
        """
        for name, reference in sorted(bound, key=lambda pair: pair[0]):
            if self.depth > 1 or name not in self.bindings:
                self.out.append(f"(import {name} {self._mark(reference)})")

    def _mark(self, reference: Reference) -> str:
        """Return what stands in the text for `reference`: its number."""
        return f"@{self.references.setdefault(reference, len(self.references))};"

    def _is_ours(self, function: ast.expr) -> str:
        """Return the name of the function of ours that `function` is; "" for any other."""
        if not isinstance(function, ast.Name) or function.id not in self.bindings:
            return ""
        found = self.bindings[function.id]
        return found.attribute if found.module.partition(".")[0] == self.ours else ""


def _shown(node: ast.AST, is_ours: Any) -> ast.AST:
    """Return `node` without what it says to people alone."""
    if isinstance(node, ast.Call) and (name := is_ours(node.func)) in FOR_PEOPLE:
        place, keywords = FOR_PEOPLE[name]
        arguments = [given for number, given in enumerate(node.args) if number != place]
        return ast.Call(node.func, arguments, [given for given in node.keywords if given.arg not in keywords])
    if isinstance(node, ast.JoinedStr):  # 3.12 ends some with an empty text
        return ast.JoinedStr([part for part in node.values if not (_is_text(part) and part.value == "")])  # type: ignore[attr-defined]
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and is_ours(node.exc.func) == "UsageError":
        return ast.Raise(node.exc.func, None)
    return node


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_for_type_checkers(node: Any) -> bool:
    test = node.test if isinstance(node, ast.If) else None
    name = test.id if isinstance(test, ast.Name) else test.attr if isinstance(test, ast.Attribute) else ""
    return name == "TYPE_CHECKING"


def _is_pure(statement: ast.stmt) -> bool:
    """Return whether `statement` does nothing but bind names to functions, classes or constants."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return not statement.decorator_list and not getattr(statement, "bases", [])
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        calls = (ast.Call, ast.Await, ast.NamedExpr)
        return all(isinstance(target, ast.Name) for target in targets) and not any(
            isinstance(node, calls) for node in ast.walk(statement)
        )
    return False


def _walk(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every node but those for type checkers."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        yield node
        children: Iterable[ast.AST] = ast.iter_child_nodes(node)
        todo.extend(node.orelse if isinstance(node, ast.If) and _is_for_type_checkers(node) else children)


def _bound_by(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, Reference]]:
    """Yield (name, what it refers to) of an import."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            yield alias.asname or alias.name, Reference(_absolute(node.module or "", node.level, package), alias.name)
        elif alias.asname:
            yield alias.asname, Reference(alias.name)
        else:
            yield alias.name.partition(".")[0], Reference(alias.name.partition(".")[0])


def _absolute(module: str, level: int, package: str) -> str:
    """Return the absolute name of `module`, imported with `level` dots from inside `package`."""
    if not level:
        return module
    base = package.rsplit(".", level - 1)[0] if level > 1 else package
    return f"{base}.{module}" if module else base


def _called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _literal_import(call: ast.Call, package: str) -> str:
    """Return the module that ``import_module("…")`` names; "" for any other call."""
    if _called(call) not in DYNAMIC or not call.args:
        return ""
    first, *rest = (*call.args, *(given.value for given in call.keywords if given.arg == "package"))
    if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        return ""
    if first.value.startswith(".") and rest and not (isinstance(rest[0], ast.Name) and rest[0].id == "__package__"):
        if not isinstance(rest[0], ast.Constant):
            return ""
        package = str(rest[0].value)
    dots = len(first.value) - len(first.value.lstrip("."))
    return _absolute(first.value[dots:], dots, package)


def _is_opaque(call: ast.Call, package: str) -> bool:
    name = _called(call)
    return name in OPAQUE or (name in DYNAMIC and not _literal_import(call, package))


def _defined(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield every name that is bound by anything but an import."""
    for node in nodes:
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Global | ast.Nonlocal):
            yield from node.names
        elif not isinstance(node, ast.alias):  # functions, classes, exceptions, patterns; type parameters since 3.12
            for key in ("name", "rest"):
                if isinstance(found := getattr(node, key, None), str):
                    yield found
