"""``bench run --tuned``: the best parameters of finished studies, put into a plan, with what it cost to find them."""

from __future__ import annotations

import dataclasses

from benchmark.core.cell import TUNED, Cell
from benchmark.core.errors import UsageError
from benchmark.core.parameters import Settings
from benchmark.core.record import Tuning
from benchmark.core.text import duration, pluralize
from benchmark.experiment.plan import Plan
from benchmark.train.method_handle import resolve_method
from benchmark.tuning.report import StudyReport, studies
from benchmark.tuning.space import text
from benchmark.tuning.storage import StudyStorage

Choice = tuple[Settings, Tuning]


def tuned(plan: Plan, place: StudyStorage) -> tuple[Plan, tuple[str, ...]]:
    """Return `plan` with the best parameters that were found for its methods, and a line about each method.

    A method whose best trial has its defaults keeps its cells: their results are not computed twice.

    Of several finished studies under the plan's protocol the newest with a complete trial is taken; the costs of all
    are added up, because all were there to be chosen from. A method without one keeps its defaults. Raises UsageError.
    """
    reports = studies(place)
    names = list(dict.fromkeys(cell.method for cell in plan.cells))
    choices: dict[str, Choice] = {}
    lines = []
    for name in names:
        cell = next(cell for cell in plan.cells if cell.method == name)
        own = [report for report in reports if _fits(report, cell)]
        chosen = _choice(plan, cell, own)
        if chosen:
            choices[name] = chosen
        lines.append(_line(cell, own, chosen, place))
    cells = tuple(_tuned_cell(cell, choices.get(cell.method)) for cell in plan.cells)
    known = {cell.id: choices[cell.method][1] for cell in cells if cell.origin == TUNED}
    return dataclasses.replace(plan, cells=cells, tuning=known), tuple(lines)


def _fits(report: StudyReport, cell: Cell) -> bool:
    """Return whether the study is about the method and protocol of `cell`."""
    return (report.definition.method, report.definition.protocol) == (cell.method, cell.protocol)


def _choice(plan: Plan, cell: Cell, own: list[StudyReport]) -> Choice | None:
    for report in own:  # newest first
        best = report.best
        if report.status == "finished" and best and best.value is not None:
            trials, seconds = sum(other.count for other in own), sum(other.seconds for other in own)
            try:
                method = resolve_method(cell.method)
                settings = method.resolve_parameters(dict(best.settings), plan.budget, plan.suite.defaults)
                heads = [task.head for task in plan.tasks]
                method.build(settings, plan.budget).check(plan.encoder.layers, heads)
            except UsageError as error:
                raise UsageError(f"study {report.name}, trial {best.number}: {error}: tune again") from error
            return settings, Tuning(report.name, best.number, best.value, trials, seconds)
    return None


def _tuned_cell(cell: Cell, choice: Choice | None) -> Cell:
    """Return `cell` with the parameters that a study chose. Where they are its own already, it is the same cell."""
    if choice is None or choice[0] == cell.parameters:
        return cell
    return dataclasses.replace(cell, parameters=choice[0], origin=TUNED)


def _line(cell: Cell, own: list[StudyReport], chosen: Choice | None, place: StudyStorage) -> str:
    """Return what is used for the method of `cell`, and why."""
    name = cell.method
    if chosen is None:
        why = f"study {own[0].name} is {own[0].status}" if own else f"no study of it under this protocol in {place}"
        if own and own[0].status == "finished":
            why = f"no trial of study {own[0].name} was completed"
        return f"{name}: not tuned, its defaults are used: {why}"
    settings, tuning = chosen
    searched = next(report for report in own if report.name == tuning.study).definition.space
    words = ", ".join(f"{dimension.name} {text(dict(settings)[dimension.name])}" for dimension in searched)
    cost = f"{pluralize(tuning.trials, 'trial')}, {duration(tuning.seconds)}"
    if settings == cell.parameters:
        words = f"the defaults are the best, {words}"
    return f"{name}: tuned: {words} (trial {tuning.trial} of study {tuning.study}; {cost})"
