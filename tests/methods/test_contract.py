"""The contract of all methods: what is registered is run here, so that nothing can be registered without passing."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from benchmark import registry
from benchmark.collector import Collector
from benchmark.data.batches import Shuffled, Step
from benchmark.data.task import Split, Task, TrainingData
from benchmark.metrics import metric
from benchmark.predictions import Predictions
from benchmark.record import Cost
from benchmark.space import describe
from benchmark.train.method import build, parameters, settle
from benchmark.train.predict import evaluate
from benchmark.train.run import Run

NAMES = registry.names()
ENTRIES = registry.entries()


@dataclass(frozen=True, eq=False)
class Fit:
    """One fit of one method with its defaults, and what was seen of it."""

    predictions: Predictions  # of the test split
    first_rows: tuple[int, ...] | None  # of the first step; None: nothing was trained
    texts: frozenset[str]  # that it had tokenised
    splits: frozenset[str]  # that it was given
    watcher: Collector


class Fits:
    """Fits each method at most once per seed, and a second time where that is asked for."""

    def __init__(self, lab: Any) -> None:
        self.lab = lab
        self.task: Task = lab.task()
        self.made: dict[tuple[str, int, int], Fit] = {}

    def get(self, name: str, seed: int = 0, attempt: int = 0) -> Fit:
        key = (name, seed, attempt)
        if key not in self.made:
            self.made[key] = self._fit(name, seed)
        return self.made[key]

    def _fit(self, name: str, seed: int) -> Fit:
        steps: list[Step] = []
        texts: set[str] = set()
        run: Run = self.lab.run(seed)
        with pytest.MonkeyPatch.context() as patch:
            epoch, tokens = Shuffled.epoch, Run.tokens

            def watched_epoch(*args: Any, **named: Any) -> tuple[Step, ...]:
                found = epoch(*args, **named)
                steps.extend(found)
                return found

            def watched_tokens(own: Run, given: Any) -> Any:
                texts.update(given)
                return tokens(own, given)

            patch.setattr(Shuffled, "epoch", watched_epoch)
            patch.setattr(Run, "tokens", watched_tokens)
            data = self.task.without_test()
            predictor = build(name, settle(name, {}), run.budget).fit([data], run)
        first = tuple(steps[0][0].rows.tolist()) if steps else None
        given = frozenset(value.name for value in vars(data).values() if isinstance(value, Split))
        assert isinstance(run.watcher, Collector)
        predictions = evaluate(predictor, self.task.head, self.task.test)
        return Fit(predictions, first, frozenset(texts), given, run.watcher)


@pytest.fixture(scope="module")
def fits(lab: Any) -> Fits:
    return Fits(lab)


def test_every_registered_name_is_tried() -> None:
    """Whatever is registered is a case of each test below, and these are at least the thirteen."""
    cases = {
        function.__name__: mark.args[1]
        for function in dict(globals()).values()
        for mark in getattr(function, "pytestmark", ())
        if mark.name == "parametrize" and mark.args[0] == "name"
    }
    assert len(cases) == 5
    for tried in cases.values():
        assert tried == registry.names()
        assert len(tried) == len(set(tried)) >= 13
    assert registry.entries() == ENTRIES


@pytest.mark.parametrize("name", NAMES)
def test_two_runs_agree_to_the_bit(fits: Fits, name: str) -> None:
    first, again = fits.get(name), fits.get(name, attempt=1)
    assert first is not again
    assert np.array_equal(first.predictions.logits, again.predictions.logits)
    assert [(point.key, point.value) for point in first.watcher.points] == [
        (point.key, point.value) for point in again.watcher.points
    ]


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_differs(fits: Fits, name: str) -> None:
    first, other = fits.get(name), fits.get(name, seed=1)
    assert not np.array_equal(first.predictions.logits, other.predictions.logits)
    assert first.first_rows is None or first.first_rows != other.first_rows


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_in_range_and_predictions_complete(fits: Fits, name: str) -> None:
    found = fits.get(name).predictions
    assert found.logits.shape == (20, 4)
    assert np.isfinite(found.logits).all()
    scores = found.scores()
    assert len(scores) >= 3
    for score in scores:
        assert metric(score.metric).low <= score.value <= metric(score.metric).high


@pytest.mark.parametrize("name", NAMES)
def test_fit_never_meets_the_test_split(fits: Fits, name: str) -> None:
    fit = fits.get(name)
    test = {text for texts in fits.task.test.texts for text in texts}
    train = {text for texts in fits.task.train.texts for text in texts}
    assert not test & train  # the corpus keeps them apart, so that a text tells its split
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
    trained = {name: rows for name, rows in first.items() if rows is not None}
    assert len(trained) >= 12
    assert len(set(trained.values())) == 1
    assert len(next(iter(trained.values()))) == 8


def test_methods_are_not_one_method_under_many_names(fits: Fits) -> None:
    answers = {fits.get(name).predictions.logits.tobytes() for name in NAMES}
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
        assert parameter.kind is not str or parameter.choices, f"{parameter.name} takes any text"


@pytest.mark.parametrize("made", registry.combinations(), ids=lambda made: made.name)
def test_a_combination_says_where_it_comes_from(made: registry.Combination) -> None:
    assert made.source.strip()
    assert registry.canonical(made.name) == made.name
    assert len(registry.parts(made.name)) >= 2
    assert {found.name for found in parameters(made.name)} == set(dict(settle(made.name, {})))
