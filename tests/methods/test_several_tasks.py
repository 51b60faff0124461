"""Every method and the combinations that the issue names, on three tasks of three kinds: to the bit, twice."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import pytest

from benchmark.core.errors import SkippedError, UsageError
from benchmark.train.method_handle import build_method, resolve_method
from benchmark.train.predict import evaluate

NAMES = (
    *("finetune", "zero-shot", "multitask", "pcgrad", "simcse", "layer-heads", "probe"),
    *("pcgrad+lora", "simcse+pcgrad", "multitask+swa", "layer-heads+pcgrad", "simcse+layer-heads", "llrd+multitask"),
)
FEW: dict[str, Any] = {"simcse_batch_size": 16}


def digest(name: str, lab: Any, seed: int) -> str:
    run, tasks = lab.run(seed, epochs=2, layers=2), lab.tasks()
    known = {parameter.name for parameter in resolve_method(name).parameters}
    built = build_method(name, run.budget, {key: value for key, value in FEW.items() if key in known})
    built.check(2, tuple(task.head for task in tasks))
    predictor = built.fit([task.without_test() for task in tasks], run)
    total = hashlib.sha256()
    for task in tasks:
        predictions = evaluate(predictor, task.head, task.test)
        assert all(math.isfinite(score.value) for score in predictions.scores())
        assert {task.head.metric, task.head.loss} <= {score.metric for score in predictions.scores()}
        total.update(predictions.logits.tobytes())
    total.update(repr(run.watcher.points).encode())
    return total.hexdigest()


@pytest.mark.parametrize("name", NAMES)
def test_it_fits_three_tasks_and_again_to_the_bit(name: str, lab: Any) -> None:
    one = digest(name, lab, 0)
    assert one == digest(name, lab, 0)
    assert one != digest(name, lab, 1)


@pytest.mark.parametrize("name", ["supcon", "simclr"])
def test_contrastive_learning_of_classes_says_why_pairs_have_none(name: str, lab: Any) -> None:
    built = build_method(name, lab.run().budget)
    heads = tuple(task.head for task in lab.tasks())
    built.check(2, heads[:1])
    with pytest.raises(SkippedError, match="pairs of sentences: task 'paraphrase'"):
        built.check(2, heads)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ("sentiment", "task=factor"),
        ("sentiment=-1", "task=factor"),
        ("sentiment=1,sentiment=2", "each task once"),
        ("sentiment=0,paraphrase=0,similarity=0", "counts 0"),
        ("sentimend=2", "did you mean 'sentiment'"),
    ],
)
def test_weights_that_cant_be_used_are_refused(weights: str, words: str, lab: Any) -> None:
    with pytest.raises(UsageError, match=words):
        build_method("multitask", lab.run().budget, {"weights": weights}).check(
            2, tuple(task.head for task in lab.tasks())
        )


def test_a_task_that_counts_nothing_does_not_move_the_encoder_for_it(lab: Any) -> None:
    found = []
    for weights in (None, "similarity=0,paraphrase=0"):
        run = lab.run(epochs=1)
        built = build_method("multitask", run.budget, {"weights": weights})
        predictor: Any = built.fit([task.without_test() for task in lab.tasks()], run)
        found.append([weight.sum().item() for weight in predictor.model.encoder.parameters()])
    assert found[0] != found[1]
