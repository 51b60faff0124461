"""Heads: what stands on the encoder's vectors, or on hidden states of one of its layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmark.model.encoder import TOP, Encoder, Reading, Tap

CONCAT, DIFFERENCE = "concat", "difference"
JOINS = (CONCAT, DIFFERENCE)
CONSTANT = 1e-5
"""A deviation below this share of the mean is rounding."""


class ClassifierHead(nn.Sequential):
    """dropout → linear → ReLU → linear: the classifier of the reports. (rows, width) → (rows, outputs)."""

    def __init__(self, width: int, hidden: int, outputs: int, dropout: float) -> None:
        super().__init__(
            nn.Dropout(dropout),
            nn.Linear(width, hidden),
            nn.ReLU(),
            nn.Linear(hidden, outputs),
        )


class PairHead(nn.Module):
    """Joins the vectors of two sentences, then `body`. (2 · rows, width), first sentences first → (rows, outputs)."""

    def __init__(self, join: str, body: nn.Module) -> None:
        super().__init__()
        self.join = join
        self.body = body

    def forward(self, vectors: Tensor) -> Tensor:
        """Return the body's answer to the joined vectors."""
        answer: Tensor = self.body(joined(vectors, self.join))
        return answer


class LayerHead(nn.Module):
    """Layers of its own on hidden states of the encoder → [CLS] → pooler → dropout → linear.

    vela-2024 section 4.5. The vectors of a pair's sentences are joined after the pooler. The encoder is read at `tap`;
    `vectors` and `forward` are apart because where nothing is learned the first goes over texts, the second over rows.

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

    def vectors(self, reading: Reading) -> Tensor:
        """Return the first token's vector after the head's own layers, (texts, width)."""
        states = reading.states  # (texts, tokens, width)
        for block in self.blocks:
            output = block(states, reading.mask)
            states = output if isinstance(output, Tensor) else output[0]
        return states[:, 0]

    @torch.no_grad()
    def observe(self, vectors: Tensor) -> None:
        """Take mean and standard deviation from `vectors`, (n, width). A dimension that doesn't vary is left out."""
        wide = vectors.double()
        mean, deviation = wide.mean(dim=0), wide.std(dim=0, correction=0)
        varies = deviation > CONSTANT * (mean.abs() + CONSTANT)
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(varies, 1.0 / deviation, torch.zeros_like(deviation)))

    def forward(self, vectors: Tensor) -> Tensor:
        """Return the answer to `vectors`, (sentences · rows, width) → (rows, outputs)."""
        pooled = torch.tanh(self.pooler((vectors - self.mean) * self.scale))
        answer: Tensor = self.linear(self.dropout(pooled if self.join is None else joined(pooled, self.join)))
        return answer


class ProjectionHead(nn.Module):
    """dropout → linear, or linear-ReLU-linear → unit length: where a contrastive loss is measured.

    (rows, width) → (rows, size). Chen et al. 2020, section 2.1; Khosla et al. 2020, section 3.1.
    """

    def __init__(self, width: int, size: int, layers: str, dropout: float) -> None:
        super().__init__()
        mlp = [nn.Linear(width, width), nn.ReLU(), nn.Linear(width, size)]
        self.body = nn.Sequential(nn.Dropout(dropout), *(mlp if layers == "mlp" else [nn.Linear(width, size)]))

    def forward(self, vectors: Tensor) -> Tensor:
        """Return unit vectors."""
        return torch.nn.functional.normalize(self.body(vectors), dim=1)


def joined(vectors: Tensor, join: str) -> Tensor:
    """Return the vectors u, v of two sentences as one: (2 · rows, width), all u first → (rows, 2 · width).

    ``concat``: u, v (vela-2024 section 4.5). ``difference``: |u - v|, u * v, which doesn't depend on the order of the
    sentences (Conneau et al. 2017, section 3.1, without u and v themselves).
    """
    u, v = vectors.chunk(2)
    return torch.cat([u, v] if join == CONCAT else [(u - v).abs(), u * v], dim=1)


def tap_of(head: nn.Module) -> Tap:
    """Return where `head` reads the encoder: on top, unless it has a place of its own."""
    return head.tap if isinstance(head, LayerHead) else TOP


def vectors_of(head: nn.Module, encoder: Encoder, reading: Reading) -> Tensor:
    """Return the vectors of the texts of `reading` that `head` answers to, (texts, width), fp32."""
    if not isinstance(head, LayerHead):
        return reading.first
    with encoder.autocast():
        return head.vectors(reading).float()
