"""How far differences between methods vary with the test rows, in closed form: no resampling, no random numbers.

A method's value at one seed and one test row is modelled as method + seed + row + rest (two-way random effects). Rows
are the same at every seed and for all methods, so one row counts once, whatever the number of seeds (Owen 2007, "The
pigeonhole bootstrap"). The variance of a difference of means over n seeds and R rows then has two parts:

- rows: the variance over rows of the seeds' mean difference, divided by R. It holds the rest (seed × row) divided by n;
- seeds: the variance of the seeds' effect divided by n, *without* the rest, which would otherwise count twice.

Test rows come in strata: the rows of one task, or of several tasks that share them. A method's score is the sum over
strata of the mean of its values, so that the variances of strata add up.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Values = Mapping[int, Sequence[Floats]]
"""One method: by seed, then stratum, values (rows,) whose means add up to the score."""


@dataclass(frozen=True, eq=False)
class Components:
    """What test rows do to the differences of k methods, over the seeds that each two have in common."""

    difference: Floats  # (k, k): mean over common seeds of the first minus the second; nan without such seeds
    rows: Floats  # (k, k): variance of `difference` that comes with the rows
    df: Floats  # (k, k): degrees of freedom of `rows`
    rest: Floats  # (k, k): variance of one seed's difference that comes with seed × row; nan below two common seeds
    seeds: npt.NDArray[np.int64]  # (k, k): how many seeds both have


def components(methods: Sequence[Values]) -> Components:
    """Return the components of all pairs of `methods`, whose strata have the same rows at all seeds and methods."""
    k = len(methods)
    shape = (k, k)
    found = Components(
        np.full(shape, np.nan),
        np.zeros(shape),
        np.full(shape, np.nan),
        np.full(shape, np.nan),
        np.zeros(shape, np.int64),
    )
    together: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for one, other in itertools.combinations(range(k), 2):
        seeds = tuple(sorted(methods[one].keys() & methods[other].keys()))
        found.seeds[one, other] = found.seeds[other, one] = len(seeds)
        if seeds:
            together.setdefault(seeds, []).append((one, other))
    for seeds, pairs in together.items():
        members = sorted({number for pair in pairs for number in pair})
        first, second = (np.array([members.index(pair[side]) for pair in pairs]) for side in (0, 1))
        parts = [
            _of_stratum(
                np.array([[methods[number][seed][stratum] for seed in seeds] for number in members]), first, second
            )
            for stratum in range(len(methods[members[0]][seeds[0]]))
        ]
        difference, rows, df, rest = (np.array(part) for part in zip(*parts, strict=True))  # each (strata, pairs)
        total = rows.sum(axis=0)
        weight = (rows**2 / df).sum(axis=0)
        joined = np.divide(total**2, weight, out=df.sum(axis=0), where=weight > 0)  # Satterthwaite's
        at = tuple(np.array(pairs).T)
        for target, values, sign in (
            (found.difference, difference.sum(axis=0), -1.0),
            (found.rows, total, 1.0),
            (found.df, joined, 1.0),
            (found.rest, rest.sum(axis=0), 1.0),
        ):
            target[at], target[at[::-1]] = values, sign * values
    return found


def _of_stratum(
    values: Floats, one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return difference, variance by rows, its degrees of freedom and rest of pairs; `values` (methods, seeds, rows).

    One row that differs as much as the most different one is added to the variance (as Agresti & Coull 1998 add
    observations): where the methods differ on a handful of rows, their spread alone would understate it.
    """
    n, count = values.shape[1:]
    if count < 2:
        raise ValueError(f"{count} test row(s): two or more show how far rows vary")
    means = values.mean(axis=1)  # (methods, rows): over seeds
    centred = means - means.mean(axis=1, keepdims=True)
    difference = means[one].mean(axis=1) - means[other].mean(axis=1)
    extreme = np.array([np.abs(means[i] - means[j]).max() for i, j in zip(one, other, strict=True)])
    rows = _apart(centred, one, other) / (count - 1) / count + extreme**2 / count**2
    df = np.full(len(one), count - 1.0)
    if n < 2:
        return difference, rows, df, np.full(len(one), np.nan)
    left = values - means[:, None, :]
    left = left - left.mean(axis=2, keepdims=True)  # (methods, seeds, rows): neither the row's nor the seed's
    rest = _apart(left.reshape(len(values), -1), one, other) / ((n - 1) * (count - 1)) / count
    return difference, rows, df, rest


def _apart(values: Floats, one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> Floats:
    """Return the squared distance (pairs,) between the lines of `values` (methods, any) that `one` and `other` name."""
    products = values @ values.T
    own = products.diagonal()
    return np.maximum(own[one] + own[other] - 2 * products[one, other], 0.0)
