"""Which records tell something of techniques, and what."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmark.analysis.technique_effects import technique_effects, techniques
from tests.support.results import Results


def test_the_baseline_has_no_techniques_and_a_whole_method_is_no_set() -> None:
    assert techniques("finetune") == frozenset()
    assert techniques("swa") == {"swa"}
    assert techniques("swa+reinit") == {"swa", "reinit"}
    assert techniques("zero-shot") is None
    assert techniques("no-such-method") is None


def fill(results: Results) -> None:
    gains = {"finetune": 0, "swa": 10, "reinit": -5, "swa+reinit": 25}  # rows of 100
    for seed in range(3):
        for method, gain in gains.items():
            results.add(results.cell(method, seed), np.arange(100) < 50 + gain + 3 * seed)
        results.add(results.cell("zero-shot", seed), np.arange(100) < 3)


def test_effects_are_those_of_the_techniques(results: Results) -> None:
    fill(results)
    results.fail(results.cell("llrd", 0), "no memory")
    tuned = dataclasses.replace(results.cell("swa", 0), origin="tuned")
    results.add(tuned, np.arange(100) < 99)
    found = technique_effects(results.records)
    assert found is not None
    assert {effect.factors: effect.estimate for effect in found.found} == pytest.approx(
        {("swa",): (0.10 + 0.30) / 2, ("reinit",): (-0.05 + 0.15) / 2, ("reinit", "swa"): 0.30 - 0.10}
    )
    assert (found.n, found.df) == (12, 12 - 3 - 3)  # runs; less a mean for each seed and three effects


def test_one_set_of_techniques_has_no_effects(results: Results) -> None:
    results.add(results.cell("swa", 0), np.arange(100) < 50)
    assert technique_effects(results.records) is None


def test_protocols_are_never_mixed(results: Results) -> None:
    fill(results)
    longer = dataclasses.replace(results.protocol, epochs=9)
    results.add(results.cell("llrd", 0, longer), np.arange(100) < 50)
    with pytest.raises(ValueError, match="one protocol"):
        technique_effects(results.records)
