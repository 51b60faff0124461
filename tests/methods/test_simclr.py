"""Contrastive learning without labels: what sets it apart from the supervised kind."""

from __future__ import annotations

from typing import Any

from benchmark.train.method_handle import resolve_method
from benchmark.train.recipe import Budget


def test_labels_take_no_part_in_the_first_phase(fit_phases: Any, same: Any) -> None:
    assert same(fit_phases("simclr").begun[1], fit_phases("simclr", relabel=True).begun[1])


def test_the_peak_of_the_first_phase_is_that_of_the_reports() -> None:
    assert dict(resolve_method("simclr").resolve_parameters({}, Budget(1, 8, "last")))["lr"] == 1e-5
