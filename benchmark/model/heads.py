"""Heads: what stands on the encoder's vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ClassifierHead(nn.Sequential):
    """dropout → linear → ReLU → linear: the classifier of the reports. (rows, width) → (rows, outputs)."""

    def __init__(self, width: int, hidden: int, outputs: int, dropout: float) -> None:
        super().__init__(
            nn.Dropout(dropout),
            nn.Linear(width, hidden),
            nn.ReLU(),
            nn.Linear(hidden, outputs),
        )


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
