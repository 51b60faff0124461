"""What the stored predictions say about the rows of one protocol, and what the tests say about all pairs of them.

Predictions are checked before they are believed: they must cover the same test rows at every seed and method, and give
the score that the record says.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.analysis.rows import Row
from benchmark.analysis.stats.components import Components, components
from benchmark.analysis.stats.influence import row_values
from benchmark.analysis.stats.paired import Comparison, mcnemar
from benchmark.analysis.stats.seeds import SeedSpreads, seed_spreads
from benchmark.analysis.stats.several import holm
from benchmark.analysis.stats.tails import Tails, adjusted, tails
from benchmark.core.cell import Protocol
from benchmark.core.errors import UnreadableError
from benchmark.core.metrics import metric
from benchmark.core.predictions import Predictions
from benchmark.core.record import Record

ALPHA = 0.05
"""Level of every test, and the complement of every interval's confidence."""
SEEDS_AND_ROWS = "seeds and rows"
ROWS = "rows"

Floats = npt.NDArray[np.float64]
Load = Callable[[str], tuple[Predictions, ...]]
"""Returns the predictions stored under a run's id: `Tracking.predictions`."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the tests of one row of the table work on."""

    scores: dict[int, float]  # the headline by seed
    values: dict[int, tuple[Floats, ...]]  # by seed, then stratum of test rows: their means add up to the score
    problem: str = ""  # why nothing can be tested


@dataclass(frozen=True)
class Judgement:
    """What the tests say about two rows of one board."""

    found: Comparison
    adjusted: float  # p, adjusted over all tested pairs of the board
    least: float  # the smallest difference that would be significant on this board
    spread: float  # standard deviation of the difference between seeds, without what comes with the test rows
    noise: float  # standard deviation of `found.difference` that comes with the test rows alone


def gather(
    protocol: Protocol, rows: Sequence[Row], cells: Mapping[tuple[str, int], Record], predictions: Load
) -> tuple[Evidence, ...]:
    """Return the evidence of each of `rows`, all of one `protocol`; `cells` has the records by group and seed."""
    met: dict[str, tuple[str, str]] = {}  # digests of the test rows and of their labels, by task
    found = []
    for row in rows:
        runs = {seed: cells[row.cell.group, seed] for seed in row.seeds}
        made = of_runs(protocol, runs, predictions, met)
        found.append(made if runs else Evidence({}, {}, f"no seed has a score: {row.status}"))
    return tuple(found)


def of_runs(
    protocol: Protocol, runs: Mapping[int, Record], predictions: Load, met: dict[str, tuple[str, str]] | None = None
) -> Evidence:
    """Return the evidence of one method's `runs` by seed; `met` has digests of the rows that others were tested on."""
    met = {} if met is None else met
    scores = {seed: record.headline("test") or 0.0 for seed, record in runs.items()}
    problem = ""
    values: dict[int, tuple[Floats, ...]] = {}
    for seed, score in scores.items():
        try:
            stored = {given.task: given for given in predictions(runs[seed].run)}
            made = _values(stored, protocol, met, score, seed)
        except UnreadableError as error:
            made = f"the stored predictions of seed {seed} (run {error.run[:12]}) can't be read: {error.reason}"
        if isinstance(made, str):
            problem = problem or made
        else:
            values[seed] = made
    return Evidence(scores, {} if problem else values, problem)


def judge(protocol: Protocol, evidence: Sequence[Evidence]) -> dict[tuple[int, int], Judgement | str]:
    """Compare every two rows over the seeds that both have; or say why not where that can't be done.

    Where no two rows share two seeds, trained models are compared: accuracy on one task by McNemar's exact test, all
    else by a t test over the test rows. Otherwise methods are compared, over seeds and test rows (`stats.tails`).
    """
    made: dict[tuple[int, int], Judgement | str] = {}
    usable = [number for number, one in enumerate(evidence) if not one.problem]
    for one, other in itertools.combinations(range(len(evidence)), 2):
        made[one, other] = evidence[one].problem or evidence[other].problem or NO_SEED
    pairs = [
        (one, other)
        for one, other in itertools.combinations(range(len(usable)), 2)
        if common(evidence[usable[one]], evidence[usable[other]])
    ]
    if not pairs:
        return made
    methods = [evidence[number].values for number in usable]
    found = components(methods)
    spreads = seed_spreads(_matrix([evidence[number].scores for number in usable]), rest_of_each(found.rest))
    exact = spreads is None and [task.metric for task in protocol.tasks] == ["accuracy"]
    judged = _exactly(methods, found, pairs) if exact else _by_tails(found, spreads, pairs)
    made.update({(usable[one], usable[other]): one_of for (one, other), one_of in zip(pairs, judged, strict=True)})
    return made


NO_SEED = "no seed in common: run both with the same seeds"


def common(first: Evidence, second: Evidence) -> tuple[int, ...]:
    """Return the seeds that both have, sorted."""
    return tuple(sorted(first.scores.keys() & second.scores.keys()))


def rest_of_each(rest: Floats) -> Floats:
    """Return each method's share (methods,) in the seed × row variances of all pairs (methods, methods).

    Least squares for the sum of two methods' shares (Grubbs 1948); pairs without common seeds are nan.
    """
    one, other = np.nonzero(np.triu(np.isfinite(rest), 1))
    design = np.zeros((len(one), len(rest)))
    design[np.arange(len(one)), one] = design[np.arange(len(one)), other] = 1.0
    shares, *_ = np.linalg.lstsq(design, rest[one, other], rcond=None)
    return np.maximum(shares.astype(np.float64), 0.0)


def _by_tails(found: Components, spreads: SeedSpreads | None, pairs: Sequence[tuple[int, int]]) -> list[Judgement]:
    first, second = np.array(pairs).T
    differences, seeds = found.difference[first, second], found.seeds[first, second]
    mixtures = tails(found, spreads, pairs)
    p, both = mixtures.p(differences), adjusted(mixtures, differences)
    half, least = mixtures.half_widths(ALPHA), mixtures.half_widths(ALPHA, len(pairs))
    spread, noise = _spread(found, spreads, first, second)
    test = SEEDS_AND_ROWS if spreads else ROWS
    return [
        Judgement(
            Comparison(test, int(seeds[i]), float(differences[i]), float(half[i]), float(p[i])),
            float(both[i]),
            float(least[i]),
            float(spread[i]),
            float(noise[i]),
        )
        for i in range(len(pairs))
    ]


def _exactly(
    methods: Sequence[Mapping[int, tuple[Floats, ...]]], found: Components, pairs: Sequence[tuple[int, int]]
) -> list[Judgement]:
    first, second = np.array(pairs).T
    made = []
    for one, other in pairs:
        (seed,) = methods[one].keys() & methods[other].keys()
        made.append(mcnemar(methods[one][seed][0], methods[other][seed][0]))
    both = holm([one.p if one.p is not None else 1.0 for one in made])
    mixtures: Tails = tails(found, None, pairs)
    least = mixtures.half_widths(ALPHA, len(pairs))
    spread, noise = _spread(found, None, first, second)
    return [Judgement(one, both[i], float(least[i]), float(spread[i]), float(noise[i])) for i, one in enumerate(made)]


def _spread(
    found: Components, spreads: SeedSpreads | None, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Return the standard deviations (pairs,) of a seed's difference, and of the difference by test rows alone."""
    if spreads is None:
        return np.full(len(first), np.nan), np.sqrt(found.rows[first, second])
    rest = np.nan_to_num(found.rest[first, second])
    own = spreads.typical
    noise = np.maximum(found.rows[first, second] - rest / found.seeds[first, second], 0.0)
    return np.sqrt(own[first] + own[second] + rest), np.sqrt(noise)


def _matrix(scores: Sequence[Mapping[int, float]]) -> Floats:
    """Return scores (methods, seeds) over the seeds of any, nan where one wasn't run."""
    seeds = sorted(set().union(*scores))
    return np.array([[by_seed.get(seed, np.nan) for seed in seeds] for by_seed in scores])


def _values(
    stored: Mapping[str, Predictions],
    protocol: Protocol,
    met: dict[str, tuple[str, str]],
    score: float,
    seed: int,
) -> tuple[Floats, ...] | str:
    """Return one seed's values per stratum; or why its predictions can't be compared. Add what is new to `met`.

    Tasks that have the same test rows are one stratum: what such a row does to one task may go with what it does to
    another.
    """
    strata: dict[str, Floats] = {}
    for task in protocol.tasks:
        given = stored.get(task.name)
        if given is None or given.split != "test":
            return f"seed {seed} has no stored predictions"
        rows = hashlib.sha256("\n".join(given.ids).encode()).hexdigest()
        covered = (rows, hashlib.sha256(given.labels.tobytes()).hexdigest())
        if met.setdefault(task.name, covered) != covered:
            return f"the stored predictions of seed {seed} cover other test rows"
        if len(given.ids) < 2:
            return "one test row doesn't show how far rows vary"
        values = row_values(task.metric, given.logits, given.labels)
        if len(protocol.tasks) > 1:
            slope = metric(task.metric).normalised(1.0) - metric(task.metric).normalised(0.0)
            values = (metric(task.metric).normalised(0.0) + slope * values) / len(protocol.tasks)
        strata[rows] = strata[rows] + values if rows in strata else values
    again = sum(float(values.mean()) for values in strata.values())
    if not math.isclose(again, score, abs_tol=1e-6):
        return f"the stored predictions of seed {seed} give {again:.4f}, its record says {score:.4f}"
    return tuple(strata.values())
