"""What a label's text says, by the kind of the task: the name of a class, yes or no, a number in its range.

A row keeps its label as one canonical text (`2` and `2.0` are the same similarity), so that fingerprints and hash
choices don't depend on how a source spells numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmark.core import task_kinds
from benchmark.core.errors import UsageError

BINARY = ("0", "1")
YES_AND_NO = {"true": "1", "false": "0"}  # as JSON and Parquet write booleans


@dataclass(frozen=True)
class Labelling:
    """How the labels of one task are read."""

    kind: str = "classes"
    low: float | None = None  # smallest and largest number; with classes: numbers, rounded to whole ones
    high: float | None = None

    @property
    def by_number(self) -> bool:
        """Whether a source that knows both the name and the number of a class is to give the number."""
        return task_kinds.kind(self.kind).labels != "classes" or self.low is not None

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The classes, where the kind fixes them: none for a number, None where the train split has to tell."""
        wanted = task_kinds.kind(self.kind).labels
        if wanted == "binary":
            return BINARY
        if wanted == "number":
            return ()
        if self.low is None or self.high is None:
            return None
        return tuple(str(number) for number in range(math.ceil(self.low), math.floor(self.high) + 1))

    def canonical(self, text: str) -> str:
        """Return the one spelling of the label `text`. Raises ValueError, which says what is wrong with it."""
        if not self.by_number:
            return text
        if task_kinds.kind(self.kind).labels == "binary":
            return self._binary(text.strip().lower())
        number = _number(text)
        low, high = self._range()
        if not low <= number <= high:
            raise ValueError(f"outside {low:g}..{high:g}: correct it, or the suite's low and high")
        # Halves go up: Python's own rounding would take 2.5 to 2 and 3.5 to 4.
        return repr(number) if task_kinds.kind(self.kind).labels == "number" else str(math.floor(number + 0.5))

    def is_unlabelled(self, text: str) -> bool:
        """Whether `text` stands for no label in a split that hides its labels: empty, or the hub's -1."""
        return not text.strip() or (self.by_number and text.strip() in ("-1", "-1.0"))

    def _binary(self, text: str) -> str:
        text = YES_AND_NO.get(text, text)
        number = _number(text)
        if number not in (0.0, 1.0):
            raise ValueError(
                "neither 0 nor 1: give a column of such labels with --label-column, or label_column in the suite"
            )
        return BINARY[int(number)]

    def _range(self) -> tuple[float, float]:
        if self.low is None or self.high is None:
            raise UsageError(f"a task of kind {self.kind} needs its labels' range: give low and high in the suite")
        return self.low, self.high


def _number(text: str) -> float:
    """Return the number that `text` is. Raises ValueError for anything else, nan and infinity included."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or "_" in text:
        raise ValueError(
            "not a number: correct it, or choose another column with --label-column, or label_column in the suite"
        )
    return number + 0.0  # -0.0 is 0.0


CLASSES = Labelling()
"""Labels are names of classes, as they stand."""
