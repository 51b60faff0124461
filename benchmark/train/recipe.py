"""A method is a set of answers. `Recipe` holds one to each question; techniques change some; `combine` joins them.

Every answer is a frozen dataclass: comparable, printable, hashable. There is no subclass per combination, no order of
hooks: ``a+b`` equals ``b+a``, and two techniques that answer the same question clash before the first batch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from benchmark.core.seeds import Streams
from benchmark.data.batches import Step
from benchmark.data.task import Head, TrainingData
from benchmark.model.model import Model

if TYPE_CHECKING:
    pass


class Start(Protocol):
    """From what weights?"""

    @property
    def fresh_layers(self) -> bool:
        """Whether some encoder weights are new, so that they must be trained."""

    def check(self, layers: int) -> None:
        """Raise UsageError when an encoder with `layers` layers can't start so. Called before any cell runs."""

    def prepare(self, model: Model, streams: Streams) -> None:
        """Bring the encoder's weights to the start, in place."""


class Trainable(Protocol):
    """What may move?"""

    @property
    def trains_encoder(self) -> bool:
        """Whether anything in the encoder moves, adapters included. If not, the data is encoded once."""

    @property
    def trains_pretrained(self) -> bool:
        """Whether the encoder's own weights move."""

    def apply(self, model: Model, streams: Streams) -> None:
        """Set ``requires_grad`` (and add adapters) in the encoder. Must change nothing when applied twice."""


class Rates(Protocol):
    """How fast does each depth move, given the peak learning rate?"""

    def encoder(self, peak: float, depth: int, depths: int) -> float:
        """Return the learning rate at `depth` (0 embeddings … depths - 1 pooler)."""

    def head(self, peak: float) -> float:
        """Return the heads' learning rate."""


class Schedule(Protocol):
    """How does the learning rate move over time?"""

    def factor(self, step: int, total: int) -> float:
        """Return the share of the peak at `step` (0 … total - 1) of `total` steps."""


class OptimizerRule(Protocol):
    """Which rule turns gradients into steps?"""

    def build(self, groups: list[dict[str, object]]) -> torch.optim.Optimizer:
        """Return the optimizer over `groups` (each with ``params`` and ``lr``)."""


class Batches(Protocol):
    """What does one step see?"""

    @property
    def size(self) -> int:
        """Rows of one batch."""

    @property
    def epochs(self) -> int:
        """Epochs of the phase."""

    @property
    def views(self) -> int:
        """How many times the encoder sees each row of a step, under different dropout masks."""

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise SkippedError when it has no meaning for tasks with these `heads`. Called before any cell runs."""

    def steps_per_epoch(self, sizes: Sequence[int]) -> int:
        """Return the steps of an epoch over tasks with `sizes` training rows."""

    def epoch(self, sizes: Sequence[int], streams: Streams, phase: int, epoch: int) -> tuple[Step, ...]:
        """Return the steps of `epoch` (from 1) of `phase` (from 0), a function of nothing but the arguments."""


class Heads(Protocol):
    """Where do heads stand, and what are they made of?"""

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise UsageError when an encoder with `layers` transformer layers has no such place for one of `heads`."""

    def attach(self, model: Model, heads: Sequence[Head], streams: Streams) -> None:
        """Put them on the encoder."""

    def module(self, model: Model, head: Head) -> nn.Module:
        """Return what was put there for `head`; several may share one."""


class Objective(Protocol):
    """What is asked?"""

    @property
    def phase(self) -> str:
        """The name of a phase that trains for it: ``classification``, ``contrastive``."""

    @property
    def predicts(self) -> bool:
        """Whether the model predicts labels after such a phase, so that validation has a score."""

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise SkippedError when it has no meaning for tasks with these `heads`. Called before any cell runs."""

    def about(self, tasks: Sequence[TrainingData]) -> Sequence[TrainingData]:
        """Return the tasks whose rows are asked about: those of the suite, or others made of their rows."""

    def loss(self, model: Model, head: Head, vectors: Tensor, labels: Tensor) -> Tensor:
        """Return the batch's mean loss, a scalar. vectors (sentences · views · rows, width), labels (rows,).

        Vectors stand sentence by sentence, and in it view by view.
        """


class Importance(Protocol):
    """How much does each task count?"""

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise UsageError when it speaks of a task that isn't there."""

    def of(self, task: str) -> float:
        """Return the factor of the task's loss."""


class Settler(Protocol):
    """Settles rival wishes throughout one phase."""

    def backward(self, losses: Sequence[Tensor], weights: Sequence[nn.Parameter], epoch: int, step: int) -> None:
        """Leave in every weight's ``grad`` the direction of the step. Must not look at a value on the host.

        `losses`: of this step, one per part; `epoch` from 1, `step` from 0 throughout the phase.
        """

    def report(self) -> Mapping[str, float]:
        """Return figures of the epoch that is over, by curve name, and begin the next. May wait for the device."""


class Gradients(Protocol):
    """How are rival wishes settled?"""

    @property
    def needs_shared_weights(self) -> bool:
        """Whether it has no meaning where tasks share no weight that moves."""

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise SkippedError when it has no meaning for tasks with these `heads`. Called before any cell runs."""

    def settler(self, shared: Sequence[nn.Parameter], streams: Streams, phase: int) -> Settler:
        """Return what settles in `phase` (from 0); `shared`: the weights that several tasks share."""


class Keeper(Protocol):
    """Follows one phase and knows which weights come back."""

    def after_step(self, step: int, weights: Sequence[nn.Parameter]) -> None:
        """`step` (from 1) steps are over."""

    def after_epoch(self, score: float | None, weights: Sequence[nn.Parameter]) -> None:
        """An epoch is over; `score` is the validation score (higher is better), None where there is none."""

    def restore(self, weights: Sequence[nn.Parameter]) -> None:
        """Put the kept weights back, in place."""


class Keep(Protocol):
    """Which weights come back?"""

    def keeper(self, total: int) -> Keeper:
        """Return a keeper for a phase of `total` steps."""

    def hold(self, factor: float, step: int, total: int) -> float:
        """Return the schedule's `factor` at `step`, or what averaging wants instead."""


@dataclass(frozen=True)
class Recipe:
    """One answer to each question."""

    start: Start
    trainable: Trainable
    peak: float  # learning rate at the schedule's top, before `rates`
    rates: Rates
    schedule: Schedule
    optimizer: OptimizerRule
    batches: Batches
    heads: Heads
    objective: Objective
    importance: Importance
    gradients: Gradients
    keep: Keep
    measured: tuple[str, ...] = ("validation",)  # splits whose scores are taken after each epoch; the test never is

    def phases(self) -> tuple[Recipe, ...]:
        """Return this recipe and those it starts after, first to last."""
        before = self.start.recipe.phases() if isinstance(self.start, After) else ()
        return (*before, self)

    def numbered(self) -> tuple[tuple[int, Recipe], ...]:
        """Return the phases with the numbers that their random streams are named by.

        What is trained before, apart, has negative ones: the phases behind it begin with 0, and so meet the same
        batches and masks as without it.
        """
        phases = self.phases()
        begun = [place for place, phase in enumerate(phases) if isinstance(phase.start, After) and phase.start.apart]
        return tuple(enumerate(phases, start=-max(begun, default=0)))

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise UsageError for an encoder with `layers` layers, or a suite, that lacks what a phase asks for.

        Raise SkippedError when a phase has no meaning for tasks with these `heads`.
        """
        for phase in self.phases():
            phase.start.check(layers)
            phase.heads.check(layers, heads)
            phase.importance.check(layers, heads)
            phase.objective.check(layers, heads)
            phase.batches.check(layers, heads)
            phase.gradients.check(layers, heads)


@dataclass(frozen=True)
class Answers:
    """The questions that a technique answers differently; None: as the baseline does."""

    start: Start | None = None
    trainable: Trainable | None = None
    peak: float | None = None
    rates: Rates | None = None
    schedule: Schedule | None = None
    optimizer: OptimizerRule | None = None
    batches: Batches | None = None
    heads: Heads | None = None
    objective: Objective | None = None
    importance: Importance | None = None
    gradients: Gradients | None = None
    keep: Keep | None = None

    def given(self) -> dict[str, object]:
        """Return the answers by question."""
        found = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {question: answer for question, answer in found.items() if answer is not None}


@dataclass(frozen=True)
class After:
    """Start from what another recipe left: the second phase of a two-phase technique."""

    recipe: Recipe
    apart: bool = False  # it comes before everything else that the method does, and changes none of its streams

    @property
    def fresh_layers(self) -> bool:
        """The earlier phase has trained them."""
        return False

    def check(self, layers: int) -> None:
        """The earlier recipe's start decides."""
        self.recipe.start.check(layers)

    def prepare(self, model: Model, streams: Streams) -> None:
        """Nothing: the loop runs the earlier phase on the same model."""


@dataclass(frozen=True)
class Budget:
    """What the suite grants every method alike."""

    epochs: int
    batch_size: int
    selection: str  # best | last
