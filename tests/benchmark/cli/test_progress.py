"""What a run shows, event by event, under a clock that the test holds."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from benchmark.cli.progress import LiveDisplay, PlainDisplay, headline, make_display, time_left
from benchmark.core.cell import Cell, Protocol, TaskIdentity
from benchmark.core.record import EpochEnded, PhaseStarted, Point, Record, Score
from benchmark.experiment.display import Display, score_text, validation_score

TASKS = tuple(TaskIdentity(name, "classes", "accuracy", "f1", "f2", "f3") for name in ("one", "two"))
PROTOCOL = Protocol("quick", TASKS, "tiny", "r1", "e1", 2, 16, 32, "best", None)


class Clock:
    """Seconds that pass when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def cell(method: str = "[b]a[/b]", seed: int = 3) -> Cell:
    return Cell(PROTOCOL, method, (), seed, "default", "cpu", "fp32", "c0de", ())


def points(epoch: int, one: float, two: float) -> tuple[Point, ...]:
    values = {"train/loss": 0.5 / epoch, "validation/one/accuracy": one, "validation/two/accuracy": two}
    return tuple(Point("main", epoch, key, value) for key, value in values.items())


def record(of: Cell) -> Record:
    scores = [Score(split, task.name, "accuracy", 0.75) for split in ("validation", "test") for task in TASKS]
    return Record(of, "done", scores=tuple(scores))


def play(display: Display, clock: Clock) -> None:
    """One cell that is done after 65 s, one that fails."""
    display.started(5, 3)
    watcher = display.cell_started(cell(), "[b]a[/b] (rank=8)", 1)
    watcher.phase_started(PhaseStarted("main", 2, 4, 10, 2, 12))
    for epoch in (1, 2):
        watcher.step_ended(2 * epoch - 1, 4)
        watcher.step_ended(2 * epoch, 4)
        watcher.epoch_ended(EpochEnded("main", epoch, 1.25, 32, points(epoch, 0.5, 0.6)))
    clock.now += 65
    display.cell_ended(record(cell()))
    display.cell_started(cell("b", 4), "b", 2)
    display.cell_ended(Record(cell("b", 4), "failed", "RuntimeError: no\nmemory"))
    display.note("Traceback:\n  line 1\n")
    display.finished()
    display.finished()


def test_plain_lines() -> None:
    stream, clock = io.StringIO(), Clock()
    play(PlainDisplay(stream, clock), clock)
    assert stream.getvalue().splitlines() == [
        "3 cells were finished already: 2 to run",
        "[1/2] [b]a[/b] (rank=8) seed 3: started",
        "[1/2] [b]a[/b] (rank=8) seed 3: main epoch 1/2, loss 0.5000, validation 55.0%, 1.2 s",
        "[1/2] [b]a[/b] (rank=8) seed 3: main epoch 2/2, loss 0.2500, validation 55.0%, 1.2 s",
        "[1/2] [b]a[/b] (rank=8) seed 3: done, validation 75.0%, test 75.0%, 1:05",
        "[2/2] b seed 4: started",
        "[2/2] b seed 4: failed: RuntimeError: no memory",
        "Traceback:",
        "  line 1",
    ]


def live(width: int = 100) -> tuple[LiveDisplay, Console, Clock]:
    clock = Clock()
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=width, markup=False)
    return LiveDisplay(console, clock), console, clock


def drawn(display: LiveDisplay, console: Console) -> list[str]:
    with console.capture() as capture:
        console.print(*display._bars.get_renderables())
    return [line.strip("━╸╺ ").rstrip() for line in capture.get().splitlines()]


def test_the_live_display_shows_cell_phase_epoch_loss_score_and_time_left() -> None:
    display, console, clock = live()
    display._todo = 4  # as `started` would, without a thread that draws
    display._ended = [10.0, 20.0]
    display.cell_started(cell("a", 0), "a", 3)
    assert drawn(display, console)[1] == "a seed 0"
    display.phase_started(PhaseStarted("main", 2, 40, 10, 2, 12))
    display.step_ended(20, 40)
    display.epoch_ended(EpochEnded("main", 1, 1.0, 32, points(1, 0.25, 0.75)))
    clock.now = 6.0
    assert drawn(display, console) == [
        "2/4 cells · 0:06 gone · about 0:21 left",  # 6 s for the second half of this one, 15 s for the last
        "a seed 0 · main epoch 2/2 · loss 0.500 · validation 50.0% · step 20/40",
    ]
    display.phase_started(PhaseStarted("second", 1, 10, 0, 2, 12))
    assert drawn(display, console)[1] == "a seed 0 · second epoch 1/1 · step 0/10"


@pytest.mark.parametrize("width", [20, 60, 200])
def test_the_live_display_never_wraps(width: int) -> None:
    display, console, _ = live(width)
    display.cell_started(cell("a-method-with-quite-a-long-name", 0), "a-method-with-quite-a-long-name", 1)
    display.phase_started(PhaseStarted("classification", 10, 4000, 10, 2, 12))
    assert len(drawn(display, console)) == 2


def test_results_scroll_above_and_markup_is_text() -> None:
    display, console, clock = live()
    play(display, clock)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "✓ [b]a[/b] (rank=8) seed 3: done, validation 75.0%, test 75.0%, 1:05\n" in shown
    assert "✗ b seed 4: failed: RuntimeError: no memory\n" in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1  # the cursor comes back
    assert not display._bars.live.is_started


def test_nothing_to_train_draws_no_bar() -> None:
    display, console, _ = live()
    display.started(2, 2)
    display.finished()
    assert console.file.getvalue() == "2 cells were finished already: nothing to train\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("total", "skipped", "line"),
    [
        (1, 0, "1 cell to run"),
        (39, 0, "39 cells to run"),
        (39, 12, "12 cells were finished already: 27 to run"),
        (1, 1, "1 cell was finished already: nothing to train"),
    ],
)
def test_the_first_line_counts_cells(total: int, skipped: int, line: str) -> None:
    assert headline(total, skipped) == line


@pytest.mark.parametrize(
    ("ended", "waiting", "elapsed", "fraction", "expected"),
    [
        ([], 3, 1.0, 0.0, None),  # nothing is known yet
        ([], 3, 1.0, 0.01, None),  # nor by the first steps
        ([], 3, 10.0, 0.5, 70.0),  # 10 s more, then 3 cells of 20 s
        ([10.0, 20.0], 2, 0.0, 0.0, 30.0),  # between two cells
        ([10.0, 20.0], 2, 5.0, 0.0, 40.0),  # this one should take 15 s as well
        ([10.0, 20.0], 0, 99.0, 0.0, 0.0),  # overdue
        ([10.0], 1, 6.0, 0.25, 28.0),  # this one is slow: 18 s more
    ],
)
def test_time_left(ended: list[float], waiting: int, elapsed: float, fraction: float, expected: float | None) -> None:
    assert time_left(ended, waiting, elapsed, fraction) == expected


def test_a_score_needs_every_task_and_percent_needs_a_share() -> None:
    assert validation_score(points(1, 0.5, 0.7), cell()) == pytest.approx(0.6)
    assert validation_score(points(1, 0.5, 0.7)[:2], cell()) is None
    assert score_text(0.5, cell()) == "50.0%"
    assert score_text(None, cell()) == "–"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "kind"),
    [
        (Terminal(), {}, LiveDisplay),
        (Terminal(), {"CI": "true"}, PlainDisplay),
        (Terminal(), {"TERM": "dumb"}, PlainDisplay),
        (io.StringIO(), {}, PlainDisplay),
        (io.StringIO(), {"FORCE_COLOR": "1"}, PlainDisplay),
    ],
    ids=["terminal", "ci", "dumb", "pipe", "forced colour"],
)
def test_who_watches_decides_the_display(
    stream: io.StringIO, environment: dict[str, str], kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CI", "TERM", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stderr", stream)
    assert type(make_display()) is kind
