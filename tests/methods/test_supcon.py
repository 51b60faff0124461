"""Supervised contrastive learning: what sets it apart from the kind without labels."""

from __future__ import annotations

from typing import Any

from benchmark.train.baseline import Baseline
from benchmark.train.method_handle import resolve_method
from benchmark.train.recipe import Budget


def test_labels_take_part_in_the_first_phase(fit_phases: Any, same: Any) -> None:
    assert not same(fit_phases("supcon").begun[1], fit_phases("supcon", relabel=True).begun[1])


def test_the_peak_of_the_first_phase_is_the_baselines() -> None:
    assert dict(resolve_method("supcon").resolve_parameters({}, Budget(1, 8, "last")))["lr"] == Baseline().lr
