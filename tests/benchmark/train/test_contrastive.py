"""The contrastive losses against plain loops written from the papers' formulas, in value and gradient."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import normalize

from benchmark.core.seeds import Streams
from benchmark.data.task import Head
from benchmark.train.contrastive import Contrastive, contrastive_loss, ntxent_loss, supcon_loss
from tests.support.lab import Lab

TEMPERATURES = (6e-5, 1e-3, 0.07, 0.5, 1.0, 10.0)
HEAD = Head("scenario", "classes", "accuracy", ("a", "b"))


def log_shares(vectors: Tensor, i: int, temperature: float) -> list[Tensor]:
    """log( exp(z_i·z_p / t) / Σ_{a ≠ i} exp(z_i·z_a / t) ) for each p, the largest exponent taken out of both."""
    exponents = [torch.dot(vectors[i], vector) / temperature for vector in vectors]
    others = [exponent for a, exponent in enumerate(exponents) if a != i]
    largest = max(float(exponent.detach()) for exponent in others)
    total = torch.zeros((), dtype=vectors.dtype)
    for exponent in others:
        total = total + torch.exp(exponent - largest)
    return [exponent - largest - torch.log(total) for exponent in exponents]


def khosla(vectors: Tensor, labels: Sequence[int], temperature: float) -> Tensor:
    """Khosla et al. 2020, equation 2: L_out, mean over the anchors that have a positive."""
    terms = []
    for i in range(len(vectors)):
        positives = [p for p in range(len(vectors)) if p != i and labels[p] == labels[i]]
        if positives:
            shares = log_shares(vectors, i, temperature)
            terms.append(-1 / len(positives) * torch.stack([shares[p] for p in positives]).sum())
    return torch.stack(terms).mean() if terms else vectors.sum() * 0


def chen(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Chen et al. 2020, equation 1 and algorithm 1: the views of row k stand at 2k and 2k + 1."""
    rows = len(first)
    z = torch.stack([view[k] for k in range(rows) for view in (first, second)])
    total = torch.zeros((), dtype=z.dtype)
    for k in range(rows):
        total = total - log_shares(z, 2 * k, temperature)[2 * k + 1] - log_shares(z, 2 * k + 1, temperature)[2 * k]
    return total / (2 * rows)


def unit(views: int, rows: int, size: int = 6, seed: int = 0) -> Tensor:
    raw = torch.randn(views, rows, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return normalize(raw, dim=2)


def value_and_gradient(loss: Any, views: Tensor) -> tuple[float, Tensor]:
    leaf = views.clone().requires_grad_()
    value = loss(leaf)
    (gradient,) = torch.autograd.grad(value, leaf)
    return float(value.detach()), gradient.double()


def agree(own: Any, plain: Any, views: Tensor, temperature: float) -> None:
    value, gradient = value_and_gradient(own, views.float())
    exact, slope = value_and_gradient(plain, views.float().double())
    # fp32 holds a cosine to 1e-7, which the temperature divides.
    tolerance = 1e-6 + 5e-7 / temperature
    assert value == pytest.approx(exact, rel=1e-5, abs=tolerance)
    assert torch.allclose(gradient, slope, rtol=1e-4 + 2 * tolerance, atol=tolerance * float(slope.abs().max()) + 1e-7)


LABELS: dict[str, list[int]] = {
    "two classes": [0, 1, 0, 1, 1, 0],
    "one class": [0, 0, 0, 0],
    "each row of its own": [0, 1, 2, 3],
    "some without a partner": [0, 1, 0, 2, 3],
    "one row": [0],
}


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("views", [1, 2, 3])
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_supcon_is_equation_2(labels: list[int], views: int, temperature: float) -> None:
    agree(
        lambda z: supcon_loss(z, torch.tensor(labels), temperature),
        lambda z: khosla(z.flatten(0, 1), labels * views, temperature),
        unit(views, len(labels)),
        temperature,
    )


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_ntxent_is_equation_1(rows: int, temperature: float) -> None:
    agree(
        lambda z: ntxent_loss(z, temperature),
        lambda z: chen(z[0], z[1], temperature),
        unit(2, rows),
        temperature,
    )


def test_by_hand() -> None:
    # Two rows of one class and one of another, at right angles: -log(e^0 / (e^0 + e^0)) for either anchor of the class.
    axes = torch.eye(3)[None]
    assert float(supcon_loss(axes, torch.tensor([0, 0, 1]), 1.0)) == pytest.approx(math.log(2))
    # Two rows, views alike, rows opposite, t = 1: -log(e / (e + 2/e)) for each of four anchors.
    poles = torch.tensor([[[1.0], [-1.0]], [[1.0], [-1.0]]])
    assert float(ntxent_loss(poles, 1.0)) == pytest.approx(-math.log(math.e / (math.e + 2 / math.e)))


class TestEdges:
    @pytest.mark.parametrize("rows", [1, 2, 8])
    def test_no_positive_at_all_is_zero_and_moves_nothing(self, rows: int) -> None:
        value, gradient = value_and_gradient(lambda z: supcon_loss(z, torch.arange(rows), 0.07), unit(1, rows).float())
        assert value == 0
        assert not gradient.any()

    def test_an_anchor_without_a_positive_is_left_out_of_the_mean(self) -> None:
        vectors = torch.eye(4)
        pair = float(contrastive_loss(vectors, torch.tensor([0, 0, 1, 2]), 1.0))
        assert pair == pytest.approx(math.log(3))  # not half of it

    def test_it_still_pushes_others_away(self) -> None:
        _, gradient = value_and_gradient(lambda z: supcon_loss(z, torch.tensor([0, 0, 1]), 0.5), unit(1, 3).float())
        assert gradient[0, 2].abs().max() > 0

    def test_one_row_in_two_views_has_nothing_to_tell_apart(self) -> None:
        value, gradient = value_and_gradient(lambda z: ntxent_loss(z, 0.07), unit(2, 1).float())
        assert value == pytest.approx(0, abs=1e-6)
        assert torch.allclose(gradient, torch.zeros_like(gradient), atol=1e-5)

    @pytest.mark.parametrize("temperature", TEMPERATURES)
    @pytest.mark.parametrize("alike", [True, False])
    def test_is_finite_at_every_temperature(self, temperature: float, alike: bool) -> None:
        views = torch.ones(2, 16, 4) / 2 if alike else unit(2, 16).float()
        for loss in (
            lambda z: supcon_loss(z, torch.arange(16) % 3, temperature),
            lambda z: ntxent_loss(z, temperature),
        ):
            value, gradient = value_and_gradient(loss, views)
            assert math.isfinite(value)
            assert value >= -1e-2
            assert torch.isfinite(gradient).all()

    @pytest.mark.parametrize("width", [torch.float16, torch.bfloat16])
    @pytest.mark.parametrize("temperature", TEMPERATURES)
    def test_16_bit_vectors_are_widened_first(self, width: torch.dtype, temperature: float) -> None:
        narrow = unit(2, 8).to(width)
        value = ntxent_loss(narrow, temperature)
        assert value.dtype == torch.float32
        assert torch.equal(value, ntxent_loss(narrow.float(), temperature))

    def test_autocast_does_not_narrow_it(self) -> None:
        views, labels = unit(2, 8).float(), torch.arange(8) % 3

        def cast(z: Tensor) -> Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                assert (z[0] @ z[0].T).dtype == torch.bfloat16
                return supcon_loss(z, labels, 0.07)

        exact = value_and_gradient(lambda z: supcon_loss(z, labels, 0.07), views)
        found = value_and_gradient(cast, views)
        assert exact[0] == found[0]
        assert torch.equal(exact[1], found[1])


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 8), st.integers(1, 4), st.randoms(use_true_random=False), st.sampled_from([0.05, 0.5, 5.0]))
def test_the_order_of_rows_and_the_names_of_classes_do_not_matter(
    rows: int, classes: int, random: Any, temperature: float
) -> None:
    views, labels = unit(2, rows, seed=rows).float(), torch.tensor([random.randrange(classes) for _ in range(rows)])
    order = list(range(rows))
    random.shuffle(order)
    turned = views[:, order].flip(0)
    renamed = (labels[order] * 7 + 3) % 101
    one, other = supcon_loss(views, labels, temperature), supcon_loss(turned, renamed, temperature)
    assert float(one) == pytest.approx(float(other), rel=1e-4, abs=1e-5)
    one, other = ntxent_loss(views, temperature), ntxent_loss(turned, temperature)
    assert float(one) == pytest.approx(float(other), rel=1e-4, abs=1e-5)


class TestObjective:
    plain = Contrastive(True, 0.1, "linear", None, dropout=0.0)

    @pytest.mark.parametrize("supervised", [True, False])
    def test_reads_vectors_view_by_view(self, lab: Lab, supervised: bool) -> None:
        model = lab.model()
        objective = dataclasses.replace(self.plain, supervised=supervised, size=8)
        model.set_heads(objective.attach(model, [HEAD], Streams(0)))
        vectors, labels = torch.randn(2, 5, 32), torch.tensor([0, 1, 0, 1, 1])
        found = objective.loss(model, HEAD, vectors.flatten(0, 1), labels)
        first, second = (model.head(HEAD.name)(view) for view in vectors)
        assert first.shape == (5, 8)
        expected = (
            khosla(torch.cat([first, second]), [0, 1, 0, 1, 1] * 2, 0.1) if supervised else chen(first, second, 0.1)
        )
        assert found.item() == pytest.approx(expected.item(), rel=1e-4)

    def test_its_projection_is_as_wide_as_the_encoder_unless_told(self, lab: Lab) -> None:
        model = lab.model()
        other = dataclasses.replace(HEAD, name="other")
        heads = self.plain.attach(model, [HEAD, other], Streams(0))
        assert list(heads) == [HEAD.name, "other"]
        assert heads["other"] is heads[HEAD.name]  # all tasks share it
        assert heads["other"](torch.ones(1, 32)).shape == (1, 32)

    def test_predicts_nothing(self) -> None:
        assert (self.plain.phase, self.plain.measured_splits) == ("contrastive", ())
