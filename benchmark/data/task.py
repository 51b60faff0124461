"""Tasks, splits and rows: what every source delivers and every method is given."""

from __future__ import annotations

import functools
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.core import task_kinds
from benchmark.core.cell import TaskIdentity
from benchmark.core.errors import UsageError
from benchmark.core.suite import Source
from benchmark.data.labels import Labelling

Targets = npt.NDArray[np.int64] | npt.NDArray[np.float64]


@dataclass(frozen=True)
class Example:
    """One example as a source delivers it: `texts` has one sentence, or two where the task is about pairs."""

    id: str
    texts: tuple[str, ...]
    label: str

    @property
    def canonical(self) -> str:
        """One line of JSON with texts and label: what fingerprints and hash choices are made from.

        The id is not in it, so that the same rows from the hub and from a file are the same data.
        """
        return json.dumps([list(self.texts), self.label], ensure_ascii=False, separators=(",", ":"))

    @property
    def hash(self) -> str:
        """sha256 of the canonical row: a fixed, arbitrary order of rows, whatever the file's order and ids."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()


@dataclass(frozen=True)
class RawData:
    """The rows of one source, by split, before a task is made of them."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...] | None  # None: the source has none
    test: tuple[Example, ...]
    source: str  # for people: "mteb/amazon_massive_intent (en) @ 4672e20"
    synthetic: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Split:
    """The rows of one split, in order.

    A label is an int where the head has classes (the index) or is binary (0, 1), else a float in the label's own unit.
    """

    name: str
    ids: tuple[str, ...]
    texts: tuple[tuple[str, ...], ...]  # per row as many as the head has sentences
    labels: tuple[int, ...] | tuple[float, ...]
    fingerprint: str  # sha256 over the canonical rows, in order

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def targets(self) -> Targets:
        """The labels as an array, (rows,): int64 for classes and binary labels, float64 for numbers."""
        if all(isinstance(label, int) for label in self.labels):
            return np.asarray(self.labels, dtype=np.int64)
        return np.asarray(self.labels, dtype=np.float64)


@dataclass(frozen=True)
class Head:
    """What a task asks of the encoder."""

    name: str
    kind: str  # classes | pair-binary | pair-regression | pair-classes: see `benchmark.core.task_kinds`
    metric: str  # the one that ranks and chooses
    classes: tuple[str, ...]  # names, the index is the label; sorted, or in order of their numbers; none for a number
    low: float | None = None  # smallest and largest label, where labels are numbers (or such rounded to classes)
    high: float | None = None

    @property
    def sentences(self) -> int:
        """How many texts a row has: 1 or 2."""
        return task_kinds.kind(self.kind).sentences

    @property
    def outputs(self) -> int:
        """How many numbers the head gives per row: one logit for binary, one value for a number, else one per class."""
        return 1 if task_kinds.kind(self.kind).one_output else len(self.classes)

    @property
    def loss(self) -> str:
        """The metric that is this task's loss: what training lowers, per example."""
        return task_kinds.kind(self.kind).loss


@dataclass(frozen=True)
class TrainingData:
    """A task without its test split: all that a method is ever given, so that ``fit`` can't peek."""

    head: Head
    train: Split
    validation: Split


@dataclass(frozen=True)
class Task:
    """A task with all of its splits and what was found in them."""

    head: Head
    train: Split
    validation: Split
    test: Split
    source: str
    synthetic: bool
    duplicates: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]
    origin: Source | None = None  # how the rows were loaded: enough to load them again. Not part of the identity

    @property
    def name(self) -> str:
        """The task's name."""
        return self.head.name

    @property
    def splits(self) -> tuple[Split, Split, Split]:
        """Train, validation, test."""
        return (self.train, self.validation, self.test)

    def without_test(self) -> TrainingData:
        """Return what a method may see."""
        return TrainingData(self.head, self.train, self.validation)

    @functools.cached_property
    def identity(self) -> TaskIdentity:
        """Return what a cell's id depends on."""
        head = self.head
        train, validation, test = (split.fingerprint for split in self.splits)
        return TaskIdentity(head.name, head.kind, head.metric, train, validation, test, head.low, head.high)


CARVED = 0.1
"""Fraction of the train split that becomes the validation split where a source has none."""


def make_task(
    name: str, kind: str, metric: str, rows: RawData, limit_train: int | None = None, labelling: Labelling | None = None
) -> Task:
    """Make a task of `rows`; carve a missing validation split, cut train to `limit_train` rows by hash.

    `labelling` is how the labels were read (None: as the kind's are without a range). Raises UsageError for an empty
    split, a label in validation or test that train never has, and numbers that are all the same.
    """
    labelling = labelling or Labelling(kind)
    strata = labelling.classes != ()  # a number has no classes of which each must stay in train
    notes = list(rows.notes)
    train, validation = rows.train, rows.validation
    if validation is None:
        train, validation = carve(train, strata)
        notes.append(f"validation carved from train by a hash of the row ({CARVED:.0%}: {len(validation)} rows)")
    if limit_train is not None and limit_train < len(train):
        count = len({row.label for row in train}) if strata else 1
        if limit_train < count:
            raise UsageError(
                f"a train split of {limit_train} rows can't have all {count} labels of task {name!r}: "
                f"raise --limit-train to at least {count}"
            )
        notes.append(f"train limited to {limit_train} of {len(train)} rows by a hash of the row")
        train = limit(train, limit_train, strata)
    parts = {"train": train, "validation": validation, "test": rows.test}
    for split, examples in parts.items():
        if not examples:
            raise UsageError(f"{rows.source}: the {split} split of task {name!r} is empty: give it at least one row")
    classes = _classes(parts, labelling, rows.source)
    index = {label: number for number, label in enumerate(classes)} if strata else None
    return Task(
        head=Head(name, kind, metric, classes, labelling.low, labelling.high),
        train=_split("train", train, index),
        validation=_split("validation", validation, index),
        test=_split("test", rows.test, index),
        source=rows.source,
        synthetic=rows.synthetic,
        duplicates=_duplicates(parts),
        notes=tuple(notes),
    )


def _classes(parts: dict[str, tuple[Example, ...]], labelling: Labelling, source: str) -> tuple[str, ...]:
    """Return the classes of a task with the splits `parts`; none where labels are numbers. Raises UsageError."""
    if labelling.classes == ():
        for split in ("validation", "test"):
            if len({row.label for row in parts[split]}) == 1:
                raise UsageError(
                    f"{source}: every label of {split} is {parts[split][0].label}: a correlation needs different ones"
                )
        return ()
    if labelling.classes:
        return labelling.classes
    classes = tuple(sorted({row.label for row in parts["train"]}))
    for split in ("validation", "test"):
        unknown = sorted({row.label for row in parts[split]} - set(classes))
        if unknown:
            raise UsageError(
                f"{source}: {split} has the label {unknown[0]!r}, which train never has: add rows of it to train, "
                f"or remove them from {split}"
            )
    return classes


def carve(train: tuple[Example, ...], strata: bool = True) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Divide `train` into (train, validation) by a hash of the row; the order of rows is kept.

    The number is exact and the choice doesn't depend on the order of the file. With `strata`, one row of a class always
    stays in train, because a class that only validation has can't be learned.
    """
    left = Counter(row.label if strata else "" for row in train)
    wanted = max(1, round(CARVED * len(train)))
    chosen: set[int] = set()
    for position in _ranked(train):
        label = train[position].label if strata else ""
        if len(chosen) < wanted and left[label] > 1:
            left[label] -= 1
            chosen.add(position)
    kept = (position for position in range(len(train)) if position not in chosen)
    return tuple(train[position] for position in kept), tuple(train[position] for position in sorted(chosen))


def limit(train: tuple[Example, ...], count: int, strata: bool = True) -> tuple[Example, ...]:
    """Return `count` rows chosen by their hashes, in their original order: a larger limit is a superset.

    With `strata`, the row with the smallest hash of each class comes first, so that a limit no smaller than the number
    of classes keeps them all: without that, a cut of MASSIVE to a thousand rows would lose the intent that has four.
    """
    ranked = _ranked(train)
    if not strata:
        return tuple(train[position] for position in sorted(ranked[:count]))
    first = {train[position].label: position for position in reversed(ranked)}
    order = sorted(ranked, key=lambda position: first[train[position].label] != position)  # stable: by hash within
    return tuple(train[position] for position in sorted(order[:count]))


def _ranked(rows: tuple[Example, ...]) -> list[int]:
    """Return the positions of `rows` by hash; equal rows, of which it doesn't matter which is chosen, as they stand."""
    return sorted(range(len(rows)), key=[row.hash for row in rows].__getitem__)


def fingerprint(rows: Iterable[Example]) -> str:
    """Return the sha256 over the canonical rows, in order."""
    total = hashlib.sha256()
    for row in rows:
        total.update(row.canonical.encode() + b"\n")
    return total.hexdigest()


def _split(name: str, rows: tuple[Example, ...], index: dict[str, int] | None) -> Split:
    """Make a split; `index` gives the classes' numbers, None: labels are numbers themselves."""
    numbers = tuple(float(row.label) for row in rows) if index is None else tuple(index[row.label] for row in rows)
    return Split(
        name=name,
        ids=tuple(row.id for row in rows),
        texts=tuple(row.texts for row in rows),
        labels=numbers,
        fingerprint=fingerprint(rows),
    )


def _duplicates(parts: dict[str, tuple[Example, ...]]) -> tuple[tuple[str, int], ...]:
    """Count the rows of a later split whose texts stand in an earlier one, to the letter."""
    names = list(parts)
    counts = []
    for first, second in ((a, b) for i, a in enumerate(names) for b in names[i + 1 :]):
        known = {row.texts for row in parts[first]}
        counts.append((f"{first} ∩ {second}", sum(row.texts in known for row in parts[second])))
    return tuple(counts)
