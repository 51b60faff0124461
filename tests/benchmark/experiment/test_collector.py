"""What is gathered from a running cell's events: curves, and costs that keep the first epoch apart."""

from __future__ import annotations

from typing import Any

import pytest

from benchmark.core.record import Cost, EpochEnded, PhaseCost, PhaseStarted, Point
from benchmark.experiment.collector import Collector


class Listener:
    """Writes down every event."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def phase_started(self, event: PhaseStarted) -> None:
        self.heard.append(event)

    def step_ended(self, done: int, total: int) -> None:
        self.heard.append((done, total))

    def epoch_ended(self, event: EpochEnded) -> None:
        self.heard.append(event)


def phase(name: str = "classification", encoder: int = 100) -> PhaseStarted:
    return PhaseStarted(name, 3, 9, encoder, 10, 1000)


def epoch(number: int, seconds: float, name: str = "classification", examples: int = 60) -> EpochEnded:
    return EpochEnded(name, number, seconds, examples, (Point(name, number, "train/loss", 1 / number),))


def collected(*events: PhaseStarted | EpochEnded) -> Collector:
    collector = Collector()
    for event in events:
        if isinstance(event, PhaseStarted):
            collector.phase_started(event)
        else:
            collector.epoch_ended(event)
    return collector


def test_everybody_hears_every_event_in_order() -> None:
    listeners = (Listener(), Listener())
    collector = Collector(listeners)
    collector.phase_started(phase())
    collector.step_ended(1, 9)
    collector.epoch_ended(epoch(1, 2.0))
    for listener in listeners:
        assert listener.heard == [phase(), (1, 9), epoch(1, 2.0)]


def test_points_are_kept_in_order() -> None:
    collector = collected(phase(), epoch(1, 1.0), epoch(2, 1.0))
    assert [(point.epoch, point.value) for point in collector.points] == [(1, 1.0), (2, 0.5)]


def test_the_median_leaves_the_first_epoch_out() -> None:
    (cost,) = collected(phase(), epoch(1, 90.0), epoch(2, 3.0), epoch(3, 2.0), epoch(4, 4.0)).phases()
    assert cost == PhaseCost("classification", 100, 10, 1000, 90.0, 3.0, 20.0)
    assert cost.trainable == 110


def test_the_median_of_an_even_number_is_between() -> None:
    (cost,) = collected(phase(), epoch(1, 90.0), epoch(2, 3.0), epoch(3, 2.0)).phases()
    assert cost.epoch_seconds == 2.5
    assert cost.examples_per_second == pytest.approx((60 / 3 + 60 / 2) / 2)


def test_a_single_epoch_is_all_there_is() -> None:
    (cost,) = collected(phase(), epoch(1, 5.0)).phases()
    assert (cost.first_epoch_seconds, cost.epoch_seconds, cost.examples_per_second) == (5.0, 5.0, 12.0)


def test_a_phase_without_an_epoch_has_no_seconds() -> None:
    (cost,) = collected(phase()).phases()
    assert (cost.first_epoch_seconds, cost.epoch_seconds, cost.examples_per_second) == (None, None, None)


def test_nothing_was_heard() -> None:
    assert Collector().phases() == ()
    assert Collector().points == []


def test_each_phase_has_its_own_epochs() -> None:
    first, second = collected(
        phase("contrastive"), epoch(1, 9.0, "contrastive"), epoch(2, 6.0, "contrastive"),
        phase("classification", encoder=0), epoch(1, 0.3), epoch(2, 0.1),
    ).phases()  # fmt: skip
    assert (first.phase, first.first_epoch_seconds, first.epoch_seconds) == ("contrastive", 9.0, 6.0)
    assert (second.phase, second.first_epoch_seconds, second.epoch_seconds) == ("classification", 0.3, 0.1)
    assert Cost((second, first)).headline == first  # the phase that trains the encoder, wherever it stands


def test_of_two_phases_that_train_the_encoder_the_tasks_own_counts() -> None:
    phases = collected(
        phase("similarity"), epoch(1, 9.0, "similarity"), phase("classification"), epoch(1, 1.0)
    ).phases()
    assert Cost(phases).headline == phases[1]
    assert Cost().headline is None


def test_two_phases_of_one_name_have_their_own_epochs() -> None:
    first, second = collected(phase(), epoch(1, 9.0), phase(), epoch(1, 1.0)).phases()
    assert (first.epoch_seconds, second.epoch_seconds) == (9.0, 1.0)


def test_collectors_share_nothing() -> None:
    collected(phase(), epoch(1, 1.0))
    assert Collector().points == []
