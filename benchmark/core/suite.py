"""A suite is a named protocol: tasks, encoder, epochs, batch size, max length, selection rule. Suites are TOML files.

Rows of different suites are never averaged or ranked together. The built-in files lie in ``benchmark/suites``; a path
to one's own works wherever a suite's name does.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from benchmark.core.errors import UsageError
from benchmark.core.metrics import metrics_for
from benchmark.core.parameters import Settings
from benchmark.core.task_kinds import KINDS, current_name, kind
from benchmark.core.text import did_you_mean

SELECTIONS = ("best", "last")
SOURCES = ("builtin", "hub", "files")
TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "int": ((int,), "a whole number"),
    "float": ((float, int), "a number"),
    "str": ((str,), "text"),
    "bool": ((bool,), "true or false"),
}
"""What TOML's values must be, by the type of the field that they are for."""


@dataclass(frozen=True)
class FileNames:
    """What a task's files are called in a folder: ``files = { train = "sst-train.csv", test = "sst-dev.csv" }``.

    A name may hold ``*`` and must then fit one file. Names that stand here win over the usual ones (train.csv, …).
    """

    train: str | None = None
    validation: str | None = None  # none: carved from train by a hash of the row
    test: str | None = None
    whole: str | None = (
        None  # used where the train file is missing: divided 80/20 into train and test by a hash of the id
    )


@dataclass(frozen=True)
class Source:
    """Where a task's rows come from."""

    type: str  # builtin | hub | files
    dataset: str = ""  # hub: the dataset's id; files: a folder or file; builtin: `bench list datasets` shows the names
    config: str | None = None  # hub: the configuration, such as a language
    revision: str | None = None  # hub: the commit; none: the newest, and the rows' fingerprint is recorded anyway
    text_column: str | None = None  # none: found by its usual names; of a pair: both, joined by a comma
    label_column: str | None = None  # none: found by its usual names
    label_separator: str | None = None  # the label is the part before this mark's first occurrence
    files: FileNames | None = None  # what they are called in a folder (of type files, or given with --data)
    drop_incomplete: bool = False  # rows without a label or text are dropped and counted; else they are an error


@dataclass(frozen=True)
class TaskSpec:
    """One task of a suite, before its rows are loaded."""

    name: str
    source: Source
    kind: str = "classes"  # see `benchmark.core.task_kinds`
    metric: str = "accuracy"  # the one that ranks; a suite that names none gets the kind's usual one
    low: float | None = None  # range of labels that are numbers; with pair-classes they are rounded to whole ones
    high: float | None = None


@dataclass(frozen=True)
class Suite:
    """A named protocol."""

    name: str
    title: str
    encoder: str  # a packaged name, a hub id or a folder
    epochs: int  # passes over the train split in the phase that trains the encoder
    batch_size: int  # rows per step
    max_length: int  # tokens per text, special tokens included; what is longer is cut on the right
    selection: str  # best: the epoch with the best validation score comes back; last: the last one
    tasks: tuple[TaskSpec, ...]
    defaults: Settings = ()  # of the baseline's parameters, where this budget needs others; techniques' own wishes win
    limit_train: int | None = None  # rows of each train split that are kept, chosen by a hash of the row


def names() -> tuple[str, ...]:
    """Return the names of the built-in suites, sorted."""
    return tuple(sorted(file.name.removesuffix(".toml") for file in _folder().iterdir() if file.name.endswith(".toml")))


def load(name: str) -> Suite:
    """Return the built-in suite called `name`, or the one in the TOML file at that path. Raises UsageError."""
    if name in names():
        return parse(_folder().joinpath(f"{name}.toml").read_text(encoding="utf-8"), origin=f"suite {name!r}")
    path = Path(name)
    if path.suffix != ".toml":
        hint = did_you_mean(name, names()) or f"there are {', '.join(names())}, or give a .toml file"
        raise UsageError(f"unknown suite {name!r}: {hint}")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"suite file {name} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"suite file {name} is not UTF-8: save it as UTF-8") from error
    return parse(text, origin=name)


def parse(text: str, origin: str) -> Suite:
    """Return the suite written in the TOML `text`; `origin` names it in errors. Raises UsageError."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{origin} is not TOML: {error}") from error
    tasks = data.pop("tasks", None)
    if not isinstance(tasks, list) or not tasks:
        raise UsageError(f"{origin} has no [[tasks]]: add at least one, with a name and a source")
    built = tuple(_task(entry, origin) for entry in tasks)
    defaults = data.pop("defaults", {})
    _require(isinstance(defaults, dict), origin, "[defaults] must be a table of parameters, such as lr = 3e-4")
    settings = tuple(sorted(defaults.items()))
    suite: Suite = _build(Suite, {**data, "tasks": built, "defaults": settings}, origin)
    _require(suite.epochs >= 1, origin, "epochs must be at least 1")
    _require(suite.batch_size >= 2, origin, "batch_size must be at least 2")
    _require(suite.max_length >= 4, origin, "max_length must be at least 4")
    _require(suite.limit_train is None or suite.limit_train >= 1, origin, "limit_train must be at least 1")
    _require(suite.selection in SELECTIONS, origin, f"selection must be one of {', '.join(SELECTIONS)}")
    _require(len({task.name for task in built}) == len(built), origin, "two tasks have the same name: rename one")
    _require_name(suite.name, f"{origin}: name")
    return suite


def _task(entry: Any, origin: str) -> TaskSpec:
    if not isinstance(entry, dict) or not isinstance(entry.get("source"), dict):
        raise UsageError(f'{origin}: every [[tasks]] needs a source, such as source = {{ type = "builtin" }}')
    source = _source(entry["source"], f"{origin}, source")
    task: TaskSpec = _build(TaskSpec, {**entry, "source": source}, f"{origin}, tasks")
    task = dataclasses.replace(task, kind=current_name(task.kind))
    known_kinds = [kind.name for kind in KINDS]
    _require(task.kind in known_kinds, origin, f"a task's kind must be one of {', '.join(known_kinds)}")
    _require_name(task.name, f"{origin}: a task's name")
    _require_range(task, origin)
    if "metric" not in entry:
        task = dataclasses.replace(task, metric=kind(task.kind).metric)
    fitting = [metric.name for metric in metrics_for(task.kind, ordered=task.low is not None) if metric.ranks]
    _require(
        task.metric in fitting,
        origin,
        f"the metric of a task of kind {task.kind} must be one of {', '.join(fitting)}, not {task.metric!r}",
    )
    return task


def _source(entry: dict[str, Any], origin: str) -> Source:
    names = entry.get("files")
    _require(names is None or isinstance(names, dict), origin, 'files must be a table, such as { train = "train.csv" }')
    if isinstance(names, dict):
        files: FileNames = _build(FileNames, names, f"{origin}, files")
        pair = files.train is not None and files.test is not None
        _require(pair or files.whole is not None, origin, "files must name train and test, or whole")
        entry = {**entry, "files": files}
    source: Source = _build(Source, entry, origin)
    _require(source.type in SOURCES, origin, f"a source's type must be one of {', '.join(SOURCES)}")
    return source


def _require_range(task: TaskSpec, origin: str) -> None:
    """Numbers need their range, pairs' classes may have one, and nothing else has any."""
    given = [bound for bound in (task.low, task.high) if bound is not None]
    if kind(task.kind).labels == "number":
        _require(
            len(given) == 2, origin, f"a task of kind {task.kind} needs low and high, such as low = 0 and high = 5"
        )
    elif task.kind != "pair-classes":
        _require(not given, origin, f"low and high are for numbers: a task of kind {task.kind} has none")
    _require(len(given) != 1, origin, "low and high must be given together")
    _require(not given or given[0] < given[1], origin, "low must be below high")


def _build(cls: Any, data: dict[str, Any], origin: str) -> Any:
    """Make a `cls` from TOML's `data`, with one clear line for an unknown, missing or mistyped key."""
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key, value in data.items():
        if key not in fields:
            hint = did_you_mean(key, fields) or f"known keys are {', '.join(fields)}"
            raise UsageError(f"{origin}: unknown key {key!r}: {hint}")
        wanted, called = TYPES.get(str(fields[key].type).removesuffix(" | None"), ((object,), ""))
        if type(value) not in wanted and object not in wanted:
            raise UsageError(f"{origin}: {key} must be {called}, not {value!r}")
        if float in wanted:
            data = {**data, key: float(value)}
    missing = [name for name, field in fields.items() if name not in data and field.default is dataclasses.MISSING]
    if missing:
        raise UsageError(f"{origin}: {' and '.join(missing)} must be given")
    return cls(**data)


def _require_name(name: str, what: str) -> None:
    """Names of suites and tasks become parts of file names, experiment names and metric names."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise UsageError(f"{what} must be made of letters, digits, '-', '_' and '.', not {name!r}")


def _require(true: bool, origin: str, what: str) -> None:
    if not true:
        raise UsageError(f"{origin}: {what}")


def _folder() -> Any:
    return resources.files("benchmark").joinpath("suites")
