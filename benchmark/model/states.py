"""Hidden states of a frozen encoder, computed once: in memory, or memory-mapped on disk where they exceed a limit."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmark.core.errors import UsageError
from benchmark.data.tokens import Tokens
from benchmark.model.encoder import Encoder, HiddenStates, Tap

BATCH = 128
"""Texts per batch of a pass where nothing is learned; long texts are batched with long ones."""
MEMORY = 1 << 30
"""Bytes of one split's states that are kept in memory; ``BENCH_STATES_MEMORY`` says otherwise."""
DISK = 64 << 30
"""Bytes of states that stay in the cache on disk, the least recently used go first; ``BENCH_STATES_DISK``."""

CHECKSUM = hashlib.sha256().digest_size
"""Bytes at the end of a file on disk: the sha256 of its key and of what stands before."""
DAY = 86_400  # seconds

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class States:
    """A frozen encoder's hidden states of texts at several layers."""

    encoder: Encoder
    tokens: Tokens  # of the texts
    layers: tuple[int, ...]
    whole: bool  # states of every token; else of the first of each text
    values: Tensor | Floats  # (layers, tokens of all texts or texts, hidden): on the device, or mapped from disk

    def at(self, texts: npt.NDArray[np.int64], layer: int) -> HiddenStates:
        """Return what a head at `layer` reads of `texts` (n,), in that order; a text may occur more than once."""
        number, device = self.layers.index(layer), self.encoder.device
        if not self.whole:
            return HiddenStates(self._take(number, texts)[:, None], None)
        some = self.tokens.take(texts)
        starts = self.tokens.offsets[texts]
        # Position of every token among all: its text's start, plus its place within the text.
        flat = np.arange(some.offsets[-1]) + np.repeat(starts - some.offsets[:-1], some.lengths)
        longest = int(some.lengths.max(initial=0))
        padded = np.zeros((len(some), longest), dtype=np.int64)  # padding repeats a token; the mask hides it
        there = np.arange(longest) < some.lengths[:, None]  # (texts, longest)
        padded[there] = np.arange(len(flat))
        packed = self._take(number, flat)  # (tokens, hidden)
        states = packed[torch.from_numpy(padded).to(device)]  # (texts, longest, hidden)
        return HiddenStates(states, self.encoder.mask(some))

    def _take(self, number: int, positions: npt.NDArray[np.int64]) -> Tensor:
        if isinstance(self.values, Tensor):
            return self.values[number][torch.from_numpy(positions).to(self.values.device)]
        return torch.from_numpy(self.values[number][positions]).to(self.encoder.device)


def check_limits() -> None:
    """Raise UsageError where the environment grants what is no number of bytes: before any cell is run."""
    for variable in ("BENCH_STATES_MEMORY", "BENCH_STATES_DISK"):
        _granted(variable, 0)


def _granted(variable: str, usual: int) -> int:
    """Return the bytes that the environment's `variable` grants, `usual` where it isn't set. Raises UsageError."""
    text = os.environ.get(variable, "").strip()
    if text and not re.fullmatch(r"[0-9]{1,18}", text):
        raise UsageError(
            f"{variable} must be a number of bytes, such as {1 << 30}, not {text!r:.40}: change or unset it"
        )
    return int(text) if text else usual


@dataclass(frozen=True)
class StateCache:
    """Encodes once. Files are keyed by what the states depend on: tokens, weights, layers, precision, libraries, code.

    A file that is damaged, or isn't the one that was written under its name, is made again.
    """

    folder: Path
    memory: int = field(default_factory=lambda: _granted("BENCH_STATES_MEMORY", MEMORY))
    disk: int = field(default_factory=lambda: _granted("BENCH_STATES_DISK", DISK))

    def get(self, encoder: Encoder, tokens: Tokens, taps: Sequence[Tap]) -> States:
        """Return what heads at `taps` read of `tokens`. Raises OSError when states don't fit on the disk."""
        layers = tuple(sorted({len(encoder.layers) if tap.layer is None else tap.layer for tap in taps}))
        whole = any(tap.whole for tap in taps)
        positions = len(tokens.flat) if whole else len(tokens)
        shape = (len(layers), positions, encoder.hidden)
        size = 4 * shape[0] * shape[1] * shape[2]
        if size <= self.memory:
            values: Tensor | Floats = torch.empty(shape, device=encoder.device)
            for place, found in encoded(encoder, tokens, layers, whole):
                values[:, torch.from_numpy(place).to(encoder.device)] = found
            return States(encoder, tokens, layers, whole, values)
        key = _key(encoder, tokens, layers, whole)
        path = self.folder / "states" / f"{key}.npy"
        if not is_whole(path, key):
            self._make(path, key, encoder, tokens, layers, whole, shape)
        os.utime(path)  # used now: what was not used for longest goes first
        _checked[path] = _state(path.stat())
        return States(encoder, tokens, layers, whole, np.load(path, mmap_mode="r"))

    def _make(
        self,
        path: Path,
        key: str,
        encoder: Encoder,
        tokens: Tokens,
        layers: tuple[int, ...],
        whole: bool,
        shape: tuple[int, ...],
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.rmtree(path)  # nothing of ours, and in the way
        self._make_room(path.parent, size := 4 * int(np.prod(shape)))
        if shutil.disk_usage(path.parent).free < size:
            raise OSError(
                f"the encoder's hidden states need {size / 2**30:.1f} GiB in {path.parent}, which has less left: "
                "make room, set BENCH_CACHE, or use --limit-train, a smaller max length or blocks=none"
            )
        with tempfile.TemporaryDirectory(dir=path.parent, prefix="part-") as folder:
            part = Path(folder) / "states.npy"
            target = np.lib.format.open_memmap(part, mode="w+", dtype=np.float32, shape=shape)
            for place, found in encoded(encoder, tokens, layers, whole):
                target[:, place] = found.cpu().numpy()
            target.flush()
            seal(part, key)
            part.replace(path)  # whole or not at all, also with two processes at once

    def _make_room(self, folder: Path, size: int) -> None:
        """Remove the files that were not used for longest until `size` more bytes stay within the limit.

        And what processes that were killed left half done, a day ago or earlier.
        """
        for part in folder.glob("part-*"):
            if (found := _stat(part)) and found.st_mtime < time.time() - DAY:
                shutil.rmtree(part, ignore_errors=True)
        known = ((file, _stat(file)) for file in folder.glob("*.npy"))
        files = sorted(((found.st_mtime, found.st_size, file) for file, found in known if found))
        total = sum(occupied for _, occupied, _ in files)
        for _, occupied, file in files:
            if total + size > self.disk:
                total -= occupied
                file.unlink(missing_ok=True)


def seal(file: Path, key: str) -> None:
    """Append to `file` the sha256 of `key` and of all that it holds. numpy reads no further than it wrote."""
    total = _checksum(file, key, file.stat().st_size)
    with file.open("ab") as stream:
        stream.write(total)


def is_whole(file: Path, key: str) -> bool:
    """Return whether `file` is there and is, to the bit, what was sealed with `key`.

    A process reads it to the end once, and again where somebody touched it since.
    """
    found = _stat(file)
    if found is None or not stat.S_ISREG(found.st_mode) or found.st_size < CHECKSUM:
        return False
    if _checked.get(file) == _state(found):
        return True
    try:
        with file.open("rb") as stream:
            stream.seek(-CHECKSUM, os.SEEK_END)
            return stream.read() == _checksum(file, key, found.st_size - CHECKSUM)
    except OSError:
        return False


def _checksum(file: Path, key: str, size: int) -> bytes:
    """Return the sha256 of `key` and the first `size` bytes of `file`."""
    total = hashlib.sha256(key.encode())
    with file.open("rb") as stream:
        while size > 0 and (block := stream.read(min(size, 1 << 20))):
            total.update(block)
            size -= len(block)
    return total.digest()


_checked: dict[Path, tuple[int, int, int]] = {}


def _state(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _stat(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except OSError:  # another process was faster, or it can't be had
        return None


@torch.no_grad()
def encoded(
    encoder: Encoder, tokens: Tokens, layers: Sequence[int], whole: bool
) -> Iterator[tuple[npt.NDArray[np.int64], Tensor]]:
    """Yield, batch by batch and without dropout, positions (n,) and the states there at `layers`, (layers, n, hidden).

    A position is a text's number, or where `whole` that of a token among those of all texts.
    """
    mode = encoder.training
    encoder.eval()
    try:
        for chunk in chunks(tokens):
            some = tokens.take(chunk)
            found = encoder.states(some, layers, whole)
            stacked = torch.stack([found[layer] for layer in layers]).float()  # (layers, n, hidden)
            places = chunk
            if whole:  # a token's: where its text begins, and its place in it
                places = np.arange(len(some.flat)) + np.repeat(tokens.offsets[chunk] - some.offsets[:-1], some.lengths)
            yield places, stacked
    finally:
        encoder.train(mode)


def chunks(tokens: Tokens) -> list[npt.NDArray[np.int64]]:
    """Return the numbers of the texts batch by batch, long ones with long ones."""
    order = np.argsort(tokens.lengths, kind="stable")
    return [order[start : start + BATCH] for start in range(0, len(order), BATCH)]


def _key(encoder: Encoder, tokens: Tokens, layers: Sequence[int], whole: bool) -> str:
    """Return the sha256 of all that the states depend on."""
    import transformers  # here, because `bench list` has no use for it

    machine = f"{torch.get_num_threads()} {torch.backends.cpu.get_cpu_capability()} {encoder.device.type}"
    versions = f"{torch.__version__} {transformers.__version__} {_code()}"
    total = hashlib.sha256(f"states 2\n{versions}\n{machine}\n{encoder.precision} {encoder.packs}\n".encode())
    total.update(f"{list(layers)} {whole} {encoder.config.to_json_string()}\n".encode())
    total.update(np.ascontiguousarray(tokens.flat).data)
    total.update(np.ascontiguousarray(tokens.offsets).data)
    for name, weight in encoder.backbone.state_dict().items():
        total.update(f"{name} {tuple(weight.shape)}\n".encode())
        total.update(weight.detach().cpu().contiguous().numpy().data)
    return total.hexdigest()


@functools.cache
def _code() -> str:
    """Return the sha256 of the files that compute: states that other code computed are not taken for its own."""
    names = ("states", "encoder", "architecture", "packed", "packing", "dropout")
    return hashlib.sha256(b"".join(Path(__file__).with_name(f"{name}.py").read_bytes() for name in names)).hexdigest()
