"""A cell is one planned measurement: a protocol, a method with its parameters, a seed. Its id is what it depends on.

Equal ids mean equal bits on the same kind of hardware, so that a finished cell is never run again. Whatever could
change the result is a field here: the data's and the weights' hashes, the code's digest, the versions of the numeric
libraries, the number of threads. What can't (the path the rows came from, the machine's name) belongs in the record's
environment; so does the model of processor or GPU, which makes up the kind of hardware. Every field of what leads to a
cell is classified in ``tests/benchmark/test_identity.py``.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

from benchmark.core.parameters import Settings
from benchmark.core.serialization import added_later, digest
from benchmark.core.task_kinds import current_name

SCHEME = 2
"""What ids are made of. 1: before the code's digest followed imports, and threads and switches were fields."""
TRIAL = "trial"
"""Origin of a cell that is run to choose parameters, and stands in no table."""
TUNED = "tuned"
"""Origin of a cell whose parameters a study chose."""


@dataclass(frozen=True)
class TaskIdentity:
    """What a task's scores depend on."""

    name: str
    kind: str
    metric: str
    train: str  # fingerprint of the split's rows: sha256
    validation: str
    test: str
    low: float | None = added_later(None)  # range of labels that are numbers
    high: float | None = added_later(None)

    def __post_init__(self) -> None:
        """Take a kind's former name, as stored records have it, for today's."""
        object.__setattr__(self, "kind", current_name(self.kind))


@dataclass(frozen=True)
class Protocol:
    """What two rows of a table must share to be compared at all."""

    suite: str
    tasks: tuple[TaskIdentity, ...]
    encoder: str
    encoder_revision: str
    encoder_sha256: str  # of weights, configuration and tokenizer
    epochs: int
    batch_size: int
    max_length: int
    selection: str
    limit_train: int | None

    @functools.cached_property
    def id(self) -> str:
        """12 hex digits."""
        return digest(self)[:12]


@dataclass(frozen=True)
class Cell:
    """One planned measurement."""

    protocol: Protocol
    method: str  # canonical spelling
    parameters: Settings  # resolved: every parameter of the method, defaults included
    seed: int
    origin: str  # default | set (some parameter was given by hand) | tuned | paper | trial (of a study)
    device: str  # kind of device: cpu | cuda | mps
    precision: str  # fp32 | bf16
    code: str  # digest of what the source that a result depends on means; not of where it lies
    versions: tuple[tuple[str, str], ...]  # of the packages that compute
    threads: int | None = added_later(None)  # of one operation on the CPU: they decide in which order sums are formed
    switches: tuple[tuple[str, str], ...] = added_later(())  # environment variables that were set and change arithmetic
    scheme: int = added_later(1)  # `SCHEME` when the cell was planned
    forward: str = added_later("stock")  # packed (without padding, where the architecture is known) | stock

    @functools.cached_property
    def id(self) -> str:
        """16 hex digits: equal ids mean equal results."""
        return digest(self)[:16]

    @functools.cached_property
    def group(self) -> str:
        """12 hex digits shared by the cells that differ in nothing but the seed: one row of a table."""
        return digest(dataclasses.replace(self, seed=-1))[:12]


def label(cell: Cell, peers: tuple[Cell, ...]) -> str:
    """Return `cell`'s method name, with the parameters in which it differs from `peers` of the same method.

    A number that was drawn has a dozen digits: three are shown, where that is enough to distinguish the peers.
    """
    values: dict[str, set[object]] = {}
    for peer in (cell, *peers):
        if peer.method == cell.method:
            for name, value in peer.parameters:
                values.setdefault(name, set()).add(value)
    apart = [f"{name}={_shown(value, values[name])}" for name, value in cell.parameters if len(values[name]) > 1]
    return cell.method + (f" ({', '.join(apart)})" if apart else "")


def _shown(value: object, among: set[object]) -> str:
    short = {f"{other:.3g}" if isinstance(other, float) else str(other) for other in among}
    return f"{value:.3g}" if isinstance(value, float) and len(short) == len(among) else str(value)
