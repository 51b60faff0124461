"""``bench list``: what there is to run, on what, with which encoder, and what has been run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmark.cli.console import make_console, stdout_kept, write_json
from benchmark.cli.options import add_json, add_storage, add_tracking, filled, word
from benchmark.cli.printing import Paragraph, show, shown, table
from benchmark.core.errors import UsageError
from benchmark.core.text import one_line

NAME = "list"
HELP = "list methods, suites, datasets, encoders, runs or studies"
ORDER = 20
EPILOG = """\
examples:
  bench list methods
  bench list runs --suite quick --json
"""

Item = dict[str, Any]


@dataclass(frozen=True)
class Listing:
    """How one kind of thing is listed: `items` for JSON, `columns` (header → key or function of an item) for people."""

    items: Callable[[argparse.Namespace], list[Item]]
    columns: dict[str, str | Callable[[Item], str]]
    empty: str = "nothing"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``bench list``."""
    parser.description, parser.epilog = f"{HELP[0].upper()}{HELP[1:]}.", EPILOG
    parser.add_argument("kind", type=word("bench list", LISTINGS), metavar="KIND", help=", ".join(LISTINGS))
    parser.add_argument("--suite", type=filled("--suite"), metavar="NAME", help="runs and studies: of this suite only")
    add_tracking(parser.add_argument)
    add_storage(parser.add_argument)
    add_json(parser.add_argument, "the list")


def run(arguments: argparse.Namespace) -> int:
    """Print the list that `arguments` ask for. Raises UsageError."""
    listing = LISTINGS[arguments.kind]
    if arguments.suite and arguments.kind not in ("runs", "studies"):
        raise UsageError(f"--suite selects runs or studies: leave it out of `bench list {arguments.kind}`")
    if arguments.storage and arguments.kind != "studies":
        raise UsageError(f"--storage says where studies are: leave it out of `bench list {arguments.kind}`")
    with stdout_kept() as stream:
        items = listing.items(arguments)
        if arguments.json:
            write_json(items, stream)
            return 0
        grid = table(*listing.columns)
        for item in items:
            grid.add_row(*[_text(item[key] if isinstance(key, str) else key(item)) for key in listing.columns.values()])
        show(make_console(stream), grid if items else Paragraph(listing.empty))
    return 0


def _text(value: object) -> str:
    return "–" if value is None or value == "" else str(value)


def _methods(_: argparse.Namespace) -> list[Item]:
    from benchmark.core import registry
    from benchmark.train.method_handle import resolve_method

    items = [
        {"name": entry.name, "kind": entry.kind, "summary": entry.summary, "source": entry.source}
        for entry in registry.entries()
    ]
    for combination in registry.combinations():
        parts = " and ".join(entry.name for entry in registry.parts(combination.name))
        items.append(
            {
                "name": combination.name,
                "kind": "combination",
                "summary": f"{parts} together",
                "source": combination.source,
            }
        )
    return [
        item | {"parameters": [parameter.name for parameter in resolve_method(item["name"]).parameters]}
        for item in items
    ]


def _suites(_: argparse.Namespace) -> list[Item]:
    from benchmark.core import suite
    from benchmark.core.serialization import to_plain

    return [to_plain(suite.load(name)) for name in suite.names()]


def _datasets(_: argparse.Namespace) -> list[Item]:
    from benchmark.core.serialization import to_plain
    from benchmark.data import sources

    return [to_plain(facts) for facts in sources.describe()]


def _encoders(_: argparse.Namespace) -> list[Item]:
    from benchmark.model import catalogue

    return [
        {
            "name": known.name,
            "hub": known.hub,
            "revision": known.revision,
            "from": "package" if catalogue.package_folder(known) else _cached(known.hub, known.revision),
            "note": known.note,
        }
        for known in catalogue.KNOWN
    ]


def _cached(hub: str, revision: str) -> str:
    from benchmark.model import catalogue

    return "hub cache" if catalogue.cached(hub, revision) else "hub"


def _runs(arguments: argparse.Namespace) -> list[Item]:
    from benchmark.tracking import Tracking, resolve_uri

    items = []
    for record in Tracking(resolve_uri(arguments.tracking_uri)).records(arguments.suite):
        cell = record.cell
        items.append(
            {
                "run": record.run,
                "cell": cell.id,
                "suite": cell.protocol.suite,
                "method": cell.method,
                "origin": cell.origin,
                "parameters": dict(cell.parameters),
                "seed": cell.seed,
                "encoder": cell.protocol.encoder,
                "device": cell.device,
                "status": record.status,
                "reason": record.reason,
                "validation": record.headline("validation"),
                "test": record.headline("test"),
                "test_loss": record.loss("test"),
                "fit_seconds": record.cost.fit_seconds,
                "started": record.environment.started if record.environment else None,
            }
        )
    return items


def _studies(arguments: argparse.Namespace) -> list[Item]:
    from benchmark.cli.study_printing import summary
    from benchmark.tracking import Tracking, resolve_uri
    from benchmark.tuning.report import studies
    from benchmark.tuning.storage import locate

    reports = studies(locate(arguments.storage, Tracking(resolve_uri(arguments.tracking_uri)).store))
    return [summary(report) for report in reports if arguments.suite in (None, report.definition.protocol.suite)]


def _best(item: Item) -> str:
    return ", ".join(f"{name} {shown(value)}" for name, value in (item["best_parameters"] or {}).items())


def _status(item: Item) -> str:
    return f"{item['status']}: {one_line(item['reason'])}" if item["reason"] else str(item["status"])


def _kind(item: Item) -> str:
    return f"{item['kind']}, synthetic" if item["synthetic"] else str(item["kind"])


LISTINGS = {
    "methods": Listing(_methods, {"name!": "name", "kind!": "kind", "what it does": "summary", "source?": "source"}),
    "suites": Listing(
        _suites,
        {
            "name!": "name",
            "title": "title",
            "encoder!": "encoder",
            ">epochs": "epochs",
            ">batch": "batch_size",
            ">tokens": "max_length",
        },
    ),
    "datasets": Listing(
        _datasets,
        {"name!": "name", "kind": _kind, ">train / validation / test": "rows", "from": "where"},
    ),
    "encoders": Listing(_encoders, {"name!": "name", "comes from!": "from", "hub id": "hub", "what it is": "note"}),
    "runs": Listing(
        _runs,
        {
            "run!": lambda item: str(item["run"])[:8],
            "suite!?": "suite",
            "method": lambda item: f"{item['method']}{' (set)' if item['origin'] == 'set' else ''}",
            ">seed": "seed",
            ">test": lambda item: "" if item["test"] is None else f"{item['test']:.4f}",
            "encoder?": "encoder",
            "device!?": "device",
            "started!?": lambda item: (item["started"] or "")[:16].replace("T", " "),
            "status": _status,
        },
        empty="no runs yet: `bench run` makes some",
    ),
    "studies": Listing(
        _studies,
        {
            "study!": "name",
            "status!": "status",
            ">trials": lambda item: f"{item['trials']} of {item['asked']}",
            ">bad": lambda item: str(item["failed"] or ""),
            ">pruned": lambda item: str(item["pruned"] or ""),
            ">best": lambda item: "" if item["best_value"] is None else f"{item['best_value']:.4f}",
            "its parameters": _best,
            ">seconds?": lambda item: f"{item['seconds']:.0f}",
        },
        empty="no studies yet: `bench tune` makes some",
    ),
}
