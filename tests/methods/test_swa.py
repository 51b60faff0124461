"""Stochastic weight averaging: when snapshots are taken, their mean, and the learning rate meanwhile."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from benchmark.core.seeds import Streams
from benchmark.experiment.collector import Collector
from benchmark.model.model import Model
from benchmark.train.baseline import Baseline
from benchmark.train.loop import train
from benchmark.train.recipe import Budget, Schedule
from benchmark.train.schedules import Cosine, Linear
from methods.swa import AveragedWeights, StochasticWeightAveraging
from tests.support.lab import Lab


@dataclasses.dataclass(frozen=True)
class Constant:
    """The same factor throughout."""

    value: float

    def factor(self, step: int, total: int, epochs: int = 1) -> float:
        return self.value


class TestSteps:
    @pytest.mark.parametrize(
        ("start", "snapshots", "total", "steps"),
        [
            (0.75, 5, 20, {16, 17, 18, 19, 20}),
            (0.75, 2, 20, {18, 20}),  # a window of 5 steps: its end, and one 5 // 2 before
            (0.5, 4, 16, {10, 12, 14, 16}),
            (0.75, 10, 8, {7, 8}),
            (0.0, 3, 9, {3, 6, 9}),
            (0.0, 100, 3, {1, 2, 3}),
            (0.99, 10, 10, {10}),
            (0.5, 1, 10, {10}),
            (0.75, 10, 1, {1}),
        ],
    )
    def test_by_hand(self, start: float, snapshots: int, total: int, steps: set[int]) -> None:
        assert AveragedWeights(start, snapshots, 0.5, 0.2).steps(total, 1) == steps

    @given(st.floats(0, 0.99), st.integers(1, 50), st.integers(1, 500))
    def test_are_as_many_as_asked_within_the_window_and_the_last_is_one(
        self, start: float, snapshots: int, total: int
    ) -> None:
        steps = AveragedWeights(start, snapshots, 0.5, 0.2).steps(total, 1)
        window = total - int(start * total)
        assert len(steps) == min(snapshots, window)
        assert max(steps) == total
        assert min(steps) > total - window
        gaps = np.diff(sorted(steps))
        assert not len(gaps) or gaps.max() - gaps.min() <= 1


class TestMean:
    def follow(self, average: AveragedWeights, total: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Random weights step by step: the snapshots by numpy, and what comes back."""
        draw = np.random.Generator(np.random.PCG64(0))
        weights = [nn.Parameter(torch.full((3,), 1e6)), nn.Parameter(torch.full((2, 2), 1e6))]
        tracker, taken = average.tracker(total, 1), []
        for step in range(1, total + 1):
            with torch.no_grad():
                for weight in weights:
                    weight.copy_(torch.from_numpy(draw.normal(size=weight.shape)))
            if step in average.steps(total, 1):
                taken.append([weight.detach().numpy().copy() for weight in weights])
            tracker.after_step(step, weights)
            tracker.after_epoch(None, weights)
        tracker.restore(weights)
        means = [np.mean([snapshot[i] for snapshot in taken], axis=0) for i in range(2)]
        return means, [weight.detach().numpy() for weight in weights]

    @pytest.mark.parametrize("snapshots", [1, 2, 7, 10])
    def test_is_that_of_the_snapshots_and_of_nothing_else(self, snapshots: int) -> None:
        expected, found = self.follow(AveragedWeights(0.25, snapshots, 0.5, 0.2), 40)
        for one, other in zip(found, expected, strict=True):
            assert np.allclose(one, other, atol=1e-6)  # the initial weights, 1e6, would show

    def test_trackers_share_nothing(self) -> None:
        average, weight = AveragedWeights(0.0, 1, 0.5, 0.2), nn.Parameter(torch.ones(1))
        average.tracker(1, 1).after_step(1, [weight])
        other = average.tracker(1, 1)
        with torch.no_grad():
            weight.fill_(3)
        other.after_step(1, [weight])
        other.restore([weight])
        assert weight.tolist() == [3]

    def test_a_snapshot_is_a_copy(self) -> None:
        weight = nn.Parameter(torch.ones(1))
        tracker = AveragedWeights(0.0, 1, 0.5, 0.2).tracker(1, 1)
        tracker.after_step(1, [weight])
        with torch.no_grad():
            weight.fill_(3)
        tracker.restore([weight])
        assert weight.tolist() == [1]


class TestRate:
    def test_before_the_window_the_schedule_decides(self) -> None:
        average = AveragedWeights(0.75, 5, 0.5, 0.2)
        assert [
            average.override_factor(Constant(factor), step, 20, 1) for step, factor in ((0, 1.0), (7, 0.3), (14, 0.1))
        ] == [1.0, 0.3, 0.1]

    def test_by_hand(self) -> None:
        average = AveragedWeights(start=0.5, snapshots=5, rate=0.5, anneal=0.4)  # begins at 10, glides for 4 steps
        found = [average.override_factor(Constant(0.1), step, 20, 1) for step in range(9, 17)]
        glide = [0.5 - 0.4 * (1 + np.cos(np.pi * t / 4)) / 2 for t in range(5)]
        assert found == pytest.approx([0.1, *glide, 0.5, 0.5])

    @pytest.mark.parametrize("schedule", [Constant(0.7), Linear(), Cosine(0.01)], ids=str)
    @pytest.mark.parametrize("rate", [0.1, 0.5, 3.0])
    @pytest.mark.parametrize("glide", [0, 1, 4, 10, 25])  # of a window of 10 steps: none, some, all, more than it has
    def test_glides_as_torch_does_step_by_step(self, schedule: Schedule, rate: float, glide: int) -> None:
        average = AveragedWeights(start=0.5, snapshots=5, rate=rate, anneal=glide / 10)
        found = [average.override_factor(schedule, step, 20, 1) for step in range(20)]
        assert found == pytest.approx(by_torch(schedule, rate, glide, begin=10, total=20, every=1), abs=1e-9)

    @pytest.mark.parametrize("schedule", [Linear(), Cosine(0.01)], ids=str)
    @pytest.mark.parametrize(("start", "first"), [(0.75, 7), (0.5, 5)])
    @pytest.mark.parametrize("glide", [0, 1, 5])  # isayama-2025: 5, of a window of 3 epochs
    def test_glides_as_torch_does_epoch_by_epoch(
        self, schedule: Schedule, start: float, first: int, glide: int
    ) -> None:
        average = AveragedWeights(start=start, snapshots=3, rate=0.1, anneal=None, anneal_epochs=glide)
        found = [average.override_factor(schedule, step, 40, 10) for step in range(40)]  # 10 epochs of 4 steps
        assert found == pytest.approx(by_torch(schedule, 0.1, glide, begin=4 * first, total=40, every=4), abs=1e-9)
        assert min(average.steps(40, 10)) > 4 * first

    def test_epoch_by_epoch_a_snapshot_is_taken_at_the_end_of_each(self) -> None:
        assert AveragedWeights(0.75, 3, 0.1, None, 5).steps(40, 10) == {32, 36, 40}


def by_torch(schedule: Schedule, rate: float, glide: int, begin: int, total: int, every: int) -> list[float]:
    """The factor of each step as a training loop has it that changes to SWALR at the step `begin`."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    found, scheduler = [], None
    for step in range(total):
        if step < begin:
            optimizer.param_groups[0]["lr"] = schedule.factor(step, total)
        elif step == begin:
            optimizer.param_groups[0]["lr"] = schedule.factor(step, total)
            scheduler = torch.optim.swa_utils.SWALR(optimizer, rate, anneal_epochs=glide, anneal_strategy="cos")
        elif scheduler is not None and (step - begin) % every == 0:
            scheduler.step()
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
    return found


def test_settings_reach_the_answer() -> None:
    technique = StochasticWeightAveraging(swa_start=0.5, swa_lr=0.3, swa_anneal=0.1, snapshots=4)
    assert technique.answers(Baseline(), Budget(1, 1, "best")).given() == {
        "weight_selection": AveragedWeights(0.5, 4, 0.3, 0.1)
    }


def test_a_fit_ends_with_the_mean_of_its_snapshots(lab: Lab) -> None:
    """The trajectory of the same training without averaging, but with its learning rates, is averaged by numpy."""
    average = AveragedWeights(start=0.5, snapshots=3, rate=0.5, anneal=0.2)
    recipe = dataclasses.replace(Baseline().recipe(Budget(2, 10, "last")), weight_selection=average, schedule=Linear())
    taken: dict[int, list[np.ndarray]] = {}

    class Taker(Collector):
        def step_ended(self, done: int, total: int) -> None:
            taken[done] = [weight.numpy().copy() for weight in model.state_dict().values()]

    run = lab.run(watcher=Taker())
    model = Model(run.load_encoder())
    train([recipe], model, [lab.task().without_test()], run)
    assert sorted(taken) == list(range(1, 9))
    assert sorted(average.steps(8, 2)) == [6, 7, 8]
    for i, weight in enumerate(model.state_dict().values()):
        assert np.allclose(weight.numpy(), np.mean([taken[step][i] for step in (6, 7, 8)], axis=0), atol=1e-7)
    assert not np.allclose(next(model.parameters()).detach().numpy(), taken[8][0], atol=1e-7)
    assert run.streams == Streams(0)
