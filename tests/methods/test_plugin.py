"""A method from somebody else's package is found, listed and run like a built-in one; the README's example is such."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
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
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Put modules on the path with an entry point of the group, as an installed distribution has; undone afterwards."""
    loaded = set(sys.modules)
    builtin = tuple(importlib.metadata.entry_points(group=registry.GROUP))
    registry.load()
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    monkeypatch.setattr(registry, "_combinations", dict(registry._combinations))

    def installed(value: str, **modules: str) -> None:
        """Install `modules` (name → source; ``a__b`` is the module ``a.b``) and an entry point that names `value`."""
        for name, text in modules.items():
            file = tmp_path / f"{name.replace('__', '/')}.py"
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
            if file.parent != tmp_path:
                (file.parent / "__init__.py").touch()
        monkeypatch.syspath_prepend(str(tmp_path))
        point = importlib.metadata.EntryPoint("mine", value, registry.GROUP)
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: [*builtin, point])
        registry._load.cache_clear()

    yield installed
    monkeypatch.undo()
    for name in set(sys.modules) - loaded:
        if name.startswith("plug"):
            del sys.modules[name]
    registry._load.cache_clear()


@pytest.fixture
def task(lab: Any) -> Task:
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


def test_a_technique_runs_and_makes_a_difference(install: Any, lab: Any, task: Task) -> None:
    install("plugsmooth", plugsmooth=SMOOTHING)

    def fit(name: str, **given: Any) -> np.ndarray:
        run = lab.run()
        predictor = build_method(name, run.budget, given).fit([task.without_test()], run)
        return evaluate(predictor, task.head, task.test).logits

    plain, smooth = fit("finetune"), fit("label-smoothing")
    assert not np.array_equal(plain, smooth)
    assert np.array_equal(plain, fit("label-smoothing", smoothing=0.0))
    assert np.array_equal(fit("swa+label-smoothing"), fit("label-smoothing+swa"))


def test_its_loss_is_that_of_the_paper(install: Any, lab: Any, task: Task) -> None:
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


def test_it_clashes_as_built_in_ones_do(install: Any, lab: Any) -> None:
    install("plugsmooth", plugsmooth=SMOOTHING)
    with pytest.raises(UsageError, match="'label-smoothing' and 'supcon' both say what 'objective' is to be"):
        build_method("label-smoothing+supcon", lab.run().budget)
    with pytest.raises(UsageError, match="did you mean 'label-smoothing'"):
        registry.parts("label-smooting")


def test_a_whole_method_in_a_package_of_modules(install: Any, lab: Any, task: Task) -> None:
    install("plugpack", plugpack__majority=MAJORITY, plugpack__smooth=SMOOTHING)
    assert {"majority", "label-smoothing"} <= set(registry.names())
    assert listed()["majority"]["kind"] == "method"
    run = lab.run()
    predictor = build_method("majority", run.budget).fit([task.without_test()], run)
    largest = int(np.bincount(task.train.labels).argmax())
    assert accuracy(predictor, task) == pytest.approx(np.mean(np.array(task.test.labels) == largest))
    with pytest.raises(UsageError, match="'majority' is a whole method and does not combine with others"):
        registry.parts("majority+swa")


def test_a_plug_in_that_can_not_be_imported_is_one_line(install: Any) -> None:
    install("plugbroken:something", plugbroken="import no_such_package_at_all\n")
    with pytest.raises(UsageError, match=r"plug-in 'mine' \(plugbroken:something\) can't be imported: No module named"):
        registry.names()


@pytest.mark.parametrize("text", ["import no_such_package_at_all\n", "raise RuntimeError('x')\n", "def\n"])
def test_a_plug_in_that_is_broken_anywhere_is_one_line(install: Any, text: str) -> None:
    install("plugpack", plugpack__broken=text)
    with pytest.raises(UsageError, match="plug-in 'mine'"):
        registry.names()


def test_a_plug_in_can_not_take_a_name(install: Any) -> None:
    install("plugtaken", plugtaken=SMOOTHING.replace('"label-smoothing"', '"finetune"'))
    with pytest.raises(
        (ValueError, UsageError), match=r"method 'finetune' is registered already, by methods\.finetune"
    ):
        registry.names()
