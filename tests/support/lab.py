"""All that a method needs to be fitted within a second."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.encoders import TinyEncoder

if TYPE_CHECKING:  # and in the methods: imported before the environment is set, torch would take more than one thread
    from benchmark.core.record import Watcher
    from benchmark.data.task import Task
    from benchmark.model.model import Model
    from benchmark.train.run import Run


@dataclass(frozen=True)
class Lab:
    """All that a method needs to be fitted within a second: four scenarios of the built-in corpus, a tiny encoder."""

    encoders: TinyEncoder
    cache: Path

    def task(self, train: int = 40, validation: int = 20, test: int = 20) -> Task:
        """Return a task with so many rows of four classes."""
        from benchmark.data.builtin import corpus
        from benchmark.data.task import Example, RawData, make_task

        def rows(name: str, count: int) -> tuple[Example, ...]:
            classes = ("alarm", "calendar", "play", "weather")
            found = [row for row in getattr(corpus(), name) if row.scenario in classes][:count]
            assert len(found) == count
            return tuple(Example(row.id, (row.text,), row.scenario) for row in found)

        splits = (rows("train", train), rows("validation", validation), rows("test", test))
        return make_task("scenario", "classes", "accuracy", RawData(*splits, source="built-in", synthetic=True))

    def tasks(self, train: int = 24) -> tuple[Task, ...]:
        """Return the tasks of the suite quick-tasks, `train` training rows each: a sentence, pairs, similarity."""
        from benchmark.core.suite import load
        from benchmark.data.sources import load_task

        return tuple(load_task(spec, limit_train=train) for spec in load("quick-tasks").tasks)

    def run(
        self,
        seed: int = 0,
        *,
        kind: str = "bert",
        layers: int = 2,
        epochs: int = 2,
        batch_size: int = 8,
        selection: str = "last",
        precision: str = "fp32",
        forward: str = "packed",
        watcher: Watcher | None = None,
    ) -> Run:
        """Return surroundings with a tiny encoder; without a `watcher`, a collector of their own watches."""
        from benchmark.core.seeds import Streams
        from benchmark.data.tokens import TokenCache
        from benchmark.experiment.collector import Collector
        from benchmark.model.catalogue import resolve
        from benchmark.train.recipe import Budget
        from benchmark.train.run import Run

        return Run(
            streams=Streams(seed),
            encoder=resolve(str(self.encoders(kind, layers=layers))),
            budget=Budget(epochs, batch_size, selection),
            max_length=32,
            device="cpu",
            precision=precision,
            cache=TokenCache(self.cache),
            watcher=watcher or Collector(),
            forward=forward,
        )

    def model(self, kind: str = "bert", layers: int = 2) -> Model:
        """Return a fresh tiny encoder without heads."""
        from benchmark.model.model import Model

        return Model(self.run(kind=kind, layers=layers).load_encoder())
