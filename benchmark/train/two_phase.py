"""Contrastive learning in two phases: the parameters and answers that its supervised and unsupervised forms share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from benchmark.core.errors import SkippedError
from benchmark.core.parameters import parameter
from benchmark.data.batches import Shuffled
from benchmark.data.task import Head
from benchmark.train.baseline import Baseline, FrozenEncoder
from benchmark.train.contrastive import Contrastive
from benchmark.train.recipe import Answers, Budget
from benchmark.train.techniques import Technique


@dataclass(frozen=True)
class ContrastiveThenClassify(Technique):
    """Phase 1 trains encoder and projection head with a contrastive loss; phase 2 a classifier.

    The encoder is frozen in phase 2, or not. A subclass says whether labels take part in phase 1.
    """

    supervised: ClassVar[bool]

    temperature: float = parameter(
        0.07, "softness of the contrastive softmax", above=0.0, high=10.0, log=True, search=(0.02, 1.0)
    )
    projection: str = parameter("mlp", "layers of the projection head", choices=("mlp", "linear"))
    projection_size: int | None = parameter(
        None, "width of a projected vector; none: the encoder's", low=1, high=8192, unit="units"
    )
    normalise: str = parameter(
        "output",
        "what has unit length: the projected vectors, or what is projected (gag-2025)",
        choices=("output", "input"),
    )
    contrastive_dropout: float | None = parameter(
        None, "dropout before the projection head; none: that before the head", low=0.0, high=0.95
    )
    contrastive_epochs: int | None = parameter(
        None, "epochs of phase 1; none: the suite's", low=1, high=10_000, unit="epochs"
    )
    contrastive_batch_size: int | None = parameter(
        None, "rows per step of phase 1; none: the suite's", low=2, high=65_536, unit="rows"
    )
    freeze: bool = parameter(
        True, "phase 2 leaves the encoder as it is (gag-2025, zheng-2024); yang-2025 trains it too"
    )
    classifier_epochs: int = parameter(20, "epochs of phase 2", low=1, high=10_000, unit="epochs")
    classifier_lr: float = parameter(
        1e-3, "peak learning rate of phase 2", above=0.0, high=1.0, log=True, search=(1e-4, 1e-2)
    )

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise SkippedError for pairs, which are no views of one thing."""
        for head in heads:
            if head.sentences > 1:
                raise SkippedError(
                    f"contrastive learning of classes has no meaning for pairs of sentences: task {head.name!r}"
                )

    def answers(self, baseline: Baseline, budget: Budget) -> Answers:
        """Phase 1: another objective, on two views, and the projection head that it is measured on."""
        dropout = baseline.dropout if self.contrastive_dropout is None else self.contrastive_dropout
        objective = Contrastive(
            self.supervised,
            self.temperature,
            self.projection,
            self.projection_size,
            dropout,
            normalise_input=self.normalise == "input",
        )
        size = self.contrastive_batch_size or budget.batch_size
        epochs = self.contrastive_epochs or budget.epochs
        return Answers(objective=objective, heads=objective, batches=Shuffled(size, epochs, views=objective.views))

    def after(self, baseline: Baseline, budget: Budget) -> Answers:
        """Phase 2: the baseline's heads and objective."""
        return Answers(
            trainable=FrozenEncoder() if self.freeze else None,
            peak=self.classifier_lr,
            batches=Shuffled(budget.batch_size, self.classifier_epochs),
            heads=baseline.heads(),
            objective=baseline.objective(),
        )
