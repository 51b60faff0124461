"""The digest of the code that a result depends on: part of every cell's identity."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ENGINE = ("data", "model", "train", "core/task_kinds.py", "core/layer_scores.py", "core/metrics.py", "core/seeds.py")
"""Folders and files of this package that a result depends on."""


PACKAGE = Path(__file__).parents[1]


def code_digest(modules: Iterable[str]) -> str:
    """Return the sha256 of the code that a result depends on: the engine's and that of `modules`, the method's own.

    Comments, docstrings and layout are left out, so that to explain a line better makes no finished cell stale.
    """
    parts = [*_engine(), *((name, _file_digest(_source(name))) for name in sorted(set(modules)))]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def source_digest(text: str) -> str:
    """Return the sha256 of the Python source `text`'s meaning. Raises SyntaxError."""
    return hashlib.sha256(json.dumps(_meaning(ast.parse(text))).encode()).hexdigest()


@functools.cache
def _engine() -> tuple[tuple[str, str], ...]:
    files = [file for name in ENGINE for file in sorted((PACKAGE / name).rglob("*.py"))]
    files += [PACKAGE / name for name in ENGINE if name.endswith(".py")]
    return tuple((file.relative_to(PACKAGE).as_posix(), _file_digest(file)) for file in files)


@functools.cache
def _file_digest(file: Path | None) -> str:
    return source_digest(file.read_text(encoding="utf-8")) if file else ""


def _source(module: str) -> Path | None:
    """Return the source file of `module`; None where it has none (made in a session, or compiled)."""
    loaded = sys.modules.get(module)
    name = getattr(loaded, "__file__", None)
    if loaded is None:
        found = importlib.util.find_spec(module)
        name = found.origin if found else None
    return Path(name) if name and name.endswith(".py") and Path(name).is_file() else None


def _meaning(node: Any) -> Any:
    """Return the syntax tree `node` as lists: no positions, docstrings, empty fields or ranges for tuning.

    An empty field is left out because new minor versions of Python add such to every node (`type_params` in 3.12).
    """
    if _declares_parameter(node):
        node = ast.Call(node.func, node.args, [given for given in node.keywords if given.arg != "search"])
    if isinstance(node, ast.AST):
        fields = {name: value for name, value in ast.iter_fields(node) if name not in ("kind", "type_comment")}
        shown = {name: _meaning(value) for name, value in fields.items()}
        return [type(node).__name__, {name: value for name, value in shown.items() if value not in (None, [])}]
    if isinstance(node, list):
        return [_meaning(item) for item in node if not _is_text(item)]
    return node if node is None else f"{type(node).__name__} {node!r}"


def _declares_parameter(node: Any) -> bool:
    """Return whether `node` is ``parameter(…)``: over what range one tunes changes no result."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "parameter"


def _is_text(node: Any) -> bool:
    """Return whether `node` is a statement that is nothing but a string: a docstring, of an attribute too."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
