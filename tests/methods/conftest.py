"""What the tests of two-phase methods share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmark.core.record import PhaseStarted
from benchmark.experiment.collector import Collector
from benchmark.model.model import Model
from benchmark.train.loop import train
from benchmark.train.method_handle import build_method
from benchmark.train.recipe import Recipe
from tests.support.lab import Lab


class Phases(Collector):
    """Copies the encoder's weights when a phase begins."""

    def __init__(self) -> None:
        super().__init__()
        self.model: Model | None = None
        self.begun: list[dict[str, Tensor]] = []

    def phase_started(self, event: PhaseStarted) -> None:
        super().phase_started(event)
        self.begun.append(self.encoder())

    def encoder(self) -> dict[str, Tensor]:
        """A copy of the encoder's weights as they are."""
        assert self.model is not None
        return {name: value.detach().clone() for name, value in self.model.encoder.state_dict().items()}


@dataclasses.dataclass(frozen=True)
class Fitted:
    """What a fit left: its recipe, the encoder when each phase began, and at the end."""

    phases: tuple[Recipe, ...]
    watcher: Phases
    begun: list[dict[str, Tensor]]
    end: dict[str, Tensor]


@pytest.fixture
def fit_phases(lab: Lab) -> Callable[..., Fitted]:
    """Fit a method on forty rows; `relabel` turns the training labels round."""

    def fit(name: str, relabel: bool = False, **given: Any) -> Fitted:
        watcher = Phases()
        run = lab.run(watcher=watcher)
        data = lab.task().without_test()
        if relabel:
            labels = data.train.labels[::-1]
            assert labels != data.train.labels
            data = dataclasses.replace(data, train=dataclasses.replace(data.train, labels=labels))
        method: Any = build_method(name, run.budget, {"classifier_epochs": 3, **given})
        watcher.model = Model(run.load_encoder())
        train(method.phases, watcher.model, [data], run)
        return Fitted(method.phases, watcher, watcher.begun, watcher.encoder())

    return fit


@pytest.fixture
def same() -> Callable[[dict[str, Tensor], dict[str, Tensor]], bool]:
    """Whether two sets of weights are equal to the bit."""

    def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
        assert set(one) == set(other)
        return all(torch.equal(value, other[name]) for name, value in one.items())

    return equal
