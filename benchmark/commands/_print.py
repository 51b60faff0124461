"""The two shapes in which verbs answer: a table, and names with values. Texts are data: no markup is read in them."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.table import Table
from rich.text import Text


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


def pairs(facts: Mapping[str, object]) -> Table:
    """Return names and values in two columns; what is empty or None is left out."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in facts.items():
        if value not in (None, ""):
            made.add_row(Text(name), value if isinstance(value, Text) else Text(str(value)))
    return made
