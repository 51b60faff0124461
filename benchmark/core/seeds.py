"""Named streams of randomness: the only place that seeds anything.

A seed fans out into streams by name and indices: ``("order", phase, epoch)``, ``("head", task)``,
``("dropout", phase, step)``. A stream never depends on the method's name, so that at one seed all methods meet the same
head weights, the same batches and the same dropout masks: differences between methods are paired. A stream never hangs
on how much was drawn from another, so that a run can be entered at any step.

Masks are equal where the same modules see the same rows in the same step. That can't be where a step sees something
else: two views of each row (contrastive phases), several tasks in one step, a head that reads a lower layer, an encoder
that is frozen and so has no dropout. Modules that a method adds draw from streams beside (`number_beside`).
"""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def number_beside(*name: str | int) -> int:
    """Return the 63-bit seed of the stream `name` beside the one that torch's global generators are on.

    For a module that must draw without moving the masks of all other modules: `Streams.reseed` points the global
    generators anew at every step, and so this one, too. It reads a number on the host and draws nothing.
    """
    import torch

    words = "/".join(str(part) for part in ("beside", torch.initial_seed(), *name))
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big") >> 1


@dataclass(frozen=True)
class Streams:
    """All randomness of one cell."""

    seed: int

    def number(self, *name: str | int) -> int:
        """Return the 63-bit seed of the stream `name`: sha256 of the cell's seed and the name."""
        words = "/".join(str(part) for part in (self.seed, *name))
        return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big") >> 1

    def numpy(self, *name: str | int) -> np.random.Generator:
        """Return a fresh numpy generator for the stream `name`."""
        return np.random.Generator(np.random.PCG64(self.number(*name)))

    def torch(self, *name: str | int) -> torch.Generator:
        """Return a fresh CPU generator of torch for the stream `name`."""
        import torch

        return torch.Generator().manual_seed(self.number(*name))

    def reseed(self, *name: str | int) -> None:
        """Point torch's global generators (CPU and every CUDA device) at the stream `name`.

        Dropout and most initialisers can't be given a generator. Call it only inside `scope`, which puts back what was.
        """
        import torch

        torch.manual_seed(self.number(*name))

    @classmethod
    def drawn(cls) -> Streams:
        """Return streams whose seed is the next number of torch's generator on the host: no device is asked.

        For who draws by other means than torch's, at a place where torch's generator says which place it is.
        """
        import torch

        return cls(int(torch.randint(2**62, (1,))))

    @contextlib.contextmanager
    def scope(self, *name: str | int) -> Iterator[None]:
        """Run a block with torch's global generators on the stream `name`; restore their states afterwards."""
        import torch

        devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
        with torch.random.fork_rng(devices=devices):
            self.reseed(*name)
            yield

    @contextlib.contextmanager
    def global_scope(self, *name: str | int) -> Iterator[None]:
        """Run a block with the global generators of Python and numpy, too, on the stream `name`; restore all of them.

        For code that isn't ours and draws from them: what it draws then depends on the cell and on nothing before it.
        """
        python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 — the very generator that is meant
        random.seed(self.number(*name))
        np.random.seed(self.number(*name) % 2**32)  # noqa: NPY002
        try:
            with self.scope(*name):
                yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
