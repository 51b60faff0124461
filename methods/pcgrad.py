"""Gradient surgery (PCGrad): Yu et al. 2020, algorithm 1; vela-2024 sections 4.6 and 6.4.2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from benchmark.train import (
    EPOCH_LENGTHS,
    Alternating,
    Answers,
    Baseline,
    Budget,
    Head,
    KeptHeads,
    SkippedError,
    Streams,
    Technique,
    UsageError,
    parameter,
    parse_weights,
    technique,
)

Gradient = Sequence[Tensor | None]
"""Of one loss, by weight; None where the loss doesn't depend on it, which is as good as zero."""


@dataclass(frozen=True)
class ProjectedGradients:
    """Of two tasks' gradients that conflict, each loses what points against the other's; then they are summed.

    Only weights that tasks share are concerned; a head's gradient is its own. The norm is clipped afterwards.
    """

    rowwise: ClassVar[bool] = True

    clip: float | None
    after_epochs: int = 0  # plain sums until then
    needs_shared_weights: bool = True

    def combiner(self, shared: Sequence[nn.Parameter], streams: Streams, phase: int) -> PCGradCombiner:
        """Return what projects the gradients of `shared`."""
        return PCGradCombiner(self, frozenset(map(id, shared)), streams, phase)


@dataclass
class PCGradCombiner:
    """Follows one phase. Everything stays on the device until the epoch's report."""

    rule: ProjectedGradients
    shared: frozenset[int]  # ids of weights
    streams: Streams
    phase: int
    conflicts: list[Tensor] = field(default_factory=list)  # per step, the fraction of pairs that conflict
    cosines: list[Tensor] = field(default_factory=list)  # per step, the mean over pairs

    def backward(self, losses: Sequence[Tensor], parameters: Sequence[nn.Parameter], epoch: int, step: int) -> None:
        """Differentiate each loss by itself, weigh the gradients of shared weights, sum, clip.

        A projected gradient is a sum of the tasks' original ones, g_i' = Σ_k c_ik g_k, so that the algorithm needs
        their inner products and nothing else, and the weights are passed over twice, whatever the number of tasks.
        """
        gradients = [torch.autograd.grad(loss, parameters, allow_unused=True) for loss in losses]
        common = [
            [grad if id(weight) in self.shared else None for grad, weight in zip(gradient, parameters, strict=True)]
            for gradient in gradients
        ]
        products = inner_products(common)  # (losses, losses)
        self._watch(products)
        factors = torch.ones_like(products[0])  # (losses,)
        if epoch > self.rule.after_epochs:
            order = self.streams.numpy("surgery", self.phase, step)
            orders = [
                [other for other in order.permutation(len(losses)).tolist() if other != own]
                for own in range(len(losses))
            ]
            factors = surgery(products, orders).sum(dim=0)
        for number, weight in enumerate(parameters):
            parts = [
                gradient[number] * factor.to(weight.dtype) if id(weight) in self.shared else gradient[number]
                for gradient, factor in zip(gradients, factors, strict=True)
                if gradient[number] is not None
            ]
            weight.grad = sum(parts[1:], start=parts[0]) if parts else None
        if self.rule.clip is not None:
            nn.utils.clip_grad_norm_(parameters, self.rule.clip)

    def report(self) -> Mapping[str, float]:
        """Return the mean over the epoch's steps of the fraction of pairs that conflict, and of their cosine."""
        if not self.conflicts:
            return {}
        found = {
            "conflicting_pairs": float(torch.stack(self.conflicts).mean()),
            "gradient_cosine": float(torch.stack(self.cosines).mean()),
        }
        self.conflicts, self.cosines = [], []
        return found

    def _watch(self, products: Tensor) -> None:
        norms = products.diagonal().sqrt()  # (losses,)
        tiny = torch.finfo(products.dtype).tiny
        cosines = products / (norms[:, None] * norms[None, :]).clamp(min=tiny)  # (losses, losses); 0 where a norm is 0
        pairs = torch.triu_indices(len(products), len(products), offset=1, device=products.device)
        self.conflicts.append((products[pairs[0], pairs[1]] < 0).double().mean())
        self.cosines.append(cosines[pairs[0], pairs[1]].mean())


def inner_products(gradients: Sequence[Gradient]) -> Tensor:
    """Return the inner products of `gradients` with each other, (losses, losses), fp64."""
    zero = next(grad for gradient in gradients for grad in gradient if grad is not None).new_zeros(
        (), dtype=torch.float64
    )
    rows: list[list[Tensor]] = []
    for one in gradients:
        row: list[Tensor] = []
        for other in gradients[: len(rows) + 1]:
            dots = [
                torch.dot(a.flatten(), b.flatten())
                for a, b in zip(one, other, strict=True)
                if a is not None and b is not None
            ]
            row.append(torch.stack(dots).double().sum() if dots else zero)
        rows.append(row)
    size = range(len(rows))
    return torch.stack([torch.stack([rows[max(i, j)][min(i, j)] for j in size]) for i in size])


def surgery(products: Tensor, orders: Sequence[Sequence[int]]) -> Tensor:
    """Return the coefficients c of algorithm 1, (losses, losses): the gradient of loss i becomes Σ_k c[i, k] g_k.

    `products`: inner products of the original gradients g; `orders`: for each loss the others, in the order in which it
    meets them. It loses its component along g_j (the original, not the projected one) where their product is negative.
    Without a conflict c is the identity, to the bit.
    """
    coefficients = torch.eye(len(products), dtype=products.dtype, device=products.device)
    unit = coefficients.clone()
    rows = []
    for own, others in enumerate(orders):
        row = coefficients[own]  # (losses,)
        for other in others:
            product = row @ products[:, other]
            along = product / products[other, other].clamp(min=torch.finfo(products.dtype).tiny)
            row = row - torch.where(product < 0, along, torch.zeros_like(along)) * unit[other]
        rows.append(row)
    return torch.stack(rows)


@technique("pcgrad", source="vela-2024 §4.6, §6.4.2 (table 4); Yu et al. 2020, algorithm 1")
@dataclass(frozen=True)
class GradientSurgery(Technique):
    """Gradient surgery: a batch of each task in every step; gradients that conflict are projected before the sum.

    The report trained 10 epochs plain and then 3 more with it: `surgery_epochs=3` with `--epochs 10`, a phase of its
    own with a fresh optimizer and schedule; `after_epochs=10` with `--epochs 13` is one phase. The curves
    ``train/conflicting_pairs`` and ``train/gradient_cosine`` are measured in the plain epochs, too.
    """

    after_epochs: int = parameter(0, "plain epochs before surgery begins", low=0, high=10_000, unit="epochs")
    surgery_epochs: int | None = parameter(
        None,
        "epochs with surgery behind the suite's, which are plain then, as a phase of their own; none: no such phase",
        low=1,
        high=10_000,
        unit="epochs",
    )
    epoch_length: str = parameter(
        "total",
        "an epoch's batches: as many as all tasks have, or turns as the largest or smallest has",
        choices=EPOCH_LENGTHS,
    )
    weights: str | None = parameter(None, "factors of the tasks' losses, such as sst=1,quora=0.5; none: all 1")

    def canonical(self) -> GradientSurgery:
        """Write the weights in one way."""
        return replace(self, weights=str(parse_weights(self.weights)) or None)

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise SkippedError for a single task: nothing conflicts. Raise UsageError for weights of other tasks."""
        if len(heads) < 2:
            raise SkippedError("gradient surgery is about conflicts between tasks, and this suite has one task")
        parse_weights(self.weights).check([head.name for head in heads])

    def answers(self, baseline: Baseline, budget: Budget) -> Answers:
        """One batch of each task in every step, and another way to combine their gradients. Raises UsageError."""
        if self.after_epochs > budget.epochs:
            raise UsageError(
                f"pcgrad.after_epochs={self.after_epochs}, but there are {budget.epochs} epochs: give fewer"
            )
        projected = ProjectedGradients(baseline.gradient_clip, self.after_epochs)
        return Answers(
            batches=self._batches(budget.batch_size, budget.epochs),
            gradients=projected if self.surgery_epochs is None else None,
        )

    def after(self, baseline: Baseline, budget: Budget) -> Answers | None:
        """Train on with surgery, where it has epochs of its own."""
        if self.surgery_epochs is None:
            return None
        return Answers(
            batches=self._batches(budget.batch_size, self.surgery_epochs),
            heads=KeptHeads(),
            gradients=ProjectedGradients(baseline.gradient_clip),
        )

    def _batches(self, size: int, epochs: int) -> Alternating:
        return Alternating(size, epochs, epoch_length=self.epoch_length, weights=parse_weights(self.weights))
