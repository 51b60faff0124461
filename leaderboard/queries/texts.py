"""The texts of test rows, where the rows are at hand: records and predictions hold ids and labels only."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from benchmark.core import suite
from benchmark.core.cell import TaskIdentity
from benchmark.core.errors import UsageError
from benchmark.core.record import Record
from benchmark.core.suite import Source, TaskSpec
from benchmark.data.sources import BUILTIN_LABELS, load_task
from benchmark.data.task import Task

JOINT = " | "
"""Between the two texts of a pair."""


def texts(record: Record, task: str) -> Mapping[str, str]:
    """Return the texts of the test rows of `record`'s task by the rows' ids; nothing where they can't be had.

    They are looked for in the built-in corpus and in the folder that the record names, never on the network, and are
    taken only if they have the fingerprint that the record was scored under.
    """
    identity = next((found for found in record.cell.protocol.tasks if found.name == task), None)
    source = next((facts.source for facts in record.data if facts.task == task), "")
    if identity is None:
        return {}
    loaded = _load(record, identity, source)
    if loaded is None or loaded.identity.test != identity.test:
        return {}
    return {name: JOINT.join(parts) for name, parts in zip(loaded.test.ids, loaded.test.texts, strict=True)}


def _load(record: Record, identity: TaskIdentity, source: str) -> Task | None:
    spec = _spec(record.cell.protocol.suite, identity)
    try:
        if any(facts.synthetic for facts in record.data if facts.task == identity.name):
            label = identity.name if identity.name in BUILTIN_LABELS else spec.source.dataset
            return load_task(dataclasses.replace(spec, source=Source("builtin", label)))
        if source and Path(source).is_dir():
            return load_task(spec, data=source)
    except (UsageError, OSError):
        pass  # rows that can't be read now are not at hand
    return None


def _spec(name: str, identity: TaskIdentity) -> TaskSpec:
    """Return the task's specification: the built-in suite's, which knows columns and separators, or a plain one."""
    known = suite.load(name).tasks if name in suite.names() else ()
    plain = TaskSpec(identity.name, Source("files"), identity.kind, identity.metric)
    return next((spec for spec in known if spec.name == identity.name), plain)
