"""Gathers the events of a running cell into the curves and costs of its record, and passes them on."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmark.core.record import EpochEnded, PhaseCost, PhaseStarted, Point, Watcher


@dataclass
class Collector:
    """A `Watcher` that remembers; `others` hear every event too."""

    others: Sequence[Watcher] = ()
    points: list[Point] = field(default_factory=list)
    _phases: list[tuple[PhaseStarted, list[EpochEnded]]] = field(default_factory=list)

    def phase_started(self, event: PhaseStarted) -> None:
        """Remember the phase."""
        self._phases.append((event, []))
        for other in self.others:
            other.phase_started(event)

    def step_ended(self, done: int, total: int) -> None:
        """Pass it on."""
        for other in self.others:
            other.step_ended(done, total)

    def epoch_ended(self, event: EpochEnded) -> None:
        """Remember the epoch."""
        self._phases[-1][1].append(event)
        self.points.extend(event.points)
        for other in self.others:
            other.epoch_ended(event)

    def phases(self) -> tuple[PhaseCost, ...]:
        """Return what each phase cost so far."""
        return tuple(_cost(phase, epochs) for phase, epochs in self._phases)


def _cost(phase: PhaseStarted, epochs: Sequence[EpochEnded]) -> PhaseCost:
    later = epochs[1:] or epochs
    return PhaseCost(
        phase=phase.phase,
        trainable_encoder=phase.trainable_encoder,
        trainable_head=phase.trainable_head,
        total=phase.total,
        first_epoch_seconds=epochs[0].seconds if epochs else None,
        epoch_seconds=statistics.median(epoch.seconds for epoch in later) if later else None,
        examples_per_second=statistics.median(epoch.examples / epoch.seconds for epoch in later) if later else None,
        encode_seconds=phase.encode_seconds,
    )
