"""The vectors that heads answer to: encoded on the fly, or from hidden states cached once where it is frozen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmark.data.tokens import Tokens
from benchmark.model.encoder import Encoder, HiddenStates
from benchmark.model.heads import HeadModule
from benchmark.model.states import BATCH, StateCache, States, chunks
from benchmark.train.run import EncodedSplit

HEAD_BATCH = 4096
"""Rows per batch of a head without layers of its own."""


class Vectors(Protocol):
    """Vectors of a split's rows."""

    def of(self, rows: npt.NDArray[np.int64], views: int = 1) -> Tensor:
        """Return the vectors of `rows`, (sentences · views · rows, width): sentence by sentence, in it view by view."""

    @property
    def max_rows(self) -> int:
        """How many rows may be asked for at once where nothing is trained."""


class OnTheFly:
    """The encoder runs at every call, in its present mode: under dropout each view is another."""

    max_rows = BATCH

    def __init__(self, encoder: Encoder, split: EncodedSplit, head: HeadModule) -> None:
        self.encoder = encoder
        self.sentences = split.sentences
        self.head = head

    def of(self, rows: npt.NDArray[np.int64], views: int = 1) -> Tensor:
        """Run the encoder once over all sentences and views, no further up than the head reads it."""
        repeated = np.tile(rows, views)
        tokens = Tokens.joined([sentence.take(repeated) for sentence in self.sentences])
        return head_vectors(self.head, self.encoder, self.encoder.read(tokens, self.head.tap))


class CachedStates:
    """Every text was encoded once, without dropout; the layers of the head itself run at every call."""

    def __init__(self, states: States, sentences: int, head: HeadModule) -> None:
        tap = head.tap
        self.states = states
        self.sentences = sentences
        self.head = head
        self.layer = len(states.encoder.layers) if tap.layer is None else tap.layer
        self.max_rows = BATCH if tap.whole else HEAD_BATCH

    def of(self, rows: npt.NDArray[np.int64], views: int = 1) -> Tensor:
        """Look the states up."""
        states = self.states.at(_texts(rows, views, self.sentences, len(self.states.tokens)), self.layer)
        return head_vectors(self.head, self.states.encoder, states)


class CachedVectors:
    """Neither encoder nor head are trained meanwhile: the vectors themselves were computed once."""

    max_rows = HEAD_BATCH

    def __init__(self, encoder: Encoder, split: EncodedSplit, head: HeadModule) -> None:
        self.sentences = len(split.sentences)
        self.matrix = encode_all(encoder, split.texts, head)  # (sentences · rows, width)

    def of(self, rows: npt.NDArray[np.int64], views: int = 1) -> Tensor:
        """Look them up."""
        return self.matrix[to_device(_texts(rows, views, self.sentences, len(self.matrix)), self.matrix.device)]


def cache_states(
    cache: StateCache, encoder: Encoder, split: EncodedSplit, heads: Sequence[HeadModule]
) -> tuple[CachedStates, ...]:
    """Encode `split` once for all of `heads`; return the vectors of each. Raises OSError when the disk is full."""
    states = cache.get(encoder, split.texts, [head.tap for head in heads])
    return tuple(CachedStates(states, len(split.sentences), head) for head in heads)


@torch.no_grad()
def in_batches(vectors: Vectors, rows: int) -> Iterator[Tensor]:
    """Yield the vectors of rows 0 … `rows` - 1, batch by batch, each (sentences · rows of the batch, width)."""
    for start in range(0, rows, vectors.max_rows):
        yield vectors.of(np.arange(start, min(start + vectors.max_rows, rows)))


def head_vectors(head: HeadModule, encoder: Encoder, states: HiddenStates) -> Tensor:
    """Return the vectors of the texts of `states` that `head` answers to, (texts, width), fp32."""
    with encoder.autocast():
        vectors = head.vectors(states)
        return (encoder.pool(vectors) if head.tap.pooled else vectors).float()


@torch.no_grad()
def encode_all(encoder: Encoder, tokens: Tokens, head: HeadModule) -> Tensor:
    """Return the vectors of all texts for `head`, (texts, width), without dropout, in the order of the texts."""
    modes = encoder.training, head.training
    encoder.eval()
    head.eval()
    order = chunks(tokens)
    vectors = torch.cat([head_vectors(head, encoder, encoder.read(tokens.take(chunk), head.tap)) for chunk in order])
    encoder.train(modes[0])
    head.train(modes[1])
    return vectors[to_device(np.argsort(np.concatenate(order), kind="stable"), vectors.device)]


def to_device(array: npt.NDArray[np.generic], device: torch.device) -> Tensor:
    """Copy indices or labels to `device` without waiting for it."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def _texts(rows: npt.NDArray[np.int64], views: int, sentences: int, texts: int) -> npt.NDArray[np.int64]:
    """Return the numbers of the texts of `rows`, sentence by sentence, where all first sentences stand first."""
    repeated = np.tile(rows, views)
    return np.concatenate([repeated + sentence * (texts // sentences) for sentence in range(sentences)])
