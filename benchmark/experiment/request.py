"""What a person asked of ``bench run``, before anything was looked up."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_TUNING_SEED = 1_000_000
"""Trials have this seed and those above, reported cells those below: no seed serves both tuning and comparison."""


@dataclass(frozen=True)
class Assignment:
    """One ``--set METHOD.PARAM=V[,V…]``: several values make several cells."""

    method: str
    parameter: str
    text: str  # the values as typed: only the parameter's type says whether a comma separates two of them


@dataclass(frozen=True)
class Request:
    """The arguments of ``bench run``; None means: as the suite says."""

    methods: tuple[str, ...] = ("all",)
    seeds: tuple[int, ...] = (0,)
    suite: str = "quick"
    data: str | None = None
    text_column: str | None = None
    label_column: str | None = None
    encoder: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    max_length: int | None = None  # tokens
    selection: str | None = None  # best | last
    limit_train: int | None = None
    assignments: tuple[Assignment, ...] = ()
    device: str = "auto"
    precision: str = "fp32"
    threads: int | None = None  # of one operation on the CPU; None: as many as torch takes in a process by itself
    forward: str = "packed"  # the encoder's pass: without padding where that is possible, or stock: transformers' own
