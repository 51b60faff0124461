"""Heads: the arithmetic they are documented to do, by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from benchmark.model.encoder import TOP, Tap
from benchmark.model.heads import ClassifierHead, LayerHead, ProjectionHead, SequentialHead


@pytest.fixture
def vectors() -> torch.Tensor:
    return torch.randn(5, 8, generator=torch.Generator().manual_seed(0))


def numbers(head: nn.Module) -> int:
    return sum(weight.numel() for weight in head.parameters())


def test_classifier_is_linear_relu_linear(vectors: torch.Tensor) -> None:
    head = ClassifierHead(8, 16, 3, dropout=0.5).eval()
    first, bias, second, offset = head.parameters()
    expected = torch.clamp(vectors @ first.T + bias, min=0) @ second.T + offset
    assert torch.allclose(head(vectors), expected, atol=1e-6)
    assert head(vectors).shape == (5, 3)
    assert numbers(head) == (8 * 16 + 16) + (16 * 3 + 3)


def test_classifier_drops_its_input_in_training() -> None:
    head = ClassifierHead(1000, 1, 1, dropout=0.25).train()
    head[1], head[3] = nn.Identity(), nn.Identity()
    dropped = head(torch.ones(1, 1000))
    assert 0.15 < (dropped == 0).float().mean() < 0.35
    assert torch.allclose(dropped[dropped > 0], torch.tensor(1 / 0.75))


@pytest.mark.parametrize(("layers", "count"), [("linear", 8 * 4 + 4), ("mlp", 8 * 8 + 8 + 8 * 4 + 4)])
def test_projection_has_unit_length(vectors: torch.Tensor, layers: str, count: int) -> None:
    head = ProjectionHead(8, 4, layers, dropout=0.5).eval()
    projected = head(vectors)
    assert projected.shape == (5, 4)
    assert torch.allclose(projected.norm(dim=1), torch.ones(5))
    assert numbers(head) == count


def test_projection_by_hand(vectors: torch.Tensor) -> None:
    head = ProjectionHead(8, 4, "linear", dropout=0.0)
    weight, bias = head.parameters()
    raw = vectors @ weight.T + bias
    assert torch.allclose(head(vectors), raw / raw.square().sum(1, keepdim=True).sqrt(), atol=1e-6)


def test_projection_of_nothing_is_finite() -> None:
    head = ProjectionHead(8, 4, "linear", dropout=0.0)
    with torch.no_grad():
        for weight in head.parameters():
            weight.zero_()
    vectors = torch.ones(2, 8, requires_grad=True)
    projected = head(vectors)
    projected.sum().backward()
    assert vectors.grad is not None
    assert torch.isfinite(projected).all()
    assert torch.isfinite(vectors.grad).all()


def test_a_head_at_a_layer_standardises_by_what_it_was_shown() -> None:
    head = LayerHead(Tap(0), nn.ModuleList(), 3, 2, 0.0, None, standardise=True)
    seen = torch.tensor([[1.0, 5.0, 10.0], [3.0, 5.0, 14.0]])
    plain = head(seen)
    head.observe([seen[:1], seen[1:]])
    assert head.mean.tolist() == [2.0, 5.0, 12.0]
    assert head.scale.tolist() == [1.0, 0.0, 0.5]  # what doesn't vary is left out
    by_hand = torch.tensor([[-1.0, 0.0, -1.0], [1.0, 0.0, 1.0]])
    assert torch.equal(head(seen), head.linear(torch.tanh(head.pooler(by_hand))))
    assert not torch.equal(head(seen), plain)


def test_rounding_is_no_variation() -> None:
    head = LayerHead(Tap(0), nn.ModuleList(), 1, 2, 0.0, None, standardise=True)
    head.observe([torch.tensor([[0.1], [0.1000001], [0.1]])])
    assert head.scale.tolist() == [0.0]


def test_a_head_that_was_shown_nothing_reads_what_there_is_to_the_bit() -> None:
    head = LayerHead(Tap(0), nn.ModuleList(), 3, 2, 0.0, None)
    seen = torch.randn(4, 3)
    assert torch.equal(head(seen), head.linear(torch.tanh(head.pooler(seen))))


def test_a_head_that_standardises_nothing_computes_no_vectors() -> None:
    def vectors() -> Iterator[torch.Tensor]:
        yield pytest.fail("computed")

    for head in (LayerHead(Tap(0), nn.ModuleList(), 3, 2, 0.0, None), SequentialHead(), ClassifierHead(3, 2, 2, 0.0)):
        head.observe(vectors())


def test_without_modules_a_sequential_head_is_the_identity(vectors: torch.Tensor) -> None:
    assert SequentialHead()(vectors) is vectors
    assert SequentialHead().tap == TOP


def test_a_classifier_without_a_hidden_layer_is_one_linear_layer(vectors: torch.Tensor) -> None:
    head = ClassifierHead(8, None, 3, dropout=0.5).eval()
    weight, bias = head.parameters()
    assert torch.allclose(head(vectors), vectors @ weight.T + bias, atol=1e-6)
    assert len(head.layers()) == 1


def test_a_projection_stands_before_the_dropout(vectors: torch.Tensor) -> None:
    head = ClassifierHead(8, 16, 3, dropout=0.5, projection=4)
    assert [type(module).__name__ for module in head] == ["Linear", "Dropout", "Linear", "ReLU", "Linear"]
    assert numbers(head) == (8 * 4 + 4) + (4 * 16 + 16) + (16 * 3 + 3)
    first, bias = list(head.parameters())[:2]
    head.eval()
    expected = vectors @ first.T + bias
    for module in list(head)[1:]:
        expected = module(expected)
    assert torch.allclose(head(vectors), expected, atol=1e-6)


def test_a_projection_may_read_unit_vectors_instead(vectors: torch.Tensor) -> None:
    """gag-2025 section 3.4: dropout → normalise → linear."""
    head = ProjectionHead(8, 4, "linear", dropout=0.5, normalise_input=True)
    weight, bias = head.parameters()
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    assert torch.allclose(head.eval()(vectors), unit @ weight.T + bias, atol=1e-6)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = head.train()(vectors)
        torch.manual_seed(0)
        dropped = nn.functional.dropout(vectors, 0.5)
    expected = nn.functional.normalize(dropped, dim=1) @ weight.T + bias
    assert torch.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(("hidden", "projection"), [(16, None), (None, None), (16, 4), (None, 4)])
def test_weights_are_drawn_from_input_to_output_and_none_in_vain(hidden: int | None, projection: int | None) -> None:
    """At one seed all methods start with the same head: a draw too many would change the results of all of them."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = ClassifierHead(8, hidden, 3, 0.1, projection)
        after = torch.get_rng_state()
        torch.manual_seed(0)
        widths = [8, *(width for width in (projection, hidden) if width is not None), 3]
        plain = [nn.Linear(wide, narrow) for wide, narrow in itertools.pairwise(widths)]
        assert torch.equal(after, torch.get_rng_state())
    expected = [weight for layer in plain for weight in layer.parameters()]
    assert all(torch.equal(one, other) for one, other in zip(head.parameters(), expected, strict=True))
