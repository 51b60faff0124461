"""The one training loop. It reads top to bottom as the algorithm; whatever differs between methods is an answer.

A second loop would mean that a question is missing (`benchmark.train.recipe`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.core.errors import DivergedError
from benchmark.core.metrics import metric
from benchmark.core.predictions import Predictions
from benchmark.core.record import EpochEnded, PhaseStarted, Point
from benchmark.core.seeds import Streams
from benchmark.data.task import Split, TrainingData
from benchmark.model.model import Model, count, groups
from benchmark.train.predict import logits_of
from benchmark.train.recipe import Keeper, Recipe, Settler
from benchmark.train.run import EncodedSplit, Run
from benchmark.train.vectors import Fixed, Live, Vectors, calibrate, frozen, to_device


@dataclass(frozen=True, eq=False)
class Material:
    """One task's rows, ready for a phase."""

    data: TrainingData
    splits: Mapping[str, EncodedSplit]  # train; and validation, where the phase predicts
    labels: Tensor  # (training rows,), on the device
    train: Vectors
    frozen: Mapping[str, Vectors]  # by split, encoded once; empty where the live encoder is asked each epoch


@dataclass(frozen=True, eq=False)
class Unit:
    """Tasks that share weights that move, and so are settled, clipped and kept together.

    While the encoder moves all tasks are one unit. Where it is frozen each task's head is a model of its own, which
    comes out as if it were trained alone.
    """

    tasks: frozenset[int]
    weights: list[nn.Parameter]
    settler: Settler
    keeper: Keeper


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
        for number, phase in recipe.numbered():
            _train_phase(phase, number, model, tasks, run)


def _train_phase(recipe: Recipe, number: int, model: Model, given: Sequence[TrainingData], run: Run) -> None:
    streams, name = run.streams, recipe.objective.phase
    tasks = recipe.objective.about(given)
    recipe.start.prepare(model, streams)
    model.heads.clear()  # every phase has heads of its own
    recipe.heads.attach(model, [task.head for task in tasks], streams)
    recipe.trainable.apply(model, streams)
    clock = Clock(model.encoder.device)
    materials, encode_seconds = _materials(recipe, model, tasks, run, clock)
    sizes = [len(task.train) for task in tasks]
    total = recipe.batches.epochs * recipe.batches.steps_per_epoch(sizes)
    optimizer, peaks = _optimizer(recipe, model)
    units = _units(recipe, number, model, tasks, streams, total)
    run.watcher.phase_started(_phase_started(recipe, model, name, total, encode_seconds))

    step = 0
    for epoch in range(1, recipe.batches.epochs + 1):
        model.train()
        model.encoder.train(recipe.trainable.trains_encoder)
        meters = [Meter(torch.zeros((), dtype=torch.float64, device=clock.device)) for _ in tasks]
        clock.start()
        for parts in recipe.batches.epoch(sizes, streams, number, epoch):
            factor = recipe.keep.hold(recipe.schedule.factor(step, total), step, total)
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
            for unit in units:
                streams.reseed("dropout", number, step)  # masks are a function of the position, not of the past
                losses = []
                for part in (part for part in parts if part.task in unit.tasks):
                    material = materials[part.task]
                    head = material.data.head
                    vectors = material.train.of(part.rows, recipe.batches.views)  # (sentences · views · rows, width)
                    labels = material.labels[to_device(part.rows, clock.device)]  # (rows,)
                    loss = recipe.objective.loss(model, head, vectors, labels)
                    meters[part.task].add(loss, len(part.rows))
                    losses.append(recipe.importance.of(head.name) * loss)
                if losses:
                    unit.settler.backward(losses, unit.weights, epoch, step)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
            for unit in units:
                unit.keeper.after_step(step, unit.weights)
            run.watcher.step_ended(step, total)
        seconds = clock.stop()
        points = _training_points(recipe, tasks, meters, units, epoch)
        scores, measured = _measure(recipe, model, materials, epoch)
        for unit in units:
            mine = [scores[task] for task in sorted(unit.tasks) if task in scores]
            unit.keeper.after_epoch(float(np.mean(mine)) if mine else None, unit.weights)
        examples = sum(meter.examples for meter in meters)
        run.watcher.epoch_ended(EpochEnded(name, epoch, seconds, examples, (*points, *measured)))
    for unit in units:
        unit.keeper.restore(unit.weights)


def _materials(
    recipe: Recipe, model: Model, tasks: Sequence[TrainingData], run: Run, clock: Clock
) -> tuple[list[Material], float]:
    """Return the material of each task, and the seconds that encoding took; 0 where the encoder moves.

    Where it doesn't, texts are encoded once and not every epoch; tasks about the same rows share one encoding.
    """
    heads = [recipe.heads.module(model, task.head) for task in tasks]
    # Tasks may be many questions about the very same splits, and validation is nothing to who doesn't predict.
    wanted = [(task.train, task.validation) if recipe.objective.predicts else (task.train,) for task in tasks]
    tokens = {number: run.encode(split) for number, split in {id(s): s for own in wanted for s in own}.items()}
    splits = [{split.name: tokens[id(split)] for split in own} for own in wanted]
    ready: list[dict[str, Vectors]] = [{} for _ in tasks]
    clock.start()
    if not recipe.trainable.trains_encoder:
        alike: dict[tuple[str, str], list[int]] = {}  # split's name and rows → tasks
        for number, own in enumerate(wanted):
            for split in own:
                alike.setdefault((split.name, split.fingerprint), []).append(number)
        for (name, _), numbers in alike.items():
            mine = [heads[number] for number in numbers]
            found = frozen(run.states, model.encoder, splits[numbers[0]][name], mine)
            for number, vectors in zip(numbers, found, strict=True):
                ready[number][name] = vectors
    seconds = 0.0 if recipe.trainable.trains_encoder else clock.stop()
    materials = []
    for task, head, encoded, fixed in zip(tasks, heads, splits, ready, strict=True):
        labels = to_device(encoded["train"].labels, model.encoder.device)
        train = fixed.get("train") or Live(model.encoder, encoded["train"], head)
        calibrate(head, train, len(task.train))
        materials.append(Material(task, encoded, labels, train, fixed))
    return materials, seconds


def _units(
    recipe: Recipe, number: int, model: Model, tasks: Sequence[TrainingData], streams: Streams, total: int
) -> list[Unit]:
    if recipe.trainable.trains_encoder:
        shared = [weight for weight in model.encoder.parameters() if weight.requires_grad]
        settler = recipe.gradients.settler(shared, streams, number)
        return [Unit(frozenset(range(len(tasks))), model.trainable(), settler, recipe.keep.keeper(total))]
    return [
        Unit(
            frozenset([task]),
            [weight for weight in recipe.heads.module(model, data.head).parameters() if weight.requires_grad],
            recipe.gradients.settler((), streams, number),
            recipe.keep.keeper(total),
        )
        for task, data in enumerate(tasks)
    ]


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


def _phase_started(recipe: Recipe, model: Model, name: str, steps: int, encode_seconds: float) -> PhaseStarted:
    counts = count(model)
    moving = (counts.trainable_encoder, counts.trainable_head, counts.total)
    return PhaseStarted(name, recipe.batches.epochs, steps, *moving, encode_seconds)


def _training_points(
    recipe: Recipe, tasks: Sequence[TrainingData], meters: Sequence[Meter], units: Sequence[Unit], epoch: int
) -> list[Point]:
    """Return what training itself shows: the mean loss per example, that of each task among several, settlers' reports.

    Measured on the way, under dropout, each batch before its step. Raises DivergedError when a loss is not finite.
    """
    name = recipe.objective.phase
    total, examples = sum(float(meter.total) for meter in meters), sum(meter.examples for meter in meters)
    loss = total / max(1, examples)
    if not math.isfinite(loss):
        raise DivergedError(f"the mean loss of epoch {epoch} of phase {name!r} is {loss}")
    found = {"train/loss": loss}
    if recipe.objective.predicts and "train" not in recipe.measured:
        some = ((task, meter) for task, meter in zip(tasks, meters, strict=True) if 0 < meter.examples < examples)
        found |= {f"train/{task.head.name}/{task.head.loss}": meter.mean() for task, meter in some}
    for unit in units:
        found |= {f"train/{key}": value for key, value in unit.settler.report().items()}
    return [Point(name, epoch, key, value) for key, value in found.items()]


def _measure(
    recipe: Recipe, model: Model, materials: Sequence[Material], epoch: int
) -> tuple[dict[int, float], list[Point]]:
    """Return each task's own validation score, from 0 to 1 (none where the phase doesn't predict), and curve points."""
    points: list[Point] = []
    ranked: dict[int, float] = {}
    if not recipe.objective.predicts:
        return ranked, points
    model.eval()
    for number, material in enumerate(materials):
        data = material.data
        head = data.head
        for split in (part for part in (data.train, data.validation) if part.name in recipe.measured):
            logits = logits_of(model, head.name, _vectors(material, split, model), len(split))
            found = Predictions(split.name, head.name, head.classes, split.ids, split.targets, logits, head.kind)
            scores = found.scores()
            points += [Point(recipe.objective.phase, epoch, score.key, score.value) for score in scores]
            if split.name == "validation":
                own = next(score.value for score in scores if score.metric == head.metric)
                ranked[number] = metric(head.metric).normalised(own)
    return ranked, points


def _vectors(material: Material, split: Split, model: Model) -> Vectors:
    found = material.frozen.get(split.name)
    if found is None:
        found = Fixed(model.encoder, material.splits[split.name], model.head(material.data.head.name))
    return found


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
