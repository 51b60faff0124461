"""Speed of what every run does before its first step. ``make bench-speed`` measures it; other test runs leave it out.

Times depend on the machine: what is to be compared stands side by side in one run, and the ratio is what counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmark.data import builtin
from benchmark.data.task import Example, fingerprint

Timer = Callable[
    ..., Any
]  # the fixture `benchmark` of pytest-benchmark hides the package of that name: see CONTRIBUTING


@pytest.mark.benchmark(group="built-in corpus")
def test_generate_the_corpus(benchmark: Timer) -> None:
    found = benchmark(builtin.corpus.__wrapped__)
    assert len(found.train) > 900


@pytest.mark.benchmark(group="built-in corpus")
def test_fingerprint_the_corpus(benchmark: Timer) -> None:
    rows = [Example(one.id, (one.text,), one.intent) for one in builtin.corpus().train]
    assert len(benchmark(fingerprint, rows)) == 64
