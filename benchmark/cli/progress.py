"""How a run shows what it does: live in a terminal, one line per event everywhere else. All of it goes to stderr."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column
from rich.text import Text

from benchmark.cli.console import err, is_terminal
from benchmark.core.cell import TRIAL, Cell
from benchmark.core.record import EpochEnded, PhaseStarted, Record, Watcher
from benchmark.core.text import duration, one_line, pluralize
from benchmark.experiment.display import Display, score_text, train_loss, validation_score

REFRESHES = 4
"""Times a second that the live display is drawn."""

STYLES = {
    "done": "green",
    "skipped": "yellow",
    "pruned": "yellow",
    "interrupted": "yellow",
    "failed": "red",
    "diverged": "red",
}


@dataclass
class Running:
    """Where the running cell stands: written by the training loop once a step, read by whoever draws."""

    cell: Cell
    label: str
    number: int
    began: float  # seconds, the clock's
    phase: str = ""
    epoch: int = 0
    epochs: int = 0
    done: int = 0  # steps of the phase
    total: int = 0
    loss: float | None = None
    score: float | None = None

    @property
    def name(self) -> str:
        """The cell as one reads it."""
        return self.label if self.cell.origin == TRIAL else f"{self.label} seed {self.cell.seed}"

    @property
    def fraction(self) -> float:
        """The fraction of the phase that is over, 0..1."""
        return self.done / self.total if self.total else 0.0

    def enter(self, event: PhaseStarted) -> None:
        """A phase begins: figures of the last one are no longer true."""
        self.phase, self.epochs, self.total = event.phase, event.epochs, event.steps
        self.epoch, self.done, self.loss, self.score = min(1, event.epochs), 0, None, None

    def leave(self, event: EpochEnded) -> None:
        """An epoch is over."""
        self.epoch = min(event.epoch + 1, self.epochs)
        self.loss = train_loss(event.points)
        self.score = validation_score(event.points, self.cell)


def time_left(ended: Sequence[float], waiting: int, elapsed: float, fraction: float) -> float | None:
    """Estimate the seconds that are left, or None while nothing can be said.

    `ended` are the seconds of the cells that are over, `waiting` counts those not yet begun; the running one has used
    `elapsed` seconds for `fraction` (0..1) of its present phase. Cells of one plan cost about the same.
    """
    own = elapsed / fraction if fraction >= 0.05 else None
    typical = statistics.fmean(ended) if ended else own
    if typical is None:
        return None
    rest = max(0.0, (own if own is not None else typical) - elapsed) if elapsed else 0.0
    return rest + waiting * typical


def outcome(record: Record, label: str, seconds: float) -> str:
    """Return the line that says what became of a cell."""
    name = label if record.trial else f"{label} seed {record.cell.seed}"
    if record.status != "done":
        return f"{name}: {record.status}: {one_line(record.reason) or 'no reason was recorded'}"
    splits = ("validation",) if record.trial else ("validation", "test")
    scores = [f"{split} {score_text(record.headline(split), record.cell)}" for split in splits]
    return ", ".join([f"{name}: done", *scores, duration(seconds)])


class PlainDisplay:
    """One line per event, no escape codes: for logs, pipes and CI."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic, noun: str = "cell") -> None:
        self._stream = stream
        self._noun = noun
        self._clock = clock
        self._running: Running | None = None
        self._todo = 0

    def started(self, cells_total: int, skipped: int) -> None:
        """See `Display`."""
        self._todo = cells_total - skipped
        self.note(headline(cells_total, skipped, self._noun))

    def cell_started(self, cell: Cell, label: str, number: int) -> Watcher:
        """See `Display`."""
        self._running = Running(cell, label, number, self._clock())
        self._say(f"{self._running.name}: started")
        return self

    def phase_started(self, event: PhaseStarted) -> None:
        """See `Watcher`."""
        if self._running:
            self._running.enter(event)
            if event.encode_seconds:
                self._say(f"{self._running.name}: {event.phase}: rows encoded once in {event.encode_seconds:.1f} s")

    def step_ended(self, done: int, total: int) -> None:
        """See `Watcher`. A step is no line."""

    def epoch_ended(self, event: EpochEnded) -> None:
        """See `Watcher`."""
        if self._running:
            self._running.leave(event)
            words = [f"{event.phase} epoch {event.epoch}/{self._running.epochs}"]
            words += [f"loss {self._running.loss:.4f}"] if self._running.loss is not None else []
            if self._running.score is not None:
                words.append(f"validation {score_text(self._running.score, self._running.cell)}")
            self._say(f"{self._running.name}: {', '.join([*words, f'{event.seconds:.1f} s'])}")

    def cell_ended(self, record: Record, remark: str = "") -> None:
        """See `Display`."""
        seconds = self._clock() - self._running.began if self._running else record.cost.fit_seconds
        self._say(outcome(record, self._running.label if self._running else record.cell.method, seconds) + remark)
        self._running = None

    def note(self, text: str) -> None:
        """See `Display`."""
        print(text.rstrip(), file=self._stream, flush=True)

    def finished(self) -> None:
        """See `Display`."""

    def _say(self, text: str) -> None:
        place = f"[{self._running.number}/{self._todo}] " if self._running else ""
        self.note(place + text)


class LiveDisplay:
    """Two lines that stay at the bottom of the terminal; what is over scrolls away above them."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic, noun: str = "cell") -> None:
        self._console = console
        self._noun = noun
        self._clock = clock
        self._running: Running | None = None
        self._ended: list[float] = []
        self._bad = 0
        self._todo = 0
        self._began = clock()
        self._bars = Bars(console, self.overall, self.current)

    def started(self, cells_total: int, skipped: int) -> None:
        """See `Display`."""
        self._todo, self._began = cells_total - skipped, self._clock()
        self.note(headline(cells_total, skipped, self._noun))
        if self._todo:
            self._bars.start()

    def cell_started(self, cell: Cell, label: str, number: int) -> Watcher:
        """See `Display`."""
        self._running = Running(cell, label, number, self._clock())
        return self

    def phase_started(self, event: PhaseStarted) -> None:
        """See `Watcher`."""
        if self._running:
            self._running.enter(event)

    def step_ended(self, done: int, total: int) -> None:
        """See `Watcher`. Two numbers are written; the drawing thread reads them when its time has come."""
        if self._running:
            self._running.done, self._running.total = done, total

    def epoch_ended(self, event: EpochEnded) -> None:
        """See `Watcher`."""
        if self._running:
            self._running.leave(event)

    def cell_ended(self, record: Record, remark: str = "") -> None:
        """See `Display`."""
        running, self._running = self._running, None
        seconds = self._clock() - running.began if running else record.cost.fit_seconds
        self._ended.append(seconds)
        self._bad += record.status in ("failed", "diverged")
        mark = "✓" if record.status == "done" else "–" if record.status in ("skipped", "pruned") else "✗"
        line = Text(f"{mark} ", style=STYLES.get(record.status, ""))
        line.append(
            outcome(record, running.label if running else record.cell.method, seconds) + remark, style="default"
        )
        self._console.print(line, soft_wrap=True)

    def note(self, text: str) -> None:
        """See `Display`."""
        self._console.print(Text(text.rstrip(), style="dim"), soft_wrap=True)

    def finished(self) -> None:
        """See `Display`."""
        self._bars.stop()

    def overall(self) -> tuple[float, str]:
        """Return what fraction of the cells is over now, 0..1, and what is said of them."""
        over = len(self._ended)
        running, elapsed = self._running, self._clock() - self._began
        current = self._clock() - running.began if running else 0.0
        waiting = max(0, self._todo - over - (1 if running else 0))
        left = time_left(self._ended, waiting, current, running.fraction if running else 0.0)
        words = [f"{over}/{self._todo} {self._noun}s"] + ([f"{self._bad} bad"] if self._bad else [])
        words += [f"{duration(elapsed)} gone"]
        words += [f"about {duration(left)} left"] if left is not None else []
        fraction = (over + (running.fraction if running else 0.0)) / max(1, self._todo)
        return fraction, " · ".join(words)

    def current(self) -> tuple[float, str]:
        """Return what fraction of the running cell's phase is over now, 0..1, and what is said of it."""
        if self._running:
            return self._running.fraction, _state(self._running)
        return 0.0, "preparing" if len(self._ended) < self._todo else ""


class Bars(Progress):
    """A bar and words for each of `lines`, functions that are asked at every drawing: a training step only counts."""

    def __init__(self, console: Console, *lines: Callable[[], tuple[float, str]]) -> None:
        self._terminal = console  # asked before `Progress` has its own
        super().__init__(
            BarColumn(bar_width=None, table_column=Column(ratio=1, max_width=32)),
            TextColumn("{task.fields[words]}", markup=False, table_column=Column(ratio=4, no_wrap=True)),
            console=console,
            refresh_per_second=REFRESHES,
            transient=True,
            expand=True,
        )
        for line in lines:
            self.add_task("", total=1.0, line=line, words="")

    def get_renderables(self) -> Iterator[RenderableType]:
        """Yield the lines as they stand now, words cut rather than wrapped.

        They end before the edge, so that the terminal's own ``^C`` doesn't wrap and shift what the next drawing erases.
        """
        for task in self.tasks:
            fraction, words = task.fields["line"]()
            self.update(task.id, completed=min(1.0, max(0.0, fraction)), words=words)
        table = self.make_tasks_table(self.tasks)
        table.width = max(16, self._terminal.width - 4)
        yield table


def headline(cells_total: int, skipped: int, noun: str = "cell") -> str:
    """Return the first line of a run of cells, or whatever `noun` says."""
    if not skipped:
        return f"{pluralize(cells_total, noun)} to run"
    before = f"{pluralize(skipped, noun)} {'was' if skipped == 1 else 'were'} finished already"
    return f"{before}: {f'{cells_total - skipped:,} to run' if cells_total > skipped else 'nothing to train'}"


def make_display(noun: str = "cell") -> Display:
    """Return the display that fits stderr: live where somebody watches a terminal, plain lines elsewhere.

    What is counted is called a `noun`.
    """
    if is_terminal(sys.stderr):
        return LiveDisplay(err(), noun=noun)
    return PlainDisplay(sys.stderr, noun=noun)


def _state(running: Running) -> str:
    words = [running.name]
    if running.phase:
        words.append(f"{running.phase} epoch {running.epoch}/{running.epochs}" if running.epochs else running.phase)
    words += [f"loss {running.loss:.3f}"] if running.loss is not None else []
    words += [f"validation {score_text(running.score, running.cell)}"] if running.score is not None else []
    words += [f"step {running.done}/{running.total}"] if running.total else []
    return " · ".join(words)
