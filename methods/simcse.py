"""Unsupervised SimCSE before the tasks: Gao et al. 2021, section 3; vela-2024 sections 4.4 and 6.2."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from benchmark.train import (
    Answers,
    Baseline,
    Budget,
    Head,
    HeadModule,
    Model,
    Point,
    Score,
    SequentialHead,
    Shuffled,
    Split,
    Streams,
    Technique,
    TrainingData,
    draw_head,
    parameter,
    technique,
)

SENTENCES = "sentences"


def in_batch_loss(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Return SimCSE's loss, mean over rows: Gao et al. 2021, eq. 4; vela-2024 section 4.4.

    first, second (n, size): two views of the same n sentences, sim the cosine.
    ``-log( exp(sim(h_i, h'_i)/t) / Σ_j exp(sim(h_i, h'_j)/t) )``. Computed in fp32, whatever the autocast, because 1/t
    can exceed what 16 bits hold.
    """
    with torch.autocast(first.device.type, enabled=False):
        similar = nn.functional.cosine_similarity(first.float()[:, None], second.float()[None], dim=2)  # (n, n)
        return nn.functional.cross_entropy(similar / temperature, torch.arange(len(first), device=first.device))


@dataclass(frozen=True)
class InBatch:
    """Find a sentence's other view, under another dropout mask, among those of the batch.

    It answers two questions: which loss is minimised, and what the head is made of. It trains on all different
    sentences of all tasks' training rows as if they were one task.
    """

    rowwise: ClassVar[bool] = True

    temperature: float
    projection: str  # mlp | none
    views: int = 2
    phase: str = "similarity"
    measured_splits: tuple[str, ...] = ()

    def training_tasks(self, tasks: Sequence[TrainingData]) -> Sequence[TrainingData]:
        """Return one task of all different sentences, in the order in which they first occur."""
        head = Head(SENTENCES, "classes", "accuracy", ("none",))
        return (TrainingData(head, _sentences("train", tasks), _sentences("validation", tasks)),)

    def attach(self, model: Model, heads: Sequence[Head], streams: Streams) -> Mapping[str, HeadModule]:
        """Return a dense layer with tanh on [CLS], for this phase alone (Gao et al. 2021, section 6.3), or nothing."""
        width = model.encoder.hidden
        return {SENTENCES: draw_head(streams, SENTENCES, lambda: self._head(width))}

    def _head(self, width: int) -> HeadModule:
        layers = (nn.Linear(width, width), nn.Tanh()) if self.projection == "mlp" else ()
        return SequentialHead(*layers)

    def loss(self, model: Model, head: Head, vectors: Tensor, labels: Tensor) -> Tensor:
        """Return the batch's loss. vectors (views · rows, width), view by view."""
        first, second = model.head(head.name)(vectors).chunk(2)
        return in_batch_loss(first, second, self.temperature)

    def curve(self, score: Score) -> str:
        """Return the score's own key."""
        return score.key

    def summary(self, history: Sequence[Point]) -> Mapping[str, float]:
        """Return nothing."""
        return {}


def _sentences(name: str, tasks: Sequence[TrainingData]) -> Split:
    splits = [task.train if name == "train" else task.validation for task in tasks]
    texts = tuple(dict.fromkeys(text for split in splits for row in split.texts for text in row))
    fingerprint = hashlib.sha256("\n".join(split.fingerprint for split in splits).encode()).hexdigest()
    ids = tuple(str(number) for number in range(len(texts)))
    return Split(name, ids, tuple((text,) for text in texts), (0,) * len(texts), fingerprint)


@technique("simcse", source="vela-2024 §4.4, §6.2; Gao et al. 2021 §3, §6.3 and appendix A")
@dataclass(frozen=True)
class SimCSE(Technique):
    """Unsupervised SimCSE of all tasks' sentences (two dropout masks, in-batch negatives), then the tasks.

    It adds a phase before all others, which begins with the published encoder, and so combines with whatever else is
    said about the tasks.
    Temperature, rate and batch size are those of the paper for BERT-base; the report gives none.
    """

    temperature: float = parameter(
        0.05, "softness of the contrastive softmax", above=0.0, high=10.0, log=True, search=(0.02, 0.5)
    )
    projection: str = parameter(
        "mlp", "a dense layer with tanh on [CLS], in this phase alone; none: [CLS] itself", choices=("mlp", "none")
    )
    simcse_epochs: int = parameter(1, "passes over the sentences", low=1, high=10_000, unit="epochs")
    simcse_batch_size: int = parameter(64, "sentences per step", low=2, high=65_536, unit="sentences")
    simcse_lr: float = parameter(
        3e-5, "peak learning rate of this phase", above=0.0, high=1.0, log=True, search=(3e-6, 3e-4)
    )

    def before(self, baseline: Baseline, budget: Budget) -> Answers:
        """Train the encoder on all sentences first."""
        objective = InBatch(self.temperature, self.projection)
        return Answers(
            peak=self.simcse_lr,
            batches=Shuffled(self.simcse_batch_size, self.simcse_epochs, views=objective.views),
            heads=objective,
            objective=objective,
        )
