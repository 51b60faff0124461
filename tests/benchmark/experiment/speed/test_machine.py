"""The floor of a step, by hand; and that what is measured is of this machine."""

from __future__ import annotations

import pytest
import torch

from benchmark.experiment.speed.machine import MachineSpeed, Work, measure_machine


def test_floor_by_hand() -> None:
    """10 GFLOP at 100 GFLOP/s are 100 ms; 1,000,000 weights of 28 bytes at 14 GB/s are 2 ms."""
    assert Work(10e9, 1_000_000).floor(MachineSpeed(100e9, 14e9)) == pytest.approx(0.102)


def test_measured() -> None:
    found = measure_machine(torch.device("cpu"), 64, 128, 256, repeats=3)
    assert 1e7 < found.flops < 1e15
    assert 1e7 < found.bandwidth < 1e14
