"""Where the tokens of several texts stand: one after another, or in a rectangle padded to the longest text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.data.tokens import Tokens


@dataclass(frozen=True, eq=False)
class Packing:
    """The places of a batch's tokens."""

    texts: int
    longest: int  # tokens of the longest text
    lengths: np.ndarray[Any, np.dtype[np.int64]]  # (texts,), on the host
    first: Tensor  # (texts,): place of each text's first token among all tokens
    slots: Tensor | None  # (tokens,): each token's place in the rectangle, (texts · longest); None: no padding
    mask: Tensor | None  # (texts, 1, 1, longest): what is no padding; None: all of it

    def firsts(self, states: Tensor) -> Tensor:
        """(tokens, width) → (texts, width): each text's first token."""
        return states.index_select(0, self.first)

    def pad(self, states: Tensor) -> Tensor:
        """(tokens, width) → (texts · longest, width), zeros where there is padding."""
        if self.slots is None:
            return states
        padded: Tensor = _Pad.apply(states, self.slots, self.texts * self.longest)  # type: ignore[no-untyped-call]
        return padded

    def unpad(self, states: Tensor) -> Tensor:
        """(texts · longest, width) → (tokens, width)."""
        if self.slots is None:
            return states
        packed: Tensor = _Unpad.apply(states, self.slots)  # type: ignore[no-untyped-call]
        return packed


def pack(tokens: Tokens, device: torch.device) -> Packing:
    """Return where the texts of `tokens` stand, its tensors on `device`."""
    lengths = tokens.lengths
    texts, longest = len(lengths), int(lengths.max(initial=0))
    first = _to(tokens.offsets[:-1].copy(), device)  # tokens themselves may be read-only
    if int(lengths.min(initial=longest)) == longest:
        return Packing(texts, longest, lengths, first, None, None)
    there = np.arange(longest) < lengths[:, None]  # (texts, longest)
    slots = _to(np.flatnonzero(there), device)
    return Packing(texts, longest, lengths, first, slots, _to(there[:, None, None, :], device))


def _to(array: np.ndarray[Any, np.dtype[Any]], device: torch.device) -> Tensor:
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


class _Pad(torch.autograd.Function):
    """Rows to their places among zeros. The gradient goes the other way, and what is padding has none."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, slots: Tensor, size: int) -> Tensor:
        ctx.save_for_backward(slots)
        return states.new_zeros(size, states.shape[1]).index_copy_(0, slots, states)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (slots,) = ctx.saved_tensors
        return gradients[0].index_select(0, slots), None, None


class _Unpad(torch.autograd.Function):
    """The reverse. Torch's own gradient of a selection adds row by row, because it must allow for repeated ones."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, slots: Tensor) -> Tensor:
        ctx.save_for_backward(slots)
        ctx.size = len(states)
        return states.index_select(0, slots)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (slots,) = ctx.saved_tensors
        grad = gradients[0]
        return grad.new_zeros(ctx.size, grad.shape[1]).index_copy_(0, slots, grad), None
