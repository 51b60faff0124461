"""Numbers as text, and the sentences below a table. Nothing here is escaped: each format does that itself."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.analysis.standings import ALPHA, Board
from benchmark.analysis.stats import Summary
from benchmark.core.cell import Protocol, TaskIdentity
from benchmark.core.scales import Scale, about_loss, about_overall, loss_name, of_headline, of_metric
from benchmark.core.text import pluralize
from benchmark.reports.line import Line

NONE = "–"
TESTS = {
    "seeds and rows": "a test over seeds and test rows",
    "McNemar": "McNemar's exact test at one seed, which compares two trained models and not the methods",
    "rows": "a t test over test rows at one seed, which compares two trained models and not the methods",
}


def score(summary: Summary | None, protocol: Protocol) -> str:
    """Return ``87.3 ± 0.4``, without an interval where n is 1."""
    return _shown(summary, of_headline(protocol))


def _shown(summary: Summary | None, scale: Scale) -> str:
    if summary is None:
        return NONE
    factor, digits = scale.factor, scale.digits
    half = f" ± {factor * summary.half_width:.{digits}f}" if summary.half_width is not None else ""
    return f"{factor * summary.mean:.{digits}f}{half}"


def _several(protocol: Protocol) -> tuple[TaskIdentity, ...]:
    """Return the tasks that have columns of their own, beside the overall score: none where there is one."""
    return protocol.tasks if len(protocol.tasks) > 1 else ()


def gap(difference: float | None, half_width: float | None, protocol: Protocol) -> str:
    """Return ``+1.2 ± 0.4``: a difference of scores in the unit in which scores are shown."""
    if difference is None:
        return NONE
    scale = of_headline(protocol)
    factor, digits = scale.factor, scale.digits
    half = f" ± {factor * half_width:.{digits}f}" if half_width is not None else ""
    return f"{factor * difference:+.{digits}f}{half}".replace("-", "−")


def probability(p: float | None) -> str:
    """Return ``0.031``, or ``< 0.001``."""
    if p is None:
        return NONE
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def number(value: float | None, form: str = ",") -> str:
    """Return `value` in `form`, or a dash."""
    return NONE if value is None else format(value, form)


def seconds(value: float | None) -> str:
    """Return seconds with two decimals below ten."""
    return number(value, ".2f" if (value or 0.0) < 10 else ".0f")


def headers(protocol: Protocol) -> tuple[str, ...]:
    """Return the heads of the columns that `cells` fills."""
    unit = of_headline(protocol).title
    own = [f"{task.name} test {of_metric(task.metric).title}" for task in _several(protocol)]
    costs = ("trainable parameters", "s per epoch", "peak memory, MB")
    return ("method", "ties", f"test {unit}", f"validation {unit}", *own, "test loss", *costs, "seeds", "status")


def cells(line: Line) -> tuple[str, ...]:
    """Return a line of the table as texts."""
    row, protocol = line.row, line.row.protocol
    tuned = "" if line.tuning_trials is None else f" after {pluralize(line.tuning_trials, 'trial')}"
    return (
        row.label + tuned,
        line.place.letters or NONE,
        score(row.test, protocol),
        score(row.validation, protocol),
        *[_shown(task.test, of_metric(task.metric)) for task in row.tasks if _several(protocol)],
        number(row.loss, ".3f"),
        number(row.trainable),
        seconds(row.epoch_seconds),
        number(line.memory / 1e6 if line.memory is not None else None, ",.0f"),
        f"{len(row.seeds)}/{len(row.seeds) + len(row.others)}" if row.others else str(len(row.seeds)),
        row.status,
    )


def notes(board: Board) -> tuple[str, ...]:
    """Return the sentences that the table of `board` can't be read without."""
    made = []
    if any(place.row.synthetic for place in board.places):
        made.append("Synthetic data: these figures rank nothing but methods on this data.")
    sizes = sorted({place.row.test.n for place in board.places if place.row.test})
    if any(n > 1 for n in sizes):
        made.append(
            "± is the half-width of the 95% t interval over seeds"
            + (", 2.48 standard deviations at three seeds." if 3 in sizes else ".")
        )
    if 1 in sizes:
        made.append("A row of one seed has no interval: one value says nothing of the spread between seeds.")
    if _several(board.protocol):
        made.append(f"Score: {about_overall(board.protocol)}.")
    if loss_name(board.protocol) != "cross_entropy":
        made.append(f"Test loss is {about_loss(board.protocol)}.")
    made += _on_ties(board)
    for place in board.places:
        made += place.row.without_score
    return tuple(made)


def _on_ties(board: Board) -> list[str]:
    tested = [pair for pair in board.pairs if pair.test]
    made = []
    if tested:
        used = " and ".join(text for name, text in TESTS.items() if any(pair.test == name for pair in tested))
        made.append(
            f"Rows that share a letter can't be told apart at the {ALPHA:.0%} level: paired over common seeds, {used}, "
            f"Holm's step-down correction over {pluralize(len(tested), 'pair')}."
        )
        made.append(_on_the_best(board))
        made += on_seeds(board)
        if edge := sum(pair.borderline for pair in tested):
            made.append(f"{pluralize(edge, 'pair')} at the borderline: p rounds to {ALPHA}.")
    if untested := [pair for pair in board.pairs if not pair.test]:
        made.append(f"{pluralize(len(untested), 'pair')} could not be tested, and count as not told apart.")
    made += [
        f"{place.row.label} has no letter: {place.reason}."
        for place in board.places
        if not place.letters and place.row.test
    ]
    return made


def on_seeds(board: Board) -> list[str]:
    """Return what the seeds at hand can show, and how many would show more, where they show no difference."""
    tested = [pair for pair in board.pairs if pair.test]
    if board.least is None or any(pair.separated for pair in tested):
        return []
    seeds = max(len(pair.seeds) for pair in tested)
    widest = max(abs(pair.difference or 0.0) for pair in tested)
    shown = [gap(size, None, board.protocol).lstrip("+") for size in (board.least, widest)]
    first = f"With {pluralize(seeds, 'seed')}, a difference has to reach about {shown[0]} to be significant here"
    made = [f"{first}; the largest is {shown[1]}."]
    if board.seeds_needed:
        made.append(f"If it is real, about {pluralize(board.seeds_needed, 'seed')} would show it (80% power).")
    return made


def _on_the_best(board: Board) -> str:
    tied = board.tied
    if len(tied) == 1:
        return f"{tied[0].row.label} is told apart from every other tested row."
    parts = []
    if board.fewest_parameters:
        fewest = board.fewest_parameters.row
        parts.append(f"{fewest.label} trains the fewest parameters ({number(fewest.trainable)})")
    if board.fastest:
        fastest = board.fastest.row
        who = "" if board.fewest_parameters == board.fastest else f"{fastest.label} "
        parts.append(f"{who}has the shortest epoch ({seconds(fastest.epoch_seconds)} s)")
    cheapest = f" Of these, {' and '.join(parts)}." if parts else ""
    names: Sequence[str] = [place.row.label for place in tied]
    return f"No best method: {', '.join(names[:-1])} and {names[-1]} are tied.{cheapest}"
