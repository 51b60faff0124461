"""The contract of all methods: what is registered is run here, so that nothing can be registered without passing."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from benchmark.core import registry
from benchmark.core.errors import SkippedError, UsageError
from benchmark.core.metrics import metric
from benchmark.core.parameters import describe
from benchmark.core.predictions import Predictions
from benchmark.core.record import Cost
from benchmark.data.batches import Shuffled, Step
from benchmark.data.task import Head, Split, Task, TrainingData
from benchmark.experiment.collector import Collector
from benchmark.train.method_handle import build_method, resolve_method
from benchmark.train.predict import evaluate
from benchmark.train.recipe import Budget
from benchmark.train.run import Run
from tests.support.lab import Lab

NAMES = registry.names()
ENTRIES = registry.entries()
LAYERS = 2
BUDGET = Budget(1, 8, "last")


@dataclass(frozen=True, eq=False)
class Fit:
    """One fit of one method with its defaults, and what was seen of it."""

    predictions: tuple[Predictions, ...]  # of the test split of each task
    first_rows: tuple[int, ...] | None  # of the first step; None: nothing was trained
    texts: frozenset[str]  # that it had tokenised
    splits: frozenset[str]  # that it was given
    watcher: Collector


class Fits:
    """Fits each method at most once per seed, and a second time where that is asked for.

    On one task; what says that one task has no meaning for it, on three.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.one: tuple[Task, ...] = (lab.task(),)
        self.three: tuple[Task, ...] = lab.tasks()
        self.made: dict[tuple[str, int, int], Fit] = {}

    def get(self, name: str, seed: int = 0, attempt: int = 0) -> Fit:
        key = (name, seed, attempt)
        if key not in self.made:
            self.made[key] = self._fit(name, seed)
        return self.made[key]

    def tasks(self, name: str) -> tuple[Task, ...]:
        built = build_method(name, self.lab.run().budget)
        try:
            built.check(LAYERS, [task.head for task in self.one])
        except SkippedError:
            built.check(LAYERS, [task.head for task in self.three])
            return self.three
        return self.one

    def _fit(self, name: str, seed: int) -> Fit:
        tasks = self.tasks(name)
        steps: list[Step] = []
        texts: set[str] = set()
        run: Run = self.lab.run(seed)
        with pytest.MonkeyPatch.context() as patch:
            epoch, tokens = Shuffled.epoch, Run.tokens

            def watched_epoch(own: Any, sizes: Any, streams: Any, phase: int, number: int) -> tuple[Step, ...]:
                found = epoch(own, sizes, streams, phase, number)
                steps.extend(found if phase >= 0 else ())  # what comes before, apart, has batches of its own
                return found

            def watched_tokens(own: Run, given: Any) -> Any:
                texts.update(given)
                return tokens(own, given)

            patch.setattr(Shuffled, "epoch", watched_epoch)
            patch.setattr(Run, "tokens", watched_tokens)
            data = [task.without_test() for task in tasks]
            predictor = build_method(name, run.budget).fit(data, run)
        first = tuple(steps[0][0].rows.tolist()) if steps else None
        given = frozenset(value.name for one in data for value in vars(one).values() if isinstance(value, Split))
        assert isinstance(run.watcher, Collector)
        predictions = tuple(evaluate(predictor, task.head, task.test) for task in tasks)
        return Fit(predictions, first, frozenset(texts), given, run.watcher)


def logits(fit: Fit) -> bytes:
    return b"".join(found.logits.tobytes() for found in fit.predictions)


def refuses(name: str, parameter: str, value: str) -> bool:
    """Whether the method can't be run with this value on any tasks, and says so before it is."""
    heads = (Head("a", "classes", "accuracy", ("x", "y")), Head("b", "pair-binary", "accuracy", ("0", "1")))
    try:
        build_method(name, Budget(1, 8, "last"), {parameter: value}).check(12, heads)
    except UsageError:
        return True
    return False


@pytest.fixture(scope="module")
def fits(lab: Lab) -> Fits:
    return Fits(lab)


def test_every_registered_name_is_tried() -> None:
    """Whatever is registered is a case of each test below, and these are at least the eighteen."""
    cases = {
        function.__name__: mark.args[1]
        for function in dict(globals()).values()
        for mark in getattr(function, "pytestmark", ())
        if mark.name == "parametrize" and mark.args[0] == "name"
    }
    assert len(cases) == 5
    for tried in cases.values():
        assert tried == registry.names()
        assert len(tried) == len(set(tried)) >= 18
    assert registry.entries() == ENTRIES


@pytest.mark.parametrize("name", NAMES)
def test_two_runs_agree_to_the_bit(fits: Fits, name: str) -> None:
    first, again = fits.get(name), fits.get(name, attempt=1)
    assert first is not again
    assert logits(first) == logits(again)
    assert [(point.key, point.value) for point in first.watcher.points] == [
        (point.key, point.value) for point in again.watcher.points
    ]


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_differs(fits: Fits, name: str) -> None:
    first, other = fits.get(name), fits.get(name, seed=1)
    assert logits(first) != logits(other)
    assert first.first_rows is None or first.first_rows != other.first_rows


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_in_range_and_predictions_complete(fits: Fits, name: str) -> None:
    tasks, predictions = fits.tasks(name), fits.get(name).predictions
    assert len(predictions) == len(tasks) >= 1
    for task, found in zip(tasks, predictions, strict=True):
        assert found.logits.shape == (len(task.test), task.head.outputs)
        assert np.isfinite(found.logits).all()
        scores = found.scores()
        assert len(scores) >= 3
        for score in scores:
            assert metric(score.metric).low <= score.value <= metric(score.metric).high


@pytest.mark.parametrize("name", NAMES)
def test_fit_never_meets_the_test_split(fits: Fits, name: str) -> None:
    fit = fits.get(name)
    for task in fits.tasks(name):
        known = {text for split in (task.train, task.validation) for texts in split.texts for text in texts}
        test = {text for texts in task.test.texts for text in texts} - known
        assert test  # the corpora keep most texts apart, so that a text tells its split
        assert not fit.texts & test
    assert fit.splits == {"train", "validation"}
    assert {field.name for field in dataclasses.fields(TrainingData)} == {"head", "train", "validation"}


@pytest.mark.parametrize("name", NAMES)
def test_costs_are_counted_as_trained(fits: Fits, name: str) -> None:
    phases = fits.get(name).watcher.phases()
    assert phases
    headline = Cost(phases).headline
    assert headline is not None
    for phase in phases:
        assert 0 <= phase.trainable_encoder + phase.trainable_head <= phase.total
    if fits.get(name).first_rows is not None:
        assert headline.trainable_encoder > 0
        assert headline.epoch_seconds is not None
        assert headline.epoch_seconds > 0


def test_at_one_seed_the_first_batch_is_the_same_for_all(fits: Fits) -> None:
    first = {name: fits.get(name).first_rows for name in NAMES}
    trained = {name: rows for name, rows in first.items() if rows is not None and len(fits.tasks(name)) == 1}
    assert len(trained) >= 12
    assert len(set(trained.values())) == 1
    assert len(next(iter(trained.values()))) == 8


def test_methods_are_not_one_method_under_many_names(fits: Fits) -> None:
    answers = {logits(fits.get(name)) for name in NAMES}
    assert len(answers) == len(NAMES)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_says_what_it_is(entry: registry.Entry) -> None:
    assert entry.source.strip()
    assert len(entry.summary) > 20
    assert inspect.getdoc(inspect.getmodule(entry.cls)), "the file says where the method comes from"
    assert dataclasses.is_dataclass(entry.cls)
    assert hash(entry.cls()) == hash(entry.cls()), "a frozen dataclass whose fields all have defaults"
    for parameter in describe(entry.cls):
        assert parameter.help.strip()
        assert parameter.check(parameter.default) == parameter.default
        bounded = parameter.low is not None or parameter.above is not None
        assert bounded or parameter.kind in (bool, str), f"{parameter.name} has no range"
        if parameter.kind is str and not parameter.choices:
            assert refuses(entry.name, parameter.name, "no sense"), f"{parameter.name} takes any text"


@pytest.mark.parametrize("made", registry.combinations(), ids=lambda made: made.name)
def test_a_combination_says_where_it_comes_from(made: registry.Combination) -> None:
    assert made.source.strip()
    assert registry.canonical(made.name) == made.name
    assert len(registry.parts(made.name)) >= 2
    assert {found.name for found in resolve_method(made.name).parameters} == set(
        dict(resolve_method(made.name).resolve_parameters({}, BUDGET))
    )
