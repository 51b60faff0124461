"""The columns of figures beside the score, described once: the terminal's table, reports and leaderboard draw on these.

A column's key is the attribute of `analysis.rows.Row` that it shows, and the name of its column in data frames.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.analysis.formats import NONE
from benchmark.analysis.rows import Row
from benchmark.core.cell import Protocol
from benchmark.core.scales import about_loss


@dataclass(frozen=True)
class Column:
    """One figure of a row: what it is called, its unit, how it is written."""

    key: str
    title: str
    unit: str  # % | MB | s | nats | nothing
    digits: int  # behind the point
    help: str
    factor: float = 1.0  # from the row's value to the unit
    narrow: str = ""  # the heading in a terminal, lines below each other
    always: bool = False  # digits are shown whatever the size; otherwise only below ten

    @property
    def heading(self) -> str:
        """The title with its unit: ``peak memory (MB)``."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def value(self, row: Row) -> float | None:
        """Return the row's value as it is recorded: bytes, seconds, a fraction of 1."""
        found: float | None = getattr(row, self.key)
        return found

    def text(self, value: float | None) -> str:
        """Return a value (as recorded) as the tables have it, without its unit; a dash for None."""
        if value is None:
            return NONE
        shown = self.factor * value
        return f"{shown:,.{self.digits if self.always or abs(shown) < 10 else 0}f}"

    def with_unit(self, value: float | None) -> str:
        """Return ``970 MB``, or a dash."""
        return f"{self.text(value)} {self.unit}".rstrip() if value is not None else NONE


TRAINABLE = Column(
    "trainable", "trainable parameters", "", 0, "Encoder and head, in the phase that trains the encoder.",
    narrow="trainable\nparameters",
)  # fmt: skip
FRACTION = Column(
    "trainable_fraction", "trainable", "%", 2, "Trainable parameters as a percentage of all parameters.", 100.0,
)  # fmt: skip
EPOCH_SECONDS = Column(
    "epoch_seconds", "seconds per epoch", "", 2,
    "Training alone: the median over epochs, the first of several left out, and over seeds.", narrow="s per\nepoch",
)  # fmt: skip
FIT_SECONDS = Column(
    "fit_seconds", "training time", "s", 2, "All phases, validation and evaluation included: the mean over seeds.",
)  # fmt: skip
MEMORY = Column("memory", "peak memory", "MB", 0, "The largest peak of any seed; 1 MB is a million bytes.", 1e-6)
TUNING_TRIALS = Column(
    "tuning_trials", "tuning trials", "", 0, "Trials of all studies that this row's parameters were chosen from.",
)  # fmt: skip
TUNING_SECONDS = Column("tuning_seconds", "tuning time", "s", 0, "Wall-clock time of those trials.")

COSTS = (TRAINABLE, FRACTION, EPOCH_SECONDS, FIT_SECONDS, MEMORY, TUNING_TRIALS, TUNING_SECONDS)


def loss(protocol: Protocol) -> Column:
    """Return the column of the test loss under `protocol`."""
    about = about_loss(protocol)
    unit = "nats" if "nats" in about and "squared" not in about else ""
    return Column("loss", "test loss", unit, 3, f"{about[0].upper()}{about[1:]}.", narrow="test\nloss", always=True)
