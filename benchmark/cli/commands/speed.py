"""``bench speed``: how fast training is here, beside Hugging Face's Trainer and the floor of this machine."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from benchmark.cli.console import make_console, stdout_kept, write_json
from benchmark.cli.options import add_json, whole
from benchmark.cli.request_options import add_methods, add_set, add_surroundings, with_seeds
from benchmark.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from benchmark.experiment.plan import Plan
    from benchmark.experiment.speed.compare import Comparison

NAME = "speed"
HELP = "how fast a training step is here, beside Hugging Face's Trainer"
ORDER = 75
AGAINST = ("trainer", "padded", "stock")
DESCRIPTION = """\
Time steps of training side by side, in one process and in turn: this project's loop, and what --against names.
  trainer  Hugging Face's Trainer at its defaults, padding to the longest text of a batch
  padded   the same, padding every text to the suite's maximum length
  stock    this project's loop on transformers' own padded forward pass
The floor is what matrix products and the optimizer's memory traffic take at the speed measured here.
"""
EPILOG = """\
examples (A and B stand for names that `bench list methods` shows):
  bench speed --methods A                             one step of A, against Trainer
  bench speed --methods A,B --against trainer,stock --suite massive-scenario
  bench speed --methods A --steps 50 --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``bench speed``."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    add_methods(parser.add_argument)
    parser.add_argument(
        "--against",
        type=_sides,
        default=("trainer",),
        metavar="A,B",
        help=f"what to measure beside it: {', '.join(AGAINST)} or none (default: trainer)",
    )
    parser.add_argument(
        "--steps", type=whole("--steps", 1, 10_000), default=10, metavar="N", help="steps of a block (default: 10)"
    )
    parser.add_argument(
        "--blocks",
        type=whole("--blocks", 1, 1000),
        default=3,
        metavar="N",
        help="blocks of each side, in turn (default: 3)",
    )
    add_set(parser.add_argument, "another value of a method's parameter; repeatable")
    add_surroundings(parser)
    add_json(parser.add_argument, "what was measured")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print. Raises UsageError for what can't be measured."""
    from benchmark.experiment.plan import plan

    with stdout_kept() as stream:
        found = measure(plan(with_seeds(arguments, (0,))), arguments.against, arguments.steps, arguments.blocks)
        if arguments.json:
            write_json(document(found), stream)
            return 0
        console = make_console(stream)
        console.print(table(found))
        console.print(caption(found), soft_wrap=True)
    return 0


def measure(planned: Plan, against: Sequence[str], steps: int, blocks: int) -> list[Comparison]:
    """Measure every phase of every method of `planned`. Raises UsageError."""
    from benchmark.experiment.speed.compare import OURS, compare
    from benchmark.experiment.speed.setup import phases, run_of
    from benchmark.experiment.speed.trainer import check_trainer

    if {"trainer", "padded"} & set(against):
        check_trainer()
    run = run_of(planned)
    tasks = [task.without_test() for task in planned.tasks]
    return [
        compare(cell.method, recipe, tasks, run, (OURS, *against), steps, blocks)
        for cell in planned.cells
        for recipe in phases(planned, cell)
    ]


def table(found: Sequence[Comparison]) -> Table:
    """Return one line per phase and side."""
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("method", "phase", "by"):
        shown.add_column(name)
    for name in ("ms per step", "quartiles", "times as long", "times the floor"):
        shown.add_column(name, justify="right")
    for one in found:
        for timing in one.timings:
            ratio = one.ratio(timing.side)
            shown.add_row(
                one.method,
                one.phase,
                timing.side,
                f"{timing.milliseconds:.1f}",
                f"{timing.low:.1f}–{timing.high:.1f}",
                "" if ratio is None else f"{ratio:.2f}",
                "" if one.floor is None else f"{timing.milliseconds / one.floor:.2f}",
            )
        for side, reason in one.skipped:
            shown.add_row(one.method, one.phase, side, "–", "", "", reason)
    return shown


def caption(found: Sequence[Comparison]) -> str:
    """Return what the figures were measured on."""
    lines = []
    for one in found:
        floor = "" if one.floor is None else f"; floor {one.floor:.1f} ms"
        lines.append(
            f"{one.method}, {one.phase}: {one.tokens:.0f} tokens per step, {one.padded:.0f} with padding{floor} "
            f"({one.machine.flops / 1e9:.0f} GFLOP/s, {one.machine.bandwidth / 1e9:.0f} GB/s)"
        )
    return "\n".join(lines)


def document(found: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Return the comparisons as plain data, with ratios."""
    from benchmark.core.serialization import to_plain

    return [
        {**to_plain(one), "ratios": {timing.side: one.ratio(timing.side) for timing in one.timings}} for one in found
    ]


def _sides(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if names == ("none",):
        return ()
    wrong = [name for name in names if name not in AGAINST]
    if wrong:
        raise UsageError(f"--against takes {', '.join(AGAINST)}, joined by commas, or none, not {wrong[0]!r}")
    return names
