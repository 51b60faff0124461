"""The baseline's answers, and the parameters that every trained method shares.

[CLS] → dropout → linear-ReLU-linear, cross-entropy, AdamW, cosine to a floor (gag-2025 §3.1, zheng-2024 table 1).
The learning rate and its floor are those on which gag-2025, isayama-2025 and zheng-2024 agree; dropout and width of the
head are yang-2025's, because the 0.9 and 10 of two reports leave a head that can hardly distinguish 18 classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from benchmark.core.parameters import parameter
from benchmark.core.seeds import Streams
from benchmark.data.batches import Shuffled
from benchmark.model.heads import CONCAT, JOINS
from benchmark.model.model import Model
from benchmark.train.heads import ClsHead
from benchmark.train.objectives import TaskLoss
from benchmark.train.recipe import Budget, OptimizerRule, Recipe
from benchmark.train.schedules import Cosine
from benchmark.train.weight_selection import LOSS, SCORE, BestWeights, LastWeights

ADAMW, ADAM, SGD = "adamw", "adam", "sgd"
OPTIMIZERS = (ADAMW, ADAM, SGD)
MLP, LINEAR = "mlp", "linear"
CLS, POOLER = "cls", "pooler"


@dataclass(frozen=True)
class Baseline:
    """The parameters that every trained method shares."""

    lr: float = parameter(1e-4, "peak learning rate", above=0.0, high=1.0, log=True, search=(3e-6, 3e-3))
    lr_floor: float = parameter(
        0.01, "learning rate at the end of the cosine", low=0.0, high=1.0, unit="fraction of lr"
    )
    optimizer: str = parameter(
        ADAMW,
        "rule of a step; weight decay is decoupled in adamw, added to the gradient in adam and sgd",
        choices=OPTIMIZERS,
    )
    weight_decay: float = parameter(0.01, "weight decay", low=0.0, high=1.0, search=(0.0, 0.3))
    beta1: float = parameter(0.9, "decay of adam's mean of gradients", low=0.0, high=0.9999)
    beta2: float = parameter(0.999, "decay of adam's mean of squared gradients", low=0.0, high=0.999999)
    epsilon: float = parameter(1e-8, "added to adam's denominator", above=0.0, high=1.0)
    momentum: float = parameter(0.9, "momentum of sgd", low=0.0, high=0.9999)
    dropout: float = parameter(0.1, "dropout before the head", low=0.0, high=0.95, search=(0.0, 0.5))
    encoder_dropout: float | None = parameter(
        None, "dropout in the encoder, attention's included; none: as published", low=0.0, high=0.95
    )
    head: str = parameter(MLP, "dropout → linear-ReLU-linear, or dropout → linear", choices=(MLP, LINEAR))
    hidden: int = parameter(256, "width of the head's hidden layer", low=1, high=8192, unit="units")
    head_projection: int | None = parameter(
        None, "width of a linear layer before the head's dropout (gag-2025); none: no such layer", low=1, high=8192
    )
    representation: str = parameter(
        CLS, "what the head reads: [CLS], or the pretrained pooler on it", choices=(CLS, POOLER)
    )
    join: str = parameter(
        CONCAT, "how the vectors u, v of a pair's sentences become one: u, v or |u - v|, u * v", choices=JOINS
    )
    gradient_clip: float | None = parameter(1.0, "largest norm of a step's gradient; none: not clipped", above=0.0)
    select_by: str = parameter(
        SCORE, "which epoch is best: by validation score, or by the summed validation loss", choices=(SCORE, LOSS)
    )

    def recipe(self, budget: Budget) -> Recipe:
        """Return the baseline's answer to every question."""
        return Recipe(
            start=Pretrained(),
            trainable=FullEncoder(),
            encoder_dropout=self.encoder_dropout,
            peak=self.lr,
            rates=UniformRates(),
            schedule=Cosine(self.lr_floor),
            optimizer=self.optimizer_rule(),
            batches=Shuffled(budget.batch_size, budget.epochs),
            heads=self.heads(),
            objective=self.objective(),
            gradients=SummedGradients(self.gradient_clip),
            weight_selection=BestWeights(self.select_by) if budget.selection == "best" else LastWeights(),
        )

    def heads(self) -> ClsHead:
        """Return where the baseline's heads stand and what they are made of."""
        hidden = self.hidden if self.head == MLP else None
        return ClsHead(self.dropout, hidden, self.join, self.head_projection, self.representation == POOLER)

    def optimizer_rule(self) -> OptimizerRule:
        """Return the optimizer."""
        if self.optimizer == SGD:
            return Momentum(self.weight_decay, self.momentum)
        rule = AdamW if self.optimizer == ADAMW else Adam
        return rule(self.weight_decay, self.epsilon, self.beta1, self.beta2)

    def objective(self) -> TaskLoss:
        """Return the baseline's objective."""
        return TaskLoss()


@dataclass(frozen=True)
class Pretrained:
    """Start from the encoder as it is: as it was published, or as the phase before left it."""

    fresh_layers: bool = False

    def prepare(self, model: Model, streams: Streams) -> None:
        """Nothing to do."""


@dataclass(frozen=True)
class FullEncoder:
    """Every weight of the encoder is trainable."""

    trains_encoder: bool = True
    trains_pretrained: bool = True

    def apply(self, model: Model, streams: Streams) -> None:
        """Unfreeze the encoder."""
        model.encoder.requires_grad_(True)


@dataclass(frozen=True)
class FrozenEncoder:
    """The encoder is frozen, adapters included; only heads are trainable."""

    trains_encoder: bool = False
    trains_pretrained: bool = False

    def apply(self, model: Model, streams: Streams) -> None:
        """Freeze the encoder."""
        model.encoder.requires_grad_(False)


@dataclass(frozen=True)
class UniformRates:
    """Every depth, and the heads, have the phase's peak as learning rate."""

    def encoder(self, peak: float, depth: int, depths: int) -> float:
        """Return the peak."""
        return peak

    def head(self, peak: float, layer: int = 0) -> float:
        """Return the peak."""
        return peak

    def without_encoder(self) -> UniformRates:
        """Return itself."""
        return self


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2)."""

    weight_decay: float
    epsilon: float = 1e-8
    beta1: float = 0.9
    beta2: float = 0.999

    def build(self, groups: list[dict[str, object]]) -> torch.optim.Optimizer:
        """The fused kernel computes the same update in one pass over the weights."""
        betas = (self.beta1, self.beta2)
        return torch.optim.AdamW(groups, betas=betas, eps=self.epsilon, weight_decay=self.weight_decay, fused=True)


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1); weight decay is added to the gradient."""

    weight_decay: float
    epsilon: float = 1e-8
    beta1: float = 0.9
    beta2: float = 0.999

    def build(self, groups: list[dict[str, object]]) -> torch.optim.Optimizer:
        """The fused kernel computes the same update in one pass over the weights."""
        betas = (self.beta1, self.beta2)
        return torch.optim.Adam(groups, betas=betas, eps=self.epsilon, weight_decay=self.weight_decay, fused=True)


@dataclass(frozen=True)
class Momentum:
    """Stochastic gradient descent with momentum, as `torch.optim.SGD` has it (Sutskever et al. 2013, section 2)."""

    weight_decay: float
    momentum: float

    def build(self, groups: list[dict[str, object]]) -> torch.optim.Optimizer:
        """Return the optimizer."""
        return torch.optim.SGD(groups, momentum=self.momentum, weight_decay=self.weight_decay)


@dataclass(frozen=True)
class SummedGradients:
    """One gradient of the sum of all losses, its norm clipped. It has no state, and so is its own combiner."""

    rowwise: ClassVar[bool] = True

    clip: float | None
    needs_shared_weights: bool = False

    def combiner(self, shared: Sequence[nn.Parameter], streams: Streams, phase: int) -> SummedGradients:
        """Return itself."""
        return self

    def backward(
        self, losses: Sequence[Tensor], parameters: Sequence[nn.Parameter], epoch: int = 1, step: int = 0
    ) -> None:
        """Differentiate one after another, which sums, and clip.

        One by one, because the order in which one pass over several losses adds them up is autograd's own affair: so a
        rule that weighs the gradients and finds nothing to change arrives at the same bits.
        """
        for loss in losses:
            loss.backward()
        if self.clip is not None:
            nn.utils.clip_grad_norm_(parameters, self.clip)

    def report(self) -> Mapping[str, float]:
        """Return nothing."""
        return {}
