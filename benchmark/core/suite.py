"""A suite is a named protocol: tasks, encoder, epochs, batch size, max length, selection rule. Suites are TOML files.

Rows of different suites are never averaged or ranked together. The built-in files lie in ``benchmark/suites``; a path
to one's own works wherever a suite's name does. Checked by hand: pydantic would take over types and bounds, but not the
rules between fields, and its errors would have to be translated into the one line that says what to do.
"""

from __future__ import annotations

import dataclasses
import math
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from benchmark.core.errors import UsageError
from benchmark.core.metrics import metrics_for
from benchmark.core.naming import check_name
from benchmark.core.parameters import Settings
from benchmark.core.task_kinds import KINDS, current_name, kind
from benchmark.core.text import did_you_mean, one_line, quoted
from benchmark.core.user_files import expand, read_text

SELECTIONS = ("best", "last")
SOURCES = ("builtin", "hub", "files")
TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "int": ((int,), "a whole number"),
    "float": ((float, int), "a number"),
    "str": ((str,), "text"),
    "bool": ((bool,), "true or false"),
}
"""What TOML's values must be, by the type of the field that they are for."""
LIMITS = {
    "epochs": (1, 100_000),
    "batch_size": (2, 1_000_000),
    "max_length": (4, 1_000_000),
    "limit_train": (1, 1_000_000_000),
}
"""Smallest and largest whole numbers, in suites and on the command line."""
LARGEST_LABEL = 1_000_000
"""Of labels that are numbers, so that their errors' squares stay within single precision."""
MOST_CLASSES = 1_000
"""Of a task whose classes are the whole numbers from low to high."""
LONGEST_TEXT = 1_000
"""Characters of a text in a suite: a title, a path, the name of a column."""
FREE_TEXT = ("label_separator", "text_column", "label_column")
"""Texts that may hold control characters: a tab can separate labels, a line end can stand in a column's name."""


@dataclass(frozen=True)
class FileNames:
    """What a task's files are called in a folder: ``files = { train = "sst-train.csv", test = "sst-dev.csv" }``.

    A name may hold ``*`` and must then fit one file. Names that stand here win over the usual ones (train.csv, …).
    """

    train: str | None = None
    validation: str | None = None  # none: carved from train by a hash of the row
    test: str | None = None
    whole: str | None = None  # used where the train file is missing: divided 80/20 by a hash of the id


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

    @property
    def own_name(self) -> str:
        """What a person's own data are called: the folder's or file's name. Nothing for the package's and the Hub's."""
        path = Path(self.dataset)
        if self.type != "files":
            return ""
        return path.name if path.name not in ("", "..") else path.resolve().name


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
    if not name.endswith(".toml"):
        hint = did_you_mean(name, names()) or f"there are {', '.join(names())}, or give a .toml file"
        raise UsageError(f"unknown suite {name!r}: {hint}")
    path = expand(name)
    suite = parse(read_text(path, f"suite file {name}"), origin=name)
    return dataclasses.replace(suite, tasks=tuple(_beside(task, path.parent) for task in suite.tasks))


def _beside(task: TaskSpec, folder: Path) -> TaskSpec:
    """Return `task` with the path of its rows, if it has one, taken from the suite's `folder`."""
    source = task.source
    if source.type != "files" or not source.dataset or source.dataset.startswith("~"):
        return task
    return dataclasses.replace(task, source=dataclasses.replace(source, dataset=str(folder / source.dataset)))


def parse(text: str, origin: str) -> Suite:
    """Return the suite written in the TOML `text`; `origin` names it in errors. Raises UsageError."""
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, a number of thousands of digits, 20,000 brackets
        raise UsageError(f"{origin} is not TOML: {one_line(str(error))}") from error
    tasks = data.pop("tasks", None)
    if not isinstance(tasks, list) or not tasks:
        raise UsageError(f"{origin} has no [[tasks]]: add at least one, with a name and a source")
    built = tuple(_task(entry, origin) for entry in tasks)
    defaults = data.pop("defaults", {})
    _require(isinstance(defaults, dict), origin, "[defaults] must be a table of parameters, such as lr = 3e-4")
    for key, value in defaults.items():
        _require(
            isinstance(value, bool | int | float | str),
            f"{origin}, defaults",
            f"{quoted(key)} must be a number, text, true or false, not {quoted(value)}",
        )
    settings = tuple(sorted(defaults.items()))
    suite: Suite = _build(Suite, {**data, "tasks": built, "defaults": settings}, origin)
    for name in LIMITS:
        check_limit(name, getattr(suite, name), f"{origin}: {name}")
    _require(suite.selection in SELECTIONS, origin, f"selection must be one of {', '.join(SELECTIONS)}")
    distinct = {task.name.lower() for task in built}  # files of predictions are called like tasks
    _require(len(distinct) == len(built), origin, "two tasks have the same name (case aside): rename one")
    check_name(suite.name, f"{origin}: name")
    return suite


def check_limit(name: str, value: int | None, what: str) -> None:
    """Raise UsageError, which begins with `what`, where `value` is outside the LIMITS of `name`; None is inside."""
    low, high = LIMITS[name]
    if value is not None and not low <= value <= high:
        bound = f"at least {low}" if value < low else f"at most {high:,}"
        raise UsageError(f"{what} must be {bound}, not {quoted(value)}")


def _task(entry: Any, origin: str) -> TaskSpec:
    if not isinstance(entry, dict) or not isinstance(entry.get("source"), dict):
        raise UsageError(f'{origin}: every [[tasks]] needs a source, such as source = {{ type = "builtin" }}')
    source = _source(entry["source"], f"{origin}, source")
    task: TaskSpec = _build(TaskSpec, {**entry, "source": source}, f"{origin}, tasks")
    task = dataclasses.replace(task, kind=current_name(task.kind))
    known_kinds = [kind.name for kind in KINDS]
    _require(task.kind in known_kinds, origin, f"a task's kind must be one of {', '.join(known_kinds)}")
    check_name(task.name, f"{origin}: a task's name")
    _require_range(task, origin)
    if "metric" not in entry:
        task = dataclasses.replace(task, metric=kind(task.kind).metric)
    fitting = [metric.name for metric in metrics_for(task.kind, ordered=task.low is not None) if metric.ranks]
    _require(
        task.metric in fitting,
        origin,
        f"the metric of a task of kind {task.kind} must be one of {', '.join(fitting)}, not {quoted(task.metric)}",
    )
    return task


def _source(entry: dict[str, Any], origin: str) -> Source:
    names = entry.get("files")
    _require(names is None or isinstance(names, dict), origin, 'files must be a table, such as { train = "train.csv" }')
    if isinstance(names, dict):
        files: FileNames = _build(FileNames, names, f"{origin}, files")
        pair = files.train is not None and files.test is not None
        _require(pair or files.whole is not None, origin, "files must name train and test, or whole")
        paths = [name for name in names.values() if "/" in name or "\\" in name]
        if paths:
            raise UsageError(f"{origin}: files are names in the data folder, not paths such as {quoted(paths[0])}")
        entry = {**entry, "files": files}
    source: Source = _build(Source, entry, origin)
    _require(source.type in SOURCES, origin, f"a source's type must be one of {', '.join(SOURCES)}")
    _require(source.type != "hub" or source.dataset != "", origin, "dataset must be given: the dataset's id on the Hub")
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
    if given:
        inside = max(map(abs, given)) <= LARGEST_LABEL and given[1] - given[0] >= 1 / LARGEST_LABEL
        said = f"low and high must lie between -{LARGEST_LABEL:,} and {LARGEST_LABEL:,}, not closer than a millionth"
        _require(inside, origin, said)
    if given and task.kind == "pair-classes":
        whole = all(bound.is_integer() for bound in given)
        _require(whole, origin, "low and high of pair-classes must be whole numbers: each one between them is a class")
        few = given[1] - given[0] < MOST_CLASSES
        _require(few, origin, f"low and high of pair-classes must be less than {MOST_CLASSES:,} apart")


def _build(cls: Any, data: dict[str, Any], origin: str) -> Any:
    """Make a `cls` from TOML's `data`, with one clear line for an unknown, missing or mistyped key."""
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key, value in data.items():
        if key not in fields:
            hint = did_you_mean(key, fields) or f"known keys are {', '.join(fields)}"
            raise UsageError(f"{origin}: unknown key {quoted(key)}: {hint}")
        types, called = TYPES.get(str(fields[key].type).removesuffix(" | None"), ((object,), ""))
        if type(value) not in types and object not in types:
            raise UsageError(f"{origin}: {key} must be {called}, not {quoted(value)}")
        if float in types:
            data = {**data, key: _finite(value, f"{origin}: {key}")}
        if str in types:
            _require_text(key, value, f"{origin}: {key}")
    missing = [name for name, field in fields.items() if name not in data and field.default is dataclasses.MISSING]
    if missing:
        raise UsageError(f"{origin}: {' and '.join(missing)} must be given")
    return cls(**data)


def _finite(value: float, what: str) -> float:
    try:
        number = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        number = math.inf
    if not math.isfinite(number):
        raise UsageError(f"{what} must be a finite number, not {quoted(value)}")
    return number


def _require_text(key: str, value: str, what: str) -> None:
    if not (value if key in FREE_TEXT else value.strip()) and key not in ("dataset", "name"):  # these say more later
        raise UsageError(f"{what} is empty: give a value, or leave the key out")
    if len(value) > LONGEST_TEXT and key != "name":
        raise UsageError(f"{what} has {len(value):,} characters: use at most {LONGEST_TEXT:,}")
    if not value.isprintable() and key not in FREE_TEXT:
        raise UsageError(f"{what} holds a control character, such as a line end: remove it from {quoted(value)}")


def _require(true: bool, origin: str, what: str) -> None:
    if not true:
        raise UsageError(f"{origin}: {what}")


def _folder() -> Any:
    return resources.files("benchmark").joinpath("suites")
