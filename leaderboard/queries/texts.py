"""The texts of test rows, where the rows are at hand: records and predictions hold ids and labels only."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmark.core import suite
from benchmark.core.errors import UsageError
from benchmark.core.record import DataFacts, Record
from benchmark.core.suite import Source, TaskSpec
from benchmark.data.sources import BUILTIN_LABELS, load_task

JOINT = " | "
"""Between the two texts of a pair."""


@dataclass(frozen=True)
class Texts:
    """What was found."""

    by_id: Mapping[str, str]
    reason: str = ""  # why there are none


def texts(record: Record, task: str) -> Texts:
    """Return the texts of the test rows of `record`'s task by the rows' ids, or why they can't be had.

    They are looked for in the built-in corpus and in the folder or file that the record names, read by the columns that
    it names; never on the network. They are taken only if they have the fingerprint that the record was scored under.
    """
    identity = next((identity for identity in record.cell.protocol.tasks if identity.name == task), None)
    facts = next((facts for facts in record.data if facts.task == task), None)
    if identity is None or facts is None:
        return Texts({}, "the run doesn't say where its rows came from")
    source = facts.origin or _older(record.cell.protocol.suite, facts)
    if source is None or source.type == "hub":
        return Texts({}, "rows from the Hub are not fetched for this page")
    spec = TaskSpec(identity.name, source, identity.kind, identity.metric, identity.low, identity.high)
    try:
        loaded = load_task(spec, several=len(record.cell.protocol.tasks) > 1)
    except (UsageError, OSError) as error:
        return Texts({}, str(error))
    if loaded.identity.test != identity.test:
        return Texts({}, f"{loaded.source} holds other rows than those that the run was scored on")
    return Texts({name: JOINT.join(parts) for name, parts in zip(loaded.test.ids, loaded.test.texts, strict=True)})


def _older(name: str, facts: DataFacts) -> Source | None:
    """Return where the rows of a record that doesn't say its origin may be: as the built-in suite `name` reads them."""
    known = suite.load(name).tasks if name in suite.names() else ()
    source = next((spec.source for spec in known if spec.name == facts.task), Source("files"))
    if facts.synthetic:
        label = facts.task if facts.task in BUILTIN_LABELS else source.dataset
        return Source("builtin", label)
    if facts.source and Path(facts.source).exists():
        return dataclasses.replace(source, type="files", dataset=facts.source)
    return None
