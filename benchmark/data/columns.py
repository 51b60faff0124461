"""From tables to rows: which column holds the text, which the label. Shared by local files and the hub."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmark.core import task_kinds
from benchmark.core.errors import UsageError
from benchmark.core.text import quoted
from benchmark.data.labels import CLASSES, Labelling
from benchmark.data.task import Example, RawData

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
PAIR_COLUMNS = (
    ("sentence1", "sentence2"),
    ("question1", "question2"),
    ("text1", "text2"),
    ("premise", "hypothesis"),
)
NUMBER_COLUMNS = ("label", "score", "similarity", "similarity_score", "is_duplicate", "target")
"""Where labels are numbers: the column `label` before any name of it."""

WHOLE = "whole"
"""The split that holds rows for train and test alike, divided by a hash of the id: vela-2024 divides so."""
ALL = "all"
"""The same, divided by a hash of the texts: equal ones stay together, so that no test row stands in train."""
MOST_COLUMNS = 20
"""That an error lists."""
TRAIN_FRACTION = 0.8
"""Of the rows of an undivided source that `divide` gives to train, on average."""


@dataclass(frozen=True)
class ColumnSpec:
    """How a task finds its rows in a table."""

    task: str  # a label column of this name wins over all usual names, and its labels are never cut
    text_column: str | None = None  # None: the first of TEXT_COLUMNS (or PAIR_COLUMNS) that is there; a pair: "a,b"
    label_column: str | None = None  # None: the task's own name, else the first of LABEL_COLUMNS that is there
    label_separator: str | None = None  # the label is the part before this mark's first occurrence
    labelling: Labelling = CLASSES
    drop_incomplete: bool = False  # rows without a label or text are dropped and counted, not refused


@dataclass(frozen=True)
class Table:
    """One split as its source holds it, columns unread."""

    origin: str  # names the split in errors: a file's path, or the dataset and its split
    columns: tuple[str, ...]
    count: int  # rows
    read: Callable[[str], Sequence[object]]  # the values of one column; classes by name, not by number
    read_numbers: Callable[[str], Sequence[object]] | None = None  # classes by number; None: it knows no names


@dataclass(frozen=True)
class Columns:
    """The columns of a source that hold a task's rows."""

    texts: tuple[str, ...]  # one, or two for pairs
    label: str
    separator: str | None  # the label is the part before this mark's first occurrence

    @property
    def note(self) -> str:
        """What the record says about them."""
        where = " and ".join(repr(name) for name in self.texts)
        cut = f", cut at its first {self.separator!r}" if self.separator else ""
        return f"text from column{'s' if len(self.texts) > 1 else ''} {where}, label from column {self.label!r}{cut}"


def read_tables(tables: Mapping[str, Table], spec: ColumnSpec, source: str, notes: Sequence[str] = ()) -> RawData:
    """Make rows of a source's `tables`: train and test, and validation if it has one; or all in one, to be divided.

    The columns are found in train and must be in the other splits too: a source whose splits name their labels
    differently would otherwise give a test of other classes. A test split that hides its labels (none at all, or the
    hub's -1 throughout) can't be scored: the validation split takes its place, and another one is carved from train.
    `notes` come before those that are made here. Raises UsageError for a split without rows, a column that can't be
    found, and a row without a text or with a label that the task can't have.
    """
    for split, table in tables.items():
        if not table.count:
            need = "give it rows" if split == "all" else f"the {split} split needs at least one row"
            raise UsageError(f"{table.origin} is empty: {need}")
    first = tables.get("train") or next(iter(tables.values()))
    used = _columns(first, spec)
    tables, hidden = _with_labelled_test(tables, used, spec)
    for table in tables.values():
        for column in (*used.texts, used.label):
            if column not in table.columns:
                raise UsageError(f"{table.origin} has no column {column!r}, which train has: {_there(table)}")
            if table.columns.count(column) > 1:
                raise UsageError(f"{table.origin} has several columns {column!r}: rename or remove all but one")
    said = [*notes, used.note, *hidden]
    splits = {split: _rows(split, table, used, spec, said) for split, table in tables.items()}
    for name, by in ((WHOLE, "id"), (ALL, "texts")):
        if name in splits:
            needed = spec.labelling.classes is None  # what train has to show, because nothing else tells the classes
            train, test = divide(splits.pop(name), by_texts=name == ALL, every_label=needed and name == ALL)
            counts = f"{len(train)} for train, {len(test)} for test"
            said.append(f"train and test divided by a hash of the {by} ({TRAIN_FRACTION:.0%} train: {counts})")
            splits |= {"train": train, "test": test}
    return RawData(splits["train"], splits.get("validation"), splits["test"], source, notes=tuple(said))


def divide(
    rows: Sequence[Example], *, by_texts: bool = False, every_label: bool = False
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Divide `rows` into (train, test) by the sha256 of each row's id, or of its texts, in order.

    Each row is judged alone, so that it stays where it is when others are added or dropped. The fraction of train is
    `TRAIN_FRACTION` on average. With `every_label`, rows whose label no row of train would have go there, too.
    """
    keys = [json.dumps(row.texts) if by_texts else row.id for row in rows]
    kept = [int(hashlib.sha256(key.encode()).hexdigest()[:16], 16) < TRAIN_FRACTION * 2**64 for key in keys]
    if every_label:
        known = {row.label for row, is_train in zip(rows, kept, strict=True) if is_train}
        needed = {key for key, row in zip(keys, rows, strict=True) if row.label not in known}
        kept = [is_train or key in needed for key, is_train in zip(keys, kept, strict=True)]
    return (
        tuple(row for row, is_train in zip(rows, kept, strict=True) if is_train),
        tuple(row for row, is_train in zip(rows, kept, strict=True) if not is_train),
    )


def class_names(values: Sequence[object], feature: object) -> Sequence[object]:
    """Return the names of the classes that `values` are numbers of, if `feature` is a `datasets.ClassLabel`.

    A number that is no class (the hub's -1: unlabelled) is missing. Values of any other feature come back as they are.
    """
    names: list[str] | None = getattr(feature, "names", None)
    if names is None:
        return values
    return [names[value] if isinstance(value, int) and 0 <= value < len(names) else None for value in values]


def _columns(table: Table, spec: ColumnSpec) -> Columns:
    """Find the columns of texts and label in `table`. Raises UsageError."""
    texts: tuple[str, ...]
    if task_kinds.kind(spec.labelling.kind).sentences == 1:
        texts = (_find(table, "text", spec.text_column, TEXT_COLUMNS),)
    else:
        texts = _find_pair(table, spec.text_column)
    usual = NUMBER_COLUMNS if spec.labelling.by_number else LABEL_COLUMNS
    label = _find(table, "label", spec.label_column, (spec.task, *usual))
    if label in texts:
        raise UsageError(f"{table.origin}: column {label!r} can't be both text and label: use --text-column")
    # A column that is named like the task holds its labels as they are.
    return Columns(texts, label, spec.label_separator if label != spec.task else None)


def _find(table: Table, what: str, given: str | None, usual: Sequence[str]) -> str:
    """Return the column of `table` that is called `given`; if none is, the first of the `usual` names that is there."""
    for name in usual if given is None else (given,):
        if name in table.columns:
            return name
    missing = f"no {what} column" if given is None else f"no column {given!r}"
    raise UsageError(
        f"{table.origin} has {missing}: {_there(table)}; name one with --{what}-column, or {what}_column in the suite"
    )


def _find_pair(table: Table, given: str | None) -> tuple[str, str]:
    """Return the columns of a pair's two sentences: the `given` ones, joined by a comma, or usual ones."""
    if given is None:
        for pair in PAIR_COLUMNS:
            if set(pair) <= set(table.columns):
                return pair
        raise UsageError(
            f"{table.origin} has no two text columns: {_there(table)}; name them with --text-column FIRST,SECOND"
        )
    first, _, second = (part.strip() for part in given.partition(","))
    for name in (first, second):
        if name not in table.columns:
            raise UsageError(
                f"{table.origin} has no column {name!r}: {_there(table)}; name two with --text-column FIRST,SECOND"
            )
    if first == second:
        raise UsageError(
            f"{table.origin}: a pair needs two columns, not {first!r} twice: use --text-column FIRST,SECOND"
        )
    return first, second


def _there(table: Table) -> str:
    names = ", ".join(quoted(name) for name in table.columns[:MOST_COLUMNS])
    return f"its columns are {names}{', …' if len(table.columns) > MOST_COLUMNS else ''}"


def _with_labelled_test(
    tables: Mapping[str, Table], used: Columns, spec: ColumnSpec
) -> tuple[Mapping[str, Table], tuple[str, ...]]:
    """Return the tables with validation in the place of a test split that hides its labels, and a note of it."""
    test = tables.get("test")
    if test is None or "validation" not in tables or not _hides_labels(test, used, spec):
        return tables, ()
    kept = {split: table for split, table in tables.items() if split not in ("validation", "test")}
    note = "the test split hides its labels: the validation split is the test split"
    return {**kept, "test": tables["validation"]}, (note,)


def _hides_labels(table: Table, used: Columns, spec: ColumnSpec) -> bool:
    if used.label not in table.columns:
        return False  # a wrong column more likely than a secret one; said with its name where columns are checked
    return all(spec.labelling.is_unlabelled(text) for text in _cells(table, used.label, spec.labelling.by_number))


def _rows(split: str, table: Table, used: Columns, spec: ColumnSpec, notes: list[str]) -> tuple[Example, ...]:
    """Return the rows of `split`; what is dropped is added to `notes`."""
    texts = [_cells(table, column) for column in used.texts]
    labels = _cells(table, used.label, spec.labelling.by_number)
    rows, dropped = [], 0
    for number, (key, label, *sentences) in enumerate(zip(_ids(split, table), labels, *texts, strict=True), start=1):
        if used.separator:
            label = label.split(used.separator, 1)[0]
        named = [*zip(("text",) * len(sentences), sentences, used.texts, strict=True), ("label", label, used.label)]
        missing = [(what, column) for what, value, column in named if not value.strip()]
        if missing and spec.drop_incomplete:
            dropped += 1
            continue
        for what, column in missing:
            raise UsageError(
                f"{table.origin}: row {number} has no {what} (column {column!r}): fill it in or remove the row"
            )
        try:
            rows.append(Example(key, tuple(sentences), spec.labelling.canonical(label)))
        except ValueError as error:
            raise UsageError(
                f"{table.origin}: row {number} has the label {label!r:.40} (column {used.label!r}), {error}"
            ) from error
    if dropped:
        were = "row without a label or text was" if dropped == 1 else "rows without a label or text were"
        notes.append(f"{dropped} {were} dropped from {table.origin}")
    return tuple(rows)


def _ids(split: str, table: Table) -> list[str]:
    """Return the column `id` where it is different for every row, else the split's name and the row's number."""
    if "id" in table.columns:
        ids = _cells(table, "id")
        if len(set(ids)) == len(ids) and all(ids):
            return ids
    return [f"{split}-{number}" for number in range(1, table.count + 1)]


def _cells(table: Table, column: str, by_number: bool = False) -> list[str]:
    """Return a column's values as text; a missing one is empty. Raises UsageError for what has no text form.

    `by_number`: classes by their numbers, where the table knows their names, too.
    """
    read = table.read_numbers if by_number and table.read_numbers else table.read
    cells = []
    for number, value in enumerate(read(column), start=1):
        cell = _text(value)
        if cell is None:
            raise UsageError(
                f"{table.origin}: row {number} holds {value!r:.40} in column {column!r}, which is neither text nor a "
                f"number: choose another column with --text-column or --label-column, or in the suite"
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
