"""How often the tests behind the tie letters err, and what they find: prints the table of `docs/statistics.md`.

    python tests/calibration/ties.py            # 400 boards a cell, a quarter of an hour on one core
    python tests/calibration/ties.py --quick    # 40 boards a cell
    python tests/calibration/ties.py --rows     # right and wrong per row, hard rows and easy ones, in place of scores

The functions are the project's own; only the boards are made up. Scores are drawn from normal distributions, which is
fast; `--rows` draws every test row. A board's methods are equally good (family-wise error: how many boards show any
difference), or the first one is three points better (power: how many of its pairs are found).
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmark.analysis.evidence import rest_of_each
from benchmark.analysis.stats.components import Components, components
from benchmark.analysis.stats.seeds import seed_spreads
from benchmark.analysis.stats.tails import adjusted, tails

Floats = npt.NDArray[np.float64]

SPREADS: dict[str, Callable[[int], Floats]] = {  # standard deviations between seeds, in points
    "all 0.5": lambda k: np.full(k, 0.5),
    "all 2": lambda k: np.full(k, 2.0),
    "half 0.3, half 2": lambda k: np.where(np.arange(k) < (k + 1) // 2, 0.3, 2.0),
    "0.3 to 2.1": lambda k: np.geomspace(0.3, 2.1, k),
    "one 3.5, rest 0.5": lambda k: np.where(np.arange(k) == k - 1, 3.5, 0.5),
    "one 5, rest 0.5": lambda k: np.where(np.arange(k) == k - 1, 5.0, 0.5),
}
LASTING, PASSING = 0.01, 0.01
"""Variance of right and wrong over test rows that a method has at all seeds, and at one seed alone."""


@dataclass(frozen=True)
class Design:
    """One cell of the table."""

    methods: int
    seeds: int
    rows: int
    spreads: str
    tail: str = "normal"  # of the seeds' effects | "t4" | "collapse"
    shared: float = 0.0  # share of a seed's variance that all methods have in common
    groups: float = 0.0  # share that every second method has in common


def seed_effects(draw: np.random.Generator, design: Design) -> Floats:
    """Return effects (methods, seeds) in points."""
    shape = (design.methods, design.seeds)
    made: Floats = draw.normal(size=shape) if design.tail != "t4" else draw.standard_t(4, shape) / 2**0.5
    if design.tail == "collapse":
        made = np.where(draw.random(shape) < 0.03, made - 8, made)
    own = 1 - design.shared - design.groups
    made = own**0.5 * made + design.shared**0.5 * draw.normal(size=(1, design.seeds))
    made = made + design.groups**0.5 * draw.normal(size=(2, design.seeds))[np.arange(design.methods) % 2]
    spreads = SPREADS[design.spreads](design.methods)
    return np.multiply(spreads[:, None], made)


def board(draw: np.random.Generator, design: Design, gain: float) -> tuple[Floats, Components]:
    """Return scores (methods, seeds) as shares, and the exact components of the rows that they came from."""
    k, n = design.methods, design.seeds
    rest = PASSING / design.rows
    scores = seed_effects(draw, design) / 100 + draw.normal(0, rest**0.5, (k, n))
    scores = scores + draw.normal(0, (LASTING / design.rows) ** 0.5, (k, 1)) + gain * (np.arange(k) == 0)[:, None]
    means = scores.mean(axis=1)
    return scores, Components(
        means[:, None] - means,
        np.full((k, k), 2 * LASTING / design.rows + 2 * rest / n),
        np.full((k, k), design.rows - 1.0),
        np.full((k, k), 2 * rest),
        np.full((k, k), n),
    )


def rows_of_board(draw: np.random.Generator, design: Design, gain: float) -> tuple[Floats, Components]:
    """Return the same from right and wrong per row: rows differ in ease, and methods in which rows suit them."""
    k, n, count = design.methods, design.seeds, design.rows
    ease = draw.normal(1.5, 1.2, count)  # (rows,)
    suits = draw.normal(0, 0.5, (k, 1, count))
    passing = draw.normal(0, 0.5, (k, n, count))
    density = float(np.mean(stats.norm.pdf(ease / 1.5**0.5) / 1.5**0.5))  # d accuracy / d skill
    skill = (seed_effects(draw, design) / 100 + gain * (np.arange(k) == 0)[:, None]) / density
    right = (ease + suits + passing + skill[:, :, None] + draw.normal(0, 0.7, (1, 1, count)) > 0).astype(np.float64)
    found = components([{seed: (right[method, seed],) for seed in range(n)} for method in range(k)])
    return right.mean(axis=2), found


def verdicts(scores: Floats, found: Components) -> npt.NDArray[np.bool_]:
    """Return which pairs (pairs,) are significantly different at 5 %."""
    pairs = list(itertools.combinations(range(len(scores)), 2))
    first, second = np.array(pairs).T
    spreads = seed_spreads(scores, rest_of_each(found.rest))
    significant: npt.NDArray[np.bool_] = adjusted(tails(found, spreads, pairs), found.difference[first, second]) < 0.05
    return significant


def pooled(scores: Floats, found: Components) -> npt.NDArray[np.bool_]:
    """Return the same by one between-seed variance for the whole board and Holm's correction, for comparison."""
    k, n = scores.shape
    left = scores - scores.mean(axis=1, keepdims=True) - scores.mean(axis=0) + scores.mean()
    seeds = 2 * (left**2).sum() / ((k - 1) * (n - 1)) / n
    first, second = np.triu_indices(k, 1)
    rows = found.rows[first, second] - found.rest[first, second] / n
    p = 2 * stats.t.sf(abs(found.difference[first, second]) / np.sqrt(rows + seeds), (k - 1) * (n - 1))
    order = np.argsort(p)
    significant = np.zeros(len(p), dtype=bool)
    significant[order] = np.cumprod(p[order] * np.arange(len(p), 0, -1) < 0.05)
    return significant


def simulate(design: Design, boards: int, make: Callable[..., tuple[Floats, Components]] = board) -> tuple[float, ...]:
    """Return error and power of the project's procedure, then of the pooled variance. Equal calls, equal results."""
    draw = np.random.Generator(np.random.PCG64([design.methods, design.seeds, design.rows]))
    nulls = [make(draw, design, 0.0) for _ in range(boards)]
    better = [make(draw, design, 0.03) for _ in range(max(boards // 2, 1))]
    own = np.triu_indices(design.methods, 1)[0] == 0
    found = []
    for test in (verdicts, pooled):
        found.append(float(np.mean([test(*one).any() for one in nulls])))
        found.append(float(np.mean([test(*one)[own].mean() for one in better])))
    return tuple(found)


def main() -> None:
    """Print the table, cell by cell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="40 boards a cell")
    parser.add_argument("--rows", action="store_true", help="draw right and wrong per test row")
    arguments = parser.parse_args()
    boards = 40 if arguments.quick else 400
    make = rows_of_board if arguments.rows else board
    print("| methods × seeds | rows | sd between seeds, points | error · power | pooled variance |")
    print("|---|---:|---|---|---|")
    for methods, seeds in itertools.product((2, 5, 18), (2, 3, 5, 10)):
        for spreads, rows in [*((name, 3000) for name in SPREADS), ("all 0.5", 600), ("one 5, rest 0.5", 600)]:
            found = simulate(Design(methods, seeds, rows, spreads), boards, make)
            cells = [f"{found[0]:.3f} · {found[1]:.2f}", f"{found[2]:.3f} · {found[3]:.2f}"]
            print(f"| {methods} × {seeds} | {rows:,} | {spreads} | {' | '.join(cells)} |", flush=True)
    for kind in (
        Design(13, 3, 3000, "all 0.5", "t4"),
        Design(13, 3, 3000, "all 0.5", "collapse"),
        Design(13, 3, 3000, "all 0.5", shared=0.5),
        Design(13, 3, 3000, "all 2", shared=0.5),
        Design(13, 3, 3000, "all 0.5", groups=0.5),
        Design(13, 3, 3000, "all 2", groups=0.5),
    ):
        found = simulate(kind, boards, make)
        what = f"{kind.spreads}, {kind.tail}, shared {kind.shared:g}, in two groups {kind.groups:g}"
        cells = [f"{found[0]:.3f} · {found[1]:.2f}", f"{found[2]:.3f} · {found[3]:.2f}"]
        print(f"| {kind.methods} × {kind.seeds} | {kind.rows:,} | {what} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
