"""``bench tune``: search parameters by validation score, one study for each method."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from rich.text import Text

from benchmark import __version__
from benchmark.cli.console import make_console, stdout_kept, write_json
from benchmark.cli.options import add_json, add_storage, add_tracking, filled, whole, word
from benchmark.cli.printing import NextSteps, show
from benchmark.cli.request_options import LARGEST_SEED, add_methods, add_set, add_surroundings, surroundings, with_seeds
from benchmark.core import uri
from benchmark.core.errors import UsageError
from benchmark.core.text import pluralize
from benchmark.experiment.request import FIRST_TUNING_SEED, Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.tracking import Tracking
    from benchmark.tuning.report import StudyReport
    from benchmark.tuning.storage import StudyStorage
    from benchmark.tuning.sweep import Sweep, SweepRequest

NAME = "tune"
HELP = "search parameters of methods by validation score"
ORDER = 15
DESCRIPTION = """\
Search parameters of methods, one study for each. The objective is the validation score; the test split is never read.
The first trial has the defaults. A sweep that was cut short goes on with --resume; --trials counts all of its trials.
"""
EPILOG = """\
examples (A and B stand for names that `bench list methods` shows; `bench show A` shows what can be searched):
  bench tune --methods A,B --trials 20
  bench tune --methods A --trials 20 --params lr,dropout
  bench tune --methods A --trials 20 --space lr=1e-5:1e-3:log,rank=4|8|16
  bench tune --methods A --trials 50 --pruner median --timeout 2h
  bench run --methods A,B --tuned --seeds 3                  use what was found
  bench list studies                                         what was searched

exit status: 0 the studies have their trials, 1 none of some study's is complete, 2 unusable arguments, 130 interrupted
"""
SAMPLERS = ("tpe", "random", "grid", "cmaes")
PRUNERS = ("none", "median", "hyperband")
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
DEFAULT_TRIALS = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``bench tune``."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    what = parser.add_argument_group("what to search")
    add_methods(what.add_argument)
    add = what.add_argument
    add(
        "--params",
        type=_params,
        default=(),
        metavar="P,Q",
        help="search these parameters (default: all that have a range)",
    )
    add(
        "--space",
        type=filled("--space"),
        metavar="P=LOW:HIGH[:log],…",
        help="other ranges, or values: P=V|V (without --params, only these are searched)",
    )
    add_set(add, "a value of a parameter that is not searched; repeatable")
    _add_how(parser.add_argument_group("how").add_argument)
    add_surroundings(parser)
    results = parser.add_argument_group("results")
    add_tracking(results.add_argument)
    add_storage(results.add_argument)
    results.add_argument("--resume", action="store_true", help="continue studies that already have some trials")
    add_json(results.add_argument, "studies and trials")


def _add_how(add: Any) -> None:
    most = f"trials of each study, in all (default: {DEFAULT_TRIALS})"
    add("--trials", type=whole("--trials", 1, 100_000), default=DEFAULT_TRIALS, metavar="N", help=most)
    add(
        "--timeout",
        type=duration,
        metavar="TIME",
        help="start no trial after this time (90s, 30m, 2h); a running trial is finished",
    )
    add("--sampler", type=word("--sampler", SAMPLERS), default="tpe", help=f"{', '.join(SAMPLERS)} (default: tpe)")
    pruners = f"stop trials early by epoch: {', '.join(PRUNERS)} (default: none)"
    add("--pruner", type=word("--pruner", PRUNERS), default="none", help=pruners)
    seeds = whole("--seeds-per-trial", 1, 1000)
    each = f"a trial is the mean over seeds {FIRST_TUNING_SEED:,}, … (default: 1)"
    add("--seeds-per-trial", type=seeds, default=1, metavar="N", help=each)
    sampler = "the sampler's seed: the same seed gives the same trials (default: 0)"
    add("--seed", type=whole("--seed", 0, LARGEST_SEED), default=0, metavar="S", help=sampler)
    add("--seeds", type=_no_seeds, help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Search what `arguments` ask for and return the exit status. Raises UsageError before anything is written."""
    with stdout_kept() as stream:  # a library that prints doesn't spoil the result
        return _run(arguments, stream)


def _run(arguments: argparse.Namespace, stream: TextIO) -> int:
    from benchmark.tracking import Tracking, resolve_uri
    from benchmark.tuning import storage

    tracking = Tracking(resolve_uri(arguments.tracking_uri))
    tracking.check()  # stores that are no use are known at once, before data and encoder are looked for
    place = storage.locate(arguments.storage, tracking.store)
    storage.check(place)

    from benchmark.cli.progress import make_display
    from benchmark.tuning import sweep
    from benchmark.tuning.report import studies

    asked = _sweep_request(arguments)
    prepared = sweep.prepare(asked)
    _announce(prepared, asked, place, tracking)
    display = make_display("trial")
    names = [planned.definition.name for planned in prepared.studies]
    stopped = False
    try:
        sweep.run(prepared, asked, place, tracking, display, _line(asked))
    except KeyboardInterrupt:
        stopped = True
    finally:
        display.finished()
    known = {report.name: report for report in studies(place, importance=True)}
    reports = [known[name] for name in names if name in known]
    status = 130 if stopped else 0 if all(report.best for report in reports) else 1
    if arguments.json:
        _print_json(reports, status, place, tracking, stream)
    else:
        _print(reports, asked, arguments, stream)
    if stopped:
        print("bench: interrupted: no trial is lost, the same command goes on with --resume", file=sys.stderr)
    return status


def _sweep_request(arguments: argparse.Namespace) -> SweepRequest:
    from benchmark.tuning.space import parse
    from benchmark.tuning.sweep import SweepRequest

    return SweepRequest(
        request=with_seeds(arguments, (0,)),
        trials=arguments.trials,
        params=arguments.params,
        overrides=parse(arguments.space) if arguments.space else (),
        sampler=arguments.sampler,
        pruner=arguments.pruner,
        seed=arguments.seed,
        seeds_per_trial=arguments.seeds_per_trial,
        timeout=arguments.timeout,
        resume=arguments.resume,
    )


def _announce(prepared: Sweep, asked: SweepRequest, place: StudyStorage, tracking: Tracking) -> None:
    """Say on stderr what is about to be searched."""
    for planned in prepared.studies:
        definition = planned.definition
        print(
            f"study {definition.name}: {', '.join(str(dimension) for dimension in definition.space)}", file=sys.stderr
        )
        if planned.trials != asked.trials:
            print(f"  the grid has {pluralize(planned.trials, 'point')}: so many trials", file=sys.stderr)
    if prepared.left_out:
        print(f"nothing to search: {', '.join(prepared.left_out)}", file=sys.stderr)
    for method, reason in prepared.plan.skipped.items():
        print(f"{method} is skipped: {reason}", file=sys.stderr)
    print(f"studies are kept in {place}, trials are runs in {tracking.store.shown}", file=sys.stderr)


def _print(reports: Sequence[StudyReport], asked: SweepRequest, arguments: argparse.Namespace, stream: TextIO) -> None:
    from benchmark.cli.study_printing import rendered

    console = make_console(stream)
    for report in reports:
        show(console, rendered(report), Text())
    store = "".join(
        f" --{name} {shlex.quote(uri.shown(value))}"
        for name, value in (("tracking-uri", arguments.tracking_uri), ("storage", arguments.storage))
        if value
    )
    if any(report.status == "finished" and report.best for report in reports):
        words = shlex.join(["bench", "run", "--methods", ",".join(asked.request.methods), "--tuned", "--seeds", "3"])
        rest = shlex.join(surroundings(_without_assignments(asked.request)))
        line = f"{words}{' ' + rest if rest else ''}{store}"
        show(console, NextSteps([(line, "the best parameters, measured on the test split")]))


def _print_json(
    reports: Sequence[StudyReport], status: int, place: StudyStorage, tracking: Tracking, stream: TextIO
) -> None:
    from benchmark.cli.study_printing import document

    write_json(
        {
            "bench": __version__,
            "exit_status": status,
            "storage": str(place),
            "tracking_uri": tracking.store.shown,
            "studies": [document(report) for report in reports],
        },
        stream,
    )


def _line(asked: SweepRequest) -> str:
    """Return the command line that makes `asked`: options at their defaults are left out."""
    words = ["bench", "tune", "--methods", ",".join(asked.request.methods), "--trials", str(asked.trials)]
    words += ["--params", ",".join(asked.params)] if asked.params else []
    if asked.overrides:
        words += ["--space", ",".join(f"{override.name}={override.text}" for override in asked.overrides)]
    plain = {"sampler": "tpe", "pruner": "none", "seed": 0, "seeds_per_trial": 1}
    for name, usual in plain.items():
        if getattr(asked, name) != usual:
            words += [f"--{name.replace('_', '-')}", str(getattr(asked, name))]
    words += ["--timeout", f"{asked.timeout:g}s"] if asked.timeout else []
    return shlex.join([*words, *surroundings(asked.request), "--resume"])


def _without_assignments(request: Request) -> Request:
    import dataclasses

    return dataclasses.replace(request, assignments=())


def duration(text: str) -> float:
    """Return the seconds that ``90s``, ``30m``, ``2h`` or ``1h30m`` stand for. Raises UsageError."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise UsageError(f"--timeout takes a time such as 90s, 30m, 2h or 1h30m, not {text!r}")
    seconds = sum(float(number) * UNITS[unit] for number, unit in parts)
    if seconds <= 0:
        raise UsageError(f"--timeout takes a time above 0, not {text!r}")
    return seconds


def _params(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise UsageError(f"--params {text!r} has an empty name: write names joined by single commas")
    return tuple(dict.fromkeys(names))


def _no_seeds(text: str) -> NoReturn:
    raise UsageError(
        f"--seeds {text}: trials have seeds of their own (from {FIRST_TUNING_SEED:,} on), apart from those that are "
        "reported: --seeds-per-trial says how many, --seed is the sampler's"
    )
