"""Draws that are the same on every machine, Python and hash seed: what the built-in data sets are generated with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from random import Random
from typing import TypeVar

SEED = "benchmark.data.builtin"
T = TypeVar("T")


def rng_for(*purpose: str) -> Random:
    """Return a generator of its own for each purpose, so that editing one part leaves the other parts' rows alone.

    Seeded through sha256 rather than ``hash()``, which differs between processes.
    """
    digest = hashlib.sha256("/".join((SEED, *purpose)).encode()).digest()
    return Random(int.from_bytes(digest, "big"))


# Both use only Random.random(): it is the one method whose sequence Python promises to keep across versions; choice()
# and shuffle() carry no such promise.
def pick(rng: Random, values: Sequence[T]) -> T:
    """Return one of `values`."""
    return values[int(rng.random() * len(values))]


def shuffled(rng: Random, values: Sequence[T]) -> list[T]:
    """Return `values` in an order of chance."""
    return sorted(values, key=lambda _: rng.random())
