"""Before fine-tuning: the first row of every report's table. A whole method, because nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.core.parameters import parameter
from benchmark.core.record import PhaseStarted
from benchmark.core.registry import method
from benchmark.data.task import Head, TrainingData
from benchmark.model.heads import CONCAT, JOINS
from benchmark.model.model import Model, count
from benchmark.train.heads import OnTop
from benchmark.train.predict import ModelPredictor, Predictor
from benchmark.train.run import Run


@method("zero-shot", source="gag-2025, isayama-2025, yang-2025, zheng-2024: before fine-tuning")
@dataclass(frozen=True)
class ZeroShot:
    """An untrained head on the pretrained encoder: what is there before fine-tuning.

    The head is the one that fine-tuning starts from at the same seed.
    """

    hidden: int = parameter(256, "width of the head's hidden layer", low=1, high=8192, unit="units")
    join: str = parameter(
        CONCAT, "how the vectors u, v of a pair's sentences become one: u, v or |u - v|, u * v", choices=JOINS
    )

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Any encoder and any tasks will do."""

    def fit(self, tasks: Sequence[TrainingData], run: Run) -> Predictor:
        """Put new heads on the encoder and train nothing."""
        model = Model(run.load_encoder())
        OnTop(0.0, self.hidden, self.join).attach(model, [task.head for task in tasks], run.streams)
        model.requires_grad_(False)
        run.watcher.phase_started(PhaseStarted("untrained", 0, 0, 0, 0, count(model).total))
        return ModelPredictor(model, run)
