"""The vectors that heads stand on: from the live encoder, or encoded once where the encoder doesn't move."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmark.data.tokens import Tokens
from benchmark.model.encoder import Encoder
from benchmark.train.run import EncodedSplit

EVALUATION_BATCH = 128
"""Rows per batch where nothing is learned; long rows are batched with long ones."""


class Vectors(Protocol):
    """Vectors of a split's rows."""

    def of(self, rows: npt.NDArray[np.int64], views: int = 1) -> Tensor:
        """Return the vectors of `rows`, (views · rows, width), view by view."""


class Live:
    """The encoder runs at every call, in its present mode: under dropout each view is another."""

    def __init__(self, encoder: Encoder, split: EncodedSplit) -> None:
        self.encoder = encoder
        (self.tokens,) = split.sentences

    def of(self, rows: npt.NDArray[np.int64], views: int = 1) -> Tensor:
        """Run the encoder once over all views."""
        vectors: Tensor = self.encoder(self.tokens.take(np.tile(rows, views)))
        return vectors


class Frozen:
    """Every row was encoded once, without dropout."""

    def __init__(self, encoder: Encoder, split: EncodedSplit) -> None:
        (tokens,) = split.sentences
        self.matrix = encode_all(encoder, tokens)  # (rows, width)

    def of(self, rows: npt.NDArray[np.int64], views: int = 1) -> Tensor:
        """Look them up."""
        return self.matrix[to_device(np.tile(rows, views), self.matrix.device)]


@torch.no_grad()
def encode_all(encoder: Encoder, tokens: Tokens) -> Tensor:
    """Return the vectors of all texts, (texts, width), without dropout, in the order of the texts."""
    mode = encoder.training
    encoder.eval()
    order = np.argsort(tokens.lengths, kind="stable")
    chunks = [order[start : start + EVALUATION_BATCH] for start in range(0, len(order), EVALUATION_BATCH)]
    encoded = torch.cat([encoder(tokens.take(chunk)) for chunk in chunks])
    encoder.train(mode)
    return encoded[to_device(np.argsort(order, kind="stable"), encoded.device)]


def to_device(array: npt.NDArray[np.int64], device: torch.device) -> Tensor:
    """Copy indices or labels to `device` without waiting for it."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)
