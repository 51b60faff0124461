"""What each technique adds, and what two add together beyond that: from the scores of runs of combinations."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Effect:
    """One coefficient: a main effect (one factor) or an interaction (two), in the unit of the scores.

    A main effect is the mean gain from having the factor, over the presence and absence of those that it was combined
    with; an interaction is the gain from the first in the presence of the second, less the gain in its absence.
    """

    factors: tuple[str, ...]
    estimate: float
    half_width: float | None  # of the 95% interval; None where no degrees of freedom are left
    p: float | None


@dataclass(frozen=True)
class Effects:
    """Effects that the runs can tell, by size of their set and then by name."""

    found: tuple[Effect, ...]
    unknown: tuple[tuple[str, ...], ...]  # factors that the runs can't separate from others
    n: int  # runs
    df: int  # degrees of freedom of the residual


def effects(sets: Sequence[AbstractSet[str]], scores: Sequence[float], blocks: Sequence[Hashable] = ()) -> Effects:
    """Return main effects and two-way interactions of the factors in `sets`, one set and one of `scores` per run.

    Least squares with effect coding (-½ absent, ½ present). An interaction is in the model where all four combinations
    of two factors were run. `blocks` (the runs' seeds), where given, may each have their own mean: runs of one seed
    share what that seed does to all. Raises ValueError for unequal lengths or scores that aren't finite.
    """
    values = np.asarray(scores, dtype=np.float64)
    if len(sets) != len(values) or len(values) == 0 or not np.isfinite(values).all():
        raise ValueError(f"effects need as many finite scores as sets: {len(sets)} sets, {len(values)} scores")
    if blocks and len(blocks) != len(values):
        raise ValueError(f"{len(blocks)} blocks for {len(values)} scores")
    names = sorted(set().union(*sets))
    single = {name: np.array([0.5 if name in found else -0.5 for found in sets]) for name in names}
    terms: dict[tuple[str, ...], Floats] = {(name,): single[name] for name in names}
    for one, other in itertools.combinations(names, 2):
        if len({(one in found, other in found) for found in sets}) == 4:
            terms[one, other] = single[one] * single[other]  # ±¼: a step through it is the gain less the gain
    means = _means(blocks, len(values))  # (runs, blocks)
    design = np.column_stack([means, *terms.values()])  # (runs, coefficients)
    return _fitted(design, means.shape[1], list(terms), values)


def _means(blocks: Sequence[Hashable], n: int) -> Floats:
    """Return one column for each block, or a single column of ones: (runs, blocks)."""
    if not blocks:
        return np.ones((n, 1))
    known = list(dict.fromkeys(blocks))
    return np.array([[float(block == other) for other in known] for block in blocks])


def _fitted(design: Floats, first: int, terms: Sequence[tuple[str, ...]], values: Floats) -> Effects:
    """Return the least-squares estimates of the columns of `design` from `first` on, of those that it determines."""
    inverse = np.linalg.pinv(design)  # (coefficients, runs)
    resolution = inverse @ design  # the identity where every coefficient is determined
    coefficients = inverse @ values
    rank = int(np.linalg.matrix_rank(design))
    df = len(values) - rank
    residual = values - design @ coefficients
    variance = float(residual @ residual) / df if df else 0.0
    found, unknown = [], []
    for column, term in enumerate(terms, start=first):
        unit = np.zeros(len(coefficients))
        unit[column] = 1.0
        if not np.allclose(resolution[column], unit, atol=1e-8):
            unknown.append(term)
            continue
        estimate = float(coefficients[column])
        error = float(np.sqrt(variance * (inverse[column] @ inverse[column])))
        half_width = float(stats.t.ppf(0.975, df)) * error if df else None
        p = 2 * float(stats.t.sf(abs(estimate) / error, df)) if df and error > 0 else None
        found.append(Effect(term, estimate, half_width, p))
    return Effects(tuple(found), tuple(unknown), len(values), df)
