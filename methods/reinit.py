"""Top-layer re-initialisation: gag-2025 section 3.2.2; Zhang et al. 2021 (Revisiting few-sample BERT), section 4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.train import (
    Answers,
    Baseline,
    Budget,
    Head,
    Model,
    Streams,
    Technique,
    UsageError,
    initialise,
    parameter,
    technique,
)


@dataclass(frozen=True)
class Reinitialised:
    """The top layers start afresh: weights N(0, std), biases 0, layer normalisation 1 and 0."""

    layers: int
    std: float | None  # None: the encoder's own initializer_range
    fresh_layers: bool = True

    def prepare(self, model: Model, streams: Streams) -> None:
        """Draw the layers' weights from the streams ("reinit", layer)."""
        layers = model.encoder.layers
        std = self.std if self.std is not None else float(getattr(model.encoder.config, "initializer_range", 0.02))
        for number in range(len(layers) - self.layers, len(layers)):
            generator = streams.torch("reinit", number)
            initialise(layers[number], std, generator)


@technique("reinit", source="gag-2025 §3.2.2; Zhang et al. 2021 §4")
@dataclass(frozen=True)
class Reinitialise(Technique):
    """Re-initialise the top encoder layers before fine-tuning, from the encoder's own initialiser.

    gag-2025 drew with a standard deviation of 0.2 and calls it BERT's; BERT's is 0.02. `std=0.2` repeats the report.
    """

    layers: int = parameter(2, "top layers that start afresh", low=1, high=48, unit="layers", search=(1, 4))
    std: float | None = parameter(
        None, "standard deviation of new weights; none: the encoder's own initializer_range", above=0.0, high=1.0
    )

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise UsageError for more fresh layers than the encoder has."""
        if self.layers > layers:
            raise UsageError(
                f"reinit.layers={self.layers}, but the encoder has {layers} layers: choose at most {layers}"
            )

    def answers(self, baseline: Baseline, budget: Budget) -> Answers:
        """Another start."""
        return Answers(start=Reinitialised(self.layers, self.std))
