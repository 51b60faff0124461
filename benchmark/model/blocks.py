"""Transformer layers of a head's own: new ones, or copies of the encoder's next layers."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import nn

from benchmark.core.errors import UsageError
from benchmark.model.encoder import Encoder

MAX_BLOCKS = 12
"""Layers of one kind that a head may have."""


@dataclass(frozen=True)
class Blocks:
    """How many transformer layers a head has: copies of the encoder's next layers first, then new ones.

    A copy continues the encoder where the head leaves it, so that nothing new can stand below: vela-2024 section 4.5.
    """

    model: int = 0
    random: int = 0

    @property
    def count(self) -> int:
        """Layers in all."""
        return self.model + self.random

    def __str__(self) -> str:
        named = {"model": self.model, "random": self.random}
        return ",".join(f"{kind}:{number}" for kind, number in named.items() if number) or "none"

    def check(self, layer: int, layers: int, where: str) -> None:
        """Raise UsageError when an encoder of `layers` layers has fewer than `model` above `layer`."""
        if layer > layers:
            raise UsageError(f"{where}: the encoder has layers 0 to {layers}, not {layer}")
        if layer + self.model > layers:
            raise UsageError(
                f"{where}: {self.model} layers copied from the model at layer {layer}, but the encoder has only "
                f"{layers - layer} above it: lower the layer or the number of copies"
            )


def parse_blocks(text: str, where: str) -> Blocks:
    """Return the blocks that `text` names: ``none``, ``model:2``, ``random:1,model:2``. Raises UsageError."""
    if text.strip().lower() in ("", "0", "none"):
        return Blocks()
    found: dict[str, int] = {}
    for word in text.split(","):
        kind, _, number = word.strip().partition(":")
        if kind not in ("model", "random") or kind in found or not number.isdecimal() or int(number) > MAX_BLOCKS:
            raise UsageError(
                f"{where} takes none, or model:N and random:N, N up to {MAX_BLOCKS}, such as random:1,model:2, "
                f"not {text!r}"
            )
        found[kind] = int(number)
    return Blocks(**found)


def make_blocks(encoder: Encoder, layer: int, blocks: Blocks, generator: torch.Generator) -> nn.ModuleList:
    """Return the layers of a head that reads `encoder` at `layer`: trainable copies, then new ones by `generator`.

    Raises UsageError for an encoder whose layers can't be called by themselves.
    """
    if blocks.count and not encoder.plain:
        raise UsageError(
            f"heads with layers of their own need a BERT-like encoder, and {encoder.config.model_type!r} is none: "
            "use blocks=none"
        )
    copies = [copy.deepcopy(encoder.layers[layer + number]) for number in range(blocks.model)]
    std = float(getattr(encoder.config, "initializer_range", 0.02))
    for _ in range(blocks.random):
        fresh = copy.deepcopy(encoder.layers[0])
        initialise(fresh, std, generator)
        copies.append(fresh)
    return nn.ModuleList(copies).requires_grad_(True)


@torch.no_grad()
def initialise(layer: nn.Module, std: float, generator: torch.Generator) -> None:
    """Start `layer` afresh as BERT's own initialiser does: weights N(0, std), biases 0, normalisation 1 and 0."""
    for module in layer.modules():
        if isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            # Drawn on the CPU, so that every device starts from the same weights.
            drawn = torch.empty(module.weight.shape, dtype=module.weight.dtype).normal_(0.0, std, generator=generator)
            module.weight.copy_(drawn)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
