"""Heads at layers of their own: where they stand, what is refused, and what moves."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from benchmark.core.errors import UsageError
from benchmark.data.task import Head
from benchmark.model.blocks import Blocks
from benchmark.train.heads import HeadPosition, report_default
from benchmark.train.method_handle import build_method
from methods.layer_heads import parse_positions

SENTENCE = Head("sst", "classes", "accuracy", ("a", "b"))
PARAPHRASE = Head("quora", "pair-binary", "accuracy", ("0", "1"))
SIMILARITY = Head("sts", "pair-regression", "pearson", (), 0.0, 5.0)


def test_positions_as_written() -> None:
    text = "sst=layer:8,model:2; quora = layer:2,random:1 ;sts=layer:12,model:0"
    assert parse_positions(text) == (
        ("quora", HeadPosition(2, Blocks(0, 1))),
        ("sst", HeadPosition(8, Blocks(2))),
        ("sts", HeadPosition(12, Blocks())),
    )
    assert parse_positions(None) == ()


@pytest.mark.parametrize(
    "text",
    [
        "sst",
        "sst=8",
        "sst=layer:x",
        "sst=model:1",
        "=layer:1",
        "sst=layer:1;sst=layer:2",
        "sst=layer:1,layer:2",
        "a=layer:-1",
    ],
)
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="separated by ';'"):
        parse_positions(text)


@pytest.mark.parametrize(
    ("layers", "positions"),
    [
        (12, (HeadPosition(8, Blocks(2)), HeadPosition(2, Blocks(2)), HeadPosition(12))),  # the report's
        (6, (HeadPosition(4, Blocks(1)), HeadPosition(1, Blocks(1)), HeadPosition(6))),
        (2, (HeadPosition(1, Blocks(1)), HeadPosition(0, Blocks(1)), HeadPosition(2))),
        (1, (HeadPosition(1, Blocks(0)), HeadPosition(0, Blocks(1)), HeadPosition(1))),
    ],
)
def test_default_positions_are_the_reports_scaled(layers: int, positions: tuple[HeadPosition, ...]) -> None:
    assert tuple(report_default(head, layers) for head in (SENTENCE, PARAPHRASE, SIMILARITY)) == positions
    for place in positions:
        place.blocks.check(place.layer, layers, "the report's head")


@pytest.mark.parametrize(
    ("heads", "words"),
    [
        ("sst=layer:3", "layers 0 to 2, not 3"),
        ("sst=layer:1,model:2", "only 1 above it"),
        ("sts2=layer:1", "did you mean 'sts'"),
    ],
)
def test_what_the_encoder_or_the_suite_lacks(lab: Any, heads: str, words: str) -> None:
    built = build_method("layer-heads", lab.run().budget, {"heads": heads})
    with pytest.raises(UsageError, match=words):
        built.check(2, (SENTENCE, PARAPHRASE, SIMILARITY))


@pytest.mark.parametrize("freeze", [False, True])
def test_what_moves(lab: Any, freeze: bool) -> None:
    run = lab.run(layers=3)
    tasks = lab.tasks()
    text = ";".join(f"{task.name}=layer:{layer},model:1" for task, layer in zip(tasks, (0, 1, 1), strict=True))
    method = build_method("layer-heads", run.budget, {"freeze": freeze, "heads": text})
    predictor: Any = method.fit([task.without_test() for task in tasks], run)
    before, after = run.load_encoder().state_dict(), predictor.model.encoder.state_dict()
    moved = {name for name, weight in before.items() if not torch.equal(weight, after[name])}
    if freeze:
        assert moved == set()
    else:
        assert any("layer.0." in name for name in moved)
        assert not any("layer.1." in name or "layer.2." in name for name in moved)  # nobody reads them
    (cost,) = run.watcher.phases()
    assert (cost.encode_seconds > 0.0) is freeze
    for task in tasks:
        assert predictor.logits(task.name, task.test).shape == (len(task.test), task.head.outputs)
