"""What all cells of a process share, put back after each: a cell can't change another cell, whatever its method does.

Only what a result can depend on, and what can be read back: number formats, modes, threads, the working directory.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch


@dataclass(frozen=True)
class ProcessState:
    """The process's settings that a method could change for those after it; each field's metadata says its name."""

    threads: int = field(metadata={"name": "the number of CPU threads"})
    dtype: torch.dtype = field(metadata={"name": "the default dtype"})
    device: torch.device = field(metadata={"name": "the default device"})
    gradients: bool = field(metadata={"name": "whether gradients are computed"})
    anomalies: bool = field(metadata={"name": "autograd's anomaly detection"})
    autocast: tuple[bool, bool] = field(metadata={"name": "autocast"})  # on the CPU, on CUDA
    deterministic: tuple[bool, bool] = field(metadata={"name": "deterministic algorithms"})  # and: only warn
    precision: str = field(metadata={"name": "the precision of matrix products"})
    tf32: bool = field(metadata={"name": "TF32 in cuDNN"})
    autotuned: bool = field(metadata={"name": "cuDNN's benchmark mode"})
    efficient_attention: bool = field(metadata={"name": "the memory-efficient attention kernel"})
    folder: str = field(metadata={"name": "the working directory"})

    @classmethod
    def now(cls) -> ProcessState:
        """Return the present state."""
        return cls(
            torch.get_num_threads(),
            torch.get_default_dtype(),
            torch.get_default_device(),
            torch.is_grad_enabled(),
            torch.is_anomaly_enabled(),
            (torch.is_autocast_enabled("cpu"), torch.is_autocast_enabled("cuda")),
            (
                torch.are_deterministic_algorithms_enabled(),
                torch.is_deterministic_algorithms_warn_only_enabled(),
            ),
            torch.get_float32_matmul_precision(),
            torch.backends.cudnn.allow_tf32,
            torch.backends.cudnn.benchmark,
            torch.backends.cuda.mem_efficient_sdp_enabled(),
            _folder(),
        )

    def changes(self, after: ProcessState) -> tuple[str, ...]:
        """Return a phrase for each setting that is another in `after`."""
        return tuple(
            f"{each.metadata['name']} (was {_shown(before)}, became {_shown(now)})"
            for each in fields(self)
            if (before := getattr(self, each.name)) != (now := getattr(after, each.name))
        )

    def restore(self) -> None:
        """Make every setting what it was."""
        if torch.get_num_threads() != self.threads:  # to set it makes a new pool, even for the same number
            torch.set_num_threads(self.threads)
        torch.set_default_dtype(self.dtype)
        if torch.get_default_device() != self.device:
            torch.set_default_device(None if self.device == torch.device("cpu") else self.device)
        torch.set_grad_enabled(self.gradients)
        torch.autograd.set_detect_anomaly(self.anomalies)
        for kind, enabled in zip(("cpu", "cuda"), self.autocast, strict=True):
            torch.set_autocast_enabled(kind, enabled)
        torch.use_deterministic_algorithms(self.deterministic[0], warn_only=self.deterministic[1])
        torch.set_float32_matmul_precision(self.precision)
        torch.backends.cudnn.allow_tf32 = self.tf32
        torch.backends.cudnn.benchmark = self.autotuned
        torch.backends.cuda.enable_mem_efficient_sdp(self.efficient_attention)
        with contextlib.suppress(OSError):  # somebody removed it: no method of ours
            os.chdir(self.folder)


@contextlib.contextmanager
def kept() -> Iterator[list[str]]:
    """Put the process's state back after a block; the list then has a phrase for each setting that the block left."""
    before = ProcessState.now()
    changes: list[str] = []
    try:
        yield changes
    finally:
        after = ProcessState.now()
        if after != before:
            changes += before.changes(after)
            before.restore()


def _folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        return ""  # it was removed


def _shown(value: Any) -> str:
    return " and ".join(map(str, value)) if isinstance(value, tuple) else str(value)
