"""Reports for programs: flat rows, JSON, Parquet. Numbers are unrounded: scores as fractions, nats, seconds, bytes."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from typing import Any

from benchmark.analysis.standings import Standing
from benchmark.analysis.stats import Summary
from benchmark.core import scales
from benchmark.core.cell import Protocol
from benchmark.core.serialization import to_plain
from benchmark.reports.content import Report, Section

KEY = b"bench.report"
"""Entry of the Parquet schema's metadata that holds the whole report as JSON."""
KINDS: dict[str, type] = {
    "suite": str,
    "protocol": str,
    "encoder": str,
    "encoder_revision": str,
    "encoder_sha256": str,
    "data_fingerprints": str,  # JSON: task → split → sha256
    "epochs": int,
    "batch_size": int,
    "max_length": int,
    "selection": str,
    "limit_train": int,
    "place": int,
    "label": str,
    "method": str,
    "parameters": str,  # JSON
    "origin": str,
    "device": str,
    "precision": str,
    "ties": str,  # compact letter display: rows that share a letter are not significantly different
    "tied_with_best": bool,
    "no_ties_because": str,
    "metric": str,  # of the headline: one task's own; of several tasks, those whose mean it is
    "test_means_by_task": str,  # JSON: task → mean of its own metric
    "n": int,
    "seeds": str,
    "runs": str,  # ids in the order of the seeds: their predictions are in the store's artifacts under these names
    "test_mean": float,
    "test_half_width": float,
    "test_sd": float,
    "test_median": float,
    "validation_mean": float,
    "validation_half_width": float,
    "test_loss": float,
    "test_loss_is": str,  # cross_entropy, mean_squared_error, …; loss: the mean over tasks of several
    "trainable_parameters": int,
    "total_parameters": int,
    "epoch_seconds": float,
    "fit_seconds": float,
    "peak_memory_bytes": int,
    "tuning_trials": int,
    "tuning_seconds": float,
    "synthetic": bool,
    "status": str,
    "without_score": str,  # JSON: seed, status, reason of the cells without a score
    "versions": str,
    "code": str,
    "runs_of": str,
    "report_made": str,
    "bench_version": str,
}
"""Columns of the flat table and their types; any may be null."""
COLUMNS = tuple(KINDS)


def flat(report: Report) -> list[dict[str, Any]]:
    """Return a dictionary with `COLUMNS` per row of each section."""
    return [
        _protocol(section) | _row(place, number) | {"report_made": report.made, "bench_version": report.bench}
        for section in report.sections
        for number, place in enumerate(section.board.places, start=1)
    ]


def _protocol(section: Section) -> dict[str, Any]:
    protocol: Protocol = section.protocol
    prints = {
        task.name: {split: getattr(task, split) for split in ("train", "validation", "test")} for task in protocol.tasks
    }
    return {
        "suite": protocol.suite,
        "protocol": protocol.id,
        "encoder": protocol.encoder,
        "encoder_revision": protocol.encoder_revision,
        "encoder_sha256": protocol.encoder_sha256,
        "data_fingerprints": json.dumps(prints),
        "epochs": protocol.epochs,
        "batch_size": protocol.batch_size,
        "max_length": protocol.max_length,
        "selection": protocol.selection,
        "limit_train": protocol.limit_train,
        "metric": ", ".join(dict.fromkeys(task.metric for task in protocol.tasks)),
        "versions": section.facts["versions"],
        "code": section.facts["code"],
        "runs_of": section.facts["runs of"],
    }


def _row(place: Standing, number: int) -> dict[str, Any]:
    row = place.row
    test, validation = row.test or NO_SUMMARY, row.validation or NO_SUMMARY
    return {
        "place": number,
        "label": row.label,
        "method": row.cell.method,
        "parameters": json.dumps(dict(row.cell.parameters), ensure_ascii=False),
        "origin": row.cell.origin,
        "device": row.cell.device,
        "precision": row.cell.precision,
        "ties": place.letters,
        "tied_with_best": place.tied_with_best,
        "no_ties_because": place.reason,
        "n": len(row.seeds),
        "seeds": " ".join(map(str, row.seeds)),
        "runs": " ".join(row.runs),
        "test_mean": test.mean if row.test else None,
        "test_means_by_task": json.dumps({task.task: task.test.mean if task.test else None for task in row.tasks}),
        "test_half_width": test.half_width,
        "test_sd": test.sd,
        "test_median": test.median if row.test else None,
        "validation_mean": validation.mean if row.validation else None,
        "validation_half_width": validation.half_width,
        "test_loss": row.loss if row.loss is not None and math.isfinite(row.loss) else None,
        "test_loss_is": scales.loss_name(row.protocol),
        "trainable_parameters": row.trainable,
        "total_parameters": row.total,
        "epoch_seconds": row.epoch_seconds,
        "fit_seconds": row.fit_seconds,
        "peak_memory_bytes": row.memory,
        "tuning_trials": row.tuning_trials,
        "tuning_seconds": row.tuning_seconds,
        "synthetic": row.synthetic,
        "status": row.status,
        "without_score": json.dumps([dataclasses.asdict(other) for other in row.others], ensure_ascii=False),
    }


NO_SUMMARY = Summary(0, 0.0, None, None, 0.0)


def document(report: Report) -> dict[str, Any]:
    """Return the report as JSON data, with every pair, effect and fact."""
    rows = flat(report)
    return {
        "bench": report.bench,
        "made": report.made,
        "sections": [_section(section, rows) for section in report.sections],
        "over_suites": to_plain(report.over_suites) if report.over_suites else None,
    }


def _section(section: Section, rows: list[dict[str, Any]]) -> dict[str, Any]:
    board = section.board
    labels = {row.cell.group: row.label for row in section.rows}
    pairs = [
        to_plain(pair) | {"first": labels[pair.first], "second": labels[pair.second], "separated": pair.separated}
        for pair in board.pairs
    ]
    return {
        "protocol": {"id": board.protocol.id, **to_plain(board.protocol)},
        "facts": section.facts,
        "notes": list(section.notes),
        "rows": [row for row in rows if row["protocol"] == board.protocol.id],
        "pairs": pairs,
        "tied_with_best": [place.row.label for place in board.tied],
        "cheapest_tied_with_best": {
            "trainable_parameters": _label(board.fewest_parameters),
            "epoch_seconds": _label(board.fastest),
        },
        "effects": to_plain(section.effects) if section.effects else None,
    }


def _label(place: Standing | None) -> str | None:
    return place.row.label if place else None


def parquet(report: Report) -> bytes:
    """Return the flat table as a Parquet file; the schema's metadata holds `document` as JSON under `KEY`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    rows = flat(report)
    columns = {name: pa.array([row[name] for row in rows], types[kind]) for name, kind in KINDS.items()}
    stream = io.BytesIO()
    about = {KEY: json.dumps(document(report), ensure_ascii=False).encode()}
    pq.write_table(pa.table(columns).replace_schema_metadata(about), stream)
    return stream.getvalue()
