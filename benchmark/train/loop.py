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
from benchmark.train.embeddings import occurring_embeddings
from benchmark.train.predict import logits_of
from benchmark.train.recipe import GradientCombiner, Recipe, Validation, WeightTracker
from benchmark.train.run import EncodedSplit, Run
from benchmark.train.vectors import CachedVectors, OnTheFly, Vectors, cache_states, in_batches, to_device


@dataclass(frozen=True, eq=False)
class TaskInputs:
    """One task's rows, ready for a phase."""

    data: TrainingData
    splits: Mapping[str, EncodedSplit]  # train; and validation, where it is measured
    labels: Tensor  # (training rows,), on the device
    train: Vectors
    cached: Mapping[str, Vectors]  # by split, encoded once; empty where the encoder is trained


@dataclass(frozen=True, eq=False)
class ParameterSet:
    """Tasks that share trainable parameters; gradients are combined and clipped, and weights selected, for all at once.

    While the encoder is trained all tasks are one set. Where it is frozen each task's head is a model of its own, which
    comes out as if it were trained alone.
    """

    tasks: frozenset[int]
    parameters: list[nn.Parameter]
    combiner: GradientCombiner
    tracker: WeightTracker


@dataclass(eq=False)
class LossMeter:
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


def train(phases: Sequence[Recipe], model: Model, tasks: Sequence[TrainingData], run: Run) -> tuple[Point, ...]:
    """Run `phases` on `model`, in place; return the curves. Raises DivergedError when a loss is not finite."""
    points: list[Point] = []
    with run.streams.scope("training"):
        for recipe in phases:
            points += _train_phase(recipe, model, tasks, run)
    return tuple(points)


def _train_phase(recipe: Recipe, model: Model, suite_tasks: Sequence[TrainingData], run: Run) -> list[Point]:
    streams, epochs = run.streams, recipe.batches.epochs
    tasks = recipe.objective.training_tasks(suite_tasks)
    recipe.start.prepare(model, streams)
    model.set_heads(recipe.heads.attach(model, [task.head for task in tasks], streams))
    recipe.trainable.apply(model, streams)
    model.encoder.set_dropout(recipe.encoder_dropout)
    clock = Clock(model.encoder.device)
    inputs, encode_seconds = _task_inputs(recipe, model, tasks, run, clock)
    sizes = {task.head.name: len(task.train) for task in tasks}
    total = epochs * recipe.batches.steps_per_epoch(sizes)
    run.watcher.phase_started(_phase_started(recipe, model, total, encode_seconds))
    texts = (sentence for task in inputs for sentence in task.splits["train"].sentences)
    with occurring_embeddings(recipe, model, _optimizer(recipe, model)[0], texts):
        return _train_epochs(recipe, model, inputs, run, total)


def _train_epochs(recipe: Recipe, model: Model, inputs: Sequence[TaskInputs], run: Run, total: int) -> list[Point]:
    streams, name, epochs = run.streams, recipe.objective.phase, recipe.batches.epochs
    tasks = [task.data for task in inputs]
    sizes = {task.head.name: len(task.train) for task in tasks}
    clock = Clock(model.encoder.device)
    optimizer, peaks = _optimizer(recipe, model)
    parameter_sets = _parameter_sets(recipe, model, tasks, streams, total)
    step = 0
    history: list[Point] = []
    for epoch in range(1, epochs + 1):
        model.train()
        model.encoder.train(recipe.trainable.trains_encoder)
        meters = [LossMeter(torch.zeros((), dtype=torch.float64, device=clock.device)) for _ in tasks]
        clock.start()
        for parts in recipe.batches.epoch(sizes, streams, recipe.number, epoch):
            factor = recipe.weight_selection.override_factor(recipe.schedule, step, total, epochs)
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
            for own in parameter_sets:
                streams.reseed("dropout", recipe.number, step)  # masks are a function of the position, not of the past
                losses = []
                for part in (part for part in parts if part.task in own.tasks):
                    task = inputs[part.task]
                    vectors = task.train.of(part.rows, recipe.batches.views)  # (sentences · views · rows, width)
                    labels = task.labels[to_device(part.rows, clock.device)]  # (rows,)
                    loss = recipe.objective.loss(model, task.data.head, vectors, labels)
                    meters[part.task].add(loss, len(part.rows))
                    losses.append(part.weight * loss)
                if losses:
                    own.combiner.backward(losses, own.parameters, epoch, step)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
            for own in parameter_sets:
                own.tracker.after_step(step, own.parameters)
            run.watcher.step_ended(step, total)
        seconds = clock.stop()
        points = _training_points(recipe, tasks, meters, parameter_sets, epoch)
        validations, measured = _measure(recipe, model, inputs, epoch)
        for own in parameter_sets:
            own.tracker.after_epoch(_together(validations, own.tasks), own.parameters)
        history += (*points, *measured)
        summary = [Point(name, epoch, key, value) for key, value in recipe.objective.summary(history).items()]
        history += summary
        examples = sum(meter.examples for meter in meters)
        run.watcher.epoch_ended(EpochEnded(name, epoch, seconds, examples, (*points, *measured, *summary)))
    for own in parameter_sets:
        own.tracker.restore(own.parameters)
    return history


def _task_inputs(
    recipe: Recipe, model: Model, tasks: Sequence[TrainingData], run: Run, clock: Clock
) -> tuple[list[TaskInputs], float]:
    """Return the inputs of each task, and the seconds that encoding took; 0 where the encoder is trained.

    Where it is frozen, texts are encoded once and not every epoch; tasks about the same rows share one encoding.
    """
    needed = [
        [split for split in (task.train, task.validation) if split.name in {"train", *recipe.objective.measured_splits}]
        for task in tasks
    ]
    encoded = [{split.name: run.encode(split) for split in own} for own in needed]
    cached: list[dict[str, Vectors]] = [{} for _ in tasks]
    seconds = 0.0
    if not recipe.trainable.trains_encoder:
        clock.start()
        sharing: dict[tuple[str, str], list[int]] = {}  # split's name and rows → tasks
        for number, own in enumerate(needed):
            for split in own:
                sharing.setdefault((split.name, split.fingerprint), []).append(number)
        for (name, _), numbers in sharing.items():
            heads = [model.head(tasks[number].head.name) for number in numbers]
            of_heads = cache_states(run.states, model.encoder, encoded[numbers[0]][name], heads)
            for number, vectors in zip(numbers, of_heads, strict=True):
                cached[number][name] = vectors
        seconds = clock.stop()
    inputs = []
    for task, splits, once in zip(tasks, encoded, cached, strict=True):
        head, labels = model.head(task.head.name), to_device(task.train.targets, model.encoder.device)
        train = once.get("train") or OnTheFly(model.encoder, splits["train"], head)
        head.observe(in_batches(train, len(task.train)))
        inputs.append(TaskInputs(task, splits, labels, train, once))
    return inputs, seconds


def _parameter_sets(
    recipe: Recipe, model: Model, tasks: Sequence[TrainingData], streams: Streams, total: int
) -> list[ParameterSet]:
    if recipe.trainable.trains_encoder:
        shared = [weight for weight in model.encoder.parameters() if weight.requires_grad]
        combiner = recipe.gradients.combiner(shared, streams, recipe.number)
        tracker = recipe.weight_selection.tracker(total, recipe.batches.epochs)
        return [ParameterSet(frozenset(range(len(tasks))), model.trainable(), combiner, tracker)]
    return [
        ParameterSet(
            frozenset([number]),
            [weight for weight in model.head(task.head.name).parameters() if weight.requires_grad],
            recipe.gradients.combiner((), streams, recipe.number),
            recipe.weight_selection.tracker(total, recipe.batches.epochs),
        )
        for number, task in enumerate(tasks)
    ]


def _optimizer(recipe: Recipe, model: Model) -> tuple[torch.optim.Optimizer, list[float]]:
    """Return the optimizer and each group's own peak learning rate."""
    depths = len(model.encoder.layers) + 2  # embeddings, layers, pooler
    by_depth = groups(model)
    peaks = [
        recipe.rates.head(recipe.peak, group.layer)
        if group.depth is None
        else recipe.rates.encoder(recipe.peak, group.depth, depths)
        for group in by_depth
    ]
    described: list[dict[str, object]] = [
        {"params": list(group.parameters), "lr": peak} for group, peak in zip(by_depth, peaks, strict=True)
    ]
    return recipe.optimizer.build(described), peaks


def _phase_started(recipe: Recipe, model: Model, steps: int, encode_seconds: float) -> PhaseStarted:
    counts = count(model)
    parameters = (counts.trainable_encoder, counts.trainable_head, counts.total)
    return PhaseStarted(recipe.objective.phase, recipe.batches.epochs, steps, *parameters, encode_seconds)


def _training_points(
    recipe: Recipe,
    tasks: Sequence[TrainingData],
    meters: Sequence[LossMeter],
    parameter_sets: Sequence[ParameterSet],
    epoch: int,
) -> list[Point]:
    """Return what training itself shows: the mean loss per example, of each task among several, combiners' reports.

    Measured on the way, under dropout, each batch before its step. Raises DivergedError when a loss is not finite.
    """
    name, splits = recipe.objective.phase, recipe.objective.measured_splits
    total, examples = sum(float(meter.total) for meter in meters), sum(meter.examples for meter in meters)
    loss = total / max(1, examples)
    if not math.isfinite(loss):
        raise DivergedError(f"the mean loss of epoch {epoch} of phase {name!r} is {loss}")
    values = {"train/loss": loss}
    if splits and "train" not in splits:
        some = ((task, meter) for task, meter in zip(tasks, meters, strict=True) if 0 < meter.examples < examples)
        values |= {f"train/{task.head.name}/{task.head.loss}": meter.mean() for task, meter in some}
    for own in parameter_sets:
        values |= {f"train/{key}": value for key, value in own.combiner.report().items()}
    return [Point(name, epoch, key, value) for key, value in values.items()]


def _measure(
    recipe: Recipe, model: Model, inputs: Sequence[TaskInputs], epoch: int
) -> tuple[dict[int, Validation], list[Point]]:
    """Return what validation says of each task (nothing where it isn't measured), and the points of the curves."""
    points: list[Point] = []
    validations: dict[int, Validation] = {}
    if not recipe.objective.measured_splits:
        return validations, points
    model.eval()
    for number, task in enumerate(inputs):
        data = task.data
        head = data.head
        for split in (part for part in (data.train, data.validation) if part.name in recipe.objective.measured_splits):
            logits = logits_of(model, head.name, _vectors(task, split, model), len(split))
            predictions = Predictions(split.name, head.name, head.classes, split.ids, split.targets, logits, head.kind)
            scores = predictions.scores()
            points += [
                Point(recipe.objective.phase, epoch, recipe.objective.curve(score), score.value) for score in scores
            ]
            if split.name == "validation":
                by_metric = {score.metric: score.value for score in scores}
                score = metric(head.metric).normalised(by_metric[head.metric])
                validations[number] = Validation(score, by_metric[head.loss])
    return validations, points


def _together(validations: Mapping[int, Validation], tasks: frozenset[int]) -> Validation | None:
    """Return what validation says of `tasks` that are selected together; None where none of them was measured."""
    own = [validations[task] for task in sorted(tasks) if task in validations]
    if not own:
        return None
    return Validation(float(np.mean([one.score for one in own])), sum(one.loss for one in own))


def _vectors(task: TaskInputs, split: Split, model: Model) -> Vectors:
    cached = task.cached.get(split.name)
    if cached is None:
        return CachedVectors(model.encoder, task.splits[split.name], model.head(task.data.head.name))
    return cached


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
