"""Predictors answer row by row, in order, without dropout; scores are computed from their answers alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.data.task import Split, Task
from benchmark.model.model import Model
from benchmark.train.heads import ClsHead
from benchmark.train.predict import ModelPredictor, evaluate, logits_of
from benchmark.train.vectors import CachedVectors


@pytest.fixture(scope="module")
def task(lab: Any) -> Task:
    made: Task = lab.task()
    return made


@pytest.fixture
def predictor(lab: Any, task: Task) -> ModelPredictor:
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
