"""``bench run``: plan cells, run those that are not finished, print the table."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from rich.text import Text

from benchmark import __version__
from benchmark.cli.console import make_console, stdout_kept, write_json
from benchmark.cli.options import add_json, add_storage, add_tracking
from benchmark.cli.printing import NextSteps, Paragraph, pairs, show, table
from benchmark.cli.request_options import add_request, command, request_of
from benchmark.core import uri
from benchmark.core.errors import UsageError
from benchmark.core.text import pluralize

if TYPE_CHECKING:
    from benchmark.analysis.rows import Row
    from benchmark.core.cell import Cell
    from benchmark.core.record import Record
    from benchmark.data.task import Head
    from benchmark.experiment.plan import Plan
    from benchmark.experiment.request import Request
    from benchmark.tracking import Tracking

NAME = "run"
HELP = "train and score methods on a suite, and print the table"
ORDER = 10
DESCRIPTION = """\
Train and score methods on a suite. Every method meets the same rows, batches, head weights and budget at one seed.
Finished cells are kept and never run twice; a cell that fails is recorded with its reason and the others go on.
"""
EPILOG = """\
examples (A and B stand for names that `bench list methods` shows):
  bench run --methods all --seeds 3
  bench run --methods A,A+B --seeds 5
  bench run --methods A --set A.rank=8,16,32                three cells per seed
  bench run --suite massive-scenario --data ../massive --encoder all-MiniLM-L6-v2
  bench run --suite mine.toml --dry-run                     what would be run

exit status: 0 all done, 1 some cell failed or diverged, 2 unusable arguments, 130 interrupted
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``bench run``."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    add_request(parser)
    tuning = parser.add_argument_group("tuned parameters, found by `bench tune`")
    tuning.add_argument(
        "--tuned",
        action="store_true",
        help="use the best parameters of the finished study of each method, if there is one",
    )
    add_storage(tuning.add_argument)
    results = parser.add_argument_group("results")
    add_tracking(results.add_argument)
    results.add_argument("--rerun", action="store_true", help="run finished cells again")
    results.add_argument("--dry-run", action="store_true", help="print the plan and train nothing")
    add_json(results.add_argument, "records and table")


def run(arguments: argparse.Namespace) -> int:
    """Run what `arguments` ask for and return the exit status. Raises UsageError before anything is written."""
    request = request_of(arguments)
    if arguments.tuned and arguments.set:
        raise UsageError("--tuned and --set exclude each other: a study says every parameter; leave one of them out")
    if arguments.storage and not arguments.tuned:
        raise UsageError("--storage says where studies are: give --tuned as well, or leave it out")
    with stdout_kept() as stream:  # a library that prints doesn't spoil the result
        return _run(request, arguments, stream)


def _run(request: Request, arguments: argparse.Namespace, stream: TextIO) -> int:
    from benchmark.tracking import Tracking, resolve_uri

    tracking = Tracking(resolve_uri(arguments.tracking_uri))
    if not arguments.dry_run:
        tracking.check()  # a store that is no use is known at once, before data and encoder are looked for

    from benchmark.analysis.rows import rows
    from benchmark.cli.progress import make_display
    from benchmark.cli.results_table import render
    from benchmark.experiment import runner
    from benchmark.experiment.plan import plan

    planned = plan(request)
    if arguments.tuned:
        planned = _tuned(planned, tracking, arguments.storage)
    before = {} if arguments.rerun else runner.finished(planned, tracking)
    if arguments.dry_run:
        _print_dry_run(planned, tracking, before, stream, arguments.json)
        return 0
    display = make_display()
    try:
        records = runner.run(planned, tracking, display, arguments.rerun, command(request) + _tuning_words(arguments))
        status = runner.exit_status(records, len(planned.cells))
    except KeyboardInterrupt as stop:  # before the first cell it has no records
        records, status = getattr(stop, "records", tuple(before.values())), 130
    finally:
        display.finished()
    if arguments.json:
        write_json(_document(planned, records, tracking, status, len(before)), stream)
    else:
        store = f" --tracking-uri {shlex.quote(uri.shown(arguments.tracking_uri))}" if arguments.tracking_uri else ""
        more = _tuning_words(arguments)
        table_rows = rows(records)
        first = next(
            (record.run for record in records if table_rows and record.cell.group == table_rows[0].cell.group), ""
        )
        console = make_console(stream)
        show(console, render(table_rows, planned.suite))
        if status != 130:
            show(console, Text(), _next_steps(request, table_rows, first, store, more))
    if status == 130:
        print("bench: interrupted: finished cells are kept, the same command goes on from here", file=sys.stderr)
    return status


def _tuned(plan: Plan, tracking: Tracking, given: str | None) -> Plan:
    """Return `plan` with tuned parameters, and say on stderr which they are, method by method."""
    from benchmark.tuning.best import tuned
    from benchmark.tuning.storage import locate

    tuned_plan, lines = tuned(plan, locate(given, tracking.store))
    print("\n".join(lines), file=sys.stderr)
    return tuned_plan


def _tuning_words(arguments: argparse.Namespace) -> str:
    """Return the options about tuning, as typed, without a password."""
    storage = f" --storage {shlex.quote(uri.shown(arguments.storage))}" if arguments.storage else ""
    return f" --tuned{storage}" if arguments.tuned else ""


def _document(plan: Plan, records: Sequence[Record], tracking: Tracking, status: int, before: int) -> dict[str, Any]:
    from benchmark.analysis.rows import rows
    from benchmark.cli.results_table import plain_rows
    from benchmark.core.serialization import to_plain

    return {
        "bench": __version__,
        "suite": plan.suite.name,
        "tracking_uri": tracking.store.shown,
        "exit_status": status,
        "cells": len(plan.cells),
        "finished_before": before,
        "table": plain_rows(rows(records)),
        "records": [to_plain(record) for record in records],
    }


def _next_steps(request: Request, rows: Sequence[Row], best: str, store: str, tuning: str) -> NextSteps:
    """Return what one can type now.

    `best` is the id of a run of the first row; `store` and `tuning` are the options that were given.
    """
    hints = []
    if best:
        hints.append((f"bench show {best[:8]}{store}", "everything that was recorded of the first row's run"))
    if rows and request.seeds in ((0,), (0, 1)):
        more = dataclasses.replace(request, seeds=(0, 1, 2))
        hints.append((command(more) + tuning + store, "an interval needs more seeds; what is finished is kept"))
    hints.append((f"bench leaderboard{store}", "the table, costs, curves and errors in a browser"))
    return NextSteps(hints)


def _plan_document(plan: Plan, tracking: Tracking, done: Mapping[str, Record]) -> dict[str, Any]:
    from benchmark.core.serialization import to_plain

    return {
        "bench": __version__,
        "suite": plan.suite.name,
        "dry_run": True,
        "tracking_uri": tracking.store.shown,
        "steps_per_cell": _steps(plan),
        "cells": [
            {
                "id": cell.id,
                "finished": cell.id in done,
                "skipped": plan.skipped.get(cell.method),
                "run": done[cell.id].run if cell.id in done else None,
            }
            | to_plain(cell)
            for cell in plan.cells
        ],
    }


def _steps(plan: Plan) -> int:
    """Return the optimizer steps of the phase that trains the encoder; a last, smaller batch is a step."""
    protocol = plan.cells[0].protocol
    return protocol.epochs * sum(-(-len(task.train) // protocol.batch_size) for task in plan.tasks)


def _asked(head: Head) -> str:
    """Return what a task asks: ``5 classes``, ``pairs: yes or no``, ``pairs: a number from 0 to 5``."""
    pairs = "pairs: " if head.sentences > 1 else ""
    if head.outputs > 1 or not pairs:
        return f"{pairs}{len(head.classes)} classes"
    return f"{pairs}yes or no" if head.classes else f"{pairs}a number from {head.low:g} to {head.high:g}"


def _print_dry_run(plan: Plan, tracking: Tracking, done: Mapping[str, Record], stream: TextIO, json: bool) -> None:
    from benchmark.core.cell import label

    if json:
        write_json(_plan_document(plan, tracking, done), stream)
        return
    groups: dict[str, list[Cell]] = {}
    for cell in plan.cells:
        groups.setdefault(label(cell, plan.cells), []).append(cell)
    grid = table("method", ">cells", "seeds", ">finished", ">to run")
    for name, cells in groups.items():
        over = sum(cell.id in done for cell in cells)
        seeds = ", ".join(str(cell.seed) for cell in cells)
        missing = "skipped" if cells[0].method in plan.skipped else str(len(cells) - over)
        grid.add_row(name, str(len(cells)), seeds, str(over), missing)
    console = make_console(stream)
    first = plan.cells[0]
    protocol = first.protocol
    facts = {"suite": f"{protocol.suite}: {plan.suite.title}"}
    for task in plan.tasks:
        sizes = ", ".join(f"{split.name} {len(split):,}" for split in task.splits)
        facts[f"task {task.name}"] = f"{task.source}: {sizes}, {_asked(task.head)}"
    facts["encoder"] = f"{protocol.encoder} @ {protocol.encoder_revision[:12]}"
    facts["device"] = f"{plan.device}, {first.precision}, {first.forward} forward"
    facts["per cell"] = (
        f"{pluralize(protocol.epochs, 'epoch')} of batches of {protocol.batch_size}: "
        f"{pluralize(_steps(plan), 'step')}; the {protocol.selection} epoch is kept"
    )
    facts["tracking"] = tracking.store.shown
    show(console, pairs(facts), Text(), grid, Text())
    for method, reason in plan.skipped.items():
        show(console, Paragraph(f"{method} is skipped: {reason}", hanging=2))
    todo = sum(cell.id not in done and cell.method not in plan.skipped for cell in plan.cells)
    show(console, Paragraph(f"{pluralize(len(plan.cells), 'cell')}, {todo:,} to run; nothing was trained or written"))
