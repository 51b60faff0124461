"""Dropout masks of one padding-free pass: drawn from named streams, in a few large calls.

On the CPU a mask depends on the cell's seed, the step, the layer, and the place of its token among the tokens of the
batch: not on padding, not on which layers are read, not on whether adapters draw numbers of their own. So methods that
differ in these meet the same masks at one seed.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.core.seeds import Streams
from benchmark.model.packing import Packing

Place = tuple[int, str]
"""Layer (from 1) and what in it is dropped: ``attention`` (after its projection) or ``output``."""


@dataclass(frozen=True, eq=False)
class Dropout:
    """Drops out as the modules of the backbone say, by masks of its own."""

    packing: Packing
    streams: Streams | None  # None: nothing is dropped

    @classmethod
    def drawn(cls, packing: Packing) -> Dropout:
        """Return masks that begin with one number of torch's global generator, which the loop has reseeded."""
        return cls(packing, Streams.drawn())

    def embeddings(self, states: Tensor, module: nn.Module) -> Tensor:
        """(tokens, width) → (tokens, width), dropped out."""
        rate = self._rate(module)
        if self.streams is None or rate == 0.0:
            return states
        return states * self._kept(rate, tuple(states.shape), states.device, "embeddings").mul_(_scale(rate))

    def add(self, states: Tensor, residual: Tensor, module: nn.Module, place: Place, first: bool) -> Tensor:
        """Return `states`, dropped out, + `residual`: (tokens, width), or where `first` (texts, width)."""
        rate = self._rate(module)
        if self.streams is None or rate == 0.0:
            return states + residual
        shape = (int(self.packing.lengths.sum()), states.shape[1])
        # Drawn for all tokens, so that first tokens meet the same masks whether or not the others are asked for.
        kept = self._kept(rate, shape, states.device, "layer", *place)
        kept = self.packing.firsts(kept) if first else kept
        if states.dtype != residual.dtype:  # autocast
            return residual + states * kept.mul_(_scale(rate))
        return torch.addcmul(residual, states, kept, value=_scale(rate))

    def attention(self, module: nn.Module, layer: int, heads: int, first: bool) -> Tensor | None:
        """Return the factors of attention's weights, (texts, heads, longest or 1, longest); None: nothing is dropped.

        On the CPU numbers are drawn for pairs of real tokens alone: text by text, in it head by head.
        """
        rate = self._rate(module)
        if self.streams is None or rate == 0.0:
            return None
        packing, device = self.packing, self.packing.first.device
        shape = (packing.texts, heads, packing.longest, packing.longest)
        name = ("layer", layer, "weights")
        if packing.slots is None or device.type != "cpu":
            kept = self._kept(rate, shape, device, *name)
        else:
            places = self._pairs(heads)
            kept = torch.zeros(shape)
            kept.view(-1)[places] = self._kept(rate, (len(places),), device, *name)
        return (kept[:, :, :1] if first else kept) * _scale(rate)

    def _rate(self, module: nn.Module) -> float:
        return float(module.p) if module.training else 0.0  # type: ignore[arg-type]  # nn.Dropout: checked before

    @functools.lru_cache(maxsize=1)  # noqa: B019 — lives as long as one pass; every layer asks the same
    def _pairs(self, heads: int) -> Tensor:
        """Return the places of real pairs of tokens in (texts, heads, longest, longest), flat."""
        packing = self.packing
        there = np.arange(packing.longest) < packing.lengths[:, None]  # (texts, longest)
        pairs = there[:, None, :, None] & there[:, None, None, :]  # (texts, 1, longest, longest)
        full = np.broadcast_to(pairs, (packing.texts, heads, packing.longest, packing.longest))
        return torch.from_numpy(np.flatnonzero(full))

    def _kept(self, rate: float, shape: tuple[int, ...], device: torch.device, *name: str | int) -> Tensor:
        """Return 1 with probability 1 - `rate`, else 0: fp32, of `shape`."""
        assert self.streams is not None
        if device.type != "cpu":
            generator = torch.Generator(device).manual_seed(self.streams.number(*name))
            return torch.empty(shape, device=device).bernoulli_(1.0 - rate, generator=generator)
        return kept_on_host(self.streams.numpy(*name), rate, shape)


def kept_on_host(generator: np.random.Generator, rate: float, shape: tuple[int, ...]) -> Tensor:
    """Return 1 with probability 1 - `rate` (to a part in 2³²), else 0: fp32, of `shape`.

    Two numbers from each 64 bits: a fifth of the time of torch's ``bernoulli_``.
    """
    count = int(np.prod(shape))
    drawn = generator.integers(0, 2**64 - 1, -(-count // 2), dtype=np.uint64, endpoint=True)
    numbers = torch.from_numpy(drawn.view(np.int32)[:count])  # even over -2³¹ … 2³¹ - 1
    kept: Any = torch.empty(count)
    torch.ge(numbers, round(rate * 2**32) - 2**31, out=kept)
    result: Tensor = kept.view(shape)
    return result


def no_dropout(packing: Packing) -> Dropout:
    """Return what drops nothing: where nothing is learned."""
    return Dropout(packing, None)


def _scale(rate: float) -> float:
    return 1.0 / (1.0 - rate)
