"""Texts as token ids: made once per split, tokenizer and length, and kept in a cache on disk."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

Encode = Callable[[Sequence[str]], tuple[list[list[int]], int]]
"""Texts → (token ids per text, special tokens included; how many texts were cut at the maximum length)."""
CHECKSUM = hashlib.sha256().digest_size
"""Bytes at the beginning of a file of the cache: the sha256 of its key and of what follows."""


@dataclass(frozen=True, eq=False)
class Tokens:
    """Token ids of several texts without padding: one flat array and where each text begins."""

    flat: npt.NDArray[np.int32]  # (tokens of all texts,)
    offsets: npt.NDArray[np.int64]  # (texts + 1,)
    truncated: int = 0  # texts that were cut at the maximum length

    @classmethod
    def of(cls, lists: Sequence[Sequence[int]], truncated: int = 0) -> Tokens:
        """Pack lists of ids."""
        offsets = np.zeros(len(lists) + 1, dtype=np.int64)
        np.cumsum([len(ids) for ids in lists], out=offsets[1:])
        flat = np.fromiter((token for ids in lists for token in ids), dtype=np.int32, count=int(offsets[-1]))
        return cls(flat, offsets, truncated)

    @classmethod
    def joined(cls, parts: Sequence[Tokens]) -> Tokens:
        """Return the texts of all `parts`, in order: what one pass of an encoder reads. A single part is itself."""
        if len(parts) == 1:
            return parts[0]
        lengths = np.concatenate([part.lengths for part in parts])
        offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return cls(np.concatenate([part.flat for part in parts]), offsets, sum(part.truncated for part in parts))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens per text, shape (texts,)."""
        return np.diff(self.offsets)

    def take(self, rows: npt.NDArray[np.int64]) -> Tokens:
        """Return the texts `rows` (n,), in that order; a row may occur more than once."""
        lengths = self.lengths[rows]
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        # Position of every kept token: its text's start, plus its place within the text.
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[rows] - offsets[:-1], lengths)
        return Tokens(self.flat[places], offsets)

    def padded(self, pad: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return ids and attention mask, each (texts, longest), padded on the right up to the longest text."""
        mask = np.arange(int(self.lengths.max(initial=0))) < self.lengths[:, None]  # (texts, longest)
        ids = np.full(mask.shape, pad, dtype=np.int64)
        ids[mask] = self.flat
        return ids, mask.astype(np.int64)


def cache_folder() -> Path:
    """Return where tokens are kept: ``$BENCH_CACHE``, else a folder of ours in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    given = os.environ.get("BENCH_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "finetuning-benchmark"


@dataclass(frozen=True)
class TokenCache:
    """Tokens by the fingerprint of the texts and the identity of the tokenizer.

    A file that is damaged, or isn't the one that was written under its name, is made again: it holds a sha256 of its
    key and content. A cache that can't be written is no error: the texts are tokenised again. The arrays that are
    handed out can't be written to, because the cells of a process share them.
    """

    folder: Path
    _memory: dict[str, Tokens] = field(default_factory=dict, repr=False, compare=False)

    def get(self, texts: Sequence[str], identity: str, max_length: int, encode: Encode) -> Tokens:
        """Return the tokens of `texts`; `identity` stands for the tokenizer: a hash of all that decides about them."""
        total = hashlib.sha256(f"tokens 2\n{_code()}\n{identity}\n{max_length}\n".encode())
        for text in texts:
            total.update(f"{len(text)}:{text}".encode("utf-8", "surrogatepass"))
        key = total.hexdigest()
        if key not in self._memory:
            tokens = self._load(key, len(texts)) or self._make(key, texts, encode)
            tokens.flat.flags.writeable = tokens.offsets.flags.writeable = False
            self._memory[key] = tokens
        return self._memory[key]

    def _load(self, key: str, count: int) -> Tokens | None:
        """Return the tokens of `count` texts that are stored under `key`; None where there are none that are whole."""
        path = self._path(key)
        try:
            if not path.is_file():  # absent; or a pipe, from which one would wait for ever
                return None
            content = path.read_bytes()
        except OSError:
            return None
        if content[:CHECKSUM] != _checksum(key, content[CHECKSUM:]):
            return None
        with np.load(io.BytesIO(content[CHECKSUM:])) as stored:
            tokens = Tokens(stored["flat"], stored["offsets"], int(stored["truncated"]))
        return tokens if len(tokens) == count else None

    def _make(self, key: str, texts: Sequence[str], encode: Encode) -> Tokens:
        lists, truncated = encode(texts)
        tokens = Tokens.of(lists, truncated)
        packed = io.BytesIO()
        np.savez(packed, flat=tokens.flat, offsets=tokens.offsets, truncated=np.int64(truncated))
        content = packed.getvalue()
        try:
            path = self._path(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=path.parent, prefix="part-", ignore_cleanup_errors=True) as folder:
                part = Path(folder, path.name)
                part.write_bytes(_checksum(key, content) + content)
                part.replace(path)  # whole or not at all, also with two processes at once
        except OSError as error:
            warnings.warn(f"tokens are not cached: {error}", stacklevel=2)
        return tokens

    def _path(self, key: str) -> Path:
        return self.folder / "tokens" / f"{key}.tokens"


def _checksum(key: str, content: bytes) -> bytes:
    return hashlib.sha256(key.encode() + content).digest()


@functools.cache
def _code() -> str:
    """Return the sha256 of this file: tokens that other code packed are not taken for its own."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
