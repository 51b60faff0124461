"""Where the figures of a section come from: protocol, data, weights, versions, machines, dates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmark import __version__
from benchmark.core import suite
from benchmark.core.cell import Protocol
from benchmark.core.errors import UsageError
from benchmark.core.record import Record
from benchmark.core.text import one_line, pluralize

DIGITS = 12
"""Of a hash in texts; the JSON and Parquet formats have all of them."""


def facts(protocol: Protocol, records: Sequence[Record], made: str) -> dict[str, str]:
    """Return what has to be known to read and repeat the figures of `records`, all of one `protocol`, by name."""
    places = [record.environment for record in records if record.environment]
    data = {found.task: found for record in records for found in record.data}
    own_data = next((record.own_data for record in records if record.own_data), "")
    found = {"suite": f"{protocol.suite}, data: {own_data}" if own_data else _suite(protocol.suite)}
    for task in protocol.tasks:
        about = data.get(task.name)
        mark = " (synthetic)" if about and about.synthetic and "synthetic" not in about.source else ""
        source = f"{one_line(about.source)}{mark}; " if about else ""
        rows = dict(about.rows) if about else {}
        splits = [
            f"{split} {f'{rows[split]:,} rows ' if split in rows else ''}{getattr(task, split)[:DIGITS]}"
            for split in ("train", "validation", "test")
        ]
        found[f"data, {task.name}"] = source + ", ".join(splits)
    limit = f", train limited to {protocol.limit_train:,} rows" if protocol.limit_train else ""
    seeds = sorted({record.cell.seed for record in records})
    started = sorted(place.started[:10] for place in places)
    return found | {
        "encoder": f"{protocol.encoder} @ {protocol.encoder_revision[:DIGITS]}, "
        f"weights {protocol.encoder_sha256[:DIGITS]}",
        "budget": f"{pluralize(protocol.epochs, 'epoch')}, batches of {protocol.batch_size}, "
        f"{protocol.max_length} tokens, the {protocol.selection} epoch kept{limit}",
        "protocol": protocol.id,
        "seeds": ", ".join(map(str, seeds)),
        "device": listed(f"{record.cell.device} {record.cell.precision}" for record in records),
        "machine": listed(f"{place.device}, {pluralize(place.threads, 'thread')}" for place in places),
        "versions": versions(records),
        "code": commits(records),
        "runs of": listed([started[0], started[-1]], " to ") if started else "",
        "report": f"bench {__version__}, {made[:10]}",
    }


def versions(records: Iterable[Record]) -> str:
    """Return Python's version and those of the packages that compute; several of one package one after the other."""
    kept = list(records)
    found: dict[str, list[str]] = {}
    for record in kept:
        if record.environment:
            found.setdefault("python", []).append(record.environment.python)
        for name, version in record.cell.versions:
            found.setdefault(name, []).append(version)
    return ", ".join(f"{name} {listed(known, ' and ')}" for name, known in found.items())


def commits(records: Iterable[Record]) -> str:
    """Return the commits that the runs were made from; one with uncommitted changes says so."""
    places = [record.environment for record in records if record.environment]
    return listed(
        f"commit {place.commit[:DIGITS]}{' with uncommitted changes' if place.dirty else ''}"
        for place in places
        if place.commit
    )


def listed(words: Iterable[str], by: str = "; ") -> str:
    """Return the different `words` in order of appearance."""
    return by.join(dict.fromkeys(words))


def _suite(name: str) -> str:
    try:
        return f"{name}: {suite.load(name).title}" if name in suite.names() else name
    except UsageError:
        return name
