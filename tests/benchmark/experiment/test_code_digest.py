"""Which edits of the code change a cell's identity: every one that can change its result, and no other."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.core import registry
from benchmark.experiment import code_scope
from benchmark.experiment.code_digest import _closure, code_digest
from benchmark.experiment.code_scope import PRESENTATION, Project, scope_of

ROOT = Path(__file__).parents[3]
ONE = ["methods.swa"]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project's packages, to be edited."""
    for name in ("benchmark", "methods"):
        shutil.copytree(ROOT / name, tmp_path / "copy" / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "copy"


Digest = Callable[..., str]


@pytest.fixture
def digest(tmp_path_factory: pytest.TempPathFactory) -> Digest:
    """The digest of a method's code in a folder. A process reads a file once: the folder is copied for each call."""

    def compute(folder: Path, modules: Iterable[str] = ONE, project: Project | None = None) -> str:
        fresh = tmp_path_factory.mktemp("tree") / "tree"
        shutil.copytree(folder, fresh)
        return code_digest(modules, replace(project or Project(), path=(str(fresh),)))

    return compute


def edit(folder: Path, file: str, before: str, after: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert before in text, f"{file} no longer has {before!r}"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


EDITS = (
    ("benchmark/experiment/runner.py", "Streams(cell.seed)", "Streams(cell.seed + 1)"),
    ("benchmark/experiment/plan.py", "Budget(self.suite.epochs,", "Budget(self.suite.epochs + 1,"),
    ("benchmark/experiment/plan.py", "selection=suite.selection,", 'selection="last",'),
    ("benchmark/experiment/device.py", 'matmul_precision("highest")', 'matmul_precision("medium")'),
    ("benchmark/core/predictions.py", "found(self.logits, self.labels)", "found(self.logits[:, ::-1], self.labels)"),
    ("benchmark/core/seeds.py", ">> 1", ">> 2"),
    ("benchmark/core/registry.py", "key=lambda entry: entry.name", "key=lambda entry: entry.source"),
    ("benchmark/core/parameters.py", "value = float(value)", "value = float(value) + 1"),
    ("benchmark/core/scales.py", "def headline(", "def headline_(" ),
    ("benchmark/core/metrics.py", "import numpy as np", "import numpy.ma as np"),
    ("benchmark/data/task.py", "import hashlib", "import hashlib\nprint('on import')"),
    ("benchmark/data/tokens.py", "dtype=np.int32", "dtype=np.int16"),
    ("benchmark/model/encoder.py", "Streams(0).scope(", "Streams(1).scope("),
    ("benchmark/train/loop.py", "zero_grad(", "zero_grad_("),
    ("benchmark/train/techniques.py", "class Technique", "import os\n\nos.environ['X'] = '1'\n\n\nclass Technique"),
    ("methods/swa.py", "parameter(", "parameter(1 + "),
)  # fmt: skip
"""(file, before, after): each can change a result."""


@pytest.mark.parametrize(("file", "before", "after"), EDITS, ids=[f"{file}-{after}"[:60] for file, _, after in EDITS])
def test_an_edit_that_can_change_a_result_changes_the_digest(
    copy: Path, digest: Digest, file: str, before: str, after: str
) -> None:
    first = digest(copy)
    edit(copy, file, before, after)
    assert digest(copy) != first


SAID_BETTER = (
    ("benchmark/train/loop.py", '"""', '"""Said better. '),
    ("benchmark/train/loop.py", "\n\n\n", "\n\n\n# A comment.\n\n\n"),
    ("benchmark/experiment/plan.py", "no methods: give", "there are no methods: give"),  # of a UsageError
    ("benchmark/experiment/environment.py", 'r"^model name', 'r"^Model name'),
    ("benchmark/experiment/display.py", "points", "epoch_points"),
    ("benchmark/core/text.py", "def ", "def another() -> int:\n    return 1\n\n\ndef "),
    ("benchmark/tracking/scheme.py", '"bench."', '"other."'),
    ("benchmark/cli/console.py", "import", "import os, sys\nimport"),
    ("benchmark/analysis/rows.py", "def ", "def another() -> int:\n    return 1\n\n\ndef "),
    ("benchmark/__init__.py", "0.1.0", "0.2.0"),
    ("methods/supcon.py", "parameter(", "parameter(1 + "),  # another method
)


def test_an_edit_that_can_not_change_a_result_leaves_the_digest(copy: Path, digest: Digest) -> None:
    edit(copy, "methods/supcon.py", "\n\n\n", "\n\n\nx = parameter(1)\n")
    first = digest(copy)
    for file, before, after in SAID_BETTER:
        edit(copy, file, before, after)
        assert digest(copy) == first, (file, after)


MOVES = (
    ("benchmark/core/metrics.py", "benchmark/core/deep/measures.py"),
    ("benchmark/core/seeds.py", "benchmark/data/dice.py"),
    ("benchmark/experiment/device.py", "benchmark/experiment/machine.py"),
    ("benchmark/train/loop.py", "benchmark/model/training_loop.py"),
)


def test_moving_and_renaming_leaves_the_digest(copy: Path, digest: Digest) -> None:
    """Four modules move, one of them into a package that is new, and a package gets another name."""
    first = [digest(copy, [name]) for name in ("methods.swa", "methods.probe")]
    text = (copy / "benchmark/experiment/runner.py").read_text()
    assert "import device, environment" in text  # a module by its name, which its uses repeat
    for old, new in MOVES:
        (copy / new).parent.mkdir(exist_ok=True)
        (copy / old).rename(copy / new)
    (copy / "benchmark/core/deep/__init__.py").write_text('"""A new package."""\n')
    (copy / "benchmark/model").rename(copy / "benchmark/encoders")
    assert _rewrite_imports(copy) > 50
    edit(copy, "benchmark/experiment/runner.py", "import device, environment", "import environment, machine")
    runner = copy / "benchmark/experiment/runner.py"
    runner.write_text(re.sub(r"\bdevice\.(?=prepare|Peak)", "machine.", runner.read_text()))
    assert [digest(copy, [name]) for name in ("methods.swa", "methods.probe")] == first


def _rewrite_imports(folder: Path) -> int:
    """Give every import its new path, and sort the lines anew; return how many lines changed."""
    names = {_module(old): _module(new).replace("benchmark.model.", "benchmark.encoders.") for old, new in MOVES}
    names["benchmark.model"] = "benchmark.encoders"
    count = 0
    for file in folder.rglob("*.py"):
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        for place, line in enumerate(lines):
            for old, new in names.items():
                lines[place] = re.sub(rf"^(\s*)from {re.escape(old)}(?=[ .])", rf"\1from {new}", lines[place])
            count += lines[place] != line
        file.write_text("".join(lines), encoding="utf-8")
    return count


def _module(file: str) -> str:
    return file.removesuffix(".py").replace("/", ".")


SHALLOW = "from benchmark.train import Answers, Budget, Technique, parameter, technique\n"
DEEP = """
from benchmark.core.parameters import parameter
from benchmark.train.recipe import Answers, Budget
from benchmark.train.techniques import Technique, technique
"""


def test_importing_from_a_module_that_hands_on_leaves_the_digest(copy: Path, digest: Digest) -> None:
    body = (
        "@technique('x', source='y')\nclass X(Technique):\n    a: int = parameter(1, 'help')\n    b: Answers | Budget\n"
    )
    digests = []
    for imports in (SHALLOW, DEEP):
        _plugin(copy, "methods/mine.py", imports + body)
        digests.append(digest(copy, ["methods.mine"]))
    assert digests[0] == digests[1]
    _plugin(copy, "methods/mine.py", SHALLOW + body.replace("'help', source='y'", "'better help', source='z'"))
    assert digest(copy, ["methods.mine"]) == digests[0]
    _plugin(copy, "methods/mine.py", SHALLOW + body.replace("parameter(1", "parameter(2"))
    assert digest(copy, ["methods.mine"]) != digests[0]


def test_a_name_from_another_module_changes_the_digest(tmp_path: Path, digest: Digest) -> None:
    """Both are in the closure before and after: only what the name refers to is different."""
    _plugin(tmp_path, "a.py", "def f():\n    return 1\ndef g():\n    return 3\n")
    _plugin(tmp_path, "b.py", "def f():\n    return 2\ndef g():\n    return 4\n")
    seen = set()
    for one, other in (("a", "b"), ("b", "a")):
        _plugin(tmp_path, "plug.py", f"from {one} import f\nfrom {other} import g\nX = f() + g()\n")
        seen.add(digest(tmp_path, ["plug"], ALONE))
    assert len(seen) == 2


ALONE = Project(roots=(), packages=("benchmark", "methods"))


def _plugin(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), encoding="utf-8")


REACHES = {
    "import": "import plug.helper\nx = plug.helper.VALUE\n",
    "from": "from plug.helper import VALUE\n",
    "from the package": "from plug import helper\n",
    "relative": "from .helper import VALUE\n",
    "relative module": "from . import helper\n",
    "star": "from plug.helper import *\n",
    "lazy": "def f():\n    from plug.helper import VALUE\n    return VALUE\n",
    "conditional": "try:\n    from plug.helper import VALUE\nexcept ImportError:\n    VALUE = 0\n",
    "literal": "import importlib\nhelper = importlib.import_module('plug.helper')\n",
    "literal relative": "import importlib\nhelper = importlib.import_module('.helper', __package__)\n",
    "literal of a package": "import importlib\nhelper = importlib.import_module('.helper', 'plug')\n",
    "literal of a computed package": "import importlib\nhelper = importlib.import_module('.helper', 'pl' + 'ug')\n",
    "computed": "import importlib\nhelper = importlib.import_module('plug.' + 'helper')\n",
    "handed on": "from plug.inner import VALUE\n",
    "in a circle": "from plug.circle import f\nfrom plug.helper import VALUE\n",
    "for its effects": "import plug.helper\n",
    "beside it": "import beside\n",
    "beside it, from": "from beside import VALUE\n",
}


@pytest.mark.parametrize("way", REACHES)
def test_a_helper_of_a_plugin_is_reached(tmp_path: Path, digest: Digest, way: str) -> None:
    _plugin(tmp_path, "plug/__init__.py", "")
    _plugin(tmp_path, "plug/method.py", REACHES[way])
    _plugin(tmp_path, "plug/inner/__init__.py", "from ..helper import VALUE\n")
    _plugin(tmp_path, "plug/circle.py", "def f():\n    from plug.method import x\n    return x\n")
    helper = "beside.py" if way.startswith("beside") else "plug/helper.py"
    values = set()
    for value in ("1", "2", "1  # the same"):
        _plugin(tmp_path, helper, f"VALUE = {value}\n")
        values.add(digest(tmp_path, ["plug.method"], ALONE))
    assert len(values) == 2


def test_a_plugin_s_package_file_runs_when_it_is_imported(tmp_path: Path, digest: Digest) -> None:
    _plugin(tmp_path, "plug/method.py", "X = 1\n")
    digests = []
    for text in ("", '"""A docstring."""\n__version__ = "1"\n', "import torch\ntorch.sum = None\n"):
        _plugin(tmp_path, "plug/__init__.py", text)
        digests.append(digest(tmp_path, ["plug.method"], ALONE))
    assert digests[0] == digests[1] != digests[2]


def test_a_docstring_counts_where_the_source_reads_it(tmp_path: Path, digest: Digest) -> None:
    for source, count in (("X = 1\n", 1), ("X = eval(__doc__)\n", 2)):
        seen = set()
        for docstring in ("1", "2"):
            _plugin(tmp_path, "plug.py", f'"""{docstring}"""\n{source}')
            seen.add(digest(tmp_path, ["plug"], ALONE))
        assert len(seen) == count


def test_what_lies_beside_a_plugin_s_code_counts_where_it_can_decide(tmp_path: Path, digest: Digest) -> None:
    _plugin(tmp_path, "plug/__init__.py", "")
    _plugin(tmp_path, "plug/method.py", "X = 1\n")
    _plugin(tmp_path, "single.py", "X = open('rules.txt')\n")
    first = digest(tmp_path, ["plug.method"], ALONE), digest(tmp_path, ["single"], ALONE)
    _plugin(tmp_path, "plug/tables/rules.json", "{}")
    _plugin(tmp_path, "plug/.hidden", "{}")
    _plugin(tmp_path, "other.txt", "not named")
    second = digest(tmp_path, ["plug.method"], ALONE), digest(tmp_path, ["single"], ALONE)
    _plugin(tmp_path, "rules.txt", "now there is one")
    _plugin(tmp_path, "plug/tables/rules.json", "[]")
    third = digest(tmp_path, ["plug.method"], ALONE), digest(tmp_path, ["single"], ALONE)
    assert len({first[0], second[0], third[0]}) == 3
    assert first[1] == second[1] != third[1]


def test_a_module_without_source_counts_by_its_bytes(tmp_path: Path, digest: Digest) -> None:
    _plugin(tmp_path, "plug.py", "import _fast\n")
    seen = set()
    for content in (b"one", b"two"):
        (tmp_path / f"_fast{sys.implementation.cache_tag and '.abi3'}.so").write_bytes(content)
        seen.add(digest(tmp_path, ["plug"], ALONE))
    assert len(seen) == 2
    _plugin(tmp_path, "plug.py", "def broken(:\n")  # a template, or syntax of a later Python
    seen.add(digest(tmp_path, ["plug"], ALONE))
    _plugin(tmp_path, "plug.py", "def broken(:  # other bytes\n")
    assert digest(tmp_path, ["plug"], ALONE) not in seen


def test_distributions_that_only_a_plugin_imports_count_by_their_versions(
    tmp_path: Path, digest: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    _plugin(tmp_path, "plug.py", "import sklearn.svm\nimport json\nimport torch\n")
    asked = []

    def version(name: str) -> str:
        asked.append(name)
        return answers.pop(0)

    monkeypatch.setattr(importlib.metadata, "version", version)
    answers = ["1.0", "2.0"]
    assert digest(tmp_path, ["plug"], ALONE) != digest(tmp_path, ["plug"], ALONE)
    assert asked == ["sklearn", "sklearn"]


def test_other_packages_of_a_plugin_s_distribution_are_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installed, they lie beside everything else that is installed: the distribution says what belongs together."""
    seen = []
    for number, (helper, other) in enumerate([(1, 1), (2, 1), (2, 2)]):
        site = tmp_path / str(number) / "site-packages"
        _plugin(site, "plug_method/__init__.py", "import plug_helper, somebody_elses\n")
        _plugin(site, "plug_helper.py", f"X = {helper}\n")
        _plugin(site, "somebody_elses.py", f"X = {other}\n")
        for name, tops in (("plug", "plug_method\nplug_helper\n"), ("else", "somebody_elses\n")):
            _plugin(site, f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            _plugin(site, f"{name}-1.0.dist-info/top_level.txt", tops)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(site))
            code_scope.distributions.cache_clear()
            seen.append(code_digest(["plug_method"], replace(ALONE, path=(str(site),))))
    code_scope.distributions.cache_clear()
    assert seen[0] != seen[1] == seen[2]


def test_a_plugin_is_no_part_of_other_methods(copy: Path, digest: Digest) -> None:
    _plugin(copy, "plug/method.py", "from benchmark.train import Technique\nX = 1\n")
    built_in, own = digest(copy), digest(copy, ["plug.method"])
    assert built_in != own
    _plugin(copy, "plug/method.py", "from benchmark.train import Technique\nX = 2\n")
    assert digest(copy) == built_in
    assert digest(copy, ["plug.method"]) != own


def test_where_the_project_lies_does_not_count(digest: Digest) -> None:
    here = {name: code_digest([name]) for name in ("methods.swa", "methods.pcgrad")}
    assert len(set(here.values())) == 2
    elsewhere = ROOT / "methods"
    assert elsewhere.is_dir()
    assert len(code_digest([])) == 64
    assert code_digest(["a", "b"]) == code_digest(["b", "a", "a"])
    assert code_digest(["no_such_module"]) == code_digest(["no_such_module"]) != code_digest([])


def test_the_closure_holds_what_computes_and_nothing_that_shows() -> None:
    scope = scope_of(Project(), frozenset({"methods"}))
    found = {module.name for module in _closure(scope, ONE) if not module.imported_alone}
    for name in ("core.metrics", "core.seeds", "core.predictions", "core.scales", "data.task", "data.tokens"):
        assert f"benchmark.{name}" in found
    for name in ("experiment.runner", "experiment.plan", "experiment.device", "train.loop", "model.encoder"):
        assert f"benchmark.{name}" in found
    shows = ("cli", "reports", "tuning", "analysis", "tracking", "experiment.display", "experiment.environment")
    assert not [name for name in found if name.startswith(tuple(f"benchmark.{shown}" for shown in shows))]
    assert {name for name in found if name.startswith("methods")} == {"methods.swa"}
    for name in PRESENTATION:  # a module that got another name would be followed again
        assert scope.file(name), name


def test_every_registered_method_has_a_digest_of_its_own_module() -> None:
    modules = {entry.module for entry in registry.entries()}
    assert len({code_digest([module]) for module in modules}) == len(modules) >= 14
