"""What the machine can do, measured: arithmetic of matrix products, traffic to memory. And the floor of a step."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

COPIED = 64 << 20
"""Bytes of the block that is copied: more than caches hold."""
ADAM_BYTES = 28
"""Of one fp32 weight in a step of Adam: weight, gradient and two moments are read, all but the gradient written."""


@dataclass(frozen=True)
class MachineSpeed:
    """What the machine was measured to do."""

    flops: float  # floating-point operations of a matrix product per second
    bandwidth: float  # bytes per second, read or written


@dataclass(frozen=True)
class Work:
    """What one step can't do without."""

    flops: float  # of matrix products, forward and backward
    trained: int  # weights that the optimizer moves

    def floor(self, speed: MachineSpeed) -> float:
        """Return the seconds that it takes at full speed: all the rest (norms, activations, Python) costs nothing."""
        return self.flops / speed.flops + ADAM_BYTES * self.trained / speed.bandwidth


def measure_machine(device: torch.device, tokens: int, width: int, inner: int, repeats: int = 15) -> MachineSpeed:
    """Measure products of the size of the encoder's, (tokens, width) by (width, inner), and copies. Medians."""
    left, right = torch.ones(tokens, width, device=device), torch.ones(width, inner, device=device)
    product = _median(lambda: left @ right, device, repeats)
    source = torch.ones(COPIED // 4, device=device)
    target = torch.empty_like(source)
    copy = _median(lambda: target.copy_(source), device, repeats)
    return MachineSpeed(2.0 * tokens * width * inner / product, 2.0 * COPIED / copy)


def _median(call: Callable[[], object], device: torch.device, repeats: int) -> float:
    seconds = []
    for number in range(repeats + 2):
        _synchronise(device)
        began = time.perf_counter()
        call()
        _synchronise(device)
        if number >= 2:  # the first ones warm up
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
