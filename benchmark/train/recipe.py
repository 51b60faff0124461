"""A method is a set of answers to twelve questions. `Recipe` holds the answers for one phase of training.

Every answer is a frozen dataclass: comparable, printable, hashable. There is no subclass per combination, no order of
hooks: ``a+b`` equals ``b+a``, and two techniques that answer the same question clash before the first batch. The
protocols below say what an answer must offer; `benchmark.train.baseline` has the baseline's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from benchmark.core.record import Point, Score
from benchmark.core.seeds import Streams
from benchmark.data.batches import Step
from benchmark.data.task import Head, TrainingData
from benchmark.model.heads import HeadModule
from benchmark.model.model import Model


class Start(Protocol):
    """From what weights does the encoder start?"""

    @property
    def fresh_layers(self) -> bool:
        """Whether some encoder weights are new, so that they must be trained."""

    def prepare(self, model: Model, streams: Streams) -> None:
        """Bring the encoder's weights to the start, in place."""


class Trainable(Protocol):
    """Which of the encoder's parameters are trainable, which frozen?"""

    @property
    def trains_encoder(self) -> bool:
        """Whether anything in the encoder is trainable, adapters included. If not, the data is encoded once."""

    @property
    def trains_pretrained(self) -> bool:
        """Whether the encoder's own weights are trainable."""

    def apply(self, model: Model, streams: Streams) -> None:
        """Set ``requires_grad`` (and add adapters) in the encoder. Must change nothing when applied twice."""


class Rates(Protocol):
    """What is the learning rate at each depth, given the phase's peak?"""

    def encoder(self, peak: float, depth: int, depths: int) -> float:
        """Return the learning rate at `depth` (0 embeddings … depths - 1 pooler)."""

    def head(self, peak: float, layer: int = 0) -> float:
        """Return the learning rate of the heads' `layer`-th layer (from 0, see `HeadModule.layers`)."""

    def without_encoder(self) -> Rates:
        """Return the rates where the encoder is frozen: equal for all that differ in the encoder's alone."""


class Schedule(Protocol):
    """How does the learning rate change over time?"""

    def factor(self, step: int, total: int, epochs: int = 1) -> float:
        """Return the factor of the peak at `step` (0 … total - 1) of `total` steps, in a phase of `epochs` epochs."""


class OptimizerRule(Protocol):
    """Which rule turns gradients into steps?"""

    def build(self, groups: list[dict[str, object]]) -> torch.optim.Optimizer:
        """Return the optimizer over `groups` (each with ``params`` and ``lr``)."""


class Batches(Protocol):
    """What does one step see, and how much does each task count in it?"""

    @property
    def size(self) -> int:
        """Rows of one batch."""

    @property
    def epochs(self) -> int:
        """Epochs of the phase."""

    @property
    def views(self) -> int:
        """How many times the encoder sees each row of a step, under different dropout masks."""

    def steps_per_epoch(self, sizes: Mapping[str, int]) -> int:
        """Return the steps of an epoch over tasks with `sizes` (training rows by task)."""

    def epoch(self, sizes: Mapping[str, int], streams: Streams, phase: int, epoch: int) -> tuple[Step, ...]:
        """Return the steps of `epoch` (from 1) of the phase number `phase`, a function of nothing but the arguments."""


class Heads(Protocol):
    """Where do heads stand, and what are they made of?"""

    def attach(self, model: Model, heads: Sequence[Head], streams: Streams) -> Mapping[str, HeadModule]:
        """Return the module of each of `heads`, by name; several may share one. The phase has these and no others."""


class Objective(Protocol):
    """Which loss is minimised, and on what is the model measured meanwhile?"""

    @property
    def phase(self) -> str:
        """The name of a phase that trains for it: ``classification``, ``contrastive``."""

    @property
    def measured_splits(self) -> tuple[str, ...]:
        """Splits (train, validation) that are scored after each epoch; none where no label is predicted."""

    def training_tasks(self, tasks: Sequence[TrainingData]) -> Sequence[TrainingData]:
        """Return the tasks that are trained: those of the suite, or others made of their rows."""

    def loss(self, model: Model, head: Head, vectors: Tensor, labels: Tensor) -> Tensor:
        """Return the batch's mean loss, a scalar. vectors (sentences · views · rows, width), labels (rows,).

        Vectors stand sentence by sentence, and in it view by view.
        """

    def curve(self, score: Score) -> str:
        """Return the name of the curve that the score of an epoch belongs to."""

    def summary(self, history: Sequence[Point]) -> Mapping[str, float]:
        """Return further figures of an epoch by curve, from all points of the phase up to it."""


class GradientCombiner(Protocol):
    """Combines the gradients of a step's losses, throughout one phase."""

    def backward(self, losses: Sequence[Tensor], parameters: Sequence[nn.Parameter], epoch: int, step: int) -> None:
        """Leave in every parameter's ``grad`` the direction of the step. Must not read a value on the host.

        `losses`: of this step, one per part; `epoch` from 1, `step` from 0 throughout the phase.
        """

    def report(self) -> Mapping[str, float]:
        """Return figures of the epoch that is over, by curve, and begin the next. May wait for the device."""


class Gradients(Protocol):
    """How are the gradients of several losses combined, conflicting ones included?"""

    @property
    def needs_shared_weights(self) -> bool:
        """Whether it has no meaning where tasks share no trainable parameter."""

    def combiner(self, shared: Sequence[nn.Parameter], streams: Streams, phase: int) -> GradientCombiner:
        """Return what combines gradients in the phase number `phase`; `shared`: parameters that several tasks share."""


@dataclass(frozen=True)
class Validation:
    """What validation says after an epoch, over the tasks that are selected together."""

    score: float  # mean of the tasks' own metrics, each on a scale from 0 to 1: higher is better
    loss: float  # sum of the tasks' mean losses: lower is better


class WeightTracker(Protocol):
    """Follows one phase and knows which weights come back."""

    def after_step(self, step: int, parameters: Sequence[nn.Parameter]) -> None:
        """`step` (from 1) steps are over."""

    def after_epoch(self, validation: Validation | None, parameters: Sequence[nn.Parameter]) -> None:
        """An epoch is over; `validation` is None where nothing was measured."""

    def restore(self, parameters: Sequence[nn.Parameter]) -> None:
        """Put the selected weights back, in place."""


class WeightSelection(Protocol):
    """Which weights come back: the last, the best epoch's, an average?"""

    def tracker(self, total: int, epochs: int) -> WeightTracker:
        """Return a tracker for a phase of `total` steps in `epochs` epochs."""

    def override_factor(self, schedule: Schedule, step: int, total: int, epochs: int) -> float:
        """Return the learning rate's factor at `step`: the schedule's, or another (averaging has a rate of its own)."""


@dataclass(frozen=True)
class Recipe:
    """One phase of training: an answer to each question."""

    start: Start
    trainable: Trainable
    peak: float  # learning rate at the schedule's top, before `rates`
    rates: Rates
    schedule: Schedule
    optimizer: OptimizerRule
    batches: Batches
    heads: Heads
    objective: Objective
    gradients: Gradients
    weight_selection: WeightSelection
    encoder_dropout: float | None = None  # of every dropout in the encoder, attention's included; None: as published
    number: int = 0
    """What the phase's random streams are named by. The phase that all techniques answer for is 0, whatever comes
    before (negative) or after it, so that it meets the same batches and dropout masks with and without them."""


@dataclass(frozen=True)
class Answers:
    """The questions that a technique answers differently; None: as the baseline does."""

    start: Start | None = None
    trainable: Trainable | None = None
    encoder_dropout: float | None = None
    peak: float | None = None
    rates: Rates | None = None
    schedule: Schedule | None = None
    optimizer: OptimizerRule | None = None
    batches: Batches | None = None
    heads: Heads | None = None
    objective: Objective | None = None
    gradients: Gradients | None = None
    weight_selection: WeightSelection | None = None

    def given(self) -> dict[str, object]:
        """Return the answers by question."""
        answers = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {question: answer for question, answer in answers.items() if answer is not None}


@dataclass(frozen=True)
class Budget:
    """What the suite grants every method alike."""

    epochs: int
    batch_size: int
    selection: str  # best | last
