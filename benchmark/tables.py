"""The table of results: pure functions from records to rows, and from rows to something to print.

A row is the cells that differ in nothing but the seed (`Cell.group`), so that protocols are never mixed: neither in a
mean nor in one table. What failed, diverged or was skipped stays a row, with its reason.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from benchmark import scales, terminal
from benchmark.cell import TUNED, Cell, Protocol, TaskIdentity, label
from benchmark.record import Record, Status, Tuning
from benchmark.scales import Scale
from benchmark.statistics import Summary, summarise
from benchmark.suite import Suite

STYLES: dict[str, str] = {"done": "", "skipped": "yellow", "interrupted": "yellow", "running": "yellow"}
"""Of a row by its status; any other status is red."""


@dataclass(frozen=True)
class Outcome:
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
    others: tuple[Outcome, ...]  # the cells without, by seed
    validation: Summary | None  # of the headline, `Record.headline`; none where no cell has it
    test: Summary | None
    tasks: tuple[TaskScores, ...]  # in the protocol's order
    loss: float | None  # mean over seeds of the mean over tasks of the test loss per example
    trainable: int | None  # parameters that move, encoder and heads, in what `Cost.headline` counts
    epoch_seconds: float | None  # median over seeds
    synthetic: bool  # some of the rows of data were generated
    tuning: Tuning | None = None  # what it cost to find a tuned row's parameters

    @property
    def protocol(self) -> Protocol:
        """What the row was measured under."""
        return self.cell.protocol

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
            reason = "" if other.status == "running" else f": {other.reason}"
            alike.setdefault(f"{other.status}{reason}", []).append(other.seed)
        return [f"{self.label}, {_seeds(seeds)}: {what}" for what, seeds in alike.items()]


def rows(records: Iterable[Record]) -> tuple[Row, ...]:
    """Return one row per group of cells, by protocol (in order of appearance) and then by test score, best first.

    Of several records of one cell `latest` chooses. A score that isn't finite counts as diverged.
    """
    kept = latest(records)
    groups: dict[str, list[Record]] = {}
    for record in kept:
        groups.setdefault(record.cell.group, []).append(record)
    protocols = list(dict.fromkeys(record.cell.protocol.id for record in kept))
    made = [_row(group, kept) for group in groups.values()]

    def order(row: Row) -> tuple[int, bool, float, str]:
        return (protocols.index(row.protocol.id), row.test is None, -(row.test.mean if row.test else 0.0), row.label)

    return tuple(sorted(_told_apart(made), key=order))


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


def render(rows: Sequence[Row], suite: Suite | None = None) -> RenderableType:
    """Return what to print for `rows`: one table for each protocol, none for no rows.

    `suite` gives the title of the tables that were measured under it; without it the suite's name stands there.
    """
    protocols = dict.fromkeys(row.protocol for row in rows)
    parts: list[RenderableType] = []
    for protocol in protocols:
        title = suite.title if suite and suite.name == protocol.suite else ""
        parts += _block([row for row in rows if row.protocol == protocol], protocol, title)
    return Group(*parts)


def plain_rows(rows: Iterable[Row]) -> list[dict[str, object]]:
    """Return `rows` as JSON data: shares and nats as they are, nothing rounded."""
    return [
        {
            "label": row.label,
            "method": row.cell.method,
            "parameters": dict(row.cell.parameters),
            "origin": row.cell.origin,
            "tuning": dataclasses.asdict(row.tuning) if row.tuning else None,
            "group": row.cell.group,
            "protocol": row.protocol.id,
            "suite": row.protocol.suite,
            "status": row.status,
            "seeds": list(row.seeds),
            "without_score": [dataclasses.asdict(other) for other in row.others],
            "validation": dataclasses.asdict(row.validation) if row.validation else None,
            "test": dataclasses.asdict(row.test) if row.test else None,
            "tasks": [dataclasses.asdict(task) for task in row.tasks],
            f"test_{scales.loss_name(row.protocol)}": row.loss
            if row.loss is not None and math.isfinite(row.loss)
            else None,
            "trainable_parameters": row.trainable,
            "epoch_seconds": row.epoch_seconds,
            "synthetic": row.synthetic,
        }
        for row in rows
    ]


def _row(group: Sequence[Record], kept: Sequence[Record]) -> Row:
    first = group[0].cell
    peers = tuple(  # tuned rows are marked as such: their parameters needn't tell them from the others
        record.cell
        for record in kept
        if record.cell.protocol == first.protocol and (record.cell.origin == TUNED) == (first.origin == TUNED)
    )
    judged = [(record, _outcome(record)) for record in sorted(group, key=lambda record: record.cell.seed)]
    scored = [record for record, other in judged if other is None]
    headlines = [phase for record in scored if (phase := record.cost.headline) is not None]
    seconds = [phase.epoch_seconds for phase in headlines if phase.epoch_seconds is not None]
    losses = [loss for record in scored if (loss := record.loss("test")) is not None]
    return Row(
        label=label(first, peers),
        cell=first,
        seeds=tuple(record.cell.seed for record in scored),
        others=tuple(other for _, other in judged if other is not None),
        validation=_summary([record.headline("validation") for record in scored]),
        test=_summary([record.headline("test") for record in scored]),
        tasks=tuple(_task_scores(scored, task) for task in first.protocol.tasks),
        loss=statistics.fmean(losses) if losses else None,
        trainable=headlines[0].trainable if headlines else None,
        epoch_seconds=statistics.median(seconds) if seconds else None,
        synthetic=any(facts.synthetic for record in group for facts in record.data),
        tuning=next((record.tuning for record in group if record.tuning), None),
    )


def _told_apart(made: Sequence[Row]) -> list[Row]:
    """Return the rows; tuned ones say so, equal labels of a protocol get device, precision, code or versions."""
    found = []
    for row in made:
        twins = [peer.cell for peer in made if (peer.label, peer.protocol) == (row.label, row.protocol)]
        marks = [TUNED] if row.cell.origin == TUNED else []
        marks += [row.cell.device] if len({cell.device for cell in twins}) > 1 else []
        marks += [row.cell.precision] if len({cell.precision for cell in twins}) > 1 else []
        marks += [f"code {row.cell.code[:7]}"] if len({cell.code for cell in twins}) > 1 else []
        shared = set(row.cell.versions).intersection(*[cell.versions for cell in twins])
        marks += [" ".join(pair) for pair in row.cell.versions if pair not in shared]
        found.append(dataclasses.replace(row, label=f"{row.label} [{', '.join(marks)}]") if marks else row)
    return found


def _outcome(record: Record) -> Outcome | None:
    """Return why `record` has no score, or None when it has."""
    seed, test = record.cell.seed, record.headline("test")
    if record.status != "done":
        return Outcome(seed, record.status, terminal.one_line(record.reason) or "no reason was recorded")
    if test is None:
        return Outcome(seed, "failed", "no test score was recorded")
    scores = (test, record.headline("validation"))
    if not all(score is None or math.isfinite(score) for score in scores):
        return Outcome(seed, "diverged", "a score is not finite")
    return None


def _task_scores(scored: Sequence[Record], task: TaskIdentity) -> TaskScores:
    validation, test = (
        _summary([record.score(split, task.name, task.metric) for record in scored]) for split in ("validation", "test")
    )
    return TaskScores(task.name, task.metric, validation, test)


def _summary(values: Sequence[float | None]) -> Summary | None:
    present = [value for value in values if value is not None]
    return summarise(present) if present else None


def _block(rows: Sequence[Row], protocol: Protocol, title: str) -> list[RenderableType]:
    """Return title, table and footnotes of one protocol."""
    heading = Text(protocol.suite, style="bold")
    heading.append(f"  {title}" if title else "", style="not bold")
    if any(row.synthetic for row in rows):
        heading.append("  synthetic data", style="not bold yellow")
    return [Text(), heading, _fitting(rows, protocol), *[Text(line, style="dim") for line in _notes(rows, protocol)]]


@dataclass(frozen=True)
class _Fitting:
    """A table, or in a terminal that is too narrow for it, its parts one below the other."""

    whole: Table
    parts: tuple[RenderableType, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wanted = self.whole.__rich_measure__(console, options.update_width(sys.maxsize)).maximum
        yield from (self.whole,) if wanted <= options.max_width else self.parts


def _fitting(rows: Sequence[Row], protocol: Protocol) -> RenderableType:
    """Return the table; of several tasks one that can stand in two parts, because it is wide."""
    whole = _table(rows, protocol)
    if len(protocol.tasks) == 1:
        return whole
    return _Fitting(whole, (_table(rows, protocol, costs=False), Text(), _table(rows, protocol, scores=False)))


def _table(rows: Sequence[Row], protocol: Protocol, *, scores: bool = True, costs: bool = True) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    longest = max(len(word) for row in rows for word in row.label.split())
    table.add_column("method", overflow="fold", min_width=max(10, min(24, longest)))
    columns: list[list[str]] = []
    for header, summaries, scale in _score_columns(rows, protocol) if scores else ():
        lines, texts = _aligned(header, summaries, scale)
        table.add_column(Text("\n".join(lines)), no_wrap=True)
        columns.append(texts)
    figures = _cost_columns(rows) if costs else []
    for name, _ in figures:
        table.add_column(name, justify="right", no_wrap=True)
    if costs:
        table.add_column("status", overflow="fold", min_width=8)
    for place, row in enumerate(rows):
        texts = [column[place] for column in (*columns, *(found for _, found in figures))]
        status = Text("\n".join(dict.fromkeys(other.status for other in row.others)) or "done", style=_style(row))
        table.add_row(Text(row.label), *map(Text, texts), *((status,) if costs else ()))
    return table


def _cost_columns(rows: Sequence[Row]) -> list[tuple[str, list[str]]]:
    """Return the columns of loss, costs and seeds: header, texts."""
    return [
        ("test\nloss", [_number(row.loss, ".3f") for row in rows]),
        ("trainable\nparameters", [_number(row.trainable, ",") for row in rows]),
        (
            "s per\nepoch",
            [_number(row.epoch_seconds, ".2f" if (row.epoch_seconds or 0) < 10 else ".0f") for row in rows],
        ),
        ("seeds", [f"{len(row.seeds)}{f'/{len(row.seeds) + len(row.others)}' if row.others else ''}" for row in rows]),
    ]


ScoreColumn = tuple[list[str], list[Summary | None], Scale]
"""Lines of the header, one summary per row, how to show it."""


def _score_columns(rows: Sequence[Row], protocol: Protocol) -> list[ScoreColumn]:
    """Return the columns of scores: validation and test of one task; of several, each one's test, and both overall."""
    tasks, splits, scale = protocol.tasks, ("validation", "test"), scales.of_headline(protocol)
    if len(tasks) == 1:
        return [([split, scale.title], [getattr(row, split) for row in rows], scale) for split in splits]
    own: list[ScoreColumn] = [  # narrow, so that three of them leave room for what a row cost
        ([task.name, "test", own.title], [row.tasks[place].test for row in rows], own)
        for place, (task, own) in enumerate((task, scales.of_metric(task.metric)) for task in tasks)
    ]
    both: list[ScoreColumn] = [
        (["overall", split, scale.unit], [getattr(row, split) for row in rows], scale) for split in splits
    ]
    return [*own, *both]


def _style(row: Row) -> str:
    worst = [STYLES.get(other.status, "red") for other in row.others]
    return "red" if "red" in worst else "yellow" if worst else "green"


def _aligned(header: Sequence[str], summaries: Sequence[Summary | None], scale: Scale) -> tuple[list[str], list[str]]:
    """Return the lines of the column's header and one text per summary, all equally long.

    So means stand below means, also in rows without an interval: `rich` strips the spaces that would do this in a
    right-aligned column.
    """
    factor, digits = scale.factor, scale.digits
    means = [f"{factor * found.mean:.{digits}f}" if found else "–" for found in summaries]
    halves = [
        f" ± {factor * found.half_width:.{digits}f}" if found and found.half_width is not None else ""
        for found in summaries
    ]
    most = max(map(len, halves), default=0)
    texts = [mean + half.ljust(most) for mean, half in zip(means, halves, strict=True)]
    width = max(map(len, [*header, *texts]))
    return [line.rjust(width) for line in header], [text.rjust(width) for text in texts]


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _notes(rows: Sequence[Row], protocol: Protocol) -> list[str]:
    """Return the lines below a table: the protocol, how to read it, and every cell without a score."""
    devices = ", ".join(dict.fromkeys(f"{row.cell.device} {row.cell.precision}" for row in rows))
    seeds = sorted({seed for row in rows for seed in (*row.seeds, *(other.seed for other in row.others))})
    limit = f", train limited to {protocol.limit_train:,} rows" if protocol.limit_train else ""
    budget = f"{terminal.counted(protocol.epochs, 'epoch')}, batch {protocol.batch_size}"
    lines = [
        f"encoder {protocol.encoder}, {budget}, {protocol.selection} epoch kept, {devices}, {_seeds(seeds)}{limit}"
    ]
    sizes = sorted({row.test.n for row in rows if row.test})
    if any(n > 1 for n in sizes):
        lines.append("± is the half-width of the 95% t interval over seeds")
    if 1 in sizes:
        lines.append("n=1: no interval (more seeds give one: --seeds 3)")
    if len(protocol.tasks) > 1:
        lines.append(scales.about_overall(protocol))
    lines.append(
        f"test loss is {scales.about_loss(protocol)}; seconds are medians, the first epoch of several left out"
    )
    for row in rows:
        if row.tuning:
            cost = f"{terminal.counted(row.tuning.trials, 'trial')}, {terminal.duration(row.tuning.seconds)}"
            lines.append(f"{row.label}: tuned on validation by study {row.tuning.study}, which cost {cost}")
        lines += row.without_score
    return lines


def _seeds(seeds: Sequence[int]) -> str:
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"seeds {seeds[0]}–{seeds[-1]}"
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"
