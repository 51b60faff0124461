"""What a method is given besides the data: seeds, device, encoder, and whom to tell."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.data.task import Split
from benchmark.data.tokens import TokenCache, Tokens
from benchmark.model.catalogue import EncoderSource
from benchmark.model.encoder import Encoder, Tokenizer, load_encoder
from benchmark.record import Watcher
from benchmark.seeds import Streams
from benchmark.train.recipe import Budget


@dataclass(frozen=True, eq=False)
class EncodedSplit:
    """A split as token ids."""

    sentences: tuple[Tokens, ...]  # one per sentence of a row
    labels: npt.NDArray[np.int64]  # (rows,)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Run:
    """One cell's surroundings."""

    streams: Streams
    encoder: EncoderSource
    budget: Budget
    max_length: int
    device: str
    precision: str
    cache: TokenCache
    watcher: Watcher

    @functools.cached_property
    def tokenizer(self) -> Tokenizer:
        """The encoder's tokenizer, loaded once per process and length."""
        return _tokenizer(self.encoder, self.max_length)

    def load_encoder(self) -> Encoder:
        """Return a fresh copy of the pretrained encoder on the device."""
        return load_encoder(self.encoder, self.tokenizer, self.device, self.precision)

    def encode(self, split: Split) -> EncodedSplit:
        """Return `split` as token ids."""
        return EncodedSplit(
            sentences=tuple(self.tokens(texts) for texts in zip(*split.texts, strict=True)),
            labels=np.asarray(split.labels, dtype=np.int64),
        )

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """Return `texts` as token ids, from the cache where they are."""
        return self.cache.get(texts, self.tokenizer.identity, self.max_length, self.tokenizer.encode)


@functools.lru_cache(maxsize=4)
def _tokenizer(source: EncoderSource, max_length: int) -> Tokenizer:
    return Tokenizer(source, max_length)
