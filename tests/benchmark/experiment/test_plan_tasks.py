"""Plans of several tasks: where rows are looked for, and what becomes of methods that have no meaning for a suite."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from benchmark.core import registry
from benchmark.core.errors import SkippedError, UsageError
from benchmark.core.parameters import Parameter
from benchmark.data.task import Head
from benchmark.experiment.plan import Plan, _values, plan
from benchmark.experiment.request import Request
from benchmark.train.method_handle import MethodHandle
from tests.support.encoders import TinyEncoder

Planned = Callable[..., Plan]


@pytest.fixture(scope="module")
def planned(tiny_encoder: TinyEncoder) -> Planned:
    """Plans the baseline on the built-in tasks with a tiny encoder, but for what the caller changes."""
    request = Request(methods=("finetune",), suite="quick-tasks", encoder=str(tiny_encoder()), device="cpu")
    return lambda **changes: plan(dataclasses.replace(request, **changes))


class Picky:
    """A method that wants two tasks."""

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        raise SkippedError(f"wants a suite of nine tasks, and this one has {len(heads)}")


@pytest.fixture
def picky(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the method called swa be picky."""
    build = MethodHandle.build
    monkeypatch.setattr(MethodHandle, "build", lambda own, *rest: Picky() if own.name == "swa" else build(own, *rest))


def test_tasks_heads_and_protocol(planned: Planned) -> None:
    made = planned()
    assert [task.name for task in made.tasks] == ["sentiment", "paraphrase", "similarity"]
    assert [task.kind for task in made.cells[0].protocol.tasks] == ["classes", "pair-binary", "pair-regression"]
    assert (made.cells[0].protocol.tasks[2].low, made.cells[0].protocol.tasks[2].high) == (0.0, 5.0)


def test_limit_train_cuts_every_task(planned: Planned) -> None:
    made = planned(limit_train=50)
    assert [[len(split) for split in task.splits] for task in made.tasks] == [[50, 100, 150]] * 3
    assert made.cells[0].protocol.limit_train == 50
    assert made.cells[0].id != planned().cells[0].id


def test_columns_can_not_be_given_for_several_tasks(planned: Planned) -> None:
    with pytest.raises(UsageError, match="suite 'quick-tasks' has 3 tasks, each with columns of its own"):
        planned(text_column="a")


def test_rows_of_several_tasks_lie_in_one_folder(planned: Planned, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no rows of task 'sentiment': put a folder sentiment with train and test"):
        planned(data=str(tmp_path))
    with pytest.raises(UsageError, match=r"put files called ids-sst-train\.csv, ids-sst-dev\.csv, or a folder sst"):
        planned(data=str(tmp_path), suite="cs224n")


def test_one_label_leaves_nothing_to_learn(planned: Planned, tmp_path: Path) -> None:
    for name in ("train", "test"):
        (tmp_path / f"{name}.csv").write_text("text,label\na,x\nb,x\n", encoding="utf-8")
    with pytest.raises(UsageError, match="all training rows of task 'scenario' have the same label"):
        planned(suite="quick", data=str(tmp_path))


@pytest.mark.usefixtures("picky")
def test_a_method_without_meaning_for_the_suite_is_refused_by_name_and_planned_under_all(planned: Planned) -> None:
    with pytest.raises(UsageError, match=r"'swa' can't be run on this suite: wants a suite of nine tasks, .* has 3"):
        planned(methods=("swa",))
    with pytest.raises(UsageError, match="'swa' can't be run"):
        planned(methods=("all", "swa"))
    made = planned(methods=("all",))
    assert [cell.method for cell in made.cells] == list(registry.names())
    assert made.skipped["swa"] == "wants a suite of nine tasks, and this one has 3"
    assert "finetune" not in made.skipped


@pytest.mark.parametrize(
    ("choices", "typed", "expected"),
    [
        ((), ("random:1", "model:2"), ("random:1,model:2",)),
        (("a", "b", "a,b"), ("a", "b"), ("a,b",)),
        (("a", "b"), ("a", "b"), ("a", "b")),
    ],
)
def test_free_text_is_one_value(choices: tuple[str, ...], typed: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert _values(Parameter("blocks", str, "", "", choices=choices), ",".join(typed)) == expected
