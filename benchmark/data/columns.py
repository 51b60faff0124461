"""From tables to rows: which column holds the text, which the label. Shared by local files and the hub."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmark.data.task import Row, Rows
from benchmark.errors import UsageError

SPLIT_NAMES = {"train": ("train",), "validation": ("validation", "valid", "val", "dev"), "test": ("test",)}
"""What the splits are called in folders and on the hub."""

TEXT_COLUMNS = ("text", "utterance", "utt", "sentence", "query", "content", "question")
LABEL_COLUMNS = (
    "label_text",  # the name of a class before its number, which usually is the column `label`
    "label_name",
    "intent",
    "scenario",
    "label",
    "class",
    "category",
    "target",
    "sentiment",
)


@dataclass(frozen=True)
class Wanted:
    """How a task finds its rows in a table."""

    task: str  # a label column of this name wins over all usual names, and its labels are never cut
    text_column: str | None = None  # None: the first of TEXT_COLUMNS that is there
    label_column: str | None = None  # None: the task's own name, else the first of LABEL_COLUMNS that is there
    label_separator: str | None = None  # the label is the part before this mark's first occurrence


@dataclass(frozen=True)
class Table:
    """One split as its source holds it, columns unread."""

    origin: str  # names the split in errors: a file's path, or the dataset and its split
    columns: tuple[str, ...]
    count: int  # rows
    read: Callable[[str], Sequence[object]]  # the values of one column; classes by name, not by number


def make_rows(tables: Mapping[str, Table], wanted: Wanted, source: str) -> Rows:
    """Make rows of a source's `tables`: train and test, and validation if it has one.

    The columns are found in train and must be in the other splits too: a source whose splits name their labels
    differently would otherwise give a test of other classes. Raises UsageError for a split without rows, a column that
    can't be found, and a row without a text or a label.
    """
    for split, table in tables.items():
        if not table.count:
            raise UsageError(f"{table.origin} is empty: the {split} split needs at least one row")
    train = tables["train"]
    text = _find(train, "text", wanted.text_column, TEXT_COLUMNS)
    label = _find(train, "label", wanted.label_column, (wanted.task, *LABEL_COLUMNS))
    if text == label:
        raise UsageError(f"{train.origin}: column {text!r} can't be both text and label: use --text-column")
    for table in tables.values():
        for column in (text, label):
            if column not in table.columns:
                raise UsageError(f"{table.origin} has no column {column!r}, which train has: {_there(table)}")
    # A column that is named like the task holds its labels as they are.
    separator = wanted.label_separator if label != wanted.task else None
    found = {split: _rows(split, table, text, label, separator) for split, table in tables.items()}
    cut = f", cut at its first {separator!r}" if separator else ""
    return Rows(
        train=found["train"],
        validation=found.get("validation"),
        test=found["test"],
        source=source,
        notes=(f"text from column {text!r}, label from column {label!r}{cut}",),
    )


def class_names(values: Sequence[object], feature: object) -> Sequence[object]:
    """Return the names of the classes that `values` are numbers of, if `feature` is a `datasets.ClassLabel`.

    A number that is no class (the hub's -1: unlabelled) is missing. Values of any other feature come back as they are.
    """
    names: list[str] | None = getattr(feature, "names", None)
    if names is None:
        return values
    return [names[value] if isinstance(value, int) and 0 <= value < len(names) else None for value in values]


def _find(table: Table, what: str, given: str | None, usual: Sequence[str]) -> str:
    """Return the column of `table` that is called `given`; if none is, the first of the `usual` names that is there."""
    for name in usual if given is None else (given,):
        if name in table.columns:
            return name
    missing = f"no {what} column" if given is None else f"no column {given!r}"
    raise UsageError(f"{table.origin} has {missing}: {_there(table)}; name one with --{what}-column")


def _there(table: Table) -> str:
    return f"its columns are {', '.join(repr(name) for name in table.columns)}"


def _rows(split: str, table: Table, text: str, label: str, separator: str | None) -> tuple[Row, ...]:
    texts = _cells(table, text)
    labels = _cells(table, label)
    rows = []
    for number, (key, sentence, name) in enumerate(zip(_ids(split, table), texts, labels, strict=True), start=1):
        if separator:
            name = name.split(separator, 1)[0]
        for what, value, column in (("text", sentence, text), ("label", name, label)):
            if not value.strip():
                raise UsageError(
                    f"{table.origin}: row {number} has no {what} (column {column!r}): fill it in or remove the row"
                )
        rows.append(Row(key, (sentence,), name))
    return tuple(rows)


def _ids(split: str, table: Table) -> list[str]:
    """Return the column `id` where it tells all rows apart, else the split's name and the row's number."""
    if "id" in table.columns:
        ids = _cells(table, "id")
        if len(set(ids)) == len(ids) and all(ids):
            return ids
    return [f"{split}-{number}" for number in range(1, table.count + 1)]


def _cells(table: Table, column: str) -> list[str]:
    """Return a column's values as text; a missing one is empty. Raises UsageError for what has no text form."""
    cells = []
    for number, value in enumerate(table.read(column), start=1):
        cell = _text(value)
        if cell is None:
            raise UsageError(
                f"{table.origin}: row {number} holds {value!r:.40} in column {column!r}, which is neither text nor a "
                f"number: choose another column with --text-column or --label-column"
            )
        cells.append(cell)
    return cells


def _text(value: object) -> str | None:
    if value is None or value != value:  # only NaN differs from itself
        return ""
    if isinstance(value, bool):
        return str(value).lower()  # as JSON writes it
    if isinstance(value, str):
        # Half of a surrogate pair (JSON can say "\ud800") can be neither stored nor tokenised.
        return value if value.isascii() or not any("\ud800" <= mark <= "\udfff" for mark in value) else None
    return str(value) if isinstance(value, int | float) else None
