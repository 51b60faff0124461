"""The architecture, enforced: who may import whom, where randomness comes from, where a method's name may stand.

The rules work on source text alone (`ast`), so that nothing is imported to check it, and each is first shown a
violation that it must catch: a rule that finds nothing in anything would pass as well.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmark import FLOORS

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("benchmark", "methods", "leaderboard")
CORE = 0
FACES = ("benchmark", "benchmark.__main__")
"""The package itself, which everything imports, and its ``python -m``, which starts the command line."""

ONLY_IN = {  # third party → the modules (and what lies below them) that may import it
    "mlflow": ("benchmark.tracking.runs", "benchmark.tracking.live_run"),
    "optuna": ("benchmark.tuning",),
    "peft": ("methods.lora",),
    "ray": ("benchmark.launchers.ray",),
    "streamlit": ("leaderboard",),
}
WITHOUT_STREAMLIT = ("leaderboard.queries", "leaderboard.charts", "leaderboard.words")
IMPORTERS = ("importlib.import_module", "import_module", "__import__")

SEEDS = "benchmark.core.seeds"
LAZILY = {SEEDS: "torch", "benchmark.core.serialization": "pydantic"}
"""Modules of the core → what they import when they need it: reading a record has a price, `bench --help` has none."""
GENERATED = "benchmark.data.builtin"  # draws its rows from random.Random instances
OWN_GENERATORS = frozenset({"BitGenerator", "Generator", "PCG64", "SeedSequence"})  # of numpy.random: hold their state
GLOBAL_TORCH = tuple(
    f"torch.{name}"
    for name in (
        "manual_seed",
        "seed",
        "set_rng_state",
        "random.manual_seed",
        "random.seed",
        "random.set_rng_state",
        "cuda.manual_seed",
        "cuda.manual_seed_all",
        "cuda.seed",
        "cuda.seed_all",
        "mps.manual_seed",
    )
)

MAY_NAME_METHODS = ("benchmark.reports",)
"""What reproduces a report names the methods that the report names."""


@dataclass(frozen=True)
class Import:
    """One imported module, as written at `line`."""

    target: str  # dotted; of this project where it is one of its modules
    line: int
    at_load: bool  # runs when the module is imported: not in a function, not under TYPE_CHECKING

    @property
    def top(self) -> str:
        return self.target.partition(".")[0]


class Tree:
    """The source of the project's modules by dotted name, or of a few made-up ones."""

    def __init__(self, sources: dict[str, str]) -> None:
        self.modules = {name: ast.parse(text) for name, text in sources.items()}
        self.imports = {name: tuple(self._imports(module)) for name, module in self.modules.items()}

    def _imports(self, module: ast.Module) -> Iterator[Import]:
        for node, at_load in _walk(module, at_load=True):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(alias.name, node.lineno, at_load)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, "relative imports are banned: the linter says so"
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    yield Import(inner if inner in self.modules else str(node.module), node.lineno, at_load)
            elif isinstance(node, ast.Call) and _dotted(node.func) in IMPORTERS:
                match node.args:
                    case [ast.Constant(value=str(target)), *_]:
                        yield Import(target, node.lineno, at_load)


def _walk(node: ast.AST, at_load: bool) -> Iterator[tuple[ast.AST, bool]]:
    for child in ast.iter_child_nodes(node):
        later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        typing = isinstance(child, ast.If) and (_dotted(child.test) or "").endswith("TYPE_CHECKING")
        inside = at_load and not later and not typing
        yield child, inside
        yield from _walk(child, inside)


def _dotted(node: ast.AST) -> str | None:
    """Return ``a.b.c`` for the expression a.b.c, None for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (front := _dotted(node.value)):
        return f"{front}.{node.attr}"
    return None


def package(module: str) -> str:
    """Return the package of `FLOORS` that `module` belongs to; a module outside all of them is its own."""
    return next((name for floor in FLOORS for name in floor if _below(module, (name,))), module)


def floor(module: str) -> int | None:
    """Return the number of the floor on which `module` stands, from 0; None for what stands on none."""
    return next((number for number, names in enumerate(FLOORS) if package(module) in names), None)


def _below(module: str, parents: tuple[str, ...]) -> bool:
    return any(module == parent or module.startswith(f"{parent}.") for parent in parents)


# Rules: each yields one line for each violation.


def imports_go_down(tree: Tree) -> Iterator[str]:
    """A package imports itself or what stands on a floor below; types count too."""
    for name, imports in tree.imports.items():
        if name not in FACES and floor(name) is None:
            yield f"{name} stands in no package of benchmark.FLOORS"
        for found in imports:
            if found.top not in PACKAGES or found.target in FACES or name in FACES or (name, found.target) == DOORWAY:
                continue
            own, other = floor(name), floor(found.target)
            if package(found.target) != package(name) and not (own is not None and other is not None and other < own):
                yield f"{name}:{found.line} (floor {own}) imports {found.target} (floor {other})"


def imports_make_no_circle(tree: Tree) -> Iterator[str]:
    """No module needs itself, however many steps lie between; types count too.

    A package's ``__init__`` is not what its modules' imports mean, unless they import it by name.
    """
    below = {
        name: {found.target for found in imports if found.target in tree.modules} - {name}
        for name, imports in tree.imports.items()
    }
    done: set[str] = set()
    for first in below:
        path: list[str] = []

        def visit(name: str, path: list[str] = path) -> Iterator[str]:
            if name in path:
                yield " → ".join([*path[path.index(name) :], name])
            elif name not in done:
                path.append(name)
                for other in sorted(below[name]):
                    yield from visit(other)
                path.pop()
                done.add(name)

        yield from visit(first)


DOORWAY = ("benchmark.core.registry", "methods")
"""The one upward step, by name and not by import: the registry loads the built-in methods as it loads any plug-in."""


def methods_stand_alone(tree: Tree) -> Iterator[str]:
    """No method imports another, and nothing but the registry's doorway imports `methods`."""
    for name, imports in tree.imports.items():
        for found in imports:
            if found.top == "methods" and (name, found.target) != DOORWAY:
                yield f"{name}:{found.line} imports {found.target}"


def third_parties_have_one_place(tree: Tree) -> Iterator[str]:
    """mlflow, optuna, peft, ray and streamlit are each imported in one place."""
    for name, imports in tree.imports.items():
        for found in imports:
            allowed = ONLY_IN.get(found.top)
            if allowed and not _below(name, allowed):
                yield f"{name}:{found.line} imports {found.target}, which only {' and '.join(allowed)} may"
            if found.top == "streamlit" and _below(name, WITHOUT_STREAMLIT):
                yield f"{name}:{found.line} imports streamlit: queries return frames, charts figures"


def nouns_are_light(tree: Tree) -> Iterator[str]:
    """The core imports the standard library, numpy, scipy and itself; `LAZILY` says what else a function may import."""
    light = {*sys.stdlib_module_names, "numpy", "scipy", *PACKAGES}  # imports_go_down looks at the project's own
    for name, imports in tree.imports.items():
        if floor(name) == CORE:
            for found in imports:
                lazily = LAZILY.get(name) == found.top and not found.at_load
                if found.top not in light and not lazily:
                    yield f"{name}:{found.line} imports {found.target}"


def randomness_has_one_source(tree: Tree) -> Iterator[str]:
    """Global generators are touched in seeds.py alone (law 2)."""
    for name, module in tree.modules.items():
        if name == SEEDS:
            continue
        known = _aliases(module)
        for node in ast.walk(module):
            if isinstance(node, ast.ImportFrom):
                uses = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Attribute) and (written := _dotted(node)):
                front, _, rest = written.partition(".")
                uses = [f"{known.get(front, '')}.{rest}"]
            else:
                continue
            for used in uses:
                if _is_global_randomness(used) and not (_below(name, (GENERATED,)) and used == "random.Random"):
                    yield f"{name}:{node.lineno} uses {used}"


def _aliases(module: ast.Module) -> dict[str, str]:
    """Return what the names that imports bind stand for: ``np`` → ``numpy``."""
    found = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            found.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return found


def _is_global_randomness(used: str) -> bool:
    words = used.split(".")
    if words[:2] == ["numpy", "random"]:
        return len(words) > 2 and words[2] not in OWN_GENERATORS
    return (words[0] == "random" and len(words) > 1) or used in (*GLOBAL_TORCH, "transformers.set_seed")


def benchmark_knows_no_method(tree: Tree) -> Iterator[str]:
    """The name of a registered method is nowhere a string in `benchmark` (law 5).

    A word that is also a question of the recipe (a field of the class Recipe) is meant as that there.
    """
    names = registered(tree) - questions(tree)
    for name, module in tree.modules.items():
        if name.startswith("benchmark") and not _below(name, MAY_NAME_METHODS):
            for node in ast.walk(module):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in names:
                    yield f"{name}:{node.lineno} names the method {node.value!r}"


def registered(tree: Tree) -> set[str]:
    """Return the names that `methods` registers: the first argument of technique, method and combination."""
    found = set()
    for name, module in tree.modules.items():
        if name.startswith("methods"):
            for node in ast.walk(module):
                match node:
                    case ast.Call(func=called, args=[ast.Constant(value=str(word)), *_]):
                        if (_dotted(called) or "").split(".")[-1] in ("technique", "method", "combination"):
                            found.add(word)
    return found


def questions(tree: Tree) -> set[str]:
    """Return the fields of the class Recipe."""
    return {
        item.target.id
        for name, module in tree.modules.items()
        if name.startswith("benchmark.train")
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef) and node.name == "Recipe"
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    }


Rule = Callable[[Tree], Iterator[str]]
RULES: tuple[Rule, ...] = (
    imports_go_down,
    imports_make_no_circle,
    methods_stand_alone,
    third_parties_have_one_place,
    nouns_are_light,
    randomness_has_one_source,
    benchmark_knows_no_method,
)


@pytest.fixture(scope="module")
def project() -> Tree:
    files = {path: path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    dotted = {path: ".".join(short.with_suffix("").parts).removesuffix(".__init__") for path, short in files.items()}
    return Tree({name: path.read_text(encoding="utf-8") for path, name in sorted(dotted.items())})


def test_the_walk_finds_the_project(project: Tree) -> None:
    assert len(project.modules) > 20
    assert {floor(name) for name in project.modules if name not in FACES} == set(range(len(FLOORS)))
    assert {name for floor in FLOORS for name in floor} <= project.modules.keys()
    assert sum(len(imports) for imports in project.imports.values()) > 100
    assert len(registered(project)) >= 10
    assert len(questions(project)) >= 5


def test_contributing_shows_the_floors() -> None:
    """The table in CONTRIBUTING.md is `FLOORS`, the highest floor first."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| (\d+) \| `([\w.]+)` \|", text, re.MULTILINE)
    numbers = [int(number) for number, _ in shown]
    assert numbers == sorted(numbers, reverse=True)
    assert len(shown) == sum(map(len, FLOORS))
    assert {(int(number), name) for number, name in shown} == {
        (number, name) for number, names in enumerate(FLOORS) for name in names
    }


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_keeps_the_rule(project: Tree, rule: Rule) -> None:
    assert list(rule(project)) == []


VIOLATIONS: tuple[tuple[Rule, str, str], ...] = (
    (imports_go_down, "benchmark.core.cell", "from benchmark.data.task import Task"),
    (imports_go_down, "benchmark.core.cell", "if TYPE_CHECKING:\n    from benchmark.train import recipe"),
    (imports_go_down, "benchmark.data.task", "def f():\n    import benchmark.model.encoder"),
    (imports_go_down, "benchmark.model.heads", "from benchmark.experiment import runner"),
    (imports_go_down, "benchmark.train.loop", "importlib.import_module('methods.lora')"),
    (imports_go_down, "methods.lora", "from benchmark.experiment.runner import run"),
    (imports_go_down, "benchmark.reports", "import leaderboard.charts"),
    (imports_go_down, "benchmark.data.task", "from benchmark.tracking import store"),
    (imports_go_down, "benchmark.loose", ""),
    (
        imports_make_no_circle,
        "benchmark.train.recipe",
        "from benchmark.train import recipe_parts\nclass Recipe:\n    schedule: str",
    ),
    (imports_make_no_circle, "benchmark.train.recipe", "def f():\n    import benchmark.train.recipe_parts"),
    (methods_stand_alone, "methods.lora", "from methods import runner"),
    (methods_stand_alone, "methods.lora", "from methods.swa import Average"),
    (methods_stand_alone, "benchmark.experiment.runner", "import methods"),
    (methods_stand_alone, "leaderboard.app", "from methods import swa"),
    (third_parties_have_one_place, "benchmark.experiment.runner", "import mlflow.entities"),
    (third_parties_have_one_place, "benchmark.train.loop", "def f():\n    from peft import LoraConfig"),
    (third_parties_have_one_place, "benchmark.experiment.runner", "import optuna"),
    (third_parties_have_one_place, "benchmark.reports", "import streamlit as st"),
    (third_parties_have_one_place, "leaderboard.queries", "import streamlit as st"),
    (third_parties_have_one_place, "leaderboard.charts.curves", "import streamlit"),
    (nouns_are_light, "benchmark.core.metrics", "import torch"),
    (nouns_are_light, "benchmark.core.metrics", "def f():\n    import torch"),
    (nouns_are_light, "benchmark.core.seeds", "import torch"),
    (nouns_are_light, "benchmark.core.suite", "import pandas"),
    (randomness_has_one_source, "benchmark.train.loop", "import torch\ntorch.manual_seed(1)"),
    (randomness_has_one_source, "benchmark.train.loop", "from torch import manual_seed"),
    (randomness_has_one_source, "methods.swa", "import torch as t\nt.cuda.manual_seed_all(1)"),
    (randomness_has_one_source, "methods.swa", "import numpy as np\nnp.random.shuffle(rows)"),
    (randomness_has_one_source, "methods.swa", "from numpy import random as draw\ndraw.seed(0)"),
    (randomness_has_one_source, "methods.swa", "from numpy.random import rand"),
    (randomness_has_one_source, "methods.swa", "import random\nrandom.Random(0)"),
    (randomness_has_one_source, "benchmark.data.builtin", "import random\nrandom.shuffle(rows)"),
    (benchmark_knows_no_method, "benchmark.experiment.runner", "if method == 'swa':\n    pass"),
    (benchmark_knows_no_method, "benchmark.train.loop", "special = {'swa+reinit'}"),
)

ALLOWED: tuple[tuple[Rule, str, str], ...] = (
    (imports_go_down, "benchmark.core.cell", "from benchmark import space"),
    (imports_go_down, "benchmark.core.registry", "importlib.import_module('methods')"),
    (imports_go_down, "leaderboard.queries", "from benchmark import tracking"),
    (third_parties_have_one_place, "benchmark.tracking.runs", "import mlflow"),
    (third_parties_have_one_place, "methods.lora", "import peft"),
    (third_parties_have_one_place, "leaderboard.views.runs", "import streamlit"),
    (nouns_are_light, "benchmark.core.seeds", "def f():\n    import torch"),
    (nouns_are_light, "benchmark.core.serialization", "def f():\n    from pydantic import TypeAdapter"),
    (nouns_are_light, "benchmark.analysis.stats", "from scipy import stats\nimport math"),
    (randomness_has_one_source, "benchmark.core.seeds", "import torch\ntorch.manual_seed(1)"),
    (randomness_has_one_source, "benchmark.data.task", "import numpy as np\ndef f(g: np.random.Generator): ..."),
    (randomness_has_one_source, "benchmark.data.builtin", "import random\nrandom.Random(0)"),
    (randomness_has_one_source, "benchmark.train.loop", "import torch\nwith torch.random.fork_rng():\n    pass"),
    (benchmark_knows_no_method, "benchmark.experiment.runner", "'''The swa of a swa+reinit.'''"),
    (benchmark_knows_no_method, "benchmark.train.loop", "question = 'schedule'"),
)

SCENERY = {
    "benchmark.train.recipe_parts": "from benchmark.train.recipe import Recipe",
    "benchmark.experiment.runner": "",
    "benchmark.train.recipe": "class Recipe:\n    schedule: str\n",
    "methods.averaging": "@registry.technique('swa', source='')\nclass A: ...\ncombination('swa+reinit', source='')",
    "methods.linear": "@technique('schedule', source='')\nclass B: ...\n",
}


def _cases(cases: tuple[tuple[Rule, str, str], ...]) -> list[object]:
    return [pytest.param(*case, id=f"{case[0].__name__}-{number}") for number, case in enumerate(cases)]


@pytest.mark.parametrize(("rule", "name", "source"), _cases(VIOLATIONS))
def test_the_rule_catches_a_violation(rule: Rule, name: str, source: str) -> None:
    assert len(list(rule(Tree({**SCENERY, name: source})))) == 1


@pytest.mark.parametrize(("rule", "name", "source"), _cases(ALLOWED))
def test_the_rule_lets_pass_what_is_fine(rule: Rule, name: str, source: str) -> None:
    assert list(rule(Tree({**SCENERY, name: source}))) == []


def test_every_rule_has_been_shown_a_violation() -> None:
    assert {rule for rule, *_ in VIOLATIONS} == set(RULES)
