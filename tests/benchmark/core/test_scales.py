"""How scores are shown, and how several become one: against values worked out by hand."""

from __future__ import annotations

import pytest

from benchmark.core import scales
from benchmark.core.cell import Protocol, TaskIdentity

SST = TaskIdentity("sst", "classes", "accuracy", "a", "b", "c")
QUORA = TaskIdentity("quora", "pair-binary", "accuracy", "a", "b", "c")
STS = TaskIdentity("sts", "pair-regression", "pearson", "a", "b", "c", 0.0, 5.0)


def protocol(*tasks: TaskIdentity) -> Protocol:
    return Protocol("cs224n", tasks, "tiny", "r", "e", 1, 16, 64, "best", None)


def test_several_tasks_have_the_courses_overall_score() -> None:
    # vela-2024, combined model: overall 0.649.
    found = scales.headline(protocol(SST, QUORA, STS), [0.507, 0.784, 0.310])
    assert found == pytest.approx((0.507 + 0.784 + 0.655) / 3)
    assert scales.of_headline(protocol(SST, QUORA, STS)).text(found) == "64.9%"


@pytest.mark.parametrize(
    ("task", "value", "text"), [(SST, 0.507, "50.7%"), (STS, 0.31, "0.310"), (STS, -0.2, "-0.200")]
)
def test_one_task_has_its_own_metric_to_the_bit(task: TaskIdentity, value: float, text: str) -> None:
    assert scales.headline(protocol(task), [value]) == value
    assert scales.of_headline(protocol(task)).text(value) == text


def test_a_missing_score_is_no_mean_of_the_others() -> None:
    assert scales.headline(protocol(SST, STS), [0.5, None]) is None
    assert scales.headline(protocol(STS), [None]) is None
    assert scales.of_metric("pearson").text(None) == "–"


def test_titles_have_units() -> None:
    assert scales.of_headline(protocol(SST, SST)).title == "score %"  # also where all metrics are the same
    assert scales.of_metric("macro_f1").title == "macro f1 %"
    assert scales.of_headline(protocol(STS)).title == "pearson"


def test_what_the_overall_score_and_the_loss_are_is_said() -> None:
    whole = protocol(SST, QUORA, STS)
    assert scales.about_overall(whole) == ("overall is the mean of sst accuracy, quora accuracy, sts (pearson + 1) / 2")
    assert scales.loss_name(whole) == "loss"
    assert scales.about_loss(whole).startswith("the mean over tasks of cross-entropy in nats")
    assert (scales.loss_name(protocol(STS)), scales.about_loss(protocol(STS))) == (
        "mean_squared_error",
        "the mean squared error",
    )
