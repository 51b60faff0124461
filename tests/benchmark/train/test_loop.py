"""The one loop against a plain one written by hand, and what it promises: no waiting, no doubles, no silent end."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn

from benchmark.core.errors import DivergedError
from benchmark.core.record import EpochEnded, PhaseStarted, Point
from benchmark.core.seeds import Streams
from benchmark.data.task import Head, Task
from benchmark.experiment.collector import Collector
from benchmark.model.heads import ClassifierHead
from benchmark.model.model import Model
from benchmark.train import loop
from benchmark.train.baseline import Baseline, FrozenEncoder
from benchmark.train.loop import train
from benchmark.train.method_handle import build_method
from benchmark.train.objectives import TaskLoss
from benchmark.train.recipe import Budget, Recipe, Validation
from benchmark.train.run import Run
from benchmark.train.vectors import OnTheFly
from benchmark.train.weight_selection import BestWeights, LastWeights
from tests.support.lab import Lab

ROWS = 20
# Called on a tensor, each makes the host wait for the device.
WAITING = ("item", "tolist", "numpy", "cpu", "nonzero", "__float__", "__int__", "__bool__", "__index__", "__array__")


@pytest.fixture(scope="module")
def task(lab: Lab) -> Task:
    made: Task = lab.task(train=ROWS, validation=10, test=5)
    return made


def baseline(epochs: int = 2, batch_size: int = 8, selection: str = "last", **changes: Any) -> Recipe:
    recipe = Baseline(lr=1e-3).recipe(Budget(epochs, batch_size, selection))
    return dataclasses.replace(recipe, **changes)


def fit(lab: Lab, task: Task, *phases: Recipe, seed: int = 0, **surroundings: Any) -> tuple[Model, Run]:
    run: Run = lab.run(seed, **surroundings)
    model = Model(run.load_encoder())
    train(phases, model, [task.without_test()], run)
    return model, run


def plain_loop(
    lab: Lab, task: Task, seed: int, epochs: int, size: int, dropout: bool = True
) -> tuple[nn.Module, nn.Module, list[float]]:
    """Fine-tune as any tutorial does: `transformers`, AdamW, cosine, clipping. Return backbone, head, epoch losses."""
    folder, streams = lab.run().encoder.folder, Streams(seed)
    backbone = transformers.AutoModel.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with streams.scope("head", task.name):
        head = ClassifierHead(32, 256, len(task.head.classes), 0.1)
    weights = [*backbone.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=1e-3, weight_decay=0.01)
    total = epochs * math.ceil(len(task.train) / size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total, eta_min=1e-5)
    backbone.train()
    head.train()
    if not dropout:
        nothing_drops([backbone, head])
    losses, step = [], 0
    with torch.random.fork_rng(devices=[]):
        for epoch in range(1, epochs + 1):
            seen = 0.0
            order = streams.numpy("order", 0, 0, epoch).permutation(len(task.train)).tolist()
            for rows in (order[start : start + size] for start in range(0, len(order), size)):
                torch.manual_seed(streams.number("dropout", 0, step))
                batch = tokenizer([task.train.texts[row][0] for row in rows], padding=True, return_tensors="pt")
                labels = torch.tensor([task.train.labels[row] for row in rows])
                loss = nn.functional.cross_entropy(head(backbone(**batch).last_hidden_state[:, 0]), labels)
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(weights, 1.0)
                optimizer.step()
                schedule.step()
                seen, step = seen + loss.item() * len(rows), step + 1
            losses.append(seen / len(order))
    return backbone, head, losses


def nothing_drops(modules: Sequence[nn.Module]) -> None:
    """Set every rate of dropout in `modules` to 0."""
    for module in (part for whole in modules for part in whole.modules() if isinstance(part, nn.Dropout)):
        module.p = 0.0


@pytest.mark.parametrize(("size", "forward"), [(8, "stock"), (5, "stock"), (8, "packed"), (5, "packed")])
def test_it_is_the_plain_loop(lab: Lab, task: Task, size: int, forward: str) -> None:
    """Under the very masks of transformers' forward; without padding, whose masks are others, with dropout off."""
    dropout = forward == "stock"
    backbone, head, losses = plain_loop(lab, task, seed=3, epochs=2, size=size, dropout=dropout)
    run: Run = lab.run(3, forward=forward)
    model = Model(run.load_encoder())
    recipe = baseline(batch_size=size)
    if not dropout:
        nothing_drops([model.encoder])
        recipe = dataclasses.replace(recipe, heads=dataclasses.replace(recipe.heads, dropout=0.0))  # type: ignore[type-var]
    assert model.encoder.packs is (forward == "packed")
    train([recipe], model, [task.without_test()], run)
    found = model.state_dict()
    expected = {
        **{f"encoder.backbone.{name}": value for name, value in backbone.state_dict().items()},
        **{f"heads.{task.name}.{name}": value for name, value in head.state_dict().items()},
    }
    assert set(found) == set(expected)
    for name, value in expected.items():
        # Adam divides a gradient by its own size: where that is next to nothing, rounding moves a weight a little.
        assert torch.allclose(found[name], value, atol=1e-6 if dropout else 2e-5), name
    assert isinstance(run.watcher, Collector)
    own = [point.value for point in run.watcher.points if point.key == "train/loss"]
    assert own == pytest.approx(losses, abs=1e-6)
    before = lab.model().state_dict()
    assert not torch.allclose(found["encoder.backbone.embeddings.word_embeddings.weight"],
                              before["encoder.backbone.embeddings.word_embeddings.weight"], atol=1e-6)  # fmt: skip


def test_it_leaves_the_global_generator_alone(lab: Lab, task: Task) -> None:
    before = torch.get_rng_state()
    fit(lab, task, baseline(epochs=1))
    assert torch.equal(before, torch.get_rng_state())


def test_the_state_of_the_global_generator_does_not_matter(lab: Lab, task: Task) -> None:
    one, _ = fit(lab, task, baseline(epochs=1))
    torch.rand(5)
    other, _ = fit(lab, task, baseline(epochs=1))
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


class TestFrozenEncoder:
    def calls(self, lab: Lab, task: Task, *phases: Recipe) -> int:
        """How often the backbone runs."""
        run = lab.run()
        model = Model(run.load_encoder())
        count = 0

        def counted(*_: Any) -> None:
            nonlocal count
            count += 1

        model.encoder.backbone.register_forward_hook(counted)
        train(phases, model, [task.without_test()], run)
        return count

    @pytest.mark.parametrize("epochs", [1, 4])
    def test_data_is_encoded_once_and_not_every_epoch(self, lab: Lab, task: Task, epochs: int) -> None:
        assert self.calls(lab, task, baseline(epochs, trainable=FrozenEncoder())) == 2  # train, validation

    def test_a_moving_encoder_runs_every_step_and_every_validation(self, lab: Lab, task: Task) -> None:
        assert self.calls(lab, task, baseline(epochs=4)) == 4 * (math.ceil(ROWS / 8) + 1)

    def test_two_views_are_one_call(self, lab: Lab, task: Task) -> None:
        method: Any = build_method("supcon", Budget(2, 8, "last"), {"classifier_epochs": 3})
        assert self.calls(lab, task, *method.phases) == 2 * math.ceil(ROWS / 8) + 2

    def test_weights_of_the_encoder_stay(self, lab: Lab, task: Task) -> None:
        model, _ = fit(lab, task, baseline(trainable=FrozenEncoder()))
        for one, other in zip(model.encoder.parameters(), lab.model().encoder.parameters(), strict=True):
            assert torch.equal(one, other)

    def test_it_is_the_same_as_encoding_every_step_without_dropout(
        self, lab: Lab, task: Task, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        once, _ = fit(lab, task, baseline(trainable=FrozenEncoder()))
        monkeypatch.setattr(loop, "cache_states", lambda _, encoder, split, heads: [OnTheFly(encoder, split, heads[0])])
        monkeypatch.setattr(loop, "_measure", lambda *_: ({}, []))
        always, _ = fit(lab, task, baseline(trainable=FrozenEncoder()))
        for a, b in zip(once.heads.parameters(), always.heads.parameters(), strict=True):
            assert torch.allclose(a, b, atol=1e-5)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """Counts how often something on the host looks into a tensor."""
    count = 0

    def counting(original: Any) -> Any:
        def called(*args: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            return original(*args, **named)

        return called

    monkeypatch.setattr(Streams, "drawn", lambda: Streams(0))  # asks torch's generator on the host, and no device
    for name in WAITING:
        monkeypatch.setattr(torch.Tensor, name, counting(getattr(torch.Tensor, name)))
    yield lambda: count
    monkeypatch.undo()


def test_the_counter_of_waits_counts(waits: Callable[[], int]) -> None:
    tensor = torch.ones(1)
    assert float(tensor) == tensor.item()
    assert waits() >= 2


@pytest.fixture
def blind_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    """`transformers` doesn't look whether a mask hides anything."""
    monkeypatch.setattr("transformers.masking_utils._ignore_bidirectional_mask_sdpa", lambda *_: False)


def waits_of(lab: Lab, task: Task, waits: Callable[[], int], name: str, size: int) -> int:
    """How often a fit of two epochs with batches of `size` waits."""
    given: dict[str, Any] = {"classifier_epochs": 2} if name == "supcon" else {}
    method: Any = build_method(name, Budget(2, size, "last"), given)
    run = lab.run()
    model = Model(run.load_encoder())
    before = waits()
    train(method.phases, model, [task.without_test()], run)
    return waits() - before


@pytest.mark.usefixtures("blind_masks")
@pytest.mark.parametrize("name", ["finetune", "lora", "supcon", "swa+llrd"])
def test_no_step_waits_for_the_device(lab: Lab, task: Task, waits: Callable[[], int], name: str) -> None:
    found = [waits_of(lab, task, waits, name, size) for size in (10, 5, 2)]
    assert found[0] == found[1] == found[2]  # 2, 4 and 10 steps an epoch
    assert found[0] > 0  # at least once an epoch, for the loss


def test_no_step_waits_for_the_device_in_the_forward_pass(lab: Lab, task: Task, waits: Callable[[], int]) -> None:
    found = [waits_of(lab, task, waits, "finetune", size) for size in (10, 5, 2)]
    assert found[0] == found[1] == found[2]


@dataclass(frozen=True)
class Poisoned(TaskLoss):
    """A loss that is what it is told to be."""

    value: float = math.nan

    def loss(self, model: Model, head: Head, vectors: Tensor, labels: Tensor) -> Tensor:
        return super().loss(model, head, vectors, labels) * self.value


class TestDivergence:
    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_a_loss_that_is_not_finite_is_an_error(self, lab: Lab, task: Task, value: float) -> None:
        with pytest.raises(DivergedError, match=r"the mean loss of epoch 1 of phase 'classification' is (nan|inf)"):
            fit(lab, task, baseline(objective=Poisoned(value=value)))

    def test_a_learning_rate_without_measure(self, lab: Lab, task: Task) -> None:
        with pytest.raises(DivergedError, match="of phase 'classification' is nan"):
            fit(lab, task, baseline(epochs=3, peak=1e30))

    def test_one_bad_step_is_enough(self, lab: Lab, task: Task) -> None:
        collector = Collector()

        @dataclass(frozen=True)
        class Once(TaskLoss):
            def loss(self, model: Model, head: Head, vectors: Tensor, labels: Tensor) -> Tensor:
                loss = super().loss(model, head, vectors, labels)
                return loss * math.nan if len(labels) == ROWS % 8 else loss  # the last, smaller batch

        with pytest.raises(DivergedError):
            fit(lab, task, baseline(objective=Once()), watcher=collector)
        assert collector.points == []


class TestCurves:
    def test_have_a_point_per_epoch_and_measure(self, lab: Lab, task: Task) -> None:
        _, run = fit(lab, task, baseline(epochs=3))
        assert isinstance(run.watcher, Collector)
        keys = ["train/loss", *(f"validation/scenario/{name}" for name in ("accuracy", "cross_entropy", "macro_f1"))]
        found = [(point.phase, point.epoch, point.key) for point in run.watcher.points]
        assert found == [("classification", epoch, key) for epoch in (1, 2, 3) for key in keys]
        assert all(math.isfinite(point.value) for point in run.watcher.points)

    def test_a_phase_that_predicts_nothing_has_a_loss_only(self, lab: Lab, task: Task) -> None:
        method: Any = build_method("supcon", Budget(2, 8, "best"), {"classifier_epochs": 1})
        _, run = fit(lab, task, *method.phases)
        assert isinstance(run.watcher, Collector)
        phases = [(point.phase, point.epoch) for point in run.watcher.points if point.key == "train/loss"]
        assert phases == [("contrastive", 1), ("contrastive", 2), ("classification", 1)]
        assert {point.phase for point in run.watcher.points if "validation" in point.key} == {"classification"}

    def test_watchers_hear_every_step(self, lab: Lab, task: Task) -> None:
        heard: list[Any] = []

        class Listener:
            def phase_started(self, event: PhaseStarted) -> None:
                heard.append((event.phase, event.epochs, event.steps))

            def step_ended(self, done: int, total: int) -> None:
                heard.append((done, total))

            def epoch_ended(self, event: EpochEnded) -> None:
                heard.append((event.epoch, event.examples))
                assert event.seconds > 0

        fit(lab, task, baseline(), watcher=Listener())
        steps = [[(step, 6) for step in part] for part in ((1, 2, 3), (4, 5, 6))]
        assert heard == [("classification", 2, 6), *steps[0], (1, ROWS), *steps[1], (2, ROWS)]


@dataclass
class Snapshots(Collector):
    """Copies the weights after each epoch."""

    model: Model | None = None
    taken: list[dict[str, Tensor]] = field(default_factory=list)

    def epoch_ended(self, event: EpochEnded) -> None:
        super().epoch_ended(event)
        assert self.model is not None
        self.taken.append({name: value.clone() for name, value in self.model.state_dict().items()})


@pytest.mark.parametrize(("selection", "kept"), [(BestWeights(), 2), (LastWeights(), 4)])
def test_the_weights_of_the_best_epoch_come_back(
    lab: Lab, task: Task, monkeypatch: pytest.MonkeyPatch, selection: Any, kept: int
) -> None:
    scores = iter([0.2, 0.9, 0.9, 0.1])
    monkeypatch.setattr(
        loop, "_measure", lambda *_: ({0: Validation(next(scores), 0.0)}, [Point("x", 1, "validation", 0.0)])
    )
    watcher = Snapshots()
    run = lab.run(watcher=watcher)
    watcher.model = Model(run.load_encoder())
    train([baseline(epochs=4, weight_selection=selection)], watcher.model, [task.without_test()], run)
    equal = [all(torch.equal(value, taken[name]) for name, value in watcher.model.state_dict().items())
             for taken in watcher.taken]  # fmt: skip
    assert equal == [epoch == kept for epoch in (1, 2, 3, 4)]


def test_the_score_that_chooses_is_the_tasks_own_and_higher_is_better(lab: Lab, task: Task) -> None:
    run = lab.run()
    model = Model(run.load_encoder())
    recipe = baseline()
    data = task.without_test()
    model.set_heads(recipe.heads.attach(model, [data.head], run.streams))
    for metric in ("accuracy", "macro_f1"):
        ranked = dataclasses.replace(data, head=dataclasses.replace(data.head, metric=metric))
        inputs, seconds = loop._task_inputs(recipe, model, [ranked], run, loop.Clock(model.encoder.device))
        assert seconds == 0.0  # the encoder is trained: nothing is encoded beforehand
        validations, points = loop._measure(recipe, model, inputs, 1)
        value = next(point.value for point in points if point.key == f"validation/scenario/{metric}")
        loss = next(point.value for point in points if point.key == "validation/scenario/cross_entropy")
        assert validations == {0: Validation(value, loss)}


def test_phases_have_heads_and_streams_of_their_own(lab: Lab, task: Task) -> None:
    """Two equal phases see other batches and masks, and the second begins with fresh heads on trained weights."""
    first = baseline(epochs=1)
    watcher = Snapshots()
    run = lab.run(watcher=watcher)
    watcher.model = Model(run.load_encoder())
    train([first, dataclasses.replace(first, number=1)], watcher.model, [task.without_test()], run)
    assert [phase.phase for phase in watcher.phases()] == ["classification", "classification"]
    alone, _ = fit(lab, task, first)
    for name, value in alone.state_dict().items():
        assert torch.equal(value, watcher.taken[0][name])
    assert list(watcher.model.heads) == ["scenario"]
    one, two = (point.value for point in watcher.points if point.key == "train/loss")
    assert one != two
