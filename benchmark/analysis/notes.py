"""The notes under a table: how to read its figures, what the tests say, what became of cells without a score.

Whole sentences, nothing escaped: the terminal, each format of a report and the leaderboard do that themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.analysis import columns, formats
from benchmark.analysis.rows import Row
from benchmark.analysis.standings import ALPHA, Board
from benchmark.core.cell import Protocol
from benchmark.core.scales import about_loss, about_overall, of_headline
from benchmark.core.text import duration, pluralize

TESTS = {
    "seeds and rows": "a test over seeds and test rows",
    "McNemar": "McNemar's exact test at a single seed, which compares two trained models and not the methods",
    "rows": "a t test over test rows at one seed, which compares two trained models and not the methods",
}
"""The tests of `analysis.evidence`, as they are called in a sentence."""


def of_board(board: Board) -> tuple[str, ...]:
    """Return the notes under a table that has tie letters."""
    rows = [place.row for place in board.places]
    return (*on_figures(rows, board.protocol), *on_ties(board), *on_tuning(rows), *on_unscored(rows))


def on_figures(rows: Sequence[Row], protocol: Protocol) -> tuple[str, ...]:
    """Return what the figures of `rows`, all of one `protocol`, mean."""
    notes = []
    if any(row.synthetic for row in rows):
        notes.append("Synthetic data: these figures compare methods on this data only.")
    sizes = {row.test.n for row in rows if row.test}
    if any(n > 1 for n in sizes):
        three = " (2.48 standard deviations at three seeds)" if 3 in sizes else ""
        notes.append(f"± is the half-width of the 95% t interval over seeds{three}.")
    if 1 in sizes:
        notes.append("A row with one seed has no interval: more seeds give one (--seeds 3).")
    if len(protocol.tasks) > 1:
        notes.append(f"Score: {about_overall(protocol)}.")
    notes.append(
        f"Test loss is {about_loss(protocol)}; seconds per epoch are medians, the first of several epochs left out."
    )
    return tuple(notes)


def on_tuning(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return where tuned rows have their parameters from, and what it cost to find them."""
    return tuple(
        f"{row.label}: tuned on validation by study {row.tuning.study}, which cost "
        f"{pluralize(row.tuning.trials, 'trial')}, {duration(row.tuning.seconds)}."
        for row in rows
        if row.tuning
    )


def on_ties(board: Board) -> tuple[str, ...]:
    """Return which rows differ significantly, by which tests, and which of the best are cheapest."""
    tested = [pair for pair in board.pairs if pair.test]
    notes = []
    if tested:
        used = " and ".join(text for name, text in TESTS.items() if any(pair.test == name for pair in tested))
        notes.append(
            f"Rows that share a letter are not significantly different at the {ALPHA:.0%} level: pairs are compared "
            f"over their common seeds by {used}, with Holm's step-down correction for {pluralize(len(tested), 'pair')}."
        )
        notes.append(_on_the_best(board))
        notes += _on_seeds(board)
        if edge := sum(pair.borderline for pair in tested):
            notes.append(f"{pluralize(edge, 'pair')} at the borderline: p rounds to {ALPHA}.")
    if untested := [pair for pair in board.pairs if not pair.test]:
        were = "pair could not be tested and counts" if len(untested) == 1 else "pairs could not be tested and count"
        notes.append(f"{len(untested):,} {were} as not significantly different.")
    notes += [
        f"{place.row.label} has no letter: {place.reason.rstrip('.')}."
        for place in board.places
        if not place.letters and place.row.test
    ]
    return tuple(notes)


def _on_seeds(board: Board) -> list[str]:
    """Return what the seeds at hand can show, and how many would show more, where they show no difference."""
    tested = [pair for pair in board.pairs if pair.test]
    if board.least is None or any(pair.separated for pair in tested):
        return []
    seeds = max(len(pair.seeds) for pair in tested)
    widest = max(abs(pair.difference or 0.0) for pair in tested)
    scale = of_headline(board.protocol)
    least, largest = (formats.difference(size, None, scale).lstrip("+") for size in (board.least, widest))
    if not least.strip("0."):
        return []  # scores that hardly vary, all alike: no difference that the table shows is at stake
    needed = f"With {pluralize(seeds, 'seed')}, a difference has to reach about {least} to be significant here"
    notes = [f"{needed}; the largest is {largest}."]
    if board.seeds_needed:
        notes.append(f"If it is real, about {pluralize(board.seeds_needed, 'seed')} would show it (80% power).")
    return notes


def on_unscored(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return what became of every cell without a score."""
    return tuple(line for row in rows for line in row.without_score)


def _on_the_best(board: Board) -> str:
    best = board.tied
    if len(best) == 1:
        return f"{best[0].row.label} differs significantly from every other tested row."
    parts = []
    if board.fewest_parameters:
        fewest = board.fewest_parameters.row
        parts.append(f"{fewest.label} trains the fewest parameters ({columns.TRAINABLE.text(fewest.trainable)})")
    if board.fastest:
        fastest = board.fastest.row
        who = "" if board.fewest_parameters == board.fastest else f"{fastest.label} "
        parts.append(f"{who}has the shortest epoch ({columns.EPOCH_SECONDS.text(fastest.epoch_seconds)} s)")
    cheapest = f" Of these, {' and '.join(parts)}." if parts else ""
    first, *others, last = [place.row.label for place in best]
    rest = f"{', '.join(others)} and {last} are" if others else f"{last} is"
    return f"There is no single best row: {rest} not significantly different from {first}.{cheapest}"
