"""The rows that a cell is measured on, as MLflow's datasets: name, digest and source of each split, no rows."""

from __future__ import annotations

import json
from dataclasses import dataclass

from benchmark.core.cell import TaskIdentity
from benchmark.core.record import DataFacts, Record

DIGEST_LENGTH = 12
"""Hex digits of a split's fingerprint that are shown; MLflow takes at most 36."""


@dataclass(frozen=True)
class Input:
    """One split of one task."""

    name: str  # "quick/scenario"
    digest: str
    context: str  # train | validation | test
    source_type: str  # in MLflow's words: code | hugging_face | local
    source: str  # JSON, in the form that MLflow's source of this type has
    profile: str  # JSON


def inputs(record: Record) -> tuple[Input, ...]:
    """Return the splits that the cell of `record` is trained, chosen and tested on; those without rows are left out."""
    identities = {task.name: task for task in record.cell.protocol.tasks}
    found = []
    for facts in record.data:
        for split, count in facts.rows:
            fingerprint = _fingerprint(identities.get(facts.task), split)
            if fingerprint and count:
                source_type, source = _source(facts)
                name = f"{record.cell.protocol.suite}/{facts.task}"
                profile = json.dumps({"num_rows": count})
                found.append(Input(name, fingerprint[:DIGEST_LENGTH], split, source_type, json.dumps(source), profile))
    return tuple(found)


def _fingerprint(identity: TaskIdentity | None, split: str) -> str:
    return str(getattr(identity, split)) if identity and split in ("train", "validation", "test") else ""


def _source(facts: DataFacts) -> tuple[str, dict[str, object]]:
    """Return type and contents of MLflow's source of the rows."""
    origin = facts.origin
    if origin and origin.type == "hub":
        return "hugging_face", {"path": origin.dataset, "config_name": origin.config, "revision": origin.revision}
    if origin and origin.type == "files":
        return "local", {"uri": origin.dataset}
    return "code", {"tags": {"mlflow.source.name": facts.source, "mlflow.source.type": "LOCAL"}}
