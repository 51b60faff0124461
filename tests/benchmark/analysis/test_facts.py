"""The facts of a run are the record's, and what isn't known is left out."""

from __future__ import annotations

import dataclasses

import numpy as np

from benchmark.analysis import facts
from benchmark.core.record import Tuning
from tests.support.results import Results


def test_facts_hold_what_was_recorded(results: Results) -> None:
    made = results.add(results.cell("lora", 0, lr=3e-5, hidden=256), np.arange(9) < 5)
    record = dataclasses.replace(made, tuning=Tuning("quick/a", 3, 0.81, 8, 75.0))
    measured = facts.measured(record)
    assert measured["run"] == record.run
    assert measured["budget"] == "2 epochs, batches of 16, at most 32 tokens, best epoch kept"
    assert measured["tuned by"] == "trial 3 of study quick/a (validation 0.8100; tuning cost 8 trials, 1:15)"
    assert "trial" not in measured
    assert facts.parameters(record) == {"hidden": "256", "lr": "3e-05"}
    assert facts.environment(record)["torch"] == "2.13.0"
    assert facts.environment(record)["commit"] == "abc1234" + "0" * 33


def test_data_are_counted_and_carry_their_fingerprints(results: Results) -> None:
    made = results.add(results.cell("a", 0), np.arange(9) < 5)
    cut = dataclasses.replace(made.data[0], duplicates=(("train ∩ test", 21),), truncated=(("train", 3), ("test", 0)))
    found = facts.data(dataclasses.replace(made, data=(cut,)))
    assert found["scenario: source"] == "made up (synthetic)"
    assert found["scenario: exact duplicates"] == "train ∩ test 21"
    assert found["scenario: rows cut at the maximum length"] == "train 3 (3.3%)"
    assert found["scenario: test fingerprint"] == "d" * 64
    assert "scenario: notes" not in found


def test_a_run_without_an_environment_says_what_its_cell_knows(results: Results) -> None:
    made = results.add(results.cell("a", 0), np.arange(9) < 5)
    bare = dataclasses.replace(made, environment=None, data=())
    assert facts.environment(bare)["kind of device"] == "cpu"
    assert facts.STARTED not in facts.environment(bare)
    assert list(facts.data(bare)) == [f"scenario: {split} fingerprint" for split in facts.SPLITS]
