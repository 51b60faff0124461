"""Before fine-tuning: the first row of every report's table. A whole method, because nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.train import (
    CONCAT,
    JOINS,
    Budget,
    ClsHead,
    Head,
    Model,
    ModelPredictor,
    PhaseStarted,
    Predictor,
    Run,
    TrainingData,
    UsageError,
    check_join,
    count,
    method,
    parameter,
)


@method("zero-shot", source="gag-2025, isayama-2025, yang-2025, zheng-2024: before fine-tuning")
@dataclass(frozen=True)
class ZeroShot:
    """An untrained head on the pretrained encoder: what is there before fine-tuning.

    The head is the one that fine-tuning starts from at the same seed.
    """

    head: str = parameter("mlp", "linear-ReLU-linear, or linear", choices=("mlp", "linear"))
    hidden: int = parameter(256, "width of the head's hidden layer", low=1, high=8192, unit="units")
    head_projection: int | None = parameter(
        None, "width of a linear layer before them (gag-2025); none: no such layer", low=1, high=8192
    )
    representation: str = parameter(
        "cls", "what the head reads: [CLS], or the pretrained pooler on it", choices=("cls", "pooler")
    )
    join: str = parameter(
        CONCAT, "how the vectors u, v of a pair's sentences become one: u, v or |u - v|, u * v", choices=JOINS
    )

    def canonical(self, budget: Budget) -> ZeroShot:
        """Raise UsageError for a width that the head doesn't have."""
        if self.head == "linear" and self.hidden != ZeroShot.hidden:
            raise UsageError("zero-shot.hidden is about head=mlp: leave it out")
        return self

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise UsageError for a join where there are no pairs."""
        check_join(self.join, heads)

    def fit(self, tasks: Sequence[TrainingData], run: Run) -> Predictor:
        """Put new heads on the encoder and train nothing."""
        model = Model(run.load_encoder())
        hidden = self.hidden if self.head == "mlp" else None
        heads = ClsHead(0.0, hidden, self.join, self.head_projection, self.representation == "pooler")
        model.set_heads(heads.attach(model, [task.head for task in tasks], run.streams))
        model.requires_grad_(False)
        run.watcher.phase_started(PhaseStarted("untrained", 0, 0, 0, 0, count(model).total))
        return ModelPredictor(model, run)
