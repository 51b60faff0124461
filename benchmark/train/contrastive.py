"""Contrastive losses over views of a batch, and the objective that trains an encoder with one.

The loss is the project's own; the tests hold it against a plain loop written from the papers' formulas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from benchmark.core.record import Point, Score
from benchmark.core.seeds import Streams
from benchmark.data.task import Head, TrainingData
from benchmark.model.heads import HeadModule, ProjectionHead
from benchmark.model.model import Model, draw_head

PROJECTION = "projection"


def contrastive_loss(vectors: Tensor, groups: Tensor, temperature: float) -> Tensor:
    """Return the supervised contrastive loss L_out (Khosla et al. 2020, eq. 2), mean over anchors that have a positive.

    vectors (n, size): unit length; groups (n,): rows of the same group are each other's positives. For anchor i with
    positives P(i), all others A(i): ``-1/|P(i)| Σ_p log( exp(z_i·z_p/t) / Σ_{a in A(i)} exp(z_i·z_a/t) )``.
    An anchor without a positive takes no part: it is left out of the mean, not counted as zero. With no such anchor the
    loss is 0. Computed in fp32, whatever the autocast, because 1/t can exceed what 16 bits hold.
    """
    with torch.autocast(vectors.device.type, enabled=False):
        wide = vectors.float()
        similar = wide @ wide.T / temperature  # (n, n)
        self_pair = torch.eye(len(wide), dtype=torch.bool, device=wide.device)
        positive = (groups[:, None] == groups[None, :]) & ~self_pair  # (n, n)
        others = similar.masked_fill(self_pair, torch.finfo(similar.dtype).min)
        log_probability = similar - torch.logsumexp(others, dim=1, keepdim=True)  # (n, n)
        positives = positive.sum(dim=1)  # (n,)
        per_anchor = -(log_probability * positive).sum(dim=1) / positives.clamp(min=1)  # (n,), 0 without a positive
        return per_anchor.sum() / (positives > 0).sum().clamp(min=1)


def supcon_loss(views: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Return the supervised contrastive loss. views (views, rows, size), labels (rows,); Khosla et al. 2020, eq. 2."""
    return contrastive_loss(views.flatten(0, 1), labels.repeat(views.shape[0]), temperature)


def ntxent_loss(views: Tensor, temperature: float) -> Tensor:
    """Return NT-Xent: a row's other views are its only positives. views (views, rows, size); Chen et al. 2020 eq. 1."""
    rows = torch.arange(views.shape[1], device=views.device)
    return contrastive_loss(views.flatten(0, 1), rows.repeat(views.shape[0]), temperature)


@dataclass(frozen=True)
class Contrastive:
    """Pull views of a row (and, supervised, rows of its class) together, push others apart, on a projection head.

    It answers two questions: which loss is minimised, and what the heads are made of.
    """

    rowwise: ClassVar[bool] = True

    supervised: bool
    temperature: float
    projection: str  # linear | mlp
    size: int | None  # of a projected vector; None: the encoder's width
    dropout: float
    normalise_input: bool = False  # of the projection, instead of its output
    views: int = 2
    phase: str = "contrastive"
    measured_splits: tuple[str, ...] = ()

    def training_tasks(self, tasks: Sequence[TrainingData]) -> Sequence[TrainingData]:
        """Return the suite's tasks."""
        return tasks

    def attach(self, model: Model, heads: Sequence[Head], streams: Streams) -> Mapping[str, HeadModule]:
        """Return one projection head, which all tasks share."""
        width = model.encoder.hidden
        size = self.size or width
        shared = draw_head(
            streams,
            PROJECTION,
            lambda: ProjectionHead(width, size, self.projection, self.dropout, self.normalise_input),
        )
        return {head.name: shared for head in heads}

    def loss(self, model: Model, head: Head, vectors: Tensor, labels: Tensor) -> Tensor:
        """Return the batch's loss. vectors (views · rows, width), view by view; labels (rows,)."""
        projected: Tensor = model.head(head.name)(vectors)
        views = projected.reshape(self.views, -1, projected.shape[1])  # (views, rows, size)
        if self.supervised:
            return supcon_loss(views, labels, self.temperature)
        return ntxent_loss(views, self.temperature)

    def curve(self, score: Score) -> str:
        """Return the score's own key."""
        return score.key

    def summary(self, history: Sequence[Point]) -> Mapping[str, float]:
        """Return nothing."""
        return {}
