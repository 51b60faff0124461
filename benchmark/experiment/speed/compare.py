"""Steps of a phase of training, measured side by side: blocks of each side in turn, so that all meet the same machine.

Times of two processes on a shared machine can't be compared; ratios within one can. Every side trains the same model on
the same rows in the same order.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmark.core.errors import SkippedError
from benchmark.core.record import EpochEnded, PhaseStarted
from benchmark.data.batches import Step
from benchmark.data.task import Split, TrainingData
from benchmark.experiment.speed.machine import MachineSpeed, Work, measure_machine
from benchmark.experiment.speed.trainer import trainer_seconds
from benchmark.model.model import Model
from benchmark.train.loop import train
from benchmark.train.recipe import Recipe
from benchmark.train.run import Run

OURS, STOCK, TRAINER, PADDED = "bench", "stock", "trainer", "padded"
SIDES = {
    OURS: "this project's loop",
    STOCK: "this project's loop on transformers' padded forward",
    TRAINER: "Hugging Face's Trainer, padding to the longest text of a batch",
    PADDED: "Hugging Face's Trainer, padding to the suite's maximum length",
}
WARM_UP = 2
"""Steps at the start of a block that don't count."""


@dataclass(frozen=True)
class Timing:
    """What one side took."""

    side: str
    milliseconds: float  # per step: median, and its share of encoding once where the encoder is frozen
    low: float  # quartiles
    high: float
    steps: int


@dataclass(frozen=True)
class Comparison:
    """One phase of one method."""

    method: str
    phase: str
    trains_encoder: bool
    tokens: float  # real ones of a step, mean
    padded: float  # with those of padding
    timings: tuple[Timing, ...]
    floor: float | None  # milliseconds; None where the encoder is frozen
    machine: MachineSpeed
    skipped: tuple[tuple[str, str], ...] = ()  # side → why it wasn't measured

    def of(self, side: str) -> Timing | None:
        """Return what `side` took; None where it wasn't measured."""
        return next((timing for timing in self.timings if timing.side == side), None)

    def ratio(self, side: str) -> float | None:
        """Return how many times as long as this project's loop `side` took."""
        ours, theirs = self.of(OURS), self.of(side)
        return theirs.milliseconds / ours.milliseconds if ours and theirs else None


@dataclass
class StepClock:
    """Watches the loop: the seconds of each step."""

    device: torch.device
    seconds: list[float] = field(default_factory=list)
    encoding: float = 0.0
    began: float = 0.0

    def phase_started(self, event: PhaseStarted) -> None:
        """Steps begin."""
        self.encoding = event.encode_seconds
        self.began = time.perf_counter()

    def step_ended(self, done: int, total: int) -> None:
        """One step is over."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        now = time.perf_counter()
        self.seconds.append(now - self.began)
        self.began = now

    def epoch_ended(self, event: EpochEnded) -> None:
        """Nothing."""


@dataclass(frozen=True, eq=False)
class Block:
    """What every side does before it is the next one's turn."""

    tasks: tuple[TrainingData, ...]
    steps: tuple[Step, ...]


def compare(
    method: str, recipe: Recipe, tasks: Sequence[TrainingData], run: Run, sides: Sequence[str], steps: int, blocks: int
) -> Comparison:
    """Measure `steps` steps of the phase `recipe` in each of `blocks` blocks, on `sides` in turn."""
    epochs = recipe.batches.epochs
    once: Recipe = dataclasses.replace(recipe, batches=dataclasses.replace(recipe.batches, epochs=1))  # type: ignore[type-var]
    trained = once.objective.training_tasks(tasks)
    models = {side: _begun(once, trained, dataclasses.replace(run, forward=_forward(side))) for side in sides}
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    shares: dict[str, list[float]] = {side: [] for side in sides}  # of encoding once, per step
    skipped: dict[str, str] = {}
    machines, tokens = [], _Tokens()
    for number in range(blocks):
        block = _block(once, tasks, run, steps + WARM_UP, number)
        tokens.add(block, once, run)
        machines.append(_machine(models[OURS], round(tokens.real / tokens.steps)))
        for side in sides:
            if side in skipped:
                continue
            try:
                found, encoding = _measured(side, once, models[side], block, run)
            except SkippedError as error:
                skipped[side] = str(error)
                continue
            seconds[side] += found[WARM_UP:]
            shares[side].append(encoding / (epochs * len(found)))
    machine = MachineSpeed(
        statistics.median(found.flops for found in machines), statistics.median(found.bandwidth for found in machines)
    )
    floor = None
    if once.trainable.trains_encoder:
        block = _block(once, tasks, run, WARM_UP, 0)
        floor = 1000 * _work(once, models[OURS], block, run).floor(machine)
    return Comparison(
        method=method,
        phase=once.objective.phase,
        trains_encoder=once.trainable.trains_encoder,
        tokens=tokens.real / tokens.steps,
        padded=tokens.padded / tokens.steps,
        timings=tuple(_timing(side, seconds[side], shares[side]) for side in sides if seconds[side]),
        floor=floor,
        machine=machine,
        skipped=tuple(skipped.items()),
    )


def _forward(side: str) -> str:
    return "packed" if side == OURS else "stock"


def _begun(recipe: Recipe, tasks: Sequence[TrainingData], run: Run) -> Model:
    """Return a model that stands where the phase begins."""
    model = Model(run.load_encoder())
    with run.streams.scope("training"):
        recipe.start.prepare(model, run.streams)
        model.set_heads(recipe.heads.attach(model, [task.head for task in tasks], run.streams))
        recipe.trainable.apply(model, run.streams)
    return model


def _measured(side: str, recipe: Recipe, model: Model, block: Block, run: Run) -> tuple[list[float], float]:
    """Return the seconds of each step of `block` on `side`, and those of encoding its rows once."""
    if side in (OURS, STOCK):
        clock = StepClock(model.encoder.device)
        train([recipe], model, block.tasks, dataclasses.replace(run, watcher=clock, forward=_forward(side)))
        return clock.seconds, clock.encoding
    tasks = recipe.objective.training_tasks(block.tasks)
    if len(tasks) != 1:
        raise SkippedError("Trainer knows nothing of several tasks")
    longest = run.max_length if side == PADDED else None
    return trainer_seconds(recipe, model, tasks[0], run, block.steps, longest), 0.0


def _block(recipe: Recipe, tasks: Sequence[TrainingData], run: Run, steps: int, number: int) -> Block:
    """Return block `number`: rows of every task for at least `steps` steps, drawn anew for each block."""
    batches = 1
    while True:
        some = tuple(_some(task, batches * recipe.batches.size, run, number) for task in tasks)
        trained = recipe.objective.training_tasks(some)
        sizes = {task.head.name: len(task.train) for task in trained}
        found = recipe.batches.epoch(sizes, run.streams, recipe.number, 1)
        if len(found) >= steps or batches > 100 * steps:
            return Block(some, tuple(found))
        batches = max(batches + 1, batches * steps // max(1, len(found)))


def _some(task: TrainingData, count: int, run: Run, number: int) -> TrainingData:
    rows = np.resize(run.streams.numpy("speed", number).permutation(len(task.train)), count)
    few = np.arange(min(len(task.validation), 8))
    return dataclasses.replace(
        task,
        train=_rows(task.train, rows, f"{number}/{count}"),
        validation=_rows(task.validation, few, "few"),
    )


def _rows(split: Split, rows: npt.NDArray[np.int64], mark: str) -> Split:
    return dataclasses.replace(
        split,
        ids=tuple(f"{split.ids[row]}/{place}" for place, row in enumerate(rows)),
        texts=tuple(split.texts[row] for row in rows),
        labels=tuple(split.labels[row] for row in rows),
        fingerprint=f"{split.fingerprint}/{mark}",
    )


@dataclass
class _Tokens:
    """Counts the tokens of steps."""

    real: float = 0.0
    padded: float = 0.0
    steps: int = 0

    def add(self, block: Block, recipe: Recipe, run: Run) -> None:
        """Count those of `block`."""
        encoded = [run.encode(task.train).sentences for task in recipe.objective.training_tasks(block.tasks)]
        for parts in block.steps:
            self.steps += 1
            for part in parts:
                for sentence in encoded[part.task]:
                    lengths = sentence.lengths[part.rows]
                    self.real += recipe.batches.views * int(lengths.sum())
                    self.padded += recipe.batches.views * len(lengths) * int(lengths.max())


def _machine(model: Model, tokens: int) -> MachineSpeed:
    config = model.encoder.config
    inner = int(getattr(config, "intermediate_size", 0) or getattr(config, "hidden_dim", 0) or 4 * model.encoder.hidden)
    return measure_machine(model.encoder.device, tokens, model.encoder.hidden, inner)


def _work(recipe: Recipe, model: Model, block: Block, run: Run) -> Work:
    """Return what one of the steps of `block` can't do without, counted while they run."""
    clock = StepClock(model.encoder.device)
    with FlopCounterMode(display=False) as counter:
        train([recipe], model, block.tasks, dataclasses.replace(run, watcher=clock))
    trained = sum(weight.numel() for weight in model.trainable())
    backbone: Any = model.encoder.backbone
    table = backbone.get_input_embeddings().weight
    if table.requires_grad:
        occurring = {int(token) for task in block.tasks for s in run.encode(task.train).sentences for token in s.flat}
        trained -= (len(table) - len(occurring)) * table.shape[1]
    return Work(counter.get_total_flops() / len(clock.seconds), trained)


def _timing(side: str, seconds: Sequence[float], shares: Sequence[float]) -> Timing:
    low, middle, high = (1000 * float(value) for value in np.quantile(seconds, (0.25, 0.5, 0.75)))
    share = 1000 * statistics.median(shares)
    return Timing(side, middle + share, low + share, high + share, len(seconds))
