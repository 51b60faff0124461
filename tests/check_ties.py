"""The tie groups of a report, computed again from the stored predictions: what a reader can do to check them.

    bench report --format json -o report.json
    python tests/check_ties.py report.json mlruns/artifacts

Nothing of this project is imported, and other random numbers are drawn. A pair whose p lies at the edge of 5% may so
come out otherwise: such pairs are listed and named as what they are. It reads rows of one task with classes, of two or
more seeds; other sections of a report are named and left out.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

DRAWS = 2000
EDGE = (0.03, 0.08)
"""Adjusted p between these may fall on either side of 5% with other draws."""


def check(section: dict[str, Any], artifacts: Path) -> pd.DataFrame:
    """Return a line per pair of rows: p, p by Holm, whether they are tied, and what the report's letters say."""
    draw = np.random.default_rng(12345)
    right, letters, p = {}, {}, {}
    for row in section["rows"]:
        letters[row["label"]] = set(row["ties"])
        runs = [next(artifacts.glob(f"*/{run}")) / "artifacts" / "predictions" for run in row["runs"].split()]
        stored = [pd.read_parquet(next(run.glob("*.parquet"))) for run in runs]
        right[row["label"]] = np.array(
            [np.stack(one["logits"]).argmax(axis=1) == one["label"] for one in stored], float
        )
    for one, other in itertools.combinations(right, 2):
        gaps = right[one] - right[other]  # (seeds, test rows)
        n, rows = gaps.shape
        picks = [(draw.integers(0, n, n - 1), draw.integers(0, rows, rows)) for _ in range(DRAWS)]
        error = np.std([gaps[np.ix_(seeds, drawn)].mean() for seeds, drawn in picks], ddof=1)
        between = gaps.mean(axis=1).var(ddof=1) / n
        within = np.var([gaps[:, drawn].mean() for _, drawn in picks], ddof=1)
        df = (between + within) ** 2 / (between**2 / (n - 1) + within**2 / (rows - 1))
        p[one, other] = 2 * stats.t.sf(abs(gaps.mean()) / error, df)
    order = sorted(p, key=lambda pair: p[pair])  # Holm: each times the number of pairs that are left, never decreasing
    holm = np.maximum.accumulate([min(1, p[pair] * (len(p) - place)) for place, pair in enumerate(order)])
    lines = [
        (*pair, p[pair], adjusted, adjusted >= 0.05, bool(letters[pair[0]] & letters[pair[1]]))
        for pair, adjusted in zip(order, holm, strict=True)
    ]
    return pd.DataFrame(lines, columns=["first", "second", "p", "p_holm", "tied", "letters"])


def main(report: Path, artifacts: Path) -> int:
    """Print what was checked; return 1 where letters and check differ away from the edge."""
    wrong = 0
    for section in json.loads(report.read_text(encoding="utf-8"))["sections"]:
        kinds = [task["kind"] for task in section["protocol"]["tasks"]]
        section["rows"] = [row for row in section["rows"] if row["ties"] and row["n"] > 1]
        if kinds != ["classes"] or len(section["rows"]) < 2:
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
