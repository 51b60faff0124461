"""Heads: modules on the encoder's [CLS] vectors, or on hidden states of one of its layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from benchmark.model.encoder import TOP, HiddenStates, Tap

CONCAT, DIFFERENCE = "concat", "difference"
JOINS = (CONCAT, DIFFERENCE)
CONSTANT = 1e-5
"""A deviation below this share of the mean is rounding."""


class HeadModule(nn.Module):
    """Base class of heads. A head reads the encoder at `tap`, and answers to one vector per text.

    `vectors` and `forward` are apart because where nothing is trained the first is called for texts and the second for
    rows (a pair has two texts), and because the vectors of a frozen encoder are computed once.
    """

    tap: Tap = TOP

    def vectors(self, states: HiddenStates) -> Tensor:
        """Return the vectors of the texts of `states`, (texts, width): by default the first token's."""
        return states.first

    def layers(self) -> Sequence[nn.Module]:
        """Return the parts that may have learning rates of their own, input first: by default the head as a whole."""
        return (self,)

    def observe(self, vectors: Iterable[Tensor]) -> None:
        """See the vectors of all training rows, batch by batch, before training. They are computed as they are read."""


class SequentialHead(nn.Sequential, HeadModule):
    """Modules in a row on the last layer's [CLS]; without any it is the identity. (rows, width) → (rows, outputs)."""


class ClassifierHead(SequentialHead):
    """dropout → linear → ReLU → linear: the classifier of the reports. (rows, width) → (rows, outputs).

    Without `hidden` it is dropout → linear; with `projection` a linear layer of that width stands before all of it
    (gag-2025 section 3.1).
    """

    def __init__(
        self, width: int, hidden: int | None, outputs: int, dropout: float, projection: int | None = None
    ) -> None:
        before = [] if projection is None else [nn.Linear(width, projection)]
        wide = width if projection is None else projection
        # Weights are drawn from input to output, and none in vain: the order is part of what a seed means.
        inner = [] if hidden is None else [nn.Linear(wide, hidden), nn.ReLU()]
        super().__init__(*before, nn.Dropout(dropout), *inner, nn.Linear(wide if hidden is None else hidden, outputs))

    def layers(self) -> Sequence[nn.Module]:
        """Return the linear layers."""
        return [module for module in self if isinstance(module, nn.Linear)]


class PairHead(HeadModule):
    """Joins the vectors of two sentences, then `body`. (2 · rows, width), first sentences first → (rows, outputs)."""

    def __init__(self, join: str, body: HeadModule) -> None:
        super().__init__()
        self.join = join
        self.body = body
        self.tap = body.tap

    def layers(self) -> Sequence[nn.Module]:
        """Return the body's."""
        return self.body.layers()

    def forward(self, vectors: Tensor) -> Tensor:
        """Return the body's answer to the joined vectors."""
        answer: Tensor = self.body(joined(vectors, self.join))
        return answer


class LayerHead(HeadModule):
    """Layers of its own on hidden states of the encoder → [CLS] → pooler → dropout → linear.

    vela-2024 section 4.5. The vectors of a pair's sentences are joined after the pooler.

    One that is to `standardise` reads each dimension of [CLS] in units of its standard deviation about its mean, both
    of the training rows (`observe`). Layers differ a hundredfold in how much their [CLS] varies: without it a head on
    most of them learns next to nothing, whatever they know.
    """

    mean: Tensor  # (width,)
    scale: Tensor  # (width,): 1 / standard deviation

    def __init__(
        self,
        tap: Tap,
        blocks: nn.ModuleList,
        width: int,
        outputs: int,
        dropout: float,
        join: str | None,
        standardise: bool = False,
    ) -> None:
        super().__init__()
        self.standardise = standardise
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self.tap = tap
        self.blocks = blocks
        self.pooler = nn.Linear(width, width)
        self.join = join  # None: one sentence
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width if join is None else 2 * width, outputs)

    def layers(self) -> Sequence[nn.Module]:
        """Return its transformer layers, the pooler and the linear layer."""
        return (*self.blocks, self.pooler, self.linear)

    def vectors(self, states: HiddenStates) -> Tensor:
        """Return the first token's vector after the head's own layers, (texts, width)."""
        hidden = states.states  # (texts, tokens, width)
        for block in self.blocks:
            output = block(hidden, states.mask)
            hidden = output if isinstance(output, Tensor) else output[0]
        return hidden[:, 0]

    @torch.no_grad()
    def observe(self, vectors: Iterable[Tensor]) -> None:
        """Take mean and standard deviation from `vectors`, each (n, width). A dimension that doesn't vary is left out.

        Nothing is read where nothing is to be standardised.
        """
        if not self.standardise:
            return
        wide = torch.cat(list(vectors)).double()  # (all rows, width)
        mean, deviation = wide.mean(dim=0), wide.std(dim=0, correction=0)
        varies = deviation > CONSTANT * (mean.abs() + CONSTANT)
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(varies, 1.0 / deviation, torch.zeros_like(deviation)))

    def forward(self, vectors: Tensor) -> Tensor:
        """Return the answer to `vectors`, (sentences · rows, width) → (rows, outputs)."""
        pooled = torch.tanh(self.pooler((vectors - self.mean) * self.scale))
        answer: Tensor = self.linear(self.dropout(pooled if self.join is None else joined(pooled, self.join)))
        return answer


class ProjectionHead(HeadModule):
    """dropout → linear, or linear-ReLU-linear → unit length: where a contrastive loss is measured.

    (rows, width) → (rows, size). Chen et al. 2020, section 2.1; Khosla et al. 2020, section 3.1. With
    `normalise_input` what the layers read has unit length (gag-2025 section 3.4), and their output is as it is.
    """

    def __init__(self, width: int, size: int, layers: str, dropout: float, normalise_input: bool = False) -> None:
        super().__init__()
        self.normalise_input = normalise_input
        mlp = [nn.Linear(width, width), nn.ReLU(), nn.Linear(width, size)]
        self.body = nn.Sequential(nn.Dropout(dropout), *(mlp if layers == "mlp" else [nn.Linear(width, size)]))

    def layers(self) -> Sequence[nn.Module]:
        """Return the linear layers."""
        return [module for module in self.body if isinstance(module, nn.Linear)]

    def forward(self, vectors: Tensor) -> Tensor:
        """Return the projected vectors, of unit length unless that is the input's."""
        if not self.normalise_input:
            return torch.nn.functional.normalize(self.body(vectors), dim=1)
        dropout, *layers = self.body
        projected = torch.nn.functional.normalize(dropout(vectors), dim=1)
        for layer in layers:
            projected = layer(projected)
        return projected


def joined(vectors: Tensor, join: str) -> Tensor:
    """Return the vectors u, v of two sentences as one: (2 · rows, width), all u first → (rows, 2 · width).

    ``concat``: u, v (vela-2024 section 4.5). ``difference``: |u - v|, u * v, which doesn't depend on the order of the
    sentences (Conneau et al. 2017, section 3.1, without u and v themselves).
    """
    u, v = vectors.chunk(2)
    return torch.cat([u, v] if join == CONCAT else [(u - v).abs(), u * v], dim=1)
