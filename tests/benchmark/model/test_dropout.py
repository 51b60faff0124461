"""Dropout masks: how often, from which numbers, and what they don't depend on."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.core.seeds import Streams
from benchmark.data.tokens import Tokens
from benchmark.model.dropout import Dropout, kept_on_host, no_dropout
from benchmark.model.packing import Packing, pack


def packing(*lengths: int) -> Packing:
    return pack(Tokens.of([[5] * length for length in lengths]), torch.device("cpu"))


def dropout(*lengths: int, seed: int = 3) -> Dropout:
    return Dropout(packing(*lengths), Streams(seed))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_share_kept(rate: float) -> None:
    count = 200_001
    kept = kept_on_host(Streams(0).numpy("x"), rate, (count,))
    assert set(kept.unique().tolist()) == {0.0, 1.0}
    assert abs(float(kept.mean()) - (1 - rate)) < 5 * math.sqrt(rate * (1 - rate) / count)
    halves = kept[: count - 1].view(-1, 2)  # the two numbers of one draw have nothing to do with each other
    assert abs(float(torch.corrcoef(halves.T)[0, 1])) < 0.01


def test_rate_to_a_part_in_two_to_the_32() -> None:
    """The bound is where it should be: 0 is dropped at any rate, the largest number never."""

    class Known:
        def integers(self, low: int, high: int, size: int, dtype: object, endpoint: bool) -> np.ndarray:
            assert (low, high, endpoint) == (0, 2**64 - 1, True)
            return np.array([-(2**31), 2**31 - 1, -(2**31) + 1, 0], dtype=np.int32).view(np.uint64)

    kept = kept_on_host(Known(), 2**-32, (2, 2))  # type: ignore[arg-type]
    assert kept.tolist() == [[0.0, 1.0], [1.0, 1.0]]


def test_what_is_kept_is_scaled() -> None:
    states = torch.ones(9, 40)
    dropped = dropout(4, 5).embeddings(states, nn.Dropout(0.2))
    assert set(dropped.unique().tolist()) == {0.0, 1.25}
    added = dropout(4, 5).add(states, torch.full_like(states, 2.0), nn.Dropout(0.2), (1, "output"), first=False)
    assert set(added.unique().tolist()) == {2.0, 3.25}
    kept = dropout(4, 5).attention(nn.Dropout(0.2), 1, 2, first=False)
    assert kept is not None
    assert kept.shape == (2, 2, 5, 5)
    assert set(kept.unique().tolist()) == {0.0, 1.25}


def test_nothing_is_dropped_in_evaluation_or_at_rate_0() -> None:
    states = torch.randn(9, 4)
    for some, module in (
        (no_dropout(packing(4, 5)), nn.Dropout(0.5)),
        (dropout(4, 5), nn.Dropout(0.5).eval()),
        (dropout(4, 5), nn.Dropout(0.0)),
    ):
        assert torch.equal(some.embeddings(states, module), states)
        assert torch.equal(some.add(states, states, module, (1, "output"), first=False), states + states)
        assert some.attention(module, 1, 2, first=True) is None


def test_masks_dont_depend_on_padding() -> None:
    """A longer text behind it changes no mask of a text, although it widens the padded rectangle."""
    module, ones = nn.Dropout(0.5), torch.ones(9, 6)
    short, wide = dropout(4, 5), dropout(4, 5, 30)
    longer = torch.ones(39, 6)
    assert torch.equal(short.embeddings(ones, module), wide.embeddings(longer, module)[:9])
    zeros = torch.zeros_like
    one = short.add(ones, zeros(ones), module, (2, "attention"), first=False)
    other = wide.add(longer, zeros(longer), module, (2, "attention"), first=False)
    assert torch.equal(one, other[:9])
    first, second = (some.attention(module, 2, 3, first=False) for some in (short, wide))
    assert first is not None
    assert second is not None
    assert torch.equal(first[0, :, :4, :4], second[0, :, :4, :4])
    assert torch.equal(first[1], second[1, :, :5, :5])


def test_places_and_layers_have_masks_of_their_own() -> None:
    module, ones = nn.Dropout(0.5), torch.ones(9, 50)
    some = dropout(4, 5)
    zeros = torch.zeros_like(ones)
    found = [some.embeddings(ones, module)]
    found += [
        some.add(ones, zeros, module, (layer, part), first=False)
        for layer in (1, 2)
        for part in ("attention", "output")
    ]
    assert all(not torch.equal(a, b) for i, a in enumerate(found) for b in found[:i])


def test_drawing_takes_one_number_of_the_global_stream() -> None:
    """Adapters that drop out by themselves draw from torch's generator: it stands where it would without them."""
    Streams(1).reseed("a")
    Dropout.drawn(packing(4, 5))
    after = torch.randint(2**62, ())
    Streams(1).reseed("a")
    some = Dropout.drawn(packing(400, 5))
    some.embeddings(torch.ones(405, 8), nn.Dropout(0.5))
    assert torch.equal(torch.randint(2**62, ()), after)


def test_attention_without_padding_draws_the_same_for_equal_lengths() -> None:
    kept = dropout(5, 5).attention(nn.Dropout(0.5), 1, 2, first=False)
    first = dropout(5, 5).attention(nn.Dropout(0.5), 1, 2, first=True)
    assert kept is not None
    assert first is not None
    assert torch.equal(kept[:, :, :1], first)
    padded = dropout(5, 5, 7).attention(nn.Dropout(0.5), 1, 2, first=False)
    assert padded is not None
    assert torch.equal(padded[:2, :, :5, :5], kept)
