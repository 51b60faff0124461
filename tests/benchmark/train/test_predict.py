"""Predictors answer row by row, in order, without dropout; scores are computed from their answers alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.core.errors import DivergedError
from benchmark.data.task import Split, Task
from benchmark.model.model import Model
from benchmark.train.heads import ClsHead
from benchmark.train.predict import ModelPredictor, evaluate, logits_of
from benchmark.train.vectors import CachedVectors
from tests.support.lab import Lab


@pytest.fixture(scope="module")
def task(lab: Lab) -> Task:
    made: Task = lab.task()
    return made


@pytest.fixture
def predictor(lab: Lab, task: Task) -> ModelPredictor:
    run = lab.run()
    model = Model(run.load_encoder())
    model.set_heads(ClsHead(dropout=0.5, hidden=16).attach(model, [task.head], run.streams))
    return ModelPredictor(model.train(), run)


def only(split: Split, rows: list[int]) -> Split:
    return dataclasses.replace(
        split,
        ids=tuple(split.ids[row] for row in rows),
        texts=tuple(split.texts[row] for row in rows),
        labels=tuple(split.labels[row] for row in rows),
        fingerprint=f"{split.fingerprint} {rows}",
    )


def test_logits_are_per_row_and_in_order(predictor: ModelPredictor, task: Task) -> None:
    logits = predictor.logits("scenario", task.test)
    assert logits.shape == (20, 4)
    assert logits.dtype == np.float32
    for row in (0, 7, 19):
        assert np.allclose(predictor.logits("scenario", only(task.test, [row])), logits[row : row + 1], atol=1e-5)
    turned = list(range(19, -1, -1))
    assert np.allclose(predictor.logits("scenario", only(task.test, turned)), logits[::-1], atol=1e-5)
    assert len({tuple(row) for row in logits.round(4).tolist()}) == 20


def test_asking_twice_gives_the_same(predictor: ModelPredictor, task: Task) -> None:
    assert np.array_equal(predictor.logits("scenario", task.test), predictor.logits("scenario", task.test))


def test_nothing_is_learned_by_asking(predictor: ModelPredictor, task: Task) -> None:
    before = {name: value.clone() for name, value in predictor.model.state_dict().items()}
    predictor.logits("scenario", task.test)
    assert all(torch.equal(value, before[name]) for name, value in predictor.model.state_dict().items())
    assert all(weight.grad is None for weight in predictor.model.parameters())


def test_evaluate_keeps_what_a_score_needs(predictor: ModelPredictor, task: Task) -> None:
    found = evaluate(predictor, task.head, task.test)
    assert (found.split, found.task, found.classes) == ("test", "scenario", task.head.classes)
    assert found.ids == task.test.ids
    assert found.labels.tolist() == list(task.test.labels)
    assert np.array_equal(found.logits, predictor.logits("scenario", task.test))
    scores = {score.key: score.value for score in found.scores()}
    hits = [int(row.argmax()) == label for row, label in zip(found.logits, task.test.labels, strict=True)]
    assert scores["test/scenario/accuracy"] == pytest.approx(sum(hits) / 20)


def test_evaluate_asks_anything_that_answers(task: Task) -> None:
    class Constant:
        def logits(self, name: str, split: Split) -> Any:
            assert name == "scenario"
            return np.eye(4, dtype=np.float32)[np.array(split.labels)]

    scores = {score.metric: score.value for score in evaluate(Constant(), task.head, task.validation).scores()}
    assert scores["accuracy"] == scores["macro_f1"] == 1


def test_the_logits_of_a_validation_are_those_of_a_predictor(predictor: ModelPredictor, task: Task) -> None:
    model, run = predictor.model, predictor.run
    vectors = CachedVectors(model.encoder, run.encode(task.validation), model.head("scenario"))
    found = logits_of(model, "scenario", vectors, len(task.validation))
    assert np.array_equal(found, predictor.logits("scenario", task.validation))


@pytest.mark.parametrize("size", [1, 6, 20, 4096])
def test_heads_run_in_chunks(predictor: ModelPredictor, task: Task, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    model = predictor.model
    vectors = CachedVectors(model.encoder, predictor.run.encode(task.validation), model.head("scenario"))
    whole = logits_of(model, "scenario", vectors, 20)
    monkeypatch.setattr(CachedVectors, "max_rows", size)
    assert np.allclose(logits_of(model, "scenario", vectors, 20), whole, atol=1e-6)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (
            np.zeros((20, 9), np.float32),
            ValueError,
            r"have the shape \(20, 9\), not \(20, 4\): .* one column per class",
        ),
        (np.zeros((19, 4), np.float32), ValueError, r"shape \(19, 4\), not \(20, 4\)"),
        (np.zeros(20, np.float32), ValueError, r"shape \(20,\), not \(20, 4\)"),
        (np.zeros((20, 4), np.int64), TypeError, "of type int64, not floating point"),
        (np.zeros((20, 4), object), TypeError, "of type object"),
        (np.zeros((20, 4), np.complex64), TypeError, "of type complex64"),
        ([[0.0] * 4] * 20, TypeError, "are a list, not a numpy array"),
        (None, TypeError, "are a NoneType"),
        (np.full((20, 4), np.inf, np.float32), DivergedError, "80 of 80 logits for the test split .* are not finite"),
        (np.where(np.eye(20, 4), np.nan, 0.0).astype(np.float32), DivergedError, "4 of 80"),
        (np.full((20, 4), 1e300), DivergedError, "80 of 80"),  # more than fp32 holds
    ],
    ids=lambda value: "" if isinstance(value, np.ndarray) else str(value),
)
def test_what_a_method_answers_is_looked_at(task: Task, answer: Any, error: type[Exception], words: str) -> None:
    class Careless:
        def logits(self, name: str, split: Split) -> Any:
            return answer

    with pytest.raises(error, match=words):
        evaluate(Careless(), task.head, task.test)


def test_logits_of_another_width_are_narrowed(task: Task) -> None:
    class Wide:
        def logits(self, name: str, split: Split) -> Any:
            return np.eye(4)[np.array(split.labels)]

    assert evaluate(Wide(), task.head, task.test).logits.dtype == np.float32
