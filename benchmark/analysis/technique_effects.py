"""What each technique adds, from the records of combinations: sets of techniques for `analysis.stats.effects`."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable

from benchmark.analysis.rows import latest
from benchmark.analysis.stats.effects import Effects, effects
from benchmark.core import registry
from benchmark.core.errors import UsageError
from benchmark.core.record import Record
from benchmark.train.techniques import Technique

ORIGIN = "default"


def technique_effects(records: Iterable[Record]) -> Effects | None:
    """Return the effects of techniques on the test score; None where fewer than two sets of techniques were run.

    Counted are finished cells with default parameters whose method is a technique or a combination of such. Cells of
    one seed, device, precision and forward make a block. Raises ValueError for records of several protocols: they
    aren't mixed.
    """
    counted = []
    for record in latest(records):
        score, factors = record.headline("test"), techniques(record.cell.method)
        if record.status != "done" or record.cell.origin != ORIGIN or score is None or not math.isfinite(score):
            continue
        if factors is not None:
            counted.append((record.cell, factors, score))
    if len({cell.protocol for cell, *_ in counted}) > 1:
        raise ValueError("effects are of one protocol")
    if len({factors for _, factors, _ in counted}) < 2:
        return None
    return effects(
        [factors for _, factors, _ in counted],
        [score for *_, score in counted],
        [(cell.seed, cell.device, cell.precision, cell.forward) for cell, *_ in counted],
    )


@functools.cache
def techniques(method: str) -> frozenset[str] | None:
    """Return the techniques that `method` combines: none for the baseline, which answers no question differently.

    None instead of a set for a whole method, and for a name that isn't registered here.
    """
    try:
        parts = registry.parts(method)
    except UsageError:
        return None
    if any(part.kind != "technique" for part in parts):
        return None
    return frozenset(part.name for part in parts if not _is_baseline(part.cls))


def _is_baseline(cls: type) -> bool:
    own = ("before", "answers", "after")
    return issubclass(cls, Technique) and all(getattr(cls, name) is getattr(Technique, name) for name in own)
