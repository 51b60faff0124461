"""Every metric as a mean over test rows, so that the rows' sampling error can be seen.

Accuracy is such a mean. For other metrics each row gets the score plus its *influence*: how fast the score would change
if that row weighed more (the infinitesimal jackknife; Efron & Tibshirani 1993, *An Introduction to the Bootstrap*,
chapter 22). The mean of these values is the score; their variance over the rows, divided by the number of rows, is the
score's sampling variance, exactly for accuracy and to first order otherwise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmark.core.metrics import predicted

Floats = npt.NDArray[np.float64]


def row_values(name: str, logits: npt.NDArray[np.floating], labels: npt.NDArray[np.generic]) -> Floats:
    """Return values (rows,) whose mean is the metric `name` of `logits` (rows, outputs) and `labels` (rows,).

    Raises ValueError for a metric that can't rank, such as a loss.
    """
    truth = labels.astype(np.float64)
    if name == "accuracy":
        right: Floats = np.equal(predicted(logits), labels).astype(np.float64)
        return right
    if name == "macro_f1":
        return _macro_f1(predicted(logits).astype(np.float64), truth)
    given = (logits[:, 0] if logits.shape[1] == 1 else predicted(logits)).astype(np.float64)
    if name == "pearson":
        return _pearson(given, truth)
    if name == "spearman":
        return _spearman(given, truth)
    raise ValueError(f"{name} is no mean over test rows, and what each row does to it isn't known")


def _macro_f1(given: Floats, truth: Floats) -> Floats:
    """F1 of a class is 2 · hits / (predicted + labelled), a quotient of two means; the mean over classes is linear."""
    names = np.union1d(given, truth)
    values = np.zeros(len(truth))
    for name in names:
        predicted_so, labelled = given == name, truth == name
        size = float(predicted_so.sum() + labelled.sum())
        score = 2.0 * float((predicted_so & labelled).sum()) / size
        drift = 2.0 * (predicted_so & labelled) - score * (predicted_so.astype(np.float64) + labelled)
        values += score + len(truth) / size * drift
    return values / len(names)


def _pearson(given: Floats, truth: Floats) -> Floats:
    """R + z_x · z_y − r (z_x² + z_y²) / 2 (Devlin et al. 1975), z standardised over the rows."""
    if np.ptp(given) == 0.0 or np.ptp(truth) == 0.0:
        return np.zeros(len(truth))
    one, other = _standardised(given), _standardised(truth)
    r = float(np.mean(one * other))
    return r + one * other - r * (one**2 + other**2) / 2


def _spearman(given: Floats, truth: Floats) -> Floats:
    """Pearson's values of the mid-ranks, and what a row's weight changes in the ranks of all others."""
    if np.ptp(given) == 0.0 or np.ptp(truth) == 0.0:
        return np.zeros(len(truth))
    ranks = stats.rankdata(given), stats.rankdata(truth)
    one, other = _standardised(ranks[0]), _standardised(ranks[1])
    r = float(np.mean(one * other))
    values = _pearson(*ranks)
    for values_of, slope, rank in (
        (given, other - r * one, ranks[0]),
        (truth, one - r * other, ranks[1]),
    ):
        values = values + _through_ranks(values_of, slope / rank.std())
    return values


def _through_ranks(values: Floats, slope: Floats) -> Floats:
    """Return the effect of each row's weight on the score through the ranks of `values`; `slope` is d score / d rank.

    More weight on a row lifts the ranks of the rows above it by that weight, those of its ties by half of it.
    """
    order = np.argsort(values, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(slope[order])])
    below = np.searchsorted(values[order], values, side="left")
    up_to = np.searchsorted(values[order], values, side="right")
    effect: Floats = (total[-1] - total[up_to]) + (total[up_to] - total[below]) / 2
    return effect - float(effect.mean())


def _standardised(values: Floats) -> Floats:
    scaled = values / np.abs(values).max()  # squares neither overflow nor vanish
    centred: Floats = scaled - scaled.mean()
    return centred / float(np.sqrt(np.mean(centred**2)))
