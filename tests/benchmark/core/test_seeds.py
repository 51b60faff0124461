"""Streams: named, independent, repeatable, and without a trace on torch's global generator."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from benchmark.core.seeds import Streams


def test_a_stream_is_the_same_in_every_process() -> None:
    code = "from benchmark.core.seeds import Streams; print(Streams(3).number('order', 'finetune', 1))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert int(found) == Streams(3).number("order", "finetune", 1) == 5481933848117326053


def test_streams_differ_by_seed_and_name() -> None:
    names = [
        ("order", "a", 0),
        ("order", "a", 1),
        ("order", "b", 0),
        ("head", "a"),
        ("dropout", "a", 0),
        ("order",),
        (),
    ]
    found = [Streams(seed).number(*name) for seed in range(50) for name in names]
    assert len(set(found)) == len(found) == 350
    assert all(0 <= number < 2**63 for number in found)


def test_generators_repeat_and_do_not_depend_on_each_other() -> None:
    streams = Streams(1)
    first, again = streams.numpy("order"), streams.numpy("order")
    streams.numpy("other").random(1000)
    assert first.permutation(50).tolist() == again.permutation(50).tolist()
    drawn = torch.rand(5, generator=streams.torch("head"))
    assert torch.equal(drawn, torch.rand(5, generator=streams.torch("head")))
    assert not torch.equal(drawn, torch.rand(5, generator=Streams(2).torch("head")))


def test_scope_repeats_and_restores() -> None:
    before = torch.random.get_rng_state()
    drawn = []
    for _ in range(2):
        with Streams(0).scope("dropout", 7):
            drawn.append(torch.nn.functional.dropout(torch.ones(64)))
    assert torch.equal(*drawn)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_scope_restores_after_an_error() -> None:
    before = torch.random.get_rng_state()
    with pytest.raises(TypeError), Streams(0).scope("x"):
        torch.rand(3, 1.5, torch.rand(3))  # type: ignore[call-overload]
    assert torch.equal(torch.random.get_rng_state(), before)


def test_scopes_nest() -> None:
    with Streams(0).scope("outer"):
        torch.rand(1)
        expected = torch.rand(1)
    with Streams(0).scope("outer"):
        torch.rand(1)
        with Streams(0).scope("inner"):
            torch.rand(9)
        assert torch.equal(torch.rand(1), expected)


def test_numpy_is_left_alone() -> None:
    before = str(np.random.get_state())  # noqa: NPY002  # it is the legacy generator that must stay as it is
    Streams(0).numpy("x").random(3)
    assert str(np.random.get_state()) == before  # noqa: NPY002


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_scope_on_cuda() -> None:
    torch.cuda.init()
    before = torch.cuda.get_rng_state()
    with Streams(0).scope("x"):
        first = torch.rand(4, device="cuda")
    with Streams(0).scope("x"):
        assert torch.equal(first, torch.rand(4, device="cuda"))
    assert torch.equal(torch.cuda.get_rng_state(), before)
