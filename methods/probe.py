"""Layer utility analysis: an independent head on every layer of a frozen encoder. vela-2024 sections 4.5, 6.3."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmark.core import layer_scores as by_layer
from benchmark.core.errors import UsageError
from benchmark.core.metrics import metric
from benchmark.core.parameters import parameter
from benchmark.core.record import EpochEnded, PhaseStarted, Point, Watcher
from benchmark.core.registry import method
from benchmark.data.batches import Together
from benchmark.data.task import Head, Split, TrainingData
from benchmark.model.blocks import Blocks, parse_blocks
from benchmark.model.heads import CONCAT, JOINS
from benchmark.model.model import Model
from benchmark.train.baseline import AdamW, Even, HeadOnly, Pretrained, Summed
from benchmark.train.heads import AtLayers, Place
from benchmark.train.keep import Best, Last
from benchmark.train.loop import train
from benchmark.train.objectives import TaskLoss, Weights
from benchmark.train.predict import ModelPredictor, Predictor
from benchmark.train.recipe import Budget, Recipe
from benchmark.train.run import Run
from benchmark.train.schedules import Cosine


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
        """Raise UsageError for more copied layers than the encoder has, or blocks that can't be read."""
        self.spec.check(0, layers, "probe.blocks")

    @property
    def spec(self) -> Blocks:
        """The transformer layers of a head. Raises UsageError."""
        found = parse_blocks(self.blocks, "probe.blocks")
        if found.count > 3:
            raise UsageError(f"probe.blocks: a head has at most 3 layers of its own, not {found.count}")
        return found

    def fit(self, tasks: Sequence[TrainingData], run: Run) -> Predictor:
        """Train the heads of each task. A task has its own phase, so that it doesn't depend on the suite's others."""
        fitted: dict[str, tuple[Model, str]] = {}
        encoder = run.load_encoder()
        for task in tasks:
            model = Model(encoder)
            places = range(len(encoder.layers) - self.spec.model + 1)
            questions = {f"{task.head.name}/{layer}": layer for layer in places}
            watcher = ByLayer(run.watcher, task.head, len(task.validation), questions, run.budget.selection)
            asked = [dataclasses.replace(task, head=dataclasses.replace(task.head, name=name)) for name in questions]
            train(
                self.recipe(task.head, questions, run.budget), model, asked, dataclasses.replace(run, watcher=watcher)
            )
            fitted[task.head.name] = (model, f"{task.head.name}/{watcher.recommended}")
        return ProbePredictor(fitted, run)

    def recipe(self, head: Head, questions: dict[str, int], budget: Budget) -> Recipe:
        """Return the answers for one task: `questions` are the names of its heads and the layers they stand at."""
        places = tuple((name, Place(layer, self.spec, stream=head.name)) for name, layer in questions.items())
        return Recipe(
            start=Pretrained(),
            trainable=HeadOnly(),
            peak=self.probe_lr,
            rates=Even(),
            schedule=Cosine(floor=1.0),  # constant
            optimizer=AdamW(self.weight_decay),
            batches=Together(budget.batch_size, self.epochs or budget.epochs),
            heads=AtLayers(places, self.dropout, self.join, self.standardise),
            objective=TaskLoss(phase=f"probe-{head.name}"),
            importance=Weights(),
            gradients=Summed(self.gradient_clip),
            keep=Best() if budget.selection == "best" else Last(),
            measured=("train", "validation"),
        )


@dataclass
class ByLayer:
    """Passes events on, with the curves of heads named by task, metric and layer, and the layer recommended so far."""

    inner: Watcher
    head: Head
    rows: int  # of validation
    questions: dict[str, int]  # name of a head → layer
    selection: str  # best | last
    scores: dict[int, float] = field(default_factory=dict)  # of the weights that would come back, by layer

    @property
    def recommended(self) -> int:
        """The smallest layer within noise of the best."""
        return by_layer.recommended(self.scores, self.head.metric, self.rows)

    def phase_started(self, event: PhaseStarted) -> None:
        """Pass it on."""
        self.inner.phase_started(event)

    def step_ended(self, done: int, total: int) -> None:
        """Pass it on."""
        self.inner.step_ended(done, total)

    def epoch_ended(self, event: EpochEnded) -> None:
        """Rename the points, and add the recommendation."""
        points = [self._named(point) for point in event.points]
        own = {
            layer: point.value
            for name, layer in self.questions.items()
            for point in event.points
            if point.key == f"validation/{name}/{self.head.metric}"
        }
        sign = 1.0 if metric(self.head.metric).direction == "higher" else -1.0
        for layer, value in own.items():
            known = self.scores.get(layer, math.nan)
            if self.selection == "last" or math.isnan(known) or sign * value > sign * known:
                self.scores[layer] = value
        said = Point(event.phase, event.epoch, f"{by_layer.RECOMMENDED}/{self.head.name}", float(self.recommended))
        self.inner.epoch_ended(dataclasses.replace(event, points=(*points, said)))

    def _named(self, point: Point) -> Point:
        split, _, rest = point.key.partition("/")
        name, _, measure = rest.rpartition("/")
        layer = self.questions.get(name)
        if layer is None:
            return point
        return dataclasses.replace(point, key=by_layer.key(split, self.head.name, measure, layer))


@dataclass(frozen=True, eq=False)
class ProbePredictor:
    """Answers with the head of each task's recommended layer."""

    fitted: dict[str, tuple[Model, str]]  # by task: its heads, and the name of the recommended one
    run: Run

    def logits(self, task: str, split: Split) -> npt.NDArray[np.float32]:
        """Return the logits of `split`'s rows for `task`, (rows, outputs)."""
        model, name = self.fitted[task]
        return ModelPredictor(model, self.run).logits(name, split)
