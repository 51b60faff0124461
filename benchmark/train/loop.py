"""The one training loop. It reads top to bottom as the algorithm; whatever differs between methods is an answer.

A second loop would mean that a question is missing (`benchmark.train.recipe`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from benchmark.data.task import TrainingData
from benchmark.errors import DivergedError
from benchmark.metrics import metric
from benchmark.model.model import Model, count, groups
from benchmark.predictions import Predictions
from benchmark.record import EpochEnded, PhaseStarted, Point
from benchmark.train.predict import logits_of
from benchmark.train.recipe import Recipe
from benchmark.train.run import EncodedSplit, Run
from benchmark.train.vectors import Frozen, Live, Vectors, to_device


@dataclass(frozen=True, eq=False)
class Material:
    """One task's rows, ready for a phase."""

    data: TrainingData
    train: Vectors
    labels: Tensor  # (training rows,), on the device
    validation: EncodedSplit
    validation_vectors: Vectors | None  # encoded once; None: the live encoder is asked each epoch


@dataclass(eq=False)
class Meter:
    """Sums the loss on the device; the host looks at it once an epoch."""

    total: Tensor
    examples: int = 0

    def add(self, loss: Tensor, examples: int) -> None:
        """Add a batch's mean loss over `examples` rows."""
        self.total += loss.detach().double() * examples
        self.examples += examples

    def mean(self) -> float:
        """Return the mean loss per example. Waits for the device."""
        return float(self.total) / max(1, self.examples)


@dataclass(eq=False)
class Clock:
    """Wall-clock seconds with the device synchronised at both ends."""

    device: torch.device
    began: float = field(default=0.0)

    def start(self) -> None:
        """Begin."""
        _synchronise(self.device)
        self.began = time.perf_counter()

    def stop(self) -> float:
        """Return the seconds since `start`."""
        _synchronise(self.device)
        return time.perf_counter() - self.began


def train(recipe: Recipe, model: Model, tasks: Sequence[TrainingData], run: Run) -> None:
    """Run all phases of `recipe` on `model`, in place. Raises DivergedError when a loss is not finite."""
    with run.streams.scope("training"):
        for number, phase in enumerate(recipe.phases()):
            _train_phase(phase, number, model, tasks, run)


def _train_phase(recipe: Recipe, number: int, model: Model, tasks: Sequence[TrainingData], run: Run) -> None:
    streams, name = run.streams, recipe.objective.phase
    recipe.start.prepare(model, streams)
    model.heads.clear()  # every phase has heads of its own
    recipe.objective.attach(model, [task.head for task in tasks], streams)
    recipe.trainable.apply(model, streams)
    materials = [_material(recipe, model, task, run) for task in tasks]
    sizes = [len(task.train) for task in tasks]
    total = recipe.batches.epochs * recipe.batches.steps_per_epoch(sizes)
    optimizer, peaks = _optimizer(recipe, model)
    weights = model.trainable()
    keeper = recipe.keep.keeper(total)
    clock = Clock(model.encoder.device)
    run.watcher.phase_started(_phase_started(recipe, model, name, total))

    step = 0
    for epoch in range(1, recipe.batches.epochs + 1):
        model.train()
        model.encoder.train(recipe.trainable.trains_encoder)
        meter = Meter(torch.zeros((), dtype=torch.float64, device=clock.device))
        clock.start()
        for parts in recipe.batches.epoch(sizes, streams, number, epoch):
            streams.reseed("dropout", number, step)  # masks are a function of the position, not of the past
            factor = recipe.keep.hold(recipe.schedule.factor(step, total), step, total)
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
            losses = []
            for part in parts:
                material = materials[part.task]
                vectors = material.train.of(part.rows, recipe.batches.views)  # (views · rows, width)
                labels = material.labels[to_device(part.rows, clock.device)]  # (rows,)
                losses.append(recipe.objective.loss(model, material.data.head, vectors, labels))
                meter.add(losses[-1], len(part.rows))
            recipe.gradients.backward(losses, weights)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
            keeper.after_step(step, weights)
            run.watcher.step_ended(step, total)
        seconds = clock.stop()
        loss = meter.mean()
        if not math.isfinite(loss):
            raise DivergedError(f"the mean loss of epoch {epoch} of phase {name!r} is {loss}")
        score, points = _validate(recipe, model, materials, name, epoch)
        keeper.after_epoch(score, weights)
        points = (Point(name, epoch, "train/loss", loss), *points)
        run.watcher.epoch_ended(EpochEnded(name, epoch, seconds, meter.examples, points))
    keeper.restore(weights)


def _material(recipe: Recipe, model: Model, data: TrainingData, run: Run) -> Material:
    train, validation = run.encode(data.train), run.encode(data.validation)
    labels = to_device(train.labels, model.encoder.device)
    if recipe.trainable.trains_encoder:
        return Material(data, Live(model.encoder, train), labels, validation, None)
    # Nothing in the encoder moves: the rows are encoded once, not every epoch.
    return Material(data, Frozen(model.encoder, train), labels, validation, Frozen(model.encoder, validation))


def _optimizer(recipe: Recipe, model: Model) -> tuple[torch.optim.Optimizer, list[float]]:
    """Return the optimizer and each group's own peak learning rate."""
    depths = len(model.encoder.layers) + 2  # embeddings, layers, pooler
    found = groups(model)
    peaks = [
        recipe.rates.head(recipe.peak)
        if group.depth is None
        else recipe.rates.encoder(recipe.peak, group.depth, depths)
        for group in found
    ]
    described: list[dict[str, object]] = [
        {"params": list(group.parameters), "lr": peak} for group, peak in zip(found, peaks, strict=True)
    ]
    return recipe.optimizer.build(described), peaks


def _phase_started(recipe: Recipe, model: Model, name: str, steps: int) -> PhaseStarted:
    counts = count(model)
    return PhaseStarted(
        name, recipe.batches.epochs, steps, counts.trainable_encoder, counts.trainable_head, counts.total
    )


def _validate(
    recipe: Recipe, model: Model, materials: Sequence[Material], phase: str, epoch: int
) -> tuple[float | None, tuple[Point, ...]]:
    """Return the mean over tasks of the validation score (None where nothing is predicted) and the curve points."""
    if not recipe.objective.predicts:
        return None, ()
    model.eval()
    points: list[Point] = []
    ranked: list[float] = []
    for material in materials:
        head, split = material.data.head, material.data.validation
        vectors = material.validation_vectors or Frozen(model.encoder, material.validation)
        logits = logits_of(model, head.name, vectors, len(split))
        labels = np.asarray(split.labels, dtype=np.int64)
        scores = Predictions("validation", head.name, head.classes, split.ids, labels, logits).scores()
        points += [Point(phase, epoch, score.key, score.value) for score in scores]
        own = next(score.value for score in scores if score.metric == head.metric)
        ranked.append(own if metric(head.metric).direction == "higher" else -own)
    return float(np.mean(ranked)), tuple(points)


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
