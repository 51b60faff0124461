"""The tie groups of a report, computed again from the stored predictions: what a reader can do to check them.

    bench report --format json -o report.json
    python tests/check_ties.py report.json mlruns/artifacts

Nothing of this project is imported: what its tests do is written out once more, in plain loops. Pairs whose adjusted p
lies at the edge of 5% are named as what they are. It reads rows of one task with classes, all with the same two or more
seeds; other sections of a report are named and left out.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

EDGE = (0.045, 0.055)
"""Adjusted p between these may fall on either side of 5% by rounding."""
GRID = np.arange(-4.0, 8.0, 0.25)  # log of a method's sd between seeds, in units of the median method's
SPREADS = (0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.25, 1.6)  # of that log over the methods; the first one: all alike


def check(section: dict[str, Any], artifacts: Path) -> pd.DataFrame:
    """Return a line per pair of rows: p, p adjusted, whether they are tied, and what the report's letters say."""
    right: dict[str, npt.NDArray[np.float64]] = {}
    letters: dict[str, set[str]] = {}
    for row in section["rows"]:
        letters[row["label"]] = set(row["ties"])
        runs = [next(artifacts.glob(f"*/{run}")) / "artifacts" / "predictions" for run in row["runs"].split()]
        stored = [pd.read_parquet(next(run.glob("*.parquet"))) for run in runs]
        right[row["label"]] = np.array(
            [np.stack(list(one["logits"])).argmax(axis=1) == one["label"] for one in stored]
        ).astype(float)
    return compared(right, letters)


def compared(right: dict[str, np.ndarray], letters: dict[str, set[str]]) -> pd.DataFrame:
    """Return the lines of `check`; `right` has 1 where a method is right and 0 elsewhere, (seeds, test rows)."""
    names = list(right)
    n, rows = right[names[0]].shape
    noise, rest = {}, {}  # by pair: the variance that the rows bring, and that of seed x row in one seed's score
    for pair in itertools.combinations(names, 2):
        gap = right[pair[0]] - right[pair[1]]
        left = gap - gap.mean(axis=0) - gap.mean(axis=1, keepdims=True) + gap.mean()
        rest[pair] = (left**2).sum() / (n - 1) / (rows - 1) / rows
        noise[pair] = gap.mean(axis=0).var(ddof=1) / rows + (abs(gap.mean(axis=0)).max() / rows) ** 2
    scores = {name: right[name].mean(axis=1) for name in names}
    weights, variances = posterior(scores, shares(names, rest)) if len(names) > 2 else of_two(scores, rest, names)
    tails = {}  # by pair: for each prior and two sds, how likely they are and what tail they leave
    for one, other in noise:
        joint = np.einsum("hi,hj->ij", weights[one], weights[other])
        total = noise[one, other] + np.add.outer(variances, variances) / n
        gap = abs(scores[one].mean() - scores[other].mean())
        t = np.divide(gap, np.sqrt(total), out=np.zeros_like(total), where=gap > 0)
        tails[one, other] = joint, 2 * stats.t.sf(t, rows - 1)
    p = {pair: float((joint * tail).sum()) for pair, (joint, tail) in tails.items()}
    order = sorted(p, key=lambda pair: p[pair])
    bounds = [
        float((tails[pair][0] * np.minimum(2, (len(p) - i) * tails[pair][1])).sum()) for i, pair in enumerate(order)
    ]
    lines = [
        (*pair, p[pair], min(1.0, adjusted), adjusted >= 0.05, bool(letters[pair[0]] & letters[pair[1]]))
        for pair, adjusted in zip(order, np.maximum.accumulate(bounds), strict=True)
    ]
    return pd.DataFrame(lines, columns=["first", "second", "p", "p_holm", "tied", "letters"])


def shares(names: list[str], rest: dict[tuple[str, str], float]) -> dict[str, float]:
    """Return each method's share in the pairs' variances, which are sums of two (least squares)."""
    design = np.array([[float(name in pair) for name in names] for pair in rest])
    return dict(zip(names, np.maximum(np.linalg.lstsq(design, np.array(list(rest.values())))[0], 0), strict=True))


def posterior(scores: dict[str, np.ndarray], rest: dict[str, float]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return weights (priors, sds) of each method, which add up to the priors' own, and the grid's variances."""
    k, n = len(scores), len(next(iter(scores.values())))
    df, alone = (k - 1) * (n - 1), {name: score - score.mean() for name, score in scores.items()}

    def left(name: str, weight: dict[str, float]) -> tuple[float, float]:
        others = {other: weight[other] for other in scores if other != name}
        effect = sum(share * alone[other] for other, share in others.items()) / sum(others.values())
        return float(((alone[name] - effect) ** 2).sum()), 1 / sum(others.values())

    unit = np.median([left(name, dict.fromkeys(scores, 1.0))[0] / (n - 1) for name in scores])
    unit = max(unit, np.median(list(rest.values())), 1e-12)
    variances = unit * np.exp(2 * GRID)
    alike, wild = 0.5 * min(1, df / 24), min(0.4, 0.1 * max(1, 8 / df))
    falling = np.exp(-np.array(SPREADS[1:]) / 0.8)
    priors, log_weights = [], []
    for i, spread in enumerate(SPREADS):
        for centre in np.arange(-3.0, 4.2, 0.125):
            usual = stats.norm.pdf(GRID, centre, spread)
            far = stats.norm.pdf(GRID, centre + 1.5, 0.8)
            prior = usual / usual.sum() if i == 0 else (1 - wild) * usual / usual.sum() + wild * far / far.sum()
            priors.append(prior)
            log_weights.append(np.log(alike if i == 0 else (1 - alike) * falling[i - 1] / falling.sum()))

    def weights(weight: dict[str, float]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        fits, log_odds = {}, np.array(log_weights)
        for name in scores:
            square, added = left(name, weight)
            total = variances + rest[name] + added
            log_fit = -0.5 * ((n - 1) * np.log(total) + square / total)
            fits[name] = np.array(priors) * np.exp(log_fit - log_fit.max())  # (priors, sds)
            log_odds = log_odds + np.log(fits[name].sum(axis=1)) * (k - 1) / k
        odds = np.exp(log_odds - log_odds.max())
        odds /= odds.sum()
        return {name: fit / fit.sum(axis=1, keepdims=True) for name, fit in fits.items()}, odds

    shared, odds = weights(dict.fromkeys(scores, 1 / unit))
    for _ in range(3):
        weight = {name: float((odds @ shared[name] / (variances + rest[name])).sum()) for name in scores}
        shared, odds = weights(weight)
    return {name: shared[name] * np.sqrt(odds)[:, None] for name in scores}, variances


def of_two(
    scores: dict[str, np.ndarray], rest: dict[tuple[str, str], float], names: list[str]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the same of two methods, whose difference alone is known: its variance stands at the first one."""
    gap, known = scores[names[0]] - scores[names[1]], rest[names[0], names[1]]
    unit = max(gap.var(ddof=1), known, 1e-12)
    variances = np.concatenate([[0.0], unit * np.exp(2 * np.arange(-6.0, 9.0, 0.25))])
    total, free = variances + known, len(gap) - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        fit = (total / unit) ** (-free / 2) * np.exp(-free * gap.var(ddof=1) / total / 2) * variances / total
    fit[0] = 0.0
    return {names[0]: (fit / fit.sum())[None], names[1]: (variances == 0)[None].astype(float)}, variances


def main(report: Path, artifacts: Path) -> int:
    """Print what was checked; return 1 where letters and check differ away from the edge."""
    wrong = 0
    for section in json.loads(report.read_text(encoding="utf-8"))["sections"]:
        kinds = [task["kind"] for task in section["protocol"]["tasks"]]
        section["rows"] = [row for row in section["rows"] if row["ties"] and row["n"] > 1]
        seeds = {pair["seeds"] and tuple(pair["seeds"]) for pair in section["pairs"] if pair["test"]}
        if kinds != ["classes"] or len(section["rows"]) < 2 or len(seeds) != 1:
            print(f"{section['protocol']['suite']}: left out")
            continue
        found = check(section, artifacts)
        other = found[found["tied"] != found["letters"]]
        edge = other["p_holm"].between(*EDGE)
        print(
            f"{section['protocol']['suite']}: {len(found)} pairs, {found['tied'].sum()} tied; "
            f"{len(other)} differ from the report, {edge.sum()} of them at the edge"
        )
        if len(other):
            print(other.to_string(index=False))
        wrong += int((~edge).sum())
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:3])))
