"""Layer utility analysis: an independent head on every layer of a frozen encoder. vela-2024 sections 4.5, 6.3."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from benchmark.train import (
    CONCAT,
    JOINS,
    AdamW,
    BestWeights,
    Blocks,
    Budget,
    Cosine,
    FrozenEncoder,
    Head,
    HeadPosition,
    HeadsAtLayers,
    LastWeights,
    Model,
    ModelPredictor,
    Point,
    Predictor,
    Pretrained,
    Recipe,
    Run,
    Score,
    SharedBatches,
    Split,
    SummedGradients,
    TaskLoss,
    TrainingData,
    UniformRates,
    UsageError,
    check_join,
    layer_scores,
    method,
    metric,
    parameter,
    parse_blocks,
    train,
)


@method("probe", source="vela-2024 §4.5, §6.3, appendix A; Alain and Bengio 2017; He et al. 2022, appendix A.1")
@dataclass(frozen=True)
class Probe:
    """An independent head on each hidden layer of the frozen encoder, all trained in one pass over states encoded once.

    A head is 0 to 3 transformer layers, copied from the encoder's next ones, new, or both, then pooler and linear;
    heads with copies stand on the layers that have enough above them. Each is a task of its own to the loop, about the
    same rows, with its own clipping and its own best epoch, and comes out as if it were trained alone.

    What a linear probe reads is standardised: layers differ a hundredfold in how much their [CLS] varies, which says
    nothing of what they know (He et al. 2022 put a batch normalisation without parameters there).

    The recommended layer is the smallest one within a standard error of the best on validation; the scores are those of
    its head. The report trained heads with layers of their own (`blocks=model:2`) for 10 epochs with a rate of 1e-5;
    the default, a linear probe, needs a larger one, which is why a suite's `lr` for whole encoders doesn't count here.
    """

    blocks: str = parameter("none", "transformer layers of a head: none, or model:N (copies) and random:N (new)")
    probe_lr: float = parameter(
        1e-3, "learning rate of the heads, the same throughout", above=0.0, high=1.0, log=True, search=(1e-5, 1e-1)
    )
    epochs: int | None = parameter(
        None, "passes over the train split; none: the suite's", low=1, high=10_000, unit="epochs"
    )
    dropout: float = parameter(0.1, "dropout before the linear layer", low=0.0, high=0.95)
    weight_decay: float = parameter(0.01, "decoupled weight decay of AdamW", low=0.0, high=1.0)
    join: str = parameter(
        CONCAT, "how the vectors u, v of a pair's sentences become one: u, v or |u - v|, u * v", choices=JOINS
    )
    gradient_clip: float | None = parameter(1.0, "largest norm of a head's gradient; none: not clipped", above=0.0)
    standardise: bool = parameter(
        True, "what a head without layers of its own reads, by the training rows' mean and standard deviation"
    )

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise UsageError for more copied layers than the encoder has, unreadable blocks, or a join of nothing."""
        self.spec.check(0, layers, "probe.blocks")
        check_join(self.join, heads)

    @property
    def spec(self) -> Blocks:
        """The transformer layers of a head. Raises UsageError."""
        blocks = parse_blocks(self.blocks, "probe.blocks")
        if blocks.count > 3:
            raise UsageError(f"probe.blocks: a head has at most 3 layers of its own, not {blocks.count}")
        return blocks

    def canonical(self, budget: Budget) -> Probe:
        """Write the blocks in one way; epochs that are the suite's go without saying. Raises UsageError."""
        if self.spec.count and not self.standardise:
            raise UsageError("probe.standardise is about heads without layers of their own: leave it out with blocks")
        return dataclasses.replace(
            self, blocks=str(self.spec), epochs=None if self.epochs == budget.epochs else self.epochs
        )

    def fit(self, tasks: Sequence[TrainingData], run: Run) -> Predictor:
        """Train the heads of each task. A task has its own phase, so that it doesn't depend on the suite's others."""
        fitted: dict[str, tuple[Model, str]] = {}
        encoder = run.load_encoder()
        for task in tasks:
            model = Model(encoder)
            layers = range(len(encoder.layers) - self.spec.model + 1)
            objective = LayerLoss(task.head, tuple(layers), len(task.validation), run.budget.selection)
            probed = [dataclasses.replace(task, head=head) for head in objective.heads]
            history = train([self.recipe(objective, run.budget)], model, probed, run)
            fitted[task.head.name] = (model, objective.name(objective.recommended(history)))
        return ProbePredictor(fitted, run)

    def recipe(self, objective: LayerLoss, budget: Budget) -> Recipe:
        """Return the answers for one task, whose heads stand at the objective's layers."""
        positions = tuple(
            (objective.name(layer), HeadPosition(layer, self.spec, stream=objective.task.name))
            for layer in objective.layers
        )
        return Recipe(
            start=Pretrained(),
            trainable=FrozenEncoder(),
            peak=self.probe_lr,
            rates=UniformRates(),
            schedule=Cosine(floor=1.0),  # constant
            optimizer=AdamW(self.weight_decay),
            batches=SharedBatches(budget.batch_size, self.epochs or budget.epochs),
            heads=HeadsAtLayers(positions, self.dropout, self.join, self.standardise),
            objective=objective,
            gradients=SummedGradients(self.gradient_clip),
            weight_selection=BestWeights() if budget.selection == "best" else LastWeights(),
        )


@dataclass(frozen=True)
class LayerLoss:
    """The task's own loss for a head on each of several layers, and which of these layers is recommended."""

    task: Head
    layers: tuple[int, ...]
    rows: int  # of validation
    selection: str  # best | last
    measured_splits: tuple[str, ...] = ("train", "validation")

    @property
    def phase(self) -> str:
        """The phase is called by the task."""
        return f"probe-{self.task.name}"

    @property
    def heads(self) -> tuple[Head, ...]:
        """The task's head once per layer; to the loop each is a task of its own."""
        return tuple(dataclasses.replace(self.task, name=self.name(layer)) for layer in self.layers)

    def name(self, layer: int) -> str:
        """Return the name of the head at `layer`."""
        return f"{self.task.name}/{layer}"

    def training_tasks(self, tasks: Sequence[TrainingData]) -> Sequence[TrainingData]:
        """Return the tasks that were given, one per layer."""
        return tasks

    def loss(self, model: Model, head: Head, vectors: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss. vectors (sentences · rows, width), labels (rows,)."""
        return TaskLoss().loss(model, head, vectors, labels)

    def curve(self, score: Score) -> str:
        """Return the curve of the task, metric and layer."""
        layer = next(layer for layer in self.layers if self.name(layer) == score.task)
        return layer_scores.key(score.split, self.task.name, score.metric, layer)

    def summary(self, history: Sequence[Point]) -> Mapping[str, float]:
        """Return the layer that is recommended so far."""
        return {f"{layer_scores.RECOMMENDED}/{self.task.name}": float(self.recommended(history))}

    def recommended(self, history: Sequence[Point]) -> int:
        """Return the smallest layer within a standard error of the best, by the scores of the weights that come back.

        history: the points of the phase up to an epoch. Raises ValueError where no layer has a score.
        """
        scores = {layer: self._score(history, layer) for layer in self.layers}
        return layer_scores.recommended(scores, self.task.metric, self.rows)

    def _score(self, history: Sequence[Point], layer: int) -> float:
        """Return the validation score of the selected epoch's weights; nan where no epoch has one."""
        key = layer_scores.key("validation", self.task.name, self.task.metric, layer)
        values = [point.value for point in history if point.key == key]
        if self.selection == "last":
            return values[-1]
        known = [value for value in values if not math.isnan(value)]
        sign = 1.0 if metric(self.task.metric).direction == "higher" else -1.0
        return max(known, key=lambda value: sign * value, default=math.nan)


@dataclass(frozen=True, eq=False)
class ProbePredictor:
    """Answers with the head of each task's recommended layer."""

    fitted: dict[str, tuple[Model, str]]  # by task: its heads, and the name of the recommended one
    run: Run

    def logits(self, task: str, split: Split) -> npt.NDArray[np.float32]:
        """Return the logits of `split`'s rows for `task`, (rows, outputs)."""
        model, name = self.fitted[task]
        return ModelPredictor(model, self.run).logits(name, split)
