"""How many seeds would tell two methods apart, from the records of the seeds that both have."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from benchmark.analysis.evidence import ALPHA, Load, judge, of_runs
from benchmark.analysis.rows import latest
from benchmark.analysis.stats.planning import power, seeds_needed
from benchmark.core.cell import Cell, Protocol
from benchmark.core.record import Record


@dataclass(frozen=True)
class PowerPlan:
    """What the seeds at hand say about one protocol. Scores are shares: a gain of 0.01 is a point."""

    protocol: Protocol
    first: str
    second: str
    seeds: tuple[int, ...]  # that both have
    difference: float  # mean over `seeds` of first minus second
    sd: float  # over seeds, of the differences
    sd_low: float  # its 95% interval: few seeds know little of it
    sd_high: float
    power: float  # of the seeds at hand, for the gain asked about
    half_width: float | None  # of the 95% interval of `difference`, over seeds and test rows
    noise: float | None  # sd of `difference` that comes with the test rows; None where predictions can't tell
    pairs: int  # of rows with a score under the protocol: what a board's p values are adjusted for
    needed: int | None  # seeds for 80% power at `sd`, these two alone; None: no number that can be run
    needed_on_board: int | None  # at `sd`, at the level that the first step for all `pairs` has
    needed_low: int | None  # at `sd_low`
    needed_high: int | None
    command: str  # that made the newest of the runs; "" where it was not recorded


def plans(
    records: Iterable[Record], first: str, second: str, gain: float, predictions: Load = lambda _: ()
) -> tuple[PowerPlan, ...]:
    """Return a plan for each protocol under which both methods have two or more finished seeds in common.

    `predictions` loads what is stored under a run's id; without them the test rows count as all there are. Of several
    settings of a method those count that share most seeds, defaults first. Raises ValueError for no gain.
    """
    found: dict[Protocol, dict[str, dict[str, dict[int, Record]]]] = {}  # protocol → method → group → seed
    rows: dict[Protocol, set[str]] = {}  # groups with a score
    for record in latest(records):
        score = record.headline("test")
        counts = record.status == "done" and score is not None and math.isfinite(score)
        if counts:
            rows.setdefault(record.cell.protocol, set()).add(record.cell.group)
        if counts and record.cell.method in (first, second):
            groups = found.setdefault(record.cell.protocol, {}).setdefault(record.cell.method, {})
            groups.setdefault(record.cell.group, {})[record.cell.seed] = record
    made = []
    for protocol, methods in found.items():
        choices = itertools.product(methods.get(first, {}).values(), methods.get(second, {}).values())
        best = max(choices, key=lambda pair: _worth(*pair), default=None)
        if best and len(best[0].keys() & best[1].keys()) >= 2:
            made.append(_plan(protocol, *best, gain, math.comb(len(rows[protocol]), 2), predictions))
    return tuple(made)


def _worth(first: dict[int, Record], second: dict[int, Record]) -> tuple[int, int, int]:
    cells: list[Cell] = [next(iter(side.values())).cell for side in (first, second)]
    machines = [(cell.device, cell.precision, cell.forward) for cell in cells]
    alike = machines[0] == machines[1]
    return (len(first.keys() & second.keys()), alike, sum(cell.origin == "default" for cell in cells))


def _plan(
    protocol: Protocol,
    first: dict[int, Record],
    second: dict[int, Record],
    gain: float,
    pairs: int,
    predictions: Load,
) -> PowerPlan:
    seeds = tuple(sorted(first.keys() & second.keys()))
    gaps = np.array([(first[seed].headline("test") or 0.0) - (second[seed].headline("test") or 0.0) for seed in seeds])
    n, sd = len(seeds), float(gaps.std(ddof=1))
    low, high = (sd * math.sqrt((n - 1) / float(stats.chi2.ppf(share, n - 1))) for share in (0.975, 0.025))
    met: dict[str, tuple[str, str]] = {}
    judged = judge(protocol, [of_runs(protocol, side, predictions, met) for side in (first, second)])[0, 1]
    half_width, noise = (None, None) if isinstance(judged, str) else (judged.found.half_width, judged.noise)
    rows = noise or 0.0
    newest = max((*first.values(), *second.values()), key=lambda record: _started(record))
    return PowerPlan(
        protocol,
        first[seeds[0]].cell.method,
        second[seeds[0]].cell.method,
        seeds,
        float(gaps.mean()),
        sd,
        low,
        high,
        power(sd, gain, n, noise=rows),
        half_width,
        noise,
        pairs,
        seeds_needed(sd, gain, noise=rows),
        seeds_needed(sd, gain, alpha=ALPHA / pairs, noise=rows),
        seeds_needed(low, gain, noise=rows),
        seeds_needed(high, gain, noise=rows),
        newest.environment.command if newest.environment else "",
    )


def _started(record: Record) -> str:
    return record.environment.started if record.environment else ""
