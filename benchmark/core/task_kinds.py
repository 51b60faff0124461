"""The kinds of tasks: how many sentences a row has, what its label is, what a head gives, which loss is its own.

Whatever differs between kinds is said here once; nothing else asks for a kind by name to find out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Kind:
    """What a task asks: the ``kind`` of a suite's task and of a head."""

    name: str
    sentences: int  # texts of a row; the encoder meets each on its own
    labels: Literal["classes", "binary", "number"]  # index of a class; 0 or 1; a float from the head's low to its high
    loss: str  # the metric that is the suite's loss for such a task, and what training lowers
    metric: str  # what ranks, unless the suite says otherwise
    summary: str

    @property
    def one_output(self) -> bool:
        """Whether a head gives one number per row (a logit or the value itself), and not one per class."""
        return self.labels != "classes"


KINDS: tuple[Kind, ...] = (
    Kind("classes", 1, "classes", "cross_entropy", "accuracy", "a sentence → one of several classes"),
    Kind("pair-binary", 2, "binary", "binary_cross_entropy", "accuracy", "two sentences → yes (1) or no (0)"),
    Kind("pair-regression", 2, "number", "mean_squared_error", "pearson", "two sentences → a number from low to high"),
    Kind("pair-classes", 2, "classes", "cross_entropy", "accuracy", "two sentences → one of several classes"),
)

FORMER_NAMES = {"pair-number": "pair-regression"}
"""What kinds were called in records and suites that were written earlier."""


def current_name(name: str) -> str:
    """Return what the kind called `name` is called today; a name that is no former one comes back as it is."""
    return FORMER_NAMES.get(name, name)


def kind(name: str) -> Kind:
    """Return the kind called `name`. Raises KeyError."""
    for known in KINDS:
        if known.name == name:
            return known
    raise KeyError(f"no kind of task is called {name!r}; there are {', '.join(known.name for known in KINDS)}")
