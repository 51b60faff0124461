"""What a report gathers: sections, costs, curves, ranks over suites."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from benchmark.core.errors import UnreadableError
from benchmark.core.predictions import Predictions
from benchmark.core.record import Point
from benchmark.reports.content import Report, gather
from tests.support.results import Results

MADE = "2026-01-02T03:04:05+00:00"


def report(results: Results, **more: Any) -> Report:
    return gather(results.records, results.predictions, MADE, **more)


def test_a_place_has_a_row_with_its_costs_and_runs(three: Results) -> None:
    (section,) = report(three).sections
    first = section.board.places[0]
    assert (first.row.label, first.letters) == ("good", "a")
    assert (first.row.total, first.row.fit_seconds, first.row.memory) == (20_000, 5.0, 2**29)
    assert first.row.runs == tuple(record.run for record in three.records if record.cell.method == "good")
    assert report(three).made == MADE


def test_protocols_have_sections_of_their_own(three: Results) -> None:
    longer = dataclasses.replace(three.protocol, epochs=5)
    three.add(three.cell("good", 0, longer), np.arange(400) < 100)
    first, second = report(three).sections
    assert (first.protocol.epochs, second.protocol.epochs) == (2, 5)
    assert [len(section.rows) for section in (first, second)] == [3, 1]
    assert report(three).over_suites is None  # two protocols of one suite are not two suites


def test_provenance_has_data_weights_versions_seeds_dates(three: Results) -> None:
    facts = report(three).sections[0].facts
    assert facts["suite"] == "quick: Synthetic assistant utterances, 18 scenarios (built in)"
    assert facts["data, scenario"] == (
        f"made up (synthetic); train 90 rows {'f' * 12}, validation 9 rows {'e' * 12}, test 100 rows {'d' * 12}"
    )
    assert facts["encoder"] == "tiny @ r1r1r1r1r1r1, weights e1e1e1e1e1e1"
    assert facts["seeds"] == "0, 1, 2"
    assert facts["versions"] == "python 3.11.7, numpy 2.4.6, torch 2.13.0"
    assert facts["code"] == "commit abc123400000"
    assert facts["runs of"] == "2025-01-02"
    assert facts["report"].endswith(", 2026-01-02")


def test_several_versions_are_all_named(three: Results) -> None:
    upgraded = dataclasses.replace(three.cell("good", 9), versions=(("numpy", "2.5"),))
    three.add(upgraded, np.arange(400) < 100)
    assert "numpy 2.4.6 and 2.5" in report(three).sections[0].facts["versions"]


def test_curves_are_means_over_seeds_with_their_range(three: Results) -> None:
    by_run = {record.run: record for record in three.records}

    def points(run: str) -> tuple[Point, ...]:
        return (Point("main", 1, "train/loss", 1.0 + by_run[run].cell.seed), Point("main", 2, "train/loss", np.nan))

    found = report(three, curves=points).sections[0].curves
    assert [curve.label for curve in found] == ["good", "same", "bad"]
    assert found[0].epochs == ((1, 2.0, 1.0, 3.0),)
    assert report(three).sections[0].curves == ()


def test_methods_are_ranked_over_suites(three: Results) -> None:
    for name in ("other", "third"):
        protocol = dataclasses.replace(three.protocol, suite=name)
        for method, hits in (("good", 300), ("same", 200), ("new", 100)):
            three.add(three.cell(method, 0, protocol), np.arange(400) < hits)
    found = report(three).over_suites
    assert found is not None
    assert (found.suites, found.methods) == (("quick", "other", "third"), ("good", "same"))
    assert found.ranks.average == pytest.approx((3.5 / 3, 5.5 / 3))  # they are level on the first


def test_sentences_below_the_table(three: Results) -> None:
    three.fail(three.cell("broken", 4), "no\nmemory")
    (section,) = report(three).sections
    ties = (
        "Rows that share a letter are not significantly different at the 5% level: pairs are compared over their "
        "common seeds by a test over seeds and test rows, with Holm's step-down correction for 3 pairs."
    )
    loss = (
        "Test loss is cross-entropy in nats per example; seconds per epoch are medians, the first of several epochs "
        "left out."
    )
    cheapest = "Of these, same trains the fewest parameters (200) and has the shortest epoch (3.00 s)."
    assert section.notes == (
        "Synthetic data: these figures compare methods on this data only.",
        "± is the half-width of the 95% t interval over seeds (2.48 standard deviations at three seeds).",
        loss,
        ties,
        f"There is no single best row: same is not significantly different from good. {cheapest}",
        "broken, seed 4: failed: no memory",
    )


def test_a_running_cell_needs_no_reason(three: Results) -> None:
    running = three.fail(three.cell("slow", 0), "")
    three.records[-1] = dataclasses.replace(running, status="running")
    assert report(three).sections[0].notes[-1] == "slow, seed 0: running"


def test_a_single_seed_says_what_its_test_means(results: Results) -> None:
    results.add(results.cell("a", 0), np.arange(100) < 90)
    results.add(results.cell("b", 0), np.arange(100) < 50)
    notes = " ".join(report(results).sections[0].notes)
    assert "A row with one seed has no interval" in notes
    assert "which compares two trained models and not the methods" in notes
    assert "a differs significantly from every other tested row." in notes


def test_a_run_that_cant_be_read_is_passed_over_and_named(three: Results) -> None:
    broken = three.records[1].run  # of "same"

    def predictions(run: str) -> tuple[Predictions, ...]:
        if run == broken:
            raise UnreadableError(run, "its predictions are no Parquet file")
        found: tuple[Predictions, ...] = three.predictions(run)
        return found

    def curves(run: str) -> tuple[Point, ...]:
        if run == broken:
            raise UnreadableError(run, "its metrics are no numbers")
        return (Point("main", 1, "train/loss", 1.0),)

    (section,) = gather(three.records, predictions, MADE, curves).sections
    letters = {place.row.label: place.letters for place in section.board.places}
    assert letters["same"] == ""
    assert letters["good"]
    assert letters["bad"]
    said = " ".join(section.notes)
    assert "same has no letter: " in said
    assert f"(run {broken[:12]}) can't be read: its predictions are no Parquet file." in said
    assert f"No curves of one run of same: run {broken[:12]} can't be read: its metrics are no numbers." in said
    assert {curve.label for curve in section.curves} == {"good", "same", "bad"}


def test_rows_with_equal_scores_need_no_difference_of_nothing(results: Any) -> None:
    for method in ("a", "b"):
        for seed in range(2):
            results.add(results.cell(method, seed), np.arange(600) < 18)
    notes = " ".join(report(results).sections[0].notes)
    assert "There is no single best row" in notes
    assert "has to reach about" not in notes
