"""How far each method's score varies between seeds: what a few seeds say, read in the light of the whole board.

Three seeds say little about one method's standard deviation: it comes out at a tenth of the truth once in a hundred
times, and among 78 pairs the luckiest ones would be printed as differences. So a board's methods are read together, by
Bayes' rule on a grid:

- a method's scores at its seeds are normal around its mean plus what the seed does to all methods alike, which cancels
  from every difference; their variance is σ² (of its own) plus the known one that comes with seed × row;
- log σ is spread over the board's methods around a common centre. Either they are all alike (weight `ALIKE`), or they
  are normal with a spread that is one of `SPREADS`, where a share of them, `WILD`, lies far above the others;
- the centre is unknown, every order of magnitude as likely as the next.

Where the board's methods agree, this comes close to one pooled variance with (k - 1)(n - 1) degrees of freedom (which a
board with unequal methods must not use); where they don't, a method keeps mainly what its own seeds say. Smyth (2004,
"Linear models and empirical Bayes methods") does so for one variance each with a single estimate of the prior; here the
prior's parameters are averaged over and the upper tail is heavy (Phipson et al. 2016).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ALIKE, ALIKE_AT = 0.5, 24.0
"""Prior weight of boards whose methods have equal spreads, and from which (k - 1)(n - 1) degrees of freedom on.

Below, the weight falls in proportion: a board that could hardly show that its methods differ isn't trusted to have
equal ones. So does the share of wild methods rise below `WILD_AT`. These numbers were chosen by simulation, to keep the
error rate at as much power as that leaves.
"""
SAME = 0.1
"""Standard deviation of log σ on such boards: none, at the grid's resolution."""
SPREADS = (0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.25, 1.6)
"""Standard deviations of log σ on others; the last one is a factor of 5."""
LESS = 0.8
"""Prior weights of `SPREADS` fall by e over this much."""
WILD, WILD_AT, WILD_MOST = 0.1, 8.0, 0.4
"""Share of wild methods, the degrees of freedom below which it rises, and up to where."""
WILD_BY, WILD_SPREAD = 1.5, 0.8
"""How far the log σ of wild methods lies above the others': 4.5 times, give or take a factor of 2.2."""
STEPS = 4
"""Rounds in which the weights of methods in a seed's common effect settle."""
MOST = 0.9995
"""Priors that the board has made less likely than the rest beyond this are left out."""
TINY = 1e-12
"""A variance of scores (shares) below this is rounding."""
FINEST = 0.3
"""Step of the grid of log σ where seeds are few; smaller with more, in proportion to what they can tell."""


@dataclass(frozen=True, eq=False)
class SeedSpreads:
    """The methods' σ on a grid, as a mixture over what the board's prior may be."""

    variances: Floats  # (points,): σ² on the grid
    weights: Floats  # (methods, points, priors): of the grid's points under each prior, summing to 1 over points
    priors: Floats  # (priors,): how likely each is, given the board

    @property
    def typical(self) -> Floats:
        """The geometric mean of σ² (methods,): few seeds leave a tail in which the plain mean would lie."""
        mean: Floats = np.exp(np.einsum("kgh,h,g->k", self.weights, self.priors, np.log(self.variances)))
        return mean

    def of_pair(self, one: int, other: int) -> Floats:
        """Return the joint weights (points, points) of two methods' σ², summing to 1."""
        joint: Floats = (self.weights[one] * self.priors) @ self.weights[other].T
        return joint


def seed_spreads(scores: Floats, rest: Floats) -> SeedSpreads | None:
    """Return what `scores` (methods, seeds), nan where one wasn't run, say of each method's spread between seeds.

    `rest` (methods,) is the variance of one score that comes with seed × row. None where no method shares two seeds
    with others. A method without two such seeds has the board's prior. Order plays no role.
    """
    known = np.isfinite(scores)
    known &= known.sum(axis=0, keepdims=True) > 1  # a seed that one method has alone says nothing that cancels
    known &= known.sum(axis=1, keepdims=True) > 1
    known &= known.sum(axis=0, keepdims=True) > 1
    if not known.any():
        return None
    beside = _Beside.of(scores, known)
    equal = np.where(beside.shared.any(axis=(1, 2)), 1.0, 0.0)  # (methods,): to begin with, all weigh alike
    if int(equal.sum()) == 2:
        return _of_two(beside, rest)
    squares, _ = beside.deviations(equal)
    own = squares[beside.free > 0] / beside.free[beside.free > 0]
    unit = max(float(np.median(own)), float(np.median(rest)), TINY)
    top = 0.5 * float(np.log(max(own.max() / unit, 1.0)))
    step = min(FINEST, 1.2 / float(np.sqrt(2 * max(beside.free.max(), 1.0))))
    grid = np.arange(-4.0, max(top + 3.5, 7.0) + step, step)
    prior, known_before = _priors(grid, top, step, float(beside.free.sum()) * (1 - 1 / equal.sum()))
    return _settled(beside, rest, unit * np.exp(2 * grid), prior, known_before, equal / unit)


@dataclass(frozen=True, eq=False)
class _Beside:
    """Each method's scores beside those of the others, centred over the seeds that both have."""

    own: Floats  # (methods, seeds): centred; 0 where not run
    run: npt.NDArray[np.bool_]  # (methods, seeds): where it was run, and another one as well
    others: Floats  # (methods, others, seeds): centred over the common seeds; 0 where one of both wasn't run
    shared: npt.NDArray[np.bool_]  # (methods, others, seeds): where both were run, at two or more seeds
    free: Floats  # (methods,): degrees of freedom

    @classmethod
    def of(cls, scores: Floats, known: npt.NDArray[np.bool_]) -> _Beside:
        shared = known[:, None, :] & known[None, :, :] & ~np.eye(len(scores), dtype=bool)[:, :, None]
        shared &= shared.sum(axis=2, keepdims=True) > 1
        run: npt.NDArray[np.bool_] = np.any(shared, axis=1)
        filled = np.where(known, scores, 0.0)
        others = _centred(np.broadcast_to(filled, shared.shape), shared)
        return cls(_centred(filled, run), run, others, shared, np.maximum(run.sum(axis=1) - 1.0, 0.0))

    def deviations(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return what is left of each method without the seeds' common effect, by the others' weighted mean.

        The sum of squares over seeds (methods,), and the variance that the estimated effect adds to each.
        """
        total = np.einsum("j,ijs->is", weights, self.shared)
        effect = np.divide(
            np.einsum("j,ijs->is", weights, self.others), total, out=np.zeros_like(total), where=self.run
        )
        left = self.own - _centred(effect, self.run)
        added = np.divide(1.0, total, out=np.zeros_like(total), where=self.run).sum(axis=1)
        return (left**2).sum(axis=1), added / np.maximum(self.run.sum(axis=1), 1)


def _centred(values: Floats, where: npt.NDArray[np.bool_]) -> Floats:
    """Return `values` less their mean over the last axis, where `where`; else 0."""
    count = np.maximum(where.sum(axis=-1, keepdims=True), 1)
    mean = np.where(where, values, 0.0).sum(axis=-1, keepdims=True) / count
    return np.where(where, values - mean, 0.0)


def _of_two(beside: _Beside, rest: Floats) -> SeedSpreads:
    """Return what two methods say: the variance of their difference alone, which stands at the first of the two.

    There is no board to learn from. Jeffreys' prior, 1 / (variance between seeds), leads to Student's t with n - 1
    degrees of freedom where test rows don't matter.
    """
    one, other = np.flatnonzero(beside.free > 0)
    squares, free = (
        float((beside.own[one] - beside.own[other]) @ (beside.own[one] - beside.own[other])),
        beside.free[one],
    )
    known = float(rest[one] + rest[other])
    unit = max(squares / free, known, TINY)
    step = min(FINEST, 1.2 / float(np.sqrt(2 * free)))
    variances = unit * np.exp(2 * np.arange(-6.0, 9.0 + step, step))
    around = variances + known
    posterior = np.exp(-0.5 * (free * np.log(around / unit) + squares / around)) * variances / around
    weights = np.repeat((posterior / posterior.sum())[None, :, None], len(rest), axis=0)  # of any third one: as these
    weights[other, :, 0] = np.arange(len(variances)) == 0
    return SeedSpreads(variances, weights, np.ones(1))


def _priors(grid: Floats, top: float, step: float, df: float) -> tuple[Floats, Floats]:
    """Return priors of log σ on the grid, (priors, points), and the log of each one's weight (priors,)."""
    centres = np.arange(-3.0, max(top + 0.5, 4.0) + step / 2, step / 2)
    weights = np.exp(-np.array(SPREADS) / LESS)
    alike, wild_share = ALIKE * min(1.0, df / ALIKE_AT), min(WILD_MOST, WILD * max(1.0, WILD_AT / df))
    shares = np.concatenate([[alike], (1 - alike) * weights / weights.sum()])
    made = []
    for spread in (SAME, *SPREADS):
        usual = _normal(grid, centres, spread)
        wild = _normal(grid, centres + WILD_BY, WILD_SPREAD) if spread > SAME else usual
        made.append((1 - wild_share) * usual + wild_share * wild)
    return np.concatenate(made), np.repeat(np.log(shares), len(centres))


def _normal(grid: Floats, centres: Floats, spread: float) -> Floats:
    density = np.exp(-0.5 * ((grid - centres[:, None]) / spread) ** 2) + 1e-300
    normal: Floats = density / density.sum(axis=1, keepdims=True)
    return normal


def _settled(
    beside: _Beside, rest: Floats, variances: Floats, prior: Floats, before: Floats, weights: Floats
) -> SeedSpreads:
    """Return the posterior, with the seeds' common effect estimated by the weights that it implies.

    The effect costs the board one method's degrees of freedom, which the likelihood of the priors is reduced by.
    """
    total = variances + rest[:, None]  # (methods, points)
    some = beside.free > 0
    count = int(some.sum())
    likelihood, evidence, odds = total, total, before
    for _ in range(STEPS):
        squares, added = beside.deviations(weights)
        around = total + added[:, None]
        fit = -0.5 * (beside.free[:, None] * np.log(around) + squares[:, None] / around)
        likelihood = np.exp(fit - fit.max(axis=1, keepdims=True))  # (methods, points)
        evidence = likelihood @ prior.T + 1e-300  # (methods, priors)
        log_odds = before + np.log(evidence[some]).sum(axis=0) * (count - 1) / count
        odds = np.exp(log_odds - log_odds.max())
        odds = odds / odds.sum()
        posterior = likelihood * ((odds / evidence) @ prior)  # (methods, points)
        weights = np.where(some, (posterior / total).sum(axis=1), 0.0)
    kept = np.argsort(-odds, kind="stable")
    kept = kept[: int(np.searchsorted(np.cumsum(odds[kept]), MOST)) + 1]
    each = likelihood[:, :, None] * prior[kept].T / evidence[:, None, kept]  # (methods, points, priors)
    return SeedSpreads(variances, each, odds[kept] / odds[kept].sum())
