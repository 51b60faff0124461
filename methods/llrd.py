"""Layer-wise learning-rate decay: zheng-2024 (0.9 per layer, head at its own rate), yang-2025 (0.8 per layer)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmark.train import Answers, Baseline, Budget, Technique, parameter, technique


@dataclass(frozen=True)
class LayerwiseDecay:
    """The pooler has the peak, each layer below `decay` times the rate of the one above, embeddings slowest.

    The head's first layer has `head_ratio` times the peak, each layer behind it `head_decay` times the one before.
    """

    decay: float
    head_ratio: float
    head_decay: float = 1.0

    def encoder(self, peak: float, depth: int, depths: int) -> float:
        """Return the learning rate at `depth` (0 embeddings … depths - 1 pooler)."""
        return peak * self.decay ** (depths - 1 - depth)

    def head(self, peak: float, layer: int = 0) -> float:
        """Return the learning rate of the head's `layer`-th layer."""
        return peak * self.head_ratio * self.head_decay**layer

    def without_encoder(self) -> LayerwiseDecay:
        """Return the rates of the head alone."""
        return replace(self, decay=1.0)


@technique("llrd", source="zheng-2024 §3.2, table 2, yang-2025 §3.1; Howard and Ruder 2018 §3.2; Zhang et al. 2021 §5")
@dataclass(frozen=True)
class LayerwiseLearningRateDecay(Technique):
    """Layer-wise learning-rate decay: lower layers have smaller rates, the head has its own.

    In a phase with a peak of its own (`classifier_lr`) the head's rate differs from `head_lr` as that peak does from
    `lr`. zheng-2024 had 0.01 and 0.009 for the two layers of its head: `head_lr=0.01`, `head_decay=0.9`.
    """

    decay: float = parameter(0.9, "rate of a layer over that of the layer above", low=0.1, high=1.0, search=(0.6, 1.0))
    head_lr: float = parameter(
        1e-3, "learning rate of the head, while the peak is lr", above=0.0, high=1.0, log=True, search=(1e-4, 1e-2)
    )
    head_decay: float = parameter(1.0, "rate of the head's layer over that of the layer before", low=0.1, high=1.0)

    def answers(self, baseline: Baseline, budget: Budget) -> Answers:
        """Other rates."""
        return Answers(rates=LayerwiseDecay(self.decay, self.head_lr / baseline.lr, self.head_decay))
