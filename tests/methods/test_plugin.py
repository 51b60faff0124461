"""A method from somebody else's package is found, listed and run like a built-in one; the README's example is such."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.cli.main import main
from benchmark.core import registry
from benchmark.core.errors import UsageError
from benchmark.data.task import Task
from benchmark.train.method_handle import build_method, resolve_method
from benchmark.train.predict import evaluate
from tests.support.lab import Lab

SMOOTHING = '''\
"""Label smoothing: Szegedy et al. 2016 (Rethinking the Inception architecture), section 7."""

import dataclasses
from dataclasses import dataclass

from benchmark.train import Answers, Technique, parameter, technique


@technique("label-smoothing", source="Szegedy et al. 2016 §7")
@dataclass(frozen=True)
class LabelSmoothing(Technique):
    """Part of each target is spread evenly over all classes."""

    smoothing: float = parameter(0.1, "part that is spread", low=0.0, high=0.9, unit="share of the target")

    def answers(self, baseline, budget):
        """Another objective."""
        return Answers(objective=dataclasses.replace(baseline.objective(), smoothing=self.smoothing))
'''

MAJORITY = '''\
"""A whole method without a network."""

from dataclasses import dataclass

import numpy as np

from benchmark.train import method


@method("majority", source="none")
@dataclass(frozen=True)
class Majority:
    """Answers with the share of each class in the training rows, whatever it is asked."""

    def check(self, layers, heads):
        """Any encoder will do."""

    def fit(self, tasks, run):
        """Count."""
        return Shares({task.head.name: np.bincount(task.train.labels) / len(task.train) for task in tasks})


class Shares:
    def __init__(self, shares):
        self.shares = shares

    def logits(self, task, split):
        return np.log(np.tile(self.shares[task], (len(split), 1)), dtype=np.float32)
'''


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_registry: None) -> Iterator[Any]:
    """Put modules on the path with an entry point of the group, as an installed distribution has; undone afterwards."""
    loaded = set(sys.modules)
    points = list(importlib.metadata.entry_points(group=registry.GROUP))

    def installed(value: str, **modules: str) -> None:
        """Install `modules` (name → source; ``a__b`` is the module ``a.b``) and an entry point that names `value`."""
        for name, text in modules.items():
            file = tmp_path / f"{name.replace('__', '/')}.py"
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
            if file.parent != tmp_path:
                (file.parent / "__init__.py").touch()
        monkeypatch.syspath_prepend(str(tmp_path))
        points.append(importlib.metadata.EntryPoint("mine", value, registry.GROUP))
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: points)
        registry.load(again=True)

    yield installed
    for name in set(sys.modules) - loaded:
        if name.startswith("plug"):
            del sys.modules[name]


@pytest.fixture
def task(lab: Lab) -> Task:
    made: Task = lab.task()
    return made


def listed() -> dict[str, Any]:
    """What `bench list methods --json` says, by name."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main(["list", "methods", "--json"]) == 0
    return {item["name"]: item for item in json.loads(out.getvalue())}


def accuracy(predictor: Any, task: Task) -> float:
    return next(
        score.value for score in evaluate(predictor, task.head, task.test).scores() if score.metric == "accuracy"
    )


def test_a_technique_is_found_listed_and_described(install: Any) -> None:
    assert "label-smoothing" not in registry.names()
    install("plugsmooth", plugsmooth=SMOOTHING)
    assert "label-smoothing" in registry.names()
    assert len(registry.names()) >= 14
    item = listed()["label-smoothing"]
    assert (item["kind"], item["source"]) == ("technique", "Szegedy et al. 2016 §7")
    assert item["summary"] == "Part of each target is spread evenly over all classes."
    assert "smoothing" in item["parameters"]
    found = next(one for one in resolve_method("label-smoothing").parameters if one.name == "smoothing")
    assert (found.default, found.low, found.high) == (0.1, 0.0, 0.9)


def test_what_a_test_installs_is_gone_afterwards() -> None:
    assert "label-smoothing" not in registry.names()


def test_a_technique_runs_and_makes_a_difference(install: Any, lab: Lab, task: Task) -> None:
    install("plugsmooth", plugsmooth=SMOOTHING)

    def fit(name: str, **given: Any) -> np.ndarray:
        run = lab.run()
        predictor = build_method(name, run.budget, given).fit([task.without_test()], run)
        return evaluate(predictor, task.head, task.test).logits

    plain, smooth = fit("finetune"), fit("label-smoothing")
    assert not np.array_equal(plain, smooth)
    assert np.array_equal(plain, fit("label-smoothing", smoothing=0.0))
    assert np.array_equal(fit("swa+label-smoothing"), fit("label-smoothing+swa"))


def test_its_loss_is_that_of_the_paper(install: Any, lab: Lab, task: Task) -> None:
    install("plugsmooth", plugsmooth=SMOOTHING)
    run = lab.run()
    method: Any = build_method("label-smoothing", run.budget, {"smoothing": 0.4, "dropout": 0.0})
    model, recipe = lab.model(), method.phases[0]
    model.set_heads(recipe.heads.attach(model, [task.head], run.streams))
    vectors, labels = torch.randn(6, 32), torch.tensor([0, 1, 2, 3, 0, 1])
    shares = torch.log_softmax(model.heads["scenario"](vectors), dim=1)
    targets = 0.6 * torch.eye(4)[labels] + 0.4 / 4
    expected = -(targets * shares).sum(1).mean()
    assert recipe.objective.loss(model, task.head, vectors, labels).item() == pytest.approx(expected.item(), rel=1e-5)


def test_it_clashes_as_built_in_ones_do(install: Any, lab: Lab) -> None:
    install("plugsmooth", plugsmooth=SMOOTHING)
    with pytest.raises(UsageError, match="'label-smoothing' and 'supcon' both say what 'objective' is to be"):
        build_method("label-smoothing+supcon", lab.run().budget)
    with pytest.raises(UsageError, match="did you mean 'label-smoothing'"):
        registry.parts("label-smooting")


def test_a_whole_method_in_a_package_of_modules(install: Any, lab: Lab, task: Task) -> None:
    install("plugpack", plugpack__majority=MAJORITY, plugpack__smooth=SMOOTHING)
    assert {"majority", "label-smoothing"} <= set(registry.names())
    assert listed()["majority"]["kind"] == "method"
    run = lab.run()
    predictor = build_method("majority", run.budget).fit([task.without_test()], run)
    largest = int(np.bincount(task.train.labels).argmax())
    assert accuracy(predictor, task) == pytest.approx(np.mean(np.array(task.test.labels) == largest))
    with pytest.raises(UsageError, match="'majority' is a whole method and does not combine with others"):
        registry.parts("majority+swa")


EVERY = len(registry.names())
BROKEN = {
    "import no_such_package_at_all\n": "ModuleNotFoundError: No module named 'no_such_package_at_all' (line 1)",
    "x = 1\nraise RuntimeError('a\\nb\\x1b[31mc')\n": "RuntimeError: a b [31mc (line 2)",
    "def\n": "SyntaxError: ",
    "raise SystemExit(0)\n": "SystemExit: 0 (line 1)",
    "raise SystemExit\n": "SystemExit (line 1)",
    "raise KeyboardInterrupt\n": "KeyboardInterrupt (line 1)",
    "def f(): f()\nf()\n": "RecursionError: ",
    "class E(BaseException):\n    def __str__(self): return 1/0\nraise E\n": "E (line 3)",
    "import sys; sys.stdout.close(); sys.stderr.close(); 1 / 0\n": "ZeroDivisionError: ",
    "raise ValueError('x' * 9999)\n": "ValueError: xxx",
    SMOOTHING.replace("frozen=True", ""): "the class must be a @dataclass(frozen=True)",
    SMOOTHING.replace("@dataclass(frozen=True)", ""): "the class must be a @dataclass(frozen=True)",
    SMOOTHING.replace('parameter(0.1, "part that is spread"', 'parameter(0.95, "x"'): "smoothing takes a number from 0",
    SMOOTHING.replace("    smoothing: float", "    bare: int = 1\n    smoothing: float"): "bare must be declared with",
    SMOOTHING.replace("smoothing: float", "smoothing: list"): "smoothing must be a bool, int, float or str",
    SMOOTHING.replace('source="Szegedy et al. 2016 §7"', "source=None"): "source is the paper's name",
    SMOOTHING.replace('"label-smoothing"', '"finetune"'): "'finetune' is registered already, by methods.finetune",
    SMOOTHING.replace('"label-smoothing"', '"@sum"'): "'@sum' can't be a method's name: lower-case letters",
    SMOOTHING + SMOOTHING.partition("technique\n")[2].replace("Smoothing(", "Another("): "is registered already",
    SMOOTHING + SMOOTHING.partition("technique\n")[2]: "'label-smoothing' is registered already",
    SMOOTHING + "raise OSError\n": "OSError (line ",
}


@pytest.mark.parametrize("text", BROKEN)
@pytest.mark.parametrize("entry", ["plugbroken", "plugpack"])
def test_a_broken_file_is_one_line_and_takes_nothing_else_down(
    install: Any, text: str, entry: str, caplog: pytest.LogCaptureFixture
) -> None:
    if entry == "plugpack":  # one module of a package: the others stay
        install("plugpack", plugpack__broken=text, plugpack__majority=MAJORITY)
        assert "majority" in registry.names()
    else:
        install("plugbroken:something", plugbroken=text)
    (missing,) = registry.left_out()
    assert "plug-in 'mine' is left out: " in str(missing)
    assert BROKEN[text] in missing.reason
    assert str(missing).isprintable()
    assert len(str(missing)) < 450
    assert [record.getMessage() for record in caplog.records] == [f"bench: {missing}"]
    assert len(registry.names()) == EVERY + (entry == "plugpack")
    assert not sys.stdout.closed
    assert not sys.stderr.closed
    for name in missing.names:
        if name not in {entry.name for entry in registry.entries()}:
            with pytest.raises(UsageError, match=r"can't be used: .* is left out: .*: fix that first"):
                registry.parts(f"swa+{name}")


def test_ctrl_c_while_methods_are_imported_is_one(install: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        install("pluginterrupted", pluginterrupted="import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nx = 1\n")


def test_an_entry_point_that_leads_nowhere(install: Any) -> None:
    for value in ("no_such_module", "no such:module", ":", ".relative"):
        install(value)
    assert len(registry.left_out()) == 4
    assert len(registry.names()) == EVERY


def test_two_plug_ins_that_take_one_name(install: Any) -> None:
    install("plugone", plugone=SMOOTHING)
    install("plugtwo", plugtwo=SMOOTHING)
    (missing,) = registry.left_out()
    assert "plugtwo" in str(missing)
    assert "'label-smoothing' is registered already, by plugone" in str(missing)
    (entry,) = registry.parts("label-smoothing")
    assert entry.origin == registry.Origin("plugone")


def test_a_combination_that_can_not_be_is_left_out(install: Any) -> None:
    lines = "\n".join(f"combination({name!r}, source='x')" for name in ("swa+nowhere", "probe+swa", "lora+warmup"))
    install("plugcombined", plugcombined=f"from benchmark.core.registry import combination\n{lines}\n")
    assert "lora+warmup" in registry.names()
    assert [found.what for found in registry.left_out()] == ["combination 'swa+nowhere'", "combination 'probe+swa'"]


def test_whose_code_a_method_is(install: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    info = tmp_path / "plugs-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugs\nVersion: 1.5\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\nmine = plugsmooth\n", encoding="utf-8")
    (tmp_path / "plugsmooth.py").write_text(SMOOTHING, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.load(again=True)
    (entry,) = registry.parts("label-smoothing")
    assert entry.origin == registry.Origin("plugsmooth", "plugs", "1.5")
    assert registry.parts("swa")[0].origin == registry.Origin("methods.swa")


def test_what_a_module_prints_spoils_no_document(tmp_path: Path) -> None:
    """In a process of its own, because it closes the standard streams and their descriptors."""
    noise = "print('noise')\nimport os, sys, warnings\nos.write(1, b'more noise')\nwarnings.warn('noise')\n"
    noise += "sys.stdout.close()\nsys.__stdout__.close()\nos.close(2)\n"
    (tmp_path / "plugnoisy.py").write_text(noise + SMOOTHING.partition("\n")[2], encoding="utf-8")
    (tmp_path / "plugends.py").write_text("raise SystemExit(0)\n", encoding="utf-8")
    info = tmp_path / "plugs-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugs\nVersion: 1\n", encoding="utf-8")
    points = f"[{registry.GROUP}]\nmine = plugnoisy\nends = plugends\n"
    (info / "entry_points.txt").write_text(points, encoding="utf-8")
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", "list", "methods", "--json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{tmp_path}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "label-smoothing" in {item["name"] for item in json.loads(done.stdout)}
    lines = [line for line in done.stderr.splitlines() if line.startswith("bench: ")]
    assert lines == ["bench: plugends of plug-in 'ends' is left out: SystemExit: 0 (line 1)"]
