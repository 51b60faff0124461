"""Layer-wise learning-rate decay: zheng-2024 (0.9 per layer, head at its own rate), yang-2025 (0.8 per layer)."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.train import Answers, Baseline, Budget, Technique, parameter, technique


@dataclass(frozen=True)
class LayerwiseDecay:
    """The pooler has the peak, each layer below `decay` times the rate of the one above, embeddings slowest."""

    decay: float
    head_lr: float

    def encoder(self, peak: float, depth: int, depths: int) -> float:
        """Return the learning rate at `depth` (0 embeddings … depths - 1 pooler)."""
        return peak * self.decay ** (depths - 1 - depth)

    def head(self, peak: float) -> float:
        """Return the heads' own learning rate, which `decay` and peak don't touch."""
        return self.head_lr


@technique("llrd", source="zheng-2024 table 2, yang-2025 §3.1; Howard and Ruder 2018 §3.2; Zhang et al. 2021 §5")
@dataclass(frozen=True)
class LayerwiseLearningRateDecay(Technique):
    """Layer-wise learning-rate decay: lower layers have smaller rates, the head at a rate of its own."""

    decay: float = parameter(0.9, "rate of a layer over that of the layer above", low=0.1, high=1.0, search=(0.6, 1.0))
    head_lr: float = parameter(1e-3, "learning rate of the head", above=0.0, high=1.0, log=True, search=(1e-4, 1e-2))

    def answers(self, baseline: Baseline, budget: Budget) -> Answers:
        """Other rates."""
        return Answers(rates=LayerwiseDecay(self.decay, self.head_lr))
