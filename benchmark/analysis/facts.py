"""The facts of a run, and of all the runs of a table, as names with values: what was measured, on what, where.

``bench show``, the leaderboard's pages of a run and of two, and the provenance of reports say them with these words.
Values are texts for people; what isn't known is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmark import __version__
from benchmark.core import suite
from benchmark.core.cell import Protocol, TaskIdentity
from benchmark.core.errors import UsageError
from benchmark.core.parameters import typed
from benchmark.core.record import DataFacts, Environment, Record
from benchmark.core.text import duration, one_line, percent, pluralize

DIGITS = 12
"""Of a hash in the provenance of a table; the facts of one run have all of them, and so have JSON and Parquet."""
STARTED = "started (UTC)"
CODE = "code"
"""The digest of the code that computes a method's result: methods of one commit have different ones."""
SPLITS = ("train", "validation", "test")


def measured(record: Record) -> dict[str, str]:
    """Return what the run is a measurement of."""
    cell, protocol = record.cell, record.cell.protocol
    return _known(
        {
            "run": record.run,
            "cell": cell.id,
            "row of the table": cell.group,
            "method": cell.method,
            "seed": str(cell.seed),
            "origin of parameters": cell.origin,
            "trial": f"{record.trial.number} of study {record.trial.study}" if record.trial else "",
            "tuned by": tuning(record),
            "suite": protocol.suite,
            "data": record.own_data,
            "encoder": f"{protocol.encoder} @ {protocol.encoder_revision}",
            "weights": f"sha256 {protocol.encoder_sha256}",
            "budget": budget(protocol),
            "protocol": protocol.id,
            "device": f"{cell.device}, {cell.precision}, {cell.forward} forward",
            "notes": "; ".join(record.notes),
        }
    )


def parameters(record: Record) -> dict[str, str]:
    """Return every parameter of the method as one types it."""
    return {name: typed(value) for name, value in record.cell.parameters}


def environment(record: Record) -> dict[str, str]:
    """Return where and with what the run was made; of one without an environment, what its cell says."""
    cell, found = record.cell, record.environment
    facts = {"kind of device": cell.device, "precision": cell.precision, "forward": cell.forward, CODE: cell.code[:16]}
    if found:
        facts |= {
            "device": found.device,
            "threads": str(found.threads),
            "processor": found.processor,
            "platform": found.platform,
            "commit": commit(found),
            "python": found.python,
        }
    facts |= dict(cell.versions) | dict(found.packages if found else ())
    return _known(facts | ({STARTED: found.started, "command": found.command} if found else {}))


def data(record: Record) -> dict[str, str]:
    """Return what was found in the rows of each task, and the splits' fingerprints."""
    facts = {}
    for found in record.data:
        cut = dict(found.truncated_fractions)
        facts[f"{found.task}: source"] = source(found)
        facts[f"{found.task}: rows"] = _counts(found.rows)
        facts[f"{found.task}: exact duplicates"] = _counts(found.duplicates) or "none"
        facts[f"{found.task}: rows cut at the maximum length"] = (
            ", ".join(
                f"{split} {count:,} ({percent(cut.get(split, 0.0))})" for split, count in found.truncated if count
            )
            or "none"
        )
        facts[f"{found.task}: notes"] = "; ".join(found.notes)
    for task in record.cell.protocol.tasks:
        facts |= {f"{task.name}: {split} fingerprint": value for split, value in fingerprints(task)}
    return _known(facts)


def provenance(protocol: Protocol, records: Sequence[Record], made: str) -> dict[str, str]:
    """Return what has to be known to read and repeat the figures of `records`, all of one `protocol`.

    `made` is when the report was: UTC, ISO 8601. A fact that isn't known has an empty value.
    """
    places = [record.environment for record in records if record.environment]
    found = {facts.task: facts for record in records for facts in record.data}
    started = sorted(place.started[:10] for place in places)
    own_data = next((record.own_data for record in records if record.own_data), "")
    return {
        "suite": f"{protocol.suite}, data: {own_data}" if own_data else _suite(protocol.suite),
        **{f"data, {task.name}": _data_in_short(task, found.get(task.name)) for task in protocol.tasks},
        "encoder": f"{protocol.encoder} @ {protocol.encoder_revision[:DIGITS]}, "
        f"weights {protocol.encoder_sha256[:DIGITS]}",
        "budget": budget(protocol),
        "protocol": protocol.id,
        "seeds": ", ".join(map(str, sorted({record.cell.seed for record in records}))),
        "device": different(
            f"{record.cell.device} {record.cell.precision} {record.cell.forward}" for record in records
        ),
        "machine": different(f"{place.device}, {pluralize(place.threads, 'thread')}" for place in places),
        "versions": versions(records),
        "code": different(f"commit {commit(place, DIGITS)}" for place in places if place.commit),
        "runs of": different([started[0], started[-1]], " to ") if started else "",
        "report": f"bench {__version__}, {made[:10]}",
    }


def budget(protocol: Protocol) -> str:
    """Return how long and on how much is trained, and which epoch's weights are evaluated."""
    limit = f", train limited to {protocol.limit_train:,} rows" if protocol.limit_train else ""
    return (
        f"{pluralize(protocol.epochs, 'epoch')}, batches of {protocol.batch_size}, "
        f"at most {protocol.max_length} tokens, {protocol.selection} epoch kept{limit}"
    )


def tuning(record: Record) -> str:
    """Return which trial a tuned cell has its parameters from and what tuning cost; nothing for any other."""
    found = record.tuning
    if found is None:
        return ""
    cost = f"{pluralize(found.trials, 'trial')}, {duration(found.seconds)}"
    return f"trial {found.trial} of study {found.study} (validation {found.value:.4f}; tuning cost {cost})"


def source(found: DataFacts) -> str:
    """Return where a task's rows came from, marked where they are synthetic."""
    mark = " (synthetic)" if found.synthetic and "synthetic" not in found.source else ""
    return f"{one_line(found.source)}{mark}"


def commit(found: Environment, digits: int | None = None) -> str:
    """Return the commit that a run was made from, marked where files differed from it; nothing outside a checkout."""
    mark = " with uncommitted changes" if found.dirty else ""
    return f"{found.commit[:digits]}{mark}" if found.commit else ""


def fingerprints(task: TaskIdentity) -> tuple[tuple[str, str], ...]:
    """Return the sha256 of each split's rows."""
    return tuple((split, getattr(task, split)) for split in SPLITS)


def versions(records: Iterable[Record]) -> str:
    """Return Python's version and those of the packages that compute; several of one package one after the other."""
    known: dict[str, dict[str, None]] = {}
    for record in records:
        if record.environment:
            known.setdefault("python", {})[record.environment.python] = None
        for name, version in record.cell.versions:
            known.setdefault(name, {})[version] = None
    return ", ".join(f"{name} {' and '.join(values)}" for name, values in known.items())


def different(words: Iterable[str], separator: str = "; ") -> str:
    """Return the different `words` in order of appearance."""
    return separator.join(dict.fromkeys(words))


def _data_in_short(task: TaskIdentity, found: DataFacts | None) -> str:
    rows = dict(found.rows) if found else {}
    splits = [
        f"{split} {f'{rows[split]:,} rows ' if split in rows else ''}{value[:DIGITS]}"
        for split, value in fingerprints(task)
    ]
    return (f"{source(found)}; " if found else "") + ", ".join(splits)


def _suite(name: str) -> str:
    try:
        return f"{name}: {suite.load(name).title}" if name in suite.names() else name
    except UsageError:
        return name


def _counts(found: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{where} {count:,}" for where, count in found if count)


def _known(facts: Mapping[str, str]) -> dict[str, str]:
    """Return the facts that aren't empty."""
    return {name: value for name, value in facts.items() if value}
