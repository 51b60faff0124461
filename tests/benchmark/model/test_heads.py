"""Heads: the arithmetic they are documented to do, by hand."""

from __future__ import annotations

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
        raise AssertionError("computed")
        yield

    for head in (LayerHead(Tap(0), nn.ModuleList(), 3, 2, 0.0, None), SequentialHead(), ClassifierHead(3, 2, 2, 0.0)):
        head.observe(vectors())


def test_without_modules_a_sequential_head_is_the_identity(vectors: torch.Tensor) -> None:
    assert SequentialHead()(vectors) is vectors
    assert SequentialHead().tap == TOP
