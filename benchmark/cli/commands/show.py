"""``bench show``: all about a method, or all that was recorded of a run."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import inspect
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from benchmark.analysis import facts
from benchmark.cli import rerun
from benchmark.cli.console import make_console, stdout_kept, write_json
from benchmark.cli.options import add_json, add_storage, add_tracking, filled
from benchmark.cli.printing import Command, NextSteps, Paragraph, pairs, show, table
from benchmark.core import layer_scores
from benchmark.core.errors import UsageError
from benchmark.core.parameters import typed
from benchmark.core.text import did_you_mean, one_line

if TYPE_CHECKING:
    from benchmark.core.parameters import Parameter, Value
    from benchmark.core.record import Point, Record
    from benchmark.tracking import Tracking
    from benchmark.train.method_handle import MethodHandle

NAME = "show"
HELP = "show a method and its parameters, everything recorded of a run, or a study"
ORDER = 30
EPILOG = """\
examples (`bench list methods` and `bench list runs` show the names):
  bench show A+B           what two techniques do together, and the parameters of both
  bench show 1f3a9c2d      a run, by its id or the beginning of it
  bench show quick/A       a study (`bench list studies`), by its name or the beginning of it
"""
FIGURES = "figures"
"""Folder of a run's artifacts that holds figures."""
MOST_EPOCHS = 12
"""Rows of the curves' table; a longer curve is thinned, its first and last epoch kept."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``bench show``."""
    parser.description, parser.epilog = f"{HELP[0].upper()}{HELP[1:]}.", EPILOG
    parser.add_argument(
        "name",
        type=filled("bench show"),
        metavar="METHOD|RUN|STUDY",
        help="a method's name, a run's id or a study's name",
    )
    parser.add_argument(
        "--plot",
        choices=("layers",),
        help="of a run that has scores by layer: write its figures (PNG and Plotly JSON) into its artifacts",
    )
    add_tracking(parser.add_argument)
    add_storage(parser.add_argument)
    add_json(parser.add_argument, "it")


def run(arguments: argparse.Namespace) -> int:
    """Print what `arguments` name. Raises UsageError for a name that is neither a method's nor a run's."""
    with stdout_kept() as stream:
        found = (
            _plotted(arguments)
            if arguments.plot
            else _study_called(arguments) or _run_called(arguments) or _method_called(arguments.name)
        )
        if arguments.json:
            write_json(found[0], stream)
        else:
            show(make_console(stream), found[1])
    return 0


Shown = tuple[dict[str, Any], RenderableType]
"""The same for programs and for people."""


def _study_called(arguments: argparse.Namespace) -> Shown | None:
    """Return the study that ``bench show`` was asked for; None where the name, without a slash, can't be a study's."""
    if "/" not in arguments.name:
        if arguments.storage:
            raise UsageError(
                f"--storage says where studies are, but {arguments.name!r} is no study's name: leave it out"
            )
        return None
    from benchmark.cli.study_printing import document, rendered
    from benchmark.tracking import Tracking, resolve_uri
    from benchmark.tuning.report import one
    from benchmark.tuning.storage import locate

    found = one(locate(arguments.storage, Tracking(resolve_uri(arguments.tracking_uri)).store), arguments.name)
    return document(found), rendered(found)


def _run_called(arguments: argparse.Namespace) -> Shown | None:
    """Return the run that ``bench show`` was asked for; None where the name can't be a run's."""
    if not re.fullmatch(r"[0-9a-f]{4,32}", arguments.name):
        return None
    from benchmark.tracking import Tracking, resolve_uri

    try:
        tracking = Tracking(resolve_uri(arguments.tracking_uri))
        return _show_run(tracking.record(arguments.name), tracking)
    except UsageError:
        from benchmark.core import registry

        if arguments.name in {entry.name for entry in registry.entries()}:
            return None  # a method whose name happens to be hexadecimal
        raise


def _plotted(arguments: argparse.Namespace) -> Shown:
    """Write the figures of the run that `arguments` name into its artifacts. Raises UsageError."""
    import tempfile
    from pathlib import Path

    from benchmark.reports import layer_figures
    from benchmark.tracking import Tracking, resolve_uri

    tracking = Tracking(resolve_uri(arguments.tracking_uri))
    record = tracking.record(arguments.name)
    with tempfile.TemporaryDirectory() as folder:
        files = [file.name for file in layer_figures.write_layers(record, Path(folder))]
        tracking.add_artifacts(record.run, Path(folder), FIGURES)
    best = layer_figures.recommended(record)
    facts = {f"recommended layer for {task}": str(layer) for task, layer in best.items()}
    facts |= {f"artifact {number}": f"{FIGURES}/{name}" for number, name in enumerate(files, start=1)}
    document = {"run": record.run, "artifacts": [f"{FIGURES}/{name}" for name in files], "recommended": best}
    return document, pairs(facts)


def _method_called(name: str) -> Shown:
    from benchmark.core import registry
    from benchmark.core.serialization import to_plain
    from benchmark.train.method_handle import resolve_method
    from benchmark.tuning.space import spaces

    try:
        entries = registry.parts(name)
    except UsageError as error:
        if "+" in name or not str(error).startswith("unknown method"):
            raise
        hint = "`bench list methods`, `bench list runs` and `bench list studies` show their names"
        hint = did_you_mean(name, registry.names(), hint)
        raise UsageError(f"{name!r} is no method, run or study: {hint}") from error
    canonical = registry.canonical(name)
    handle = resolve_method(canonical)
    declared = handle.parameters
    kind = entries[0].kind if len(entries) == 1 else "combination"
    texts = {entry.name: inspect.getdoc(entry.cls) or "" for entry in entries}
    document: dict[str, Any] = {
        "name": canonical,
        "kind": kind,
        "parts": [
            {"name": entry.name, "source": entry.source, "module": entry.module, "text": texts[entry.name]}
            for entry in entries
        ],
        "parameters": [
            {**{field.name: to_plain(getattr(one, field.name)) for field in _fields(one)}, "type": one.kind.__name__}
            for one in declared
        ],
    }
    elsewhere = _suite_defaults(handle)
    document["suite_defaults"] = elsewhere
    parts: list[RenderableType] = [Text.assemble((canonical, "bold"), f"  {kind}")]
    for entry in entries:
        facts = {"source": entry.source, "module": entry.module}
        parts += [Text(), Paragraph(texts[entry.name]), Text(), pairs(facts)]
    searched = {
        dimension.name: str(dimension).partition("=")[2] for dimension in spaces({name: declared}, (), ())[name]
    }
    document["search_space"] = searched
    parts += [Text(), _parameter_table(declared, searched)]
    for suite, values in elsewhere.items():
        words = ", ".join(f"{parameter} {typed(value)}" for parameter, value in values.items())
        parts.append(Paragraph(f"suite {suite} has other defaults: {words}", style="dim", hanging=2))
    if declared:
        example = f"bench run --methods {canonical} --set {canonical}.{declared[0].name}={typed(declared[0].default)}"
        parts += [Text(), NextSteps([(example, "another value of a parameter")])]
    return document, Group(*parts)


def _suite_defaults(method: MethodHandle) -> dict[str, dict[str, Value]]:
    """Return the defaults of `method` that built-in suites change for their budgets, by suite."""
    from benchmark.core import suite
    from benchmark.train.recipe import Budget

    usual = {one.name: one.default for one in method.parameters}
    found = {}
    for known in suite.names():
        with contextlib.suppress(UsageError):  # two techniques prefer different values: there is no default
            own = suite.load(known)
            budget = Budget(own.epochs, own.batch_size, own.selection)
            resolved = dict(method.resolve_parameters({}, budget, own.defaults))
            found[known] = {key: value for key, value in resolved.items() if value != usual[key]}
    return {known: changed for known, changed in found.items() if changed}


def _fields(one: Parameter) -> list[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(one) if field.name != "kind"]


def _parameter_table(declared: Sequence[Parameter], searched: Mapping[str, str]) -> RenderableType:
    """Return the parameters with their defaults and ranges; `searched` is what ``bench tune`` tries, by name."""
    if not declared:
        return Text("no parameters")
    grid = table("parameter!", ">default", "takes", "tuned over", "unit", "meaning")
    for one in declared:
        grid.add_row(
            one.name, typed(one.default), one.allowed(), searched.get(one.name, "–"), one.unit or "–", one.help
        )
    return grid


def _show_run(record: Record, tracking: Tracking) -> Shown:
    from benchmark.core.serialization import to_plain
    from benchmark.tracking import files

    command = rerun.command(record)
    place = files.place(tracking.store, record)
    document = {**to_plain(record), "cell_id": record.cell.id, "artifacts": place, "command": command}
    cell = record.cell
    known = facts.measured(record) | {"artifacts": place, "repeat it": Command(rerun.again(record))}
    title = Text.assemble((f"{cell.method} seed {cell.seed}", "bold"), f"  {record.status}")
    title.append(f": {one_line(record.reason)}" if record.reason else "")
    parts: list[RenderableType] = [title, pairs(known)]
    for heading, part in {
        "scores": _scores(record),
        "cost": _cost(record),
        f"parameters ({cell.origin})": pairs(facts.parameters(record)),
        "data": _facts(facts.data(record)),
        "environment": _facts(facts.environment(record)),
        "curves": _curves(record.points),
    }.items():
        parts += [Text(), Text(heading, style="bold"), part] if part is not None else []
    return document, Group(*parts)


def _scores(record: Record) -> RenderableType | None:
    if not record.scores:
        return None
    splits = list(dict.fromkeys(score.split for score in record.scores))
    grid = table("score", *[f">{split}" for split in splits])
    for task, metric in dict.fromkeys((score.task, score.metric) for score in record.scores):
        values = [record.score(split, task, metric) for split in splits]
        grid.add_row(f"{task} {metric}", *["–" if value is None else f"{value:.4f}" for value in values])
    return grid


def _cost(record: Record) -> RenderableType | None:
    cost = record.cost
    peak = f"{cost.peak_memory_bytes / 2**20:,.0f} MiB ({cost.peak_memory_of})" if cost.peak_memory_bytes else ""
    if not peak and cost.peak_memory_of:
        peak = f"not measured: {cost.peak_memory_of}"
    facts = pairs({"in all": f"{cost.fit_seconds:.1f} s", "peak memory": peak})
    if not cost.phases:
        return facts
    once = any(phase.encode_seconds for phase in cost.phases)
    columns = (
        *((">rows encoded\nonce, seconds",) if once else ()),
        ">encoder\ntrains",
        ">head\ntrains",
        ">of all\nparameters",
        ">first epoch\nseconds",
        ">later epochs\nseconds",
        ">examples\nper second",
    )
    grid = table("phase!", *columns)
    for phase in cost.phases:
        seconds = [phase.first_epoch_seconds, phase.epoch_seconds, phase.examples_per_second]
        counts = [phase.trainable_encoder, phase.trainable_head, phase.total]
        grid.add_row(
            phase.phase,
            *([f"{phase.encode_seconds:,.2f}" if phase.encode_seconds else "–"] if once else []),
            *[f"{count:,}" for count in counts],
            *["–" if value is None else f"{value:,.2f}" for value in seconds],
        )
    return Group(grid, Text(), facts)


def _facts(known: Mapping[str, str]) -> RenderableType | None:
    commands = {name: Command(value) for name, value in known.items() if name == "command"}
    return pairs({**known, **commands}) if known else None


def _curves(given: Sequence[Point]) -> RenderableType | None:
    points = [
        point for point in given if not layer_scores.is_by_layer(point.key)
    ]  # hundreds: `--plot layers` draws them
    if not points:
        return None
    keys = list(dict.fromkeys(point.key for point in points))
    rows = list(dict.fromkeys((point.phase, point.epoch) for point in points))
    values = {(point.phase, point.epoch, point.key): point.value for point in points}
    kept = rows
    if len(rows) > MOST_EPOCHS:
        kept = [rows[round(i * (len(rows) - 1) / (MOST_EPOCHS - 1))] for i in range(MOST_EPOCHS)]
    grid = table("phase!", ">epoch", *[">" + key.replace("/", "\n") for key in keys])
    for phase, epoch in kept:
        found = [values.get((phase, epoch, key)) for key in keys]
        grid.add_row(phase, str(epoch), *["–" if value is None else f"{value:.4f}" for value in found])
    left = Text(f"{len(kept)} of {len(rows)} epochs; --json has them all" if len(kept) < len(rows) else "", style="dim")
    return Group(grid, left) if left else grid
