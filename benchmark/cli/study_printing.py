"""How a study is shown: by `bench show STUDY`, and at the end of `bench tune`."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from benchmark.cli.printing import pairs, shown, table
from benchmark.core.serialization import to_plain
from benchmark.core.text import duration, one_line, percent, pluralize
from benchmark.tuning.report import FEWEST, StudyReport, TrialRow

BAD = ("failed", "diverged")


def summary(study: StudyReport) -> dict[str, Any]:
    """Return what `bench list studies` says of a study, as JSON data."""
    best, counts = study.best, study.counts
    return {
        "name": study.name,
        "suite": study.definition.protocol.suite,
        "method": study.definition.method,
        "status": study.status,
        "asked": study.asked,
        "trials": study.count,
        "complete": counts.get("done", 0),
        "pruned": counts.get("pruned", 0),
        "failed": sum(counts.get(status, 0) for status in BAD),
        "interrupted": counts.get("interrupted", 0),
        "best_value": best.value if best else None,
        "best_trial": best.number if best else None,
        "best_parameters": dict(best.parameters) if best else None,
        "seconds": study.seconds,
        "started": study.started,
    }


def document(study: StudyReport) -> dict[str, Any]:
    """Return all about a study as JSON data."""
    return {
        **summary(study),
        "ended": study.ended,
        "definition": to_plain(study.definition),
        "space": [str(dimension) for dimension in study.definition.space],
        "importance": dict(study.importance),
        "all_trials": [to_plain(trial) | {"parameters": dict(trial.parameters)} for trial in study.trials],
    }


def rendered(study: StudyReport) -> RenderableType:
    """Return all about a study, to print."""
    definition = study.definition
    protocol = definition.protocol
    limit = f", train limited to {protocol.limit_train:,} rows" if protocol.limit_train else ""
    facts = {
        "suite": f"{protocol.suite}, encoder {protocol.encoder}, {pluralize(protocol.epochs, 'epoch')}{limit}",
        "searched": ", ".join(str(dimension) for dimension in definition.space),
        "how": f"{definition.sampler} sampler, seed {definition.seed}, "
        f"{'no' if definition.pruner == 'none' else definition.pruner} pruning",
        "objective": f"validation score, {'highest' if definition.direction == 'maximize' else 'lowest'}; "
        f"{'seeds' if len(definition.seeds) > 1 else 'seed'} {', '.join(map(str, definition.seeds))}",
        "trials": _counts(study),
        "time": duration(study.seconds),
        "best": _best(study),
        "importance": _importance(study),
    }
    title = Text.assemble((f"study {study.name}", "bold"), f"  {study.status}")
    title.append(" (its time was up)" if study.ended == "timeout" else "")
    return Group(title, pairs(facts), Text(), _trials(study))


def _counts(study: StudyReport) -> str:
    words = [f"{count} {'complete' if status == 'done' else status}" for status, count in study.counts.items()]
    return f"{study.count} of {study.asked}: {', '.join(words)}" if words else f"0 of {study.asked}"


def _best(study: StudyReport) -> str:
    best = study.best
    if best is None or best.value is None:
        return "no trial is complete"
    words = ", ".join(f"{name} {shown(value)}" for name, value in best.parameters)
    return f"{best.value:.4f} in trial {best.number}: {words}{' (the defaults)' if best.defaults else ''}"


def _importance(study: StudyReport) -> str:
    complete = study.counts.get("done", 0)
    if not study.importance:
        return f"not said of fewer than {FEWEST} complete trials" if complete < FEWEST else ""
    shares = ", ".join(f"{name} {percent(share)}" for name, share in study.importance)
    return f"{shares} (PED-ANOVA, {pluralize(complete, 'complete trial')})"


def _trials(study: StudyReport) -> RenderableType:
    names = [dimension.name for dimension in study.definition.space]
    grid = table(">trial", *[f">{name}" for name in names], ">validation", ">seconds", "run!", "status")
    best = study.best
    for trial in study.trials:
        values = dict(trial.parameters)
        cells = [
            str(trial.number),
            *[shown(values[name]) if name in values else "–" for name in names],
            "–" if trial.value is None else f"{trial.value:.4f}",
            "–" if trial.seconds is None else f"{trial.seconds:.1f}",
            trial.runs[0][:8] if trial.runs else "–",
            _status(trial),
        ]
        style = "bold" if best and trial.number == best.number else "red" if trial.status in BAD else ""
        grid.add_row(*[Text(cell) for cell in cells], style=style or None)
    return grid if study.trials else Text("no trials yet")


def _status(trial: TrialRow) -> str:
    notes = ["defaults"] if trial.defaults else []
    notes += [f"trial {trial.again} again"] if trial.again is not None else []
    status = f"{trial.status} ({', '.join(notes)})" if notes else trial.status
    return f"{status}: {one_line(trial.reason)}" if trial.reason else status
