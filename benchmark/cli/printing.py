"""The two shapes in which verbs answer: a table, and names with values. Texts are data: no markup is read in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from benchmark.core.text import duration, pluralize

if TYPE_CHECKING:
    from benchmark.core.record import Record


class PlainTable(Table):
    """A table whose cells are taken as they are: ``[bold]`` in a user's name stays ``[bold]``."""

    def add_row(self, *cells: object, **settings: object) -> None:
        """Add a row of texts."""
        super().add_row(*[cell if isinstance(cell, Text) else Text(str(cell)) for cell in cells])


def table(*headers: str) -> PlainTable:
    """Return an empty table with these columns; ``>name`` is aligned to the right, ``name!`` is never wrapped."""
    made = PlainTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for header in headers:
        made.add_column(
            Text(header.strip(">!")),
            justify="right" if header.startswith(">") else "left",
            no_wrap=header.startswith(">") or header.endswith("!"),
            overflow="fold",
        )
    return made


def shown(value: object) -> str:
    """Return the value of a parameter as people read it: three digits are enough to see what it is."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def tuning_words(record: Record) -> str:
    """Return whence a tuned cell has its parameters and what they cost; "" of any other."""
    found = record.tuning
    if found is None:
        return ""
    cost = f"{pluralize(found.trials, 'trial')}, {duration(found.seconds)}"
    return f"trial {found.trial} of study {found.study} (validation {found.value:.4f}; tuning cost {cost})"


def pairs(facts: Mapping[str, object]) -> Table:
    """Return names and values in two columns; what is empty or None is left out."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in facts.items():
        if value not in (None, ""):
            made.add_row(Text(name), value if isinstance(value, Text) else Text(str(value)))
    return made
