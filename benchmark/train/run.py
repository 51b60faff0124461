"""What a method is given besides the data: seeds, device, encoder, and whom to tell."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmark.core.record import Watcher
from benchmark.core.seeds import Streams
from benchmark.data.task import Split
from benchmark.data.tokens import TokenCache, Tokens
from benchmark.model.catalogue import EncoderSource
from benchmark.model.encoder import Encoder, Tokenizer, load_encoder
from benchmark.model.states import StateCache
from benchmark.train.recipe import Budget


@dataclass(frozen=True, eq=False)
class EncodedSplit:
    """A split as token ids."""

    sentences: tuple[Tokens, ...]  # one per sentence of a row

    @functools.cached_property
    def texts(self) -> Tokens:
        """All sentences as one: every row's first, then every row's second where there is one."""
        return Tokens.joined(self.sentences)


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
    forward: str = "packed"  # packed (without padding, where the encoder's architecture is known) | stock
    _encoded: dict[str, EncodedSplit] = field(default_factory=dict, init=False, repr=False)  # by fingerprint

    @functools.cached_property
    def states(self) -> StateCache:
        """Where hidden states are kept that don't fit into memory."""
        return StateCache(self.cache.folder)

    @functools.cached_property
    def tokenizer(self) -> Tokenizer:
        """The encoder's tokenizer, loaded once per process and length."""
        return _tokenizer(self.encoder, self.max_length)

    def load_encoder(self) -> Encoder:
        """Return a fresh copy of the pretrained encoder on the device."""
        return load_encoder(self.encoder, self.tokenizer, self.device, self.precision, self.forward == "packed")

    def encode(self, split: Split) -> EncodedSplit:
        """Return `split` as token ids; the same object for every split of the same rows, which its fingerprint says."""
        if split.fingerprint not in self._encoded:
            sentences = tuple(self.tokens(texts) for texts in zip(*split.texts, strict=True))
            self._encoded[split.fingerprint] = EncodedSplit(sentences)
        return self._encoded[split.fingerprint]

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """Return `texts` as token ids, from the cache where they are."""
        return self.cache.get(texts, self.tokenizer.identity, self.max_length, self.tokenizer.encode)


@functools.lru_cache(maxsize=4)
def _tokenizer(source: EncoderSource, max_length: int) -> Tokenizer:
    return Tokenizer(source, max_length)
