"""The vectors that heads answer to: from the live encoder, or from states encoded once where it doesn't move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from benchmark.data.tokens import Tokens
from benchmark.model.encoder import Encoder
from benchmark.model.heads import LayerHead, tap_of, vectors_of
from benchmark.model.states import BATCH, StateCache, States, chunks
from benchmark.train.run import EncodedSplit

HEAD_BATCH = 4096
"""Rows per batch of a head without layers of its own."""


class Vectors(Protocol):
    """Vectors of a split's rows."""

    def of(self, rows: npt.NDArray[np.int64], views: int = 1) -> Tensor:
        """Return the vectors of `rows`, (sentences · views · rows, width): sentence by sentence, in it view by view."""

    @property
    def most(self) -> int:
        """How many rows may be asked for at once where nothing is learned."""


class Live:
    """The encoder runs at every call, in its present mode: under dropout each view is another."""

    most = BATCH

    def __init__(self, encoder: Encoder, split: EncodedSplit, head: nn.Module) -> None:
        self.encoder = encoder
        self.sentences = split.sentences
        self.head = head

    def of(self, rows: npt.NDArray[np.int64], views: int = 1) -> Tensor:
        """Run the encoder once over all sentences and views, no further up than the head reads it."""
        wanted = np.tile(rows, views)
        tokens = Tokens.joined([sentence.take(wanted) for sentence in self.sentences])
        return vectors_of(self.head, self.encoder, self.encoder.read(tokens, tap_of(self.head)))


class Frozen:
    """Every text was encoded once, without dropout; what layers the head has itself run at every call."""

    def __init__(self, states: States, sentences: int, head: nn.Module) -> None:
        tap = tap_of(head)
        self.states = states
        self.sentences = sentences
        self.head = head
        self.layer = len(states.encoder.layers) if tap.layer is None else tap.layer
        self.most = BATCH if tap.whole else HEAD_BATCH

    def of(self, rows: npt.NDArray[np.int64], views: int = 1) -> Tensor:
        """Look the states up."""
        reading = self.states.reading(_texts(rows, views, self.sentences, len(self.states.tokens)), self.layer)
        return vectors_of(self.head, self.states.encoder, reading)


class Fixed:
    """Neither the encoder nor the head moves any more: the vectors themselves were computed once."""

    most = HEAD_BATCH

    def __init__(self, encoder: Encoder, split: EncodedSplit, head: nn.Module) -> None:
        self.sentences = len(split.sentences)
        self.matrix = encode_all(encoder, split.texts, head)  # (sentences · rows, width)

    def of(self, rows: npt.NDArray[np.int64], views: int = 1) -> Tensor:
        """Look them up."""
        return self.matrix[to_device(_texts(rows, views, self.sentences, len(self.matrix)), self.matrix.device)]


def frozen(cache: StateCache, encoder: Encoder, split: EncodedSplit, heads: Sequence[nn.Module]) -> tuple[Frozen, ...]:
    """Encode `split` once for all of `heads`; return the vectors of each. Raises OSError when the disk is full."""
    states = cache.get(encoder, split.texts, [tap_of(head) for head in heads])
    return tuple(Frozen(states, len(split.sentences), head) for head in heads)


@torch.no_grad()
def calibrate(head: nn.Module, vectors: Vectors, rows: int) -> None:
    """Show the vectors of all `rows` training rows to a head that standardises them; others need none of it."""
    if isinstance(head, LayerHead) and head.standardise:
        starts = range(0, rows, vectors.most)
        head.observe(torch.cat([vectors.of(np.arange(start, min(start + vectors.most, rows))) for start in starts]))


@torch.no_grad()
def encode_all(encoder: Encoder, tokens: Tokens, head: nn.Module) -> Tensor:
    """Return the vectors of all texts for `head`, (texts, width), without dropout, in the order of the texts."""
    modes = encoder.training, head.training
    encoder.eval()
    head.eval()
    order = chunks(tokens)
    found = torch.cat([vectors_of(head, encoder, encoder.read(tokens.take(chunk), tap_of(head))) for chunk in order])
    encoder.train(modes[0])
    head.train(modes[1])
    return found[to_device(np.argsort(np.concatenate(order), kind="stable"), found.device)]


def to_device(array: npt.NDArray[np.generic], device: torch.device) -> Tensor:
    """Copy indices or labels to `device` without waiting for it."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def _texts(rows: npt.NDArray[np.int64], views: int, sentences: int, texts: int) -> npt.NDArray[np.int64]:
    """Return the numbers of the texts of `rows`, sentence by sentence, where all first sentences stand first."""
    wanted = np.tile(rows, views)
    return np.concatenate([wanted + sentence * (texts // sentences) for sentence in range(sentences)])
