"""The losses of heads, how sentences are joined and how tasks count, against values worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.core.metrics import metric
from benchmark.data.task import Head
from benchmark.model.encoder import HiddenStates, Tap
from benchmark.model.heads import LayerHead, PairHead, joined
from benchmark.train.heads import ClsHead
from benchmark.train.objectives import LOSSES, TaskLoss
from tests.support.lab import Lab


class TestLosses:
    def test_squared_error_by_hand(self) -> None:
        logits, labels = torch.tensor([[1.0], [4.0], [2.5]]), torch.tensor([2.0, 4.0, 0.0], dtype=torch.float64)
        assert float(LOSSES["mean_squared_error"](logits, labels, 0.0)) == pytest.approx((1.0 + 0.0 + 6.25) / 3)

    def test_binary_cross_entropy_by_hand(self) -> None:
        logits, labels = torch.tensor([[0.0], [2.0], [-1.0]]), torch.tensor([1, 0, 1])
        wanted = (math.log(2) + math.log(1 + math.exp(2)) + math.log(1 + math.exp(1))) / 3
        assert float(LOSSES["binary_cross_entropy"](logits, labels, 0.0)) == pytest.approx(wanted)

    def test_smoothing_a_binary_label_is_smoothing_two_classes(self) -> None:
        one, labels = torch.tensor([[0.3], [-1.2]]), torch.tensor([1, 0])
        two = torch.cat([torch.zeros_like(one), one], dim=1)  # softmax of (0, z) is sigmoid of z
        assert float(LOSSES["binary_cross_entropy"](one, labels, 0.2)) == pytest.approx(
            float(LOSSES["cross_entropy"](two, labels, 0.2))
        )

    @pytest.mark.parametrize(
        ("name", "outputs", "labels"),
        [
            ("cross_entropy", 3, np.array([0, 2, 1, 1])),
            ("binary_cross_entropy", 1, np.array([0, 1, 1, 0])),
            ("mean_squared_error", 1, np.array([0.0, 2.5, 5.0, 1.0])),
        ],
    )
    def test_training_lowers_what_the_metric_of_that_name_measures(
        self, name: str, outputs: int, labels: np.ndarray[Any, Any]
    ) -> None:
        logits = np.random.default_rng(0).normal(size=(4, outputs)).astype(np.float32)
        found = float(LOSSES[name](torch.from_numpy(logits), torch.from_numpy(labels), 0.0))
        assert found == pytest.approx(metric(name)(logits, labels), rel=1e-6)


class TestJoins:
    vectors = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, -6.0], [7.0, 8.0]])  # u1, u2, v1, v2

    def test_by_hand(self) -> None:
        assert joined(self.vectors, "concat").tolist() == [[1, 2, 5, -6], [3, 4, 7, 8]]
        assert joined(self.vectors, "difference").tolist() == [[4, 8, 5, -12], [4, 4, 21, 32]]

    def test_difference_does_not_know_which_sentence_is_first(self) -> None:
        swapped = self.vectors[[2, 3, 0, 1]]
        assert torch.equal(joined(self.vectors, "difference"), joined(swapped, "difference"))
        assert not torch.equal(joined(self.vectors, "concat"), joined(swapped, "concat"))

    @pytest.mark.parametrize("join", ["concat", "difference"])
    def test_a_pair_goes_through_the_encoder_sentence_by_sentence(self, join: str, lab: Lab) -> None:
        run, task = lab.run(), lab.tasks()[1]
        model = lab.model()
        model.set_heads(ClsHead(0.0, 16, join).attach(model, [task.head], run.streams))
        head = model.head(task.head.name)
        assert isinstance(head, PairHead)
        split = run.encode(task.validation)
        model.eval()
        with torch.no_grad():
            u, v = (model.encoder(tokens) for tokens in split.sentences)
            wanted = head.body(joined(torch.cat([u, v]), join))
            found = head(model.encoder(split.texts))
        assert torch.allclose(found, wanted, atol=1e-5)  # one pass over both: other batches, other rounding
        assert found.shape == (len(task.validation), 1)


def test_a_layer_head_by_hand() -> None:
    head = LayerHead(Tap(1, whole=True), nn.ModuleList([Doubled()]), 2, 1, 0.0, "concat")
    with torch.no_grad():
        head.pooler.weight.copy_(torch.eye(2))
        head.pooler.bias.zero_()
        head.linear.weight.copy_(torch.tensor([[1.0, 10.0, 100.0, 1000.0]]))
        head.linear.bias.fill_(0.5)
    states = torch.tensor([[[0.1, 0.2], [9.0, 9.0]], [[0.3, 0.4], [9.0, 9.0]]])  # (texts, tokens, width)
    vectors = head.vectors(HiddenStates(states, None))
    assert torch.allclose(vectors, torch.tensor([[0.2, 0.4], [0.6, 0.8]]))
    wanted = 0.5 + sum(
        factor * math.tanh(x) for factor, x in zip((1, 10, 100, 1000), (0.2, 0.4, 0.6, 0.8), strict=True)
    )
    assert head(vectors).tolist() == [[pytest.approx(wanted, rel=1e-6)]]


class Doubled(nn.Module):
    def forward(self, states: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        return 2 * states


def test_any_head_has_a_loss() -> None:
    heads = [
        Head("a", "classes", "accuracy", ("x", "y")),
        Head("b", "pair-binary", "accuracy", ("0", "1")),
        Head("c", "pair-regression", "pearson", (), 0.0, 5.0),
        Head("d", "pair-classes", "accuracy", ("0", "1", "2")),
    ]
    assert {head.loss for head in heads} == set(LOSSES)
    assert TaskLoss().measured_splits == ("validation",)
