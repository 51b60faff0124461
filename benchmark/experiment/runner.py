"""From cells to records: one after another, in this process; an error in one never takes the others down."""

from __future__ import annotations

import dataclasses
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.core.cell import Cell, label
from benchmark.core.errors import DivergedError, PrunedError, SkippedError
from benchmark.core.predictions import Predictions
from benchmark.core.record import Cost, DataFacts, Record, Score, Status, Trial, Watcher
from benchmark.core.seeds import Streams
from benchmark.data.task import Split, Task
from benchmark.data.tokens import TokenCache, cache_folder
from benchmark.experiment import device, environment, process_state
from benchmark.experiment.collector import Collector
from benchmark.experiment.display import Display
from benchmark.experiment.plan import Plan
from benchmark.tracking import Tracking
from benchmark.train.method_handle import resolve_method
from benchmark.train.predict import evaluate
from benchmark.train.run import Run

FINISHED: tuple[Status, ...] = ("done", "diverged", "skipped")
"""What is not run again: the outcome is a function of the cell. A failure (no memory, no disk) may not come again."""
NO_MEMORY = ("out of memory", "not enough memory", "allocate memory")
"""What CUDA and Metal, and torch's allocators on Windows and on Linux, say when there is none left."""


@dataclass(frozen=True, eq=False)
class Attempt:
    """What one attempt at a cell gave, before it is recorded."""

    status: Status
    reason: str = ""
    detail: str = ""  # traceback, for the log
    scores: tuple[Score, ...] = ()
    predictions: tuple[Predictions, ...] = ()  # of the test split


@dataclass(frozen=True, eq=False)
class TrialRun:
    """How a cell is run that is a trial of a study."""

    trial: Trial
    label: str  # for the display
    watcher: Watcher  # hears of each epoch last, and may raise PrunedError
    remark: Callable[[Record], str]  # what the display says behind the outcome


class Interrupted(KeyboardInterrupt):
    """The user pressed Ctrl-C: the running cell is recorded, and `records` are those of this call so far."""

    def __init__(self, records: tuple[Record, ...]) -> None:
        super().__init__("interrupted")
        self.records = records


def finished(plan: Plan, tracking: Tracking) -> dict[str, Record]:
    """Return the records of `plan`'s cells that need no run, by cell id."""
    wanted = {cell.id for cell in plan.cells}
    known: dict[str, Record] = {}
    for record in tracking.records(plan.suite.name):  # newest first
        if record.status in FINISHED and record.cell.id in wanted:
            known.setdefault(record.cell.id, record)
    return known


def run(plan: Plan, tracking: Tracking, display: Display, rerun: bool = False, command: str = "") -> tuple[Record, ...]:
    """Run the cells of `plan` that have no record yet (all of them with `rerun`); return one record per cell, in order.

    Raises Interrupted on Ctrl-C, after the running cell was recorded as interrupted.
    """
    known = {} if rerun else finished(plan, tracking)
    records = [known[cell.id] for cell in plan.cells if cell.id in known]
    missing = [cell for cell in plan.cells if cell.id not in known]
    display.started(len(plan.cells), len(records))
    try:
        if missing:
            bench = Bench(plan, tracking, display, command)
            for number, cell in enumerate(missing, start=1):
                records.append(bench.measure(cell, number))
                if records[-1].status == "interrupted":
                    raise Interrupted(tuple(records))
    finally:
        display.finished()
    order = {cell.id: place for place, cell in enumerate(plan.cells)}
    return tuple(sorted(records, key=lambda record: order[record.cell.id]))


class Bench:
    """What all cells of one call share."""

    def __init__(self, plan: Plan, tracking: Tracking, display: Display, command: str) -> None:
        self.plan, self.tracking, self.display = plan, tracking, display
        tracking.prepare()
        device.prepare_torch(plan.device, plan.threads)
        self.environment = environment.collect(plan.device, command)
        self.cache = TokenCache(cache_folder())
        self.facts: tuple[DataFacts, ...] | None = None

    def measure(self, cell: Cell, number: int, how: TrialRun | None = None) -> Record:
        """Run one cell and record it; `how` makes it a trial."""
        plan = self.plan
        watcher = self.display.cell_started(cell, how.label if how else label(cell, plan.cells), number)
        self.facts = self.facts or _facts(self._run(cell, watcher), plan.tasks)
        surroundings = dataclasses.replace(self.environment, started=environment.now())
        live = self.tracking.begin(cell, surroundings, self.facts, how.trial if how else None)
        collector = Collector((watcher, live, *((how.watcher,) if how else ())))
        began = time.perf_counter()
        with process_state.kept() as changes, device.PeakMemory(plan.device) as peak:
            outcome = _attempt(plan, cell, self._run(cell, collector))
        notes = tuple(f"{cell.method} changed {change}: it was put back" for change in changes)
        cost = Cost(collector.phases(), time.perf_counter() - began, peak.bytes, peak.of)
        points = tuple(collector.points)
        came = (outcome.status, outcome.reason, outcome.scores)
        record = Record(
            cell, *came, points, cost, surroundings, self.facts, tuning=plan.tuning.get(cell.id), notes=notes
        )
        record = live.finish(record, outcome.predictions)
        self.display.cell_ended(record, how.remark(record) if how else "")
        for line in (*notes, outcome.detail):
            if line:
                self.display.note(line)
        return record

    def _run(self, cell: Cell, watcher: Watcher) -> Run:
        plan = self.plan
        return Run(
            streams=Streams(cell.seed),
            encoder=plan.encoder,
            budget=plan.budget,
            max_length=plan.suite.max_length,
            device=plan.device,
            precision=cell.precision,
            forward=cell.forward,
            cache=self.cache,
            watcher=watcher,
        )


def _attempt(plan: Plan, cell: Cell, run: Run) -> Attempt:
    """Fit and evaluate; whatever is raised becomes the cell's own outcome."""
    try:
        with run.streams.global_scope("method"):
            return _measured(plan, cell, run)
    except DivergedError as error:
        return Attempt("diverged", _message(error))
    except PrunedError as error:
        return Attempt("pruned", _message(error))
    except SkippedError as error:
        return Attempt("skipped", _message(error))
    except KeyboardInterrupt:
        return Attempt("interrupted", "stopped by Ctrl-C")
    except BaseException as error:  # noqa: BLE001 — a method may raise anything, SystemExit too, and the others go on
        return Attempt("failed", _reason(error), traceback.format_exc())


def _measured(plan: Plan, cell: Cell, run: Run) -> Attempt:
    """Fit on train and validation, score validation, then read the test split, once."""
    built = resolve_method(cell.method).build(cell.parameters, plan.budget)
    heads = [task.head for task in plan.tasks]
    built.check(plan.encoder.layers, heads)  # a plan has asked, but a trial draws its parameters later
    fitted = built.fit([task.without_test() for task in plan.tasks], run)
    validation = tuple(evaluate(fitted, task.head, task.validation) for task in plan.tasks)
    tested = [task for task in plan.tasks if len(task.test)]  # none in a trial
    test = tuple(evaluate(fitted, task.head, task.test) for task in tested)
    scores = tuple(score for predictions in (*validation, *test) for score in predictions.scores())
    broken = [score.key for score in scores if score.value != score.value]
    if broken:
        return Attempt("diverged", f"{broken[0]} is not a number", scores=(), predictions=test)
    return Attempt("done", scores=scores, predictions=test)


def _reason(error: BaseException) -> str:
    """Return one line; running out of memory says so, whichever library noticed."""
    message = _message(error)
    text = (message.splitlines() or [""])[0]
    if isinstance(error, MemoryError) or any(words in message for words in NO_MEMORY):
        return f"out of memory: {text or type(error).__name__}: try a smaller --batch-size"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _message(error: BaseException) -> str:
    """Return what `error` says, in characters that every store takes; "" of one that can't say it."""
    try:
        message = str(error)
    except BaseException:  # noqa: BLE001 — a method's own class may raise anything here as well
        return ""
    return message.encode("utf-8", "replace").decode("utf-8").replace("\0", "").strip()


def _facts(run: Run, tasks: Sequence[Task]) -> tuple[DataFacts, ...]:
    return tuple(
        DataFacts(
            task=task.name,
            source=task.source,
            synthetic=task.synthetic,
            rows=tuple((split.name, len(split)) for split in task.splits if len(split)),
            duplicates=task.duplicates,
            truncated=tuple((split.name, _truncated(split, run)) for split in task.splits if len(split)),
            notes=task.notes,
            origin=task.origin,
        )
        for task in tasks
    )


def _truncated(split: Split, run: Run) -> int:
    """Return the rows of `split` of which some sentence was cut: a pair that lost two ends is one row."""
    sentences = run.encode(split).sentences
    total = sum(tokens.truncated for tokens in sentences)
    if len(sentences) == 1 or not all(tokens.truncated for tokens in sentences):
        return total
    full = np.flatnonzero(np.all([tokens.lengths >= run.max_length for tokens in sentences], axis=0))  # (rows,)
    both = [all(run.tokenizer.encode([text])[1] for text in split.texts[row]) for row in full.tolist()]
    return total - sum(both)


def exit_status(records: Sequence[Record], cells: int) -> int:
    """Return 0 when each of so many planned `cells` has a record and is done or skipped, else 1."""
    good = sum(record.status in ("done", "skipped") for record in records)
    return 0 if good == len(records) == cells else 1
