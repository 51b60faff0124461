"""The table of results: pure functions from records to rows. Every table, report and page shows these rows.

A row is the cells that differ in nothing but the seed (`Cell.group`), so that protocols are never mixed: neither in a
mean nor in one table. What failed, diverged or was skipped stays a row, with its reason.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmark.analysis.stats import Summary, summarise
from benchmark.core.cell import TUNED, Cell, Protocol, TaskIdentity, label
from benchmark.core.record import Record, Status, Tuning
from benchmark.core.text import one_line


@dataclass(frozen=True)
class UnscoredCell:
    """One cell that gave no score, and why."""

    seed: int
    status: Status
    reason: str


@dataclass(frozen=True)
class TaskScores:
    """One task's own metric, on the metric's own scale."""

    task: str
    metric: str
    validation: Summary | None
    test: Summary | None


@dataclass(frozen=True)
class Row:
    """One method with one set of parameters under one protocol, over its seeds."""

    label: str  # method, with the parameters in which it differs from its neighbours
    cell: Cell  # the first one; all of them differ in nothing but the seed
    seeds: tuple[int, ...]  # of the cells with scores, sorted
    runs: tuple[str, ...]  # the ids of their runs, in the order of `seeds`
    others: tuple[UnscoredCell, ...]  # the cells without, by seed
    validation: Summary | None  # of the headline, `Record.headline`; none where no cell has it
    test: Summary | None
    tasks: tuple[TaskScores, ...]  # in the protocol's order
    loss: float | None  # mean over seeds of the mean over tasks of the test loss per example
    trainable: int | None  # trainable parameters of encoder and heads, in what `Cost.headline` counts
    total: int | None  # all parameters of encoder and heads, in the same phase
    epoch_seconds: float | None  # median over seeds
    fit_seconds: float | None  # mean over seeds: all phases, validation and evaluation included
    memory: int | None  # bytes: the largest peak of any seed
    synthetic: bool  # some of the rows of data were generated
    tuning: Tuning | None = None  # what it cost to find a tuned row's parameters
    own_data: str = ""  # what a person's own data are called; nothing for the suite's

    @property
    def protocol(self) -> Protocol:
        """What the row was measured under."""
        return self.cell.protocol

    @property
    def trainable_fraction(self) -> float | None:
        """Trainable parameters as a fraction of all, 0..1."""
        return self.trainable / self.total if self.total and self.trainable is not None else None

    @property
    def tuning_trials(self) -> int | None:
        """How many trials a tuned row's parameters were chosen from."""
        return self.tuning.trials if self.tuning else None

    @property
    def tuning_seconds(self) -> float | None:
        """Wall-clock seconds of those trials."""
        return self.tuning.seconds if self.tuning else None

    @property
    def status(self) -> str:
        """``done``, ``failed``, … where all cells agree, else those without a score: ``1 diverged, 1 failed``."""
        counts: dict[str, int] = {}
        for other in self.others:
            counts[other.status] = counts.get(other.status, 0) + 1
        if len(counts) == 1 and not self.seeds:
            return self.others[0].status
        return ", ".join(f"{count} {status}" for status, count in counts.items()) or "done"

    @property
    def without_score(self) -> list[str]:
        """What became of the cells without a score, a line for those that fared alike: ``a, seeds 0–2: skipped: …``."""
        alike: dict[str, list[int]] = {}
        for other in self.others:
            reason = f": {other.reason}" if other.reason else ""
            alike.setdefault(f"{other.status}{reason}", []).append(other.seed)
        return [f"{self.label}, {seeds_text(seeds)}: {what}" for what, seeds in alike.items()]


def rows(records: Iterable[Record]) -> tuple[Row, ...]:
    """Return one row per group of cells, by protocol (in order of appearance) and then by test score, best first.

    Of several records of one cell `latest` chooses. A score that isn't finite counts as diverged.
    """
    kept = latest(records)
    groups: dict[str, list[Record]] = {}
    for record in kept:
        groups.setdefault(record.cell.group, []).append(record)
    peers: dict[tuple[Protocol, bool], list[Cell]] = {}  # tuned rows are marked as such, and compared among themselves
    for cell in (group[0].cell for group in groups.values()):
        peers.setdefault((cell.protocol, cell.origin == TUNED), []).append(cell)
    unmarked = [
        _row(group, tuple(peers[group[0].cell.protocol, group[0].cell.origin == TUNED])) for group in groups.values()
    ]
    order = {protocol: place for place, protocol in enumerate(dict.fromkeys(record.cell.protocol for record in kept))}

    def position(row: Row) -> tuple[int, bool, float, str]:
        return (order[row.protocol], row.test is None, -(row.test.mean if row.test else 0.0), row.label)

    return tuple(sorted(_distinguished(unmarked), key=position))


def latest(records: Iterable[Record]) -> tuple[Record, ...]:
    """Return one record per cell, in order of appearance: the first that is done, or else the first.

    Tracking lists the newest first. Equal cells give equal results, so that an older result outranks a newer failure.
    """
    found: dict[str, Record] = {}
    for record in records:
        known = found.get(record.cell.id)
        if known is None or (record.status == "done" and known.status != "done"):
            found[record.cell.id] = record
    return tuple(found.values())


def _row(group: Sequence[Record], peers: tuple[Cell, ...]) -> Row:
    """Return the row of the records `group`; its label names the parameters in which it differs from its `peers`."""
    first = group[0].cell
    judged = [(record, _unscored(record)) for record in sorted(group, key=lambda record: record.cell.seed)]
    scored = [record for record, other in judged if other is None]
    headlines = [phase for record in scored if (phase := record.cost.headline) is not None]
    seconds = [phase.epoch_seconds for phase in headlines if phase.epoch_seconds is not None]
    peaks = [record.cost.peak_memory_bytes for record in scored if record.cost.peak_memory_bytes is not None]
    losses = [loss for record in scored if (loss := record.loss("test")) is not None]
    return Row(
        label=label(first, peers),
        cell=first,
        seeds=tuple(record.cell.seed for record in scored),
        runs=tuple(record.run for record in scored),
        others=tuple(other for _, other in judged if other is not None),
        validation=_summary([record.headline("validation") for record in scored]),
        test=_summary([record.headline("test") for record in scored]),
        tasks=tuple(_task_scores(scored, task) for task in first.protocol.tasks),
        loss=statistics.fmean(losses) if losses else None,
        trainable=headlines[0].trainable if headlines else None,
        total=headlines[0].total if headlines else None,
        epoch_seconds=statistics.median(seconds) if seconds else None,
        fit_seconds=statistics.fmean(record.cost.fit_seconds for record in scored) if scored else None,
        memory=max(peaks, default=None),
        synthetic=any(facts.synthetic for record in group for facts in record.data),
        tuning=next((record.tuning for record in group if record.tuning), None),
        own_data=next((record.own_data for record in group if record.own_data), ""),
    )


def _distinguished(made: Sequence[Row]) -> list[Row]:
    """Return the rows; tuned ones say so, equal labels of a protocol get device, precision, forward, code, versions."""
    alike: dict[tuple[Protocol, str], list[Cell]] = {}
    for row in made:
        alike.setdefault((row.protocol, row.label), []).append(row.cell)
    found = []
    for row in made:
        twins = alike[row.protocol, row.label]
        marks = [TUNED] if row.cell.origin == TUNED else []
        marks += [row.cell.device] if len({cell.device for cell in twins}) > 1 else []
        marks += [row.cell.precision] if len({cell.precision for cell in twins}) > 1 else []
        marks += [row.cell.forward] if len({cell.forward for cell in twins}) > 1 else []
        marks += [f"code {row.cell.code[:7]}"] if len({cell.code for cell in twins}) > 1 else []
        shared = set(row.cell.versions).intersection(*[cell.versions for cell in twins])
        marks += [" ".join(pair) for pair in row.cell.versions if pair not in shared]
        found.append(dataclasses.replace(row, label=f"{row.label} [{', '.join(marks)}]") if marks else row)
    return found


def _unscored(record: Record) -> UnscoredCell | None:
    """Return why `record` has no score, or None when it has."""
    seed, test = record.cell.seed, record.headline("test")
    if record.status == "running":
        return UnscoredCell(seed, record.status, one_line(record.reason))
    if record.status != "done":
        return UnscoredCell(seed, record.status, one_line(record.reason) or "no reason was recorded")
    if test is None:
        return UnscoredCell(seed, "failed", "no test score was recorded")
    scores = (test, record.headline("validation"))
    if not all(score is None or math.isfinite(score) for score in scores):
        return UnscoredCell(seed, "diverged", "a score is not finite")
    return None


def _task_scores(scored: Sequence[Record], task: TaskIdentity) -> TaskScores:
    validation, test = (
        _summary([record.score(split, task.name, task.metric) for record in scored]) for split in ("validation", "test")
    )
    return TaskScores(task.name, task.metric, validation, test)


def _summary(values: Sequence[float | None]) -> Summary | None:
    present = [value for value in values if value is not None]
    return summarise(present) if present else None


def seeds_text(seeds: Sequence[int]) -> str:
    """Return ``seed 0``, ``seeds 0, 2`` or ``seeds 0–4``."""
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"seeds {seeds[0]}–{seeds[-1]}"
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"
