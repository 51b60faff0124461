"""What a run tells whoever shows it: the protocol of a display, and the figures of an epoch that it shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from benchmark.core import scales
from benchmark.core.cell import Cell
from benchmark.core.record import Point, Record, Watcher


class Display(Watcher, Protocol):
    """Whoever shows a run. A display is itself the watcher of the running cell.

    The calls come in this order: `started`; for each cell `cell_started`, a `Watcher`'s, `cell_ended`; then `finished`.
    """

    def started(self, cells_total: int, skipped: int) -> None:
        """The plan has `cells_total` cells; `skipped` of these were finished before and are not run again."""

    def cell_started(self, cell: Cell, label: str, number: int) -> Watcher:
        """The cell with this `number`, counted from 1 among those that are run, begins. Return its watcher."""

    def cell_ended(self, record: Record, remark: str = "") -> None:
        """The running cell is over, whatever became of it; `remark` ends its line."""

    def note(self, text: str) -> None:
        """Something worth a line, or the lines of a traceback."""

    def finished(self) -> None:
        """Nothing comes any more: the terminal is given back. Calling it again does nothing."""


def train_loss(points: Iterable[Point]) -> float | None:
    """Return the epoch's training loss, if it was measured."""
    return next((point.value for point in points if point.key == "train/loss"), None)


def validation_score(points: Sequence[Point], cell: Cell) -> float | None:
    """Return the epoch's headline score on validation (`Record.headline`); None where a task's metric is missing."""
    found = {point.key: point.value for point in points}
    tasks = cell.protocol.tasks
    return scales.headline(cell.protocol, [found.get(f"validation/{task.name}/{task.metric}") for task in tasks])


def score_text(value: float | None, cell: Cell) -> str:
    """Return a headline score as people read it."""
    return scales.of_headline(cell.protocol).text(value)
