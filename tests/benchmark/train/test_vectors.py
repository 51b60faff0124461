"""Vectors of rows: from the live encoder, or looked up where it doesn't move."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.data.tokens import Tokens
from benchmark.model import states
from benchmark.model.encoder import Encoder
from benchmark.model.heads import SequentialHead
from benchmark.model.states import StateCache
from benchmark.train import vectors
from benchmark.train.run import EncodedSplit
from benchmark.train.vectors import OnTheFly, cache_states, encode_all
from tests.support.lab import Lab

ON_TOP = SequentialHead()
"""A head reads the last layer's [CLS] unless it says otherwise."""


@pytest.fixture
def encoder(lab: Lab) -> Encoder:
    loaded: Encoder = lab.run().load_encoder()
    return loaded


@pytest.fixture(scope="module")
def split(lab: Lab) -> EncodedSplit:
    found: EncodedSplit = lab.run().encode(lab.task().train)
    return found


def one_by_one(encoder: Encoder, tokens: Tokens) -> torch.Tensor:
    encoder.eval()
    with torch.no_grad():
        return torch.cat([encoder(tokens.take(np.array([row]))) for row in range(len(tokens))])


@pytest.mark.parametrize("size", [1, 7, 40, 128])
def test_all_rows_come_back_in_order(
    encoder: Encoder, split: EncodedSplit, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    (tokens,) = split.sentences
    assert len(set(tokens.lengths.tolist())) > 3
    monkeypatch.setattr(states, "BATCH", size)
    found = encode_all(encoder, tokens, ON_TOP)
    assert found.shape == (40, 32)
    assert torch.allclose(found, one_by_one(encoder, tokens), atol=1e-5)


def test_long_rows_are_batched_with_long_ones(
    encoder: Encoder, split: EncodedSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes: list[tuple[int, int]] = []
    encoder.backbone.register_forward_pre_hook(
        lambda _, __, named: shapes.append(tuple(named["input_ids"].shape)), with_kwargs=True
    )
    monkeypatch.setattr(states, "BATCH", 16)
    encode_all(encoder, split.sentences[0], ON_TOP)
    lengths = np.sort(split.sentences[0].lengths)
    assert shapes == [(16, lengths[15]), (16, lengths[31]), (8, lengths[39])]


@pytest.mark.parametrize("training", [True, False])
def test_encoding_has_no_dropout_no_gradient_and_leaves_the_mode(
    encoder: Encoder, split: EncodedSplit, training: bool
) -> None:
    encoder.train(training)
    first, second = (encode_all(encoder, split.sentences[0], ON_TOP) for _ in range(2))
    assert torch.equal(first, second)
    assert not first.requires_grad
    assert encoder.training is encoder.backbone.training is training


def test_frozen_looks_rows_up_view_by_view(encoder: Encoder, split: EncodedSplit, tmp_path: Path) -> None:
    (found,) = cache_states(StateCache(tmp_path), encoder, split, [ON_TOP])
    whole = encode_all(encoder, split.sentences[0], ON_TOP)
    rows = np.array([3, 1, 3])
    assert torch.equal(found.of(rows), whole[[3, 1, 3]])
    assert torch.equal(found.of(rows, views=2), whole[[3, 1, 3, 3, 1, 3]])


def test_live_is_in_the_encoders_mode(encoder: Encoder, split: EncodedSplit) -> None:
    rows = np.array([5, 0, 2])
    live = OnTheFly(encoder, split, ON_TOP)
    encoder.eval()
    still = live.of(rows, views=2)
    assert still.shape == (6, 32)
    assert still.requires_grad
    assert torch.allclose(still[:3], still[3:], atol=1e-6)
    assert torch.allclose(still[:3], encode_all(encoder, split.sentences[0], ON_TOP)[[5, 0, 2]], atol=1e-5)
    encoder.train()
    moving = live.of(rows, views=2)
    assert not torch.allclose(moving[:3], moving[3:], atol=1e-3)  # two dropout views


def test_indices_arrive_as_they_are() -> None:
    array = np.array([2, 0], dtype=np.int64)
    assert vectors.to_device(array, torch.device("cpu")).tolist() == [2, 0]
