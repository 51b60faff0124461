"""``bench power``: how many seeds it takes to tell two methods apart."""

from __future__ import annotations

import argparse
import dataclasses
import math
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from benchmark.cli.console import make_console, stdout_kept, write_json
from benchmark.cli.options import add_json, add_tracking, filled
from benchmark.cli.printing import NextSteps, Paragraph, pairs, show
from benchmark.cli.request_options import MOST_SEEDS, command
from benchmark.core.errors import UsageError
from benchmark.core.text import pluralize
from benchmark.experiment.request import Request

if TYPE_CHECKING:
    from benchmark.analysis.power import PowerPlan

NAME = "power"
HELP = "how many seeds it takes to detect a gain, from the runs at hand"
ORDER = 28
DESCRIPTION = """\
From finished runs of two methods on the same seeds: how much their difference varies between seeds and with the test
rows, and how many seeds a paired test over both needs to find a gain with 80% power. The more seeds there are already,
the better the answer.
"""
EPILOG = """\
examples (A and B stand for names that `bench list methods` shows):
  bench power --methods A,B --gain 0.5          a gain of half a point of accuracy
  bench power --methods A,A+B --suite massive-scenario --gain 1
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``bench power``."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.add_argument("--methods", type=_two, required=True, metavar="A,B", help="two methods")
    parser.add_argument(
        "--gain", type=_points, default=1.0, metavar="POINTS", help="in percentage points, above 0 (default: 1)"
    )
    parser.add_argument("--suite", type=filled("--suite"), metavar="NAME", help="of this suite only (default: all)")
    add_tracking(parser.add_argument)
    add_json(parser.add_argument, "the plan")


def run(arguments: argparse.Namespace) -> int:
    """Print how many seeds are needed. Raises UsageError where the runs at hand can't tell."""
    from benchmark.analysis.power import plans
    from benchmark.core import registry
    from benchmark.tracking import Tracking, resolve_uri

    with stdout_kept() as stream:
        first, second = (registry.canonical(name) for name in arguments.methods)
        if first == second:
            raise UsageError(f"--methods {','.join(arguments.methods)} names one method twice: give two")
        tracking = Tracking(resolve_uri(arguments.tracking_uri))
        records = tracking.records(arguments.suite)
        power_plans = plans(records, first, second, arguments.gain / 100, tracking.predictions)
        if not power_plans:
            suite = f" --suite {shlex.quote(arguments.suite)}" if arguments.suite else ""
            raise UsageError(
                f"{first} and {second} have fewer than two finished seeds in common in {tracking.store.shown}: "
                f"`bench run --methods {first},{second} --seeds 3{suite}` makes three"
            )
        if arguments.json:
            write_json([_document(plan, arguments.gain) for plan in power_plans], stream)
            return 0
        console = make_console(stream)
        for plan in power_plans:
            show(console, pairs(_facts(plan, arguments.gain)), *_advice(plan, arguments.gain), Text())
    return 0


def _facts(plan: PowerPlan, gain: float) -> dict[str, object]:
    n = len(plan.seeds)
    half = "" if plan.half_width is None else f" ± {100 * plan.half_width:.2f}"
    noise = "not known" if plan.noise is None else f"{100 * plan.noise:.2f} points, which more seeds don't change"
    return {
        "suite": f"{plan.protocol.suite}, encoder {plan.protocol.encoder}, {pluralize(plan.protocol.epochs, 'epoch')}",
        "methods": f"{plan.first} − {plan.second}",
        "seeds at hand": f"{n} ({', '.join(map(str, plan.seeds))})",
        "difference": f"{100 * plan.difference:+.2f}{half} points (95% interval)",
        "sd between seeds": f"{100 * plan.sd:.2f} points; with 95% confidence {100 * plan.sd_low:.2f} "
        f"to {100 * plan.sd_high:.2f}",
        "sd by test rows": noise,
        f"power for {gain:g} points": f"{plan.power:.0%} at {n} seeds",
        "seeds for 80% power": f"{_seeds(plan.needed)}; {_seeds(plan.needed_low)} to {_seeds(plan.needed_high)} "
        f"over that range of the sd",
        "on the leaderboard": f"{_seeds(plan.needed_on_board)}, corrected for {pluralize(plan.pairs, 'pair')}",
    }


def _advice(plan: PowerPlan, gain: float) -> Iterator[RenderableType]:
    yield Paragraph(
        "\nAt 3 seeds the half-width of a 95% interval is 2.48 sd, at 5 it is 1.24, at 10 it is 0.72.\n"
        "This is one pair by itself, over seeds and test rows. The leaderboard corrects for all its pairs, but learns "
        "from all its methods how far seeds vary."
    )
    if plan.needed is None:
        yield Paragraph(
            f"No number of seeds that can be run will show a gain of {gain:g} points"
            + (": the test set is too small." if plan.noise else ".")
        )
    elif plan.needed <= len(plan.seeds):
        yield Paragraph(f"The seeds at hand are enough for a gain of {gain:g} points.")
    else:
        yield NextSteps([(_command(plan, plan.needed), "the seeds that are needed; what is finished is kept")])


def _command(plan: PowerPlan, seeds: int) -> str:
    """Return the command that makes them: the one that made the runs at hand, with these methods and more seeds."""
    from benchmark.cli.rerun import parsed
    from benchmark.core import registry
    from benchmark.experiment.plan import concerns

    request = (parsed(plan.command) if plan.command else None) or Request(suite=plan.protocol.suite)
    methods = (plan.first, plan.second)
    known = [given for given in request.assignments if set(given.method.split("+")) <= set(registry.names())]
    own = tuple(given for given in known if any(concerns(given, name) for name in methods))
    seeds = min(seeds, MOST_SEEDS)
    return command(dataclasses.replace(request, methods=methods, seeds=tuple(range(seeds)), assignments=own))


def _document(plan: PowerPlan, gain: float) -> dict[str, Any]:
    from benchmark.core.serialization import to_plain

    return {"gain_points": gain, **to_plain(plan)}


def _seeds(count: int | None) -> str:
    return "no number" if count is None else f"{count:,}"


def _two(text: str) -> tuple[str, str]:
    names = tuple(name.strip() for name in text.split(","))
    if len(names) != 2 or not all(names):
        raise UsageError(f"--methods takes two names joined by a comma, such as A,B, not {text!r}")
    return names


def _points(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= 100:
        raise UsageError(f"--gain takes percentage points above 0 and up to 100, such as 0.5, not {text!r}")
    return number
