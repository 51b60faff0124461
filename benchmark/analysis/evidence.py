"""What the stored predictions say about the rows of one protocol, ready to be compared pair by pair.

Predictions are checked before they are believed: they must cover the same test rows at every seed and method, and give
the score that the record says.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.analysis.rows import Row
from benchmark.analysis.stats.paired import (
    RESAMPLES,
    Comparison,
    Resampled,
    compare,
    mcnemar,
    paired_t,
    resampled_means,
    seed_weights,
)
from benchmark.core.cell import Protocol
from benchmark.core.metrics import predicted
from benchmark.core.predictions import Predictions
from benchmark.core.record import Record
from benchmark.core.seeds import Streams

PER_ROW = ("accuracy",)
"""Headline metrics that are means over test rows of right (1) and wrong (0)."""
STREAMS = Streams(0)
"""Of the resamples: the same records always give the same verdicts."""

Floats = npt.NDArray[np.float64]
Load = Callable[[str], tuple[Predictions, ...]]
"""Returns the predictions stored under a run's id: `Tracking.predictions`."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the tests of one row of the table work on."""

    scores: dict[int, float]  # the headline by seed
    right: dict[int, tuple[Floats, ...]]  # by seed, then task: right (1) or wrong (0) per test row; or empty
    resampled: dict[int, Resampled]  # by seed: one seed's headline on resamples of the test rows; or empty
    problem: str = ""  # why nothing can be tested


def gather(
    protocol: Protocol, rows: Sequence[Row], cells: Mapping[tuple[str, int], Record], predictions: Load
) -> tuple[Evidence, ...]:
    """Return the evidence of each of `rows`, all of one `protocol`; `cells` has the records by group and seed.

    Where the headline is no mean over test rows, the evidence is the scores alone, and no predictions are loaded.
    """
    per_row = all(task.metric in PER_ROW for task in protocol.tasks)
    met: dict[str, str] = {}  # digest of the test rows, by task
    found = []
    for row in rows:
        scores = {seed: cells[row.cell.group, seed].headline("test") or 0.0 for seed in row.seeds}
        problem = "" if scores else f"no seed has a score: {row.status}"
        right: dict[int, tuple[Floats, ...]] = {}
        for seed, score in scores.items() if per_row else ():
            stored = {given.task: given for given in predictions(cells[row.cell.group, seed].run)}
            problem = problem or _problem(stored, protocol, met, score, seed)
            if not problem:
                right[seed] = tuple(_right(stored[task.name]) for task in protocol.tasks)
        found.append(Evidence(scores, {} if problem else right, {}, problem))
    return _resampled(found, [met.get(task.name, "") for task in protocol.tasks])


def judge(first: Evidence, second: Evidence) -> Comparison | str:
    """Compare two rows over the seeds that both have; return why not where that can't be done."""
    for evidence in (first, second):
        if evidence.problem:
            return evidence.problem
    seeds = common(first, second)
    if not seeds:
        return "no seed in common: run both with the same seeds"
    if not first.right:
        made = paired_t([first.scores[seed] for seed in seeds], [second.scores[seed] for seed in seeds])
        if made.n < 2:
            return "one seed in common, and a metric that has no value per test row: run more seeds"
        return "the seeds differ by one and the same amount: run more seeds" if made.p is None else made
    if len(seeds) == 1:
        return _one_seed(first.right[seeds[0]], second.right[seeds[0]])
    weights = seed_weights(len(seeds), STREAMS.numpy("seeds", len(seeds)), RESAMPLES)
    return compare(_joined(first, seeds), _joined(second, seeds), weights)


def common(first: Evidence, second: Evidence) -> tuple[int, ...]:
    """Return the seeds that both have, sorted."""
    return tuple(sorted(first.scores.keys() & second.scores.keys()))


def _joined(evidence: Evidence, seeds: Sequence[int]) -> Resampled:
    parts = [evidence.resampled[seed] for seed in seeds]
    scores = np.concatenate([part.scores for part in parts])
    return Resampled(scores, np.concatenate([part.draws for part in parts]), parts[0].rows)


def _one_seed(first: tuple[Floats, ...], second: tuple[Floats, ...]) -> Comparison:
    """Compare two trained models: McNemar over the test rows of all tasks, the difference as the mean over tasks."""
    parts = [mcnemar(one, other) for one, other in zip(first, second, strict=True)]
    whole = mcnemar(np.concatenate(first), np.concatenate(second))
    difference = sum(part.difference for part in parts) / len(parts)
    half_width = math.sqrt(sum((part.half_width or 0.0) ** 2 for part in parts)) / len(parts)
    return Comparison(whole.test, 1, difference, half_width, whole.p, None)


def _problem(
    stored: Mapping[str, Predictions], protocol: Protocol, met: dict[str, str], score: float, seed: int
) -> str:
    """Return why the predictions of one seed can't be compared with others, or nothing; add what is new to `met`."""
    for task in protocol.tasks:
        given = stored.get(task.name)
        if given is None or given.split != "test":
            return f"seed {seed} has no stored predictions"
        covered = hashlib.sha256("\n".join(given.ids).encode() + given.labels.tobytes()).hexdigest()
        if met.setdefault(task.name, covered) != covered:
            return f"the stored predictions of seed {seed} cover other test rows"
    again = sum(float(_right(stored[task.name]).mean()) for task in protocol.tasks) / len(protocol.tasks)
    if not math.isclose(again, score, abs_tol=1e-6):
        return f"the stored predictions of seed {seed} give {again:.4f}, its record says {score:.4f}"
    return ""


def _right(given: Predictions) -> Floats:
    """Return 1.0 where the predicted class is the label, else 0.0: (test rows,)."""
    right: Floats = np.equal(predicted(given.logits), given.labels).astype(np.float64)
    return right


def _resampled(found: Sequence[Evidence], names: Sequence[str]) -> tuple[Evidence, ...]:
    """Return the evidence with headlines on resamples of the test rows, the same for all rows and seeds.

    `names` are digests of each task's test rows: tasks are drawn independently, unless they have the same rows.
    """
    keys = [(number, seed) for number, evidence in enumerate(found) for seed in evidence.right]
    draws = np.zeros((len(keys), RESAMPLES))  # the mean over tasks
    for task, name in enumerate(names if keys else ()):
        stacked = np.stack([found[number].right[seed][task] for number, seed in keys])  # (keys, test rows)
        draws += resampled_means(stacked, STREAMS.numpy("test rows", name), RESAMPLES) / len(names)
    made = [Evidence(evidence.scores, evidence.right, {}, evidence.problem) for evidence in found]
    for (number, seed), drawn in zip(keys, draws, strict=True):
        right = found[number].right[seed]
        score = np.array([sum(float(part.mean()) for part in right) / len(right)])
        made[number].resampled[seed] = Resampled(score, drawn[None, :], min(len(part) for part in right))
    return tuple(made)
