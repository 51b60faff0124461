"""Gradient surgery against its closed form, a plain loop after the paper, and plain sums where nothing conflicts."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmark.core.errors import SkippedError, UsageError
from benchmark.core.seeds import Streams
from benchmark.train.baseline import SummedGradients
from benchmark.train.heads import KeptHeads
from benchmark.train.method_handle import build_method
from benchmark.train.predict import ModelPredictor
from benchmark.train.run import Run
from methods.pcgrad import ProjectedGradients, inner_products, surgery
from tests.support.lab import Lab


def plain_loop(gradients: list[Tensor], orders: list[list[int]]) -> Tensor:
    """Algorithm 1 of Yu et al. 2020, word by word, on flat fp64 gradients."""
    projected = [gradient.clone() for gradient in gradients]
    for own, others in enumerate(orders):
        for other in others:
            product = projected[own] @ gradients[other]
            if product < 0:
                projected[own] = projected[own] - product / (gradients[other] @ gradients[other]) * gradients[other]
    return torch.stack(projected).sum(dim=0)


def combined(gradients: list[Tensor], orders: list[list[int]]) -> Tensor:
    factors = surgery(inner_products([[gradient] for gradient in gradients]), orders).sum(dim=0)
    return (factors[:, None] * torch.stack(gradients)).sum(dim=0)


class TestSurgery:
    def test_two_tasks_by_hand(self) -> None:
        # g1·g2 = -2, |g1|² = 4, |g2|² = 2: g1 + g2·(2/2) = (1, 1), g2 + g1·(2/4) = (0, 1).
        gradients = [torch.tensor([2.0, 0.0]).double(), torch.tensor([-1.0, 1.0]).double()]
        assert combined(gradients, [[1], [0]]).tolist() == [1.0, 2.0]

    def test_two_tasks_have_a_closed_form(self) -> None:
        a, b = torch.randn(2, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        b = b - 2 * (a @ b > 0) * b  # such that they conflict
        wanted = (1 - (a @ b) / (a @ a)) * a + (1 - (a @ b) / (b @ b)) * b
        assert torch.allclose(combined([a, b], [[1], [0]]), wanted, rtol=1e-12)

    @pytest.mark.parametrize("seed", range(20))
    def test_several_tasks_are_those_of_the_plain_loop(self, seed: int) -> None:
        draw = np.random.default_rng(seed)
        count = int(draw.integers(2, 6))
        gradients = [torch.from_numpy(draw.normal(size=4)) for _ in range(count)]
        orders = [[other for other in draw.permutation(count).tolist() if other != own] for own in range(count)]
        assert torch.allclose(combined(gradients, orders), plain_loop(gradients, orders), atol=1e-12)

    def test_the_order_matters_with_three(self) -> None:
        gradients = [torch.tensor(row).double() for row in ([1.0, 0.0], [-1.0, 1.0], [-1.0, -2.0])]
        one = combined(gradients, [[1, 2], [0, 2], [0, 1]])
        other = combined(gradients, [[2, 1], [2, 0], [1, 0]])
        assert not torch.allclose(one, other)

    def test_without_conflict_nothing_changes_to_the_bit(self) -> None:
        products = torch.tensor([[2.0, 0.0, 1.0], [0.0, 3.0, 0.5], [1.0, 0.5, 1.0]]).double()
        assert torch.equal(surgery(products, [[1, 2], [2, 0], [0, 1]]), torch.eye(3).double())

    def test_a_gradient_of_zero_changes_nothing(self) -> None:
        gradients = [torch.zeros(3).double(), torch.tensor([1.0, -1.0, 0.0]).double()]
        assert torch.equal(combined(gradients, [[1], [0]]), gradients[1])


class Toy(nn.Module):
    """A shared layer and a head for each of two tasks."""

    def __init__(self, sign: float) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(1)
        self.shared = nn.Parameter(torch.randn(3, generator=draw))
        self.heads = nn.ParameterList([nn.Parameter(torch.randn(3, generator=draw).abs()) for _ in range(2)])
        self.sign = sign

    def losses(self) -> list[Tensor]:
        first, second = self.heads
        return [(self.shared * first).sum(), self.sign * (self.shared * second).sum()]


def combine(model: Toy, rule: ProjectedGradients | SummedGradients, epoch: int = 1) -> tuple[list[Tensor], Any]:
    combiner = rule.combiner([model.shared], Streams(0), 0)
    model.zero_grad()
    combiner.backward(model.losses(), list(model.parameters()), epoch, 0)
    gradients = [weight.grad for weight in model.parameters()]
    return [gradient.clone() for gradient in gradients if gradient is not None], combiner


class TestCombiner:
    @pytest.mark.parametrize("clip", [None, 0.1])
    def test_no_conflict_is_the_plain_sum_to_the_bit(self, clip: float | None) -> None:
        plain, _ = combine(Toy(1.0), SummedGradients(clip))
        surgical, combiner = combine(Toy(1.0), ProjectedGradients(clip))
        assert all(torch.equal(a, b) for a, b in zip(plain, surgical, strict=True))
        assert combiner.report()["conflicting_pairs"] == 0.0

    def test_only_shared_weights_are_projected(self) -> None:
        plain, _ = combine(Toy(-1.0), SummedGradients(None))
        surgical, combiner = combine(Toy(-1.0), ProjectedGradients(None))
        a, b = (head.detach() for head in Toy(-1.0).heads)
        wanted = (1 + (a @ b) / (a @ a)) * a - (1 + (a @ b) / (b @ b)) * b  # g1 = a, g2 = -b
        assert torch.allclose(surgical[0], wanted, rtol=1e-6)
        assert not torch.allclose(plain[0], surgical[0])
        assert all(torch.equal(one, other) for one, other in zip(plain[1:], surgical[1:], strict=True))
        report = combiner.report()
        assert report["conflicting_pairs"] == 1.0
        assert report["gradient_cosine"] == pytest.approx(float(-(a @ b) / (a.norm() * b.norm())), rel=1e-6)
        assert combiner.report() == {}  # a new epoch

    def test_plain_epochs_come_first(self) -> None:
        plain, _ = combine(Toy(-1.0), SummedGradients(None))
        before, combiner = combine(Toy(-1.0), ProjectedGradients(None, after_epochs=2), epoch=2)
        after, _ = combine(Toy(-1.0), ProjectedGradients(None, after_epochs=2), epoch=3)
        assert torch.equal(before[0], plain[0])
        assert not torch.equal(after[0], plain[0])
        assert combiner.report()["conflicting_pairs"] == 1.0  # measured in plain epochs, too


def fitted(name: str, lab: Lab, **given: Any) -> tuple[str, Run]:
    """A digest of the weights that `name` leaves on three tasks."""
    run = lab.run(epochs=2)
    built = build_method(name, run.budget, given)
    predictor = built.fit([task.without_test() for task in lab.tasks()], run)
    assert isinstance(predictor, ModelPredictor)
    total = hashlib.sha256()
    for weight in predictor.model.state_dict().values():
        total.update(weight.numpy().tobytes())
    return total.hexdigest(), run


def test_surgery_that_never_begins_is_multitask_to_the_bit(lab: Lab) -> None:
    plain, _ = fitted("multitask", lab)
    late, run = fitted("pcgrad", lab, after_epochs=2)
    surgical, _ = fitted("pcgrad", lab)
    assert plain == late != surgical
    keys = {point.key for point in run.watcher.points}  # type: ignore[attr-defined]
    assert {"train/conflicting_pairs", "train/gradient_cosine"} <= keys


def test_it_needs_two_tasks_and_shared_weights(lab: Lab) -> None:
    budget = lab.run().budget
    built = build_method("pcgrad", budget)
    heads = tuple(task.head for task in lab.tasks())
    built.check(2, heads)
    with pytest.raises(SkippedError, match="this suite has one"):
        built.check(2, heads[:1])
    name = "layer-heads+pcgrad"
    with pytest.raises(UsageError, match="'pcgrad' combines gradients of weights that tasks share, and 'layer-heads'"):
        build_method(name, budget, {"freeze": True})
    with pytest.raises(UsageError, match=r"'multitask' and 'pcgrad'|parameter"):
        build_method("multitask+pcgrad", budget)


def test_surgery_may_have_epochs_of_its_own_behind_plain_ones(lab: Any) -> None:
    """vela-2024 section 6.4.2: plain epochs, then some with surgery, with a fresh optimizer on the same model."""
    run, budget = lab.run(epochs=2), lab.run(epochs=2).budget
    plain: Any = build_method("multitask", budget)
    method: Any = build_method("pcgrad", budget, {"surgery_epochs": 1})
    first, second = method.phases
    assert first == plain.phases[0]
    assert (second.number, second.batches.epochs, second.heads) == (1, 1, KeptHeads())
    assert type(second.gradients) is ProjectedGradients
    method.fit([task.without_test() for task in lab.tasks()], run)
    losses = [(point.phase, point.epoch) for point in run.watcher.points if point.key == "train/loss"]
    assert losses == [("classification", 1), ("classification", 2), ("classification", 1)]
    surgical = [point.epoch for point in run.watcher.points if point.key == "train/conflicting_pairs"]
    assert surgical == [1]  # of the second phase
    with pytest.raises(UsageError, match="after_epochs=1 changes nothing"):
        build_method("pcgrad", budget, {"surgery_epochs": 1, "after_epochs": 1})
    with pytest.raises(UsageError, match="after_epochs=3, but there are 2 epochs"):
        build_method("pcgrad", budget, {"after_epochs": 3})
    with pytest.raises(UsageError, match="the encoder is frozen"):
        build_method("layer-heads+pcgrad", budget, {"freeze": True, "surgery_epochs": 1})
