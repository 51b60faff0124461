"""The shapes in which verbs answer: tables, names with values, paragraphs, commands.

Each fits whatever terminal it meets, and breaks lines between words only: a name, a path or a command is never cut,
because people read it, search for it and copy it. Texts are data: no markup is read in them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

EMPTY = "–"
"""What stands in a cell that has nothing to say."""
NARROWEST = 16
"""Characters that a column of sentences gets at least, unless all of them are shorter."""


class Command(str):
    """A command line: it stands unbroken on a line of its own, so that it can be copied."""


@dataclass(frozen=True)
class Column:
    """A column of a `FittingTable`."""

    title: str  # may have several lines
    right: bool = False  # aligned to the right
    whole: bool = False  # never wrapped, not even between words
    optional: bool = False  # left out where there is no room, which a note then says
    below: bool = False  # may stand in a second table below the first, with the first column repeated

    @classmethod
    def parse(cls, header: str) -> Column:
        """Return the column of `header`: ``>name`` stands right, ``name!`` is never wrapped, ``name?`` optional."""
        right = header.startswith(">")
        return cls(header.strip(">!?"), right, right or "!" in header[-2:], "?" in header[-2:])


class FittingTable:
    """A table that is as wide as it needs and at most as wide as the terminal.

    Where it doesn't fit, it stands in two parts, or without its optional columns, or as a card for each row.
    """

    def __init__(self, *columns: Column) -> None:
        self.columns = columns
        self.rows: list[tuple[tuple[Text, ...], str]] = []

    def add_row(self, *cells: object, style: str | None = None) -> None:
        """Add a row: a text for each column."""
        texts = tuple(cell if isinstance(cell, Text) else Text(str(cell)) for cell in cells)
        self.rows.append((texts, style or ""))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        every = range(len(self.columns))
        first = [place for place in every if not self.columns[place].below]
        second = [0, *(place for place in every if self.columns[place].below)]
        if self._fits(every, width):
            yield self._table(every, width)
        elif len(second) > 1 and self._fits(first, width) and self._fits(second, width):
            yield self._table(first, width)
            yield Text()
            yield self._table(second, width)
        else:
            yield from self._shortened(list(every), width)

    def _shortened(self, places: list[int], width: int) -> Iterator[RenderableType]:
        """Yield the table without as many of its optional columns as there is no room for; else cards."""
        gone: list[int] = []
        for place in [place for place in reversed(places) if self.columns[place].optional]:
            gone.insert(0, place)
            left = [place for place in places if place not in gone]
            if self._fits(left, width):
                yield self._table(left, width)
                names = ", ".join(_one_line(self.columns[place].title) for place in gone)
                yield Paragraph(f"no room here for {names}: a wider terminal or --json shows more", style="dim")
                return
        for number, (cells, style) in enumerate(self.rows):
            if number:
                yield Text()
            yield from self._card(cells, style)

    def _card(self, cells: Sequence[Text], style: str) -> Iterator[RenderableType]:
        title = Text(f"{_one_line(self.columns[0].title)} ", style="dim")
        yield _unbroken(title.append_text(Text(cells[0].plain, style=f"bold {style}".strip())))
        pairs = zip(self.columns[1:], cells[1:], strict=True)
        known = {_one_line(column.title): _stripped(cell) for column, cell in pairs if cell.plain != EMPTY}
        yield Facts(known, indent=2)

    def _fits(self, places: Sequence[int], width: int) -> bool:
        return sum(self._least(place) for place in places) + self._margins(places) <= width

    def _margins(self, places: Sequence[int]) -> int:
        """Return the columns that aren't text: what the box and the padding take."""
        empty = _grid()
        for _ in places:
            empty.add_column("", width=1)
        console = Console(width=sys.maxsize)
        return empty.__rich_measure__(console, console.options).maximum - len(places)

    def _texts(self, place: int) -> Iterator[str]:
        yield self.columns[place].title
        yield from (cells[place].plain for cells, _ in self.rows)

    def _most(self, place: int) -> int:
        return max(cell_len(line) for text in self._texts(place) for line in text.split("\n"))

    def _least(self, place: int) -> int:
        if self.columns[place].whole:
            return self._most(place)
        longest = max(cell_len(word) for text in self._texts(place) for word in text.split() or [""])
        return max(longest, min(self._most(place), NARROWEST))

    def _table(self, places: Sequence[int], width: int) -> Table:
        grid = _grid()
        least, most = [self._least(place) for place in places], [self._most(place) for place in places]
        spare = width - sum(least) - self._margins(places)
        for place, low, high in zip(places, least, most, strict=True):
            column = self.columns[place]
            more = min(high - low, spare)  # the leftmost first: names before sentences
            spare -= more
            justify: Literal["left", "right"] = "right" if column.right else "left"
            grid.add_column(
                Text(column.title), justify=justify, width=low + more, no_wrap=column.whole, overflow="fold"
            )
        for cells, style in self.rows:
            grid.add_row(*[cells[place] for place in places], style=style or None)
        return grid


class Facts:
    """Names and values in two columns; where a value's longest word has no room there, it stands below its name."""

    def __init__(self, facts: Mapping[str, object], indent: int = 0) -> None:
        self.facts = {name: value for name, value in facts.items() if value not in (None, "") and str(value)}
        self.indent = indent

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        margin = " " * self.indent
        column = self.indent + max(map(cell_len, self.facts), default=0) + 2
        room = options.max_width - column
        words = [word for value in self.facts.values() if not isinstance(value, Command) for word in str(value).split()]
        beside = max(map(cell_len, words), default=0) <= room and room >= NARROWEST
        for name, value in self.facts.items():
            style = value.style if isinstance(value, Text) else ""
            width = room if beside else options.max_width - self.indent - 2
            lines = [str(value)] if isinstance(value, Command) else wrap(str(value), width)
            if beside and cell_len(lines[0]) <= room:
                lead = Text(f"{margin}{name}".ljust(column), style="dim")
                yield _unbroken(lead.append_text(Text(lines[0], style=style or "not dim")))
                lines, start = lines[1:], " " * column
            else:
                yield _unbroken(Text(f"{margin}{name}", style="dim"))
                start = margin + "  "
            for line in lines:
                yield _unbroken(Text(start).append_text(Text(line, style=style)))


class Paragraph:
    """Text, its own line ends kept, wrapped between words; further lines of one stand `hanging` columns in."""

    def __init__(self, text: str, style: str = "", hanging: int = 0) -> None:
        self.text, self.style, self.hanging = text, style, hanging

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.text.split("\n"):
            for part in wrap(line, options.max_width, self.hanging):
                yield _unbroken(Text(part, style=self.style))


@dataclass(frozen=True)
class NextSteps:
    """Commands that one can type now, each unbroken on a line of its own, and what for."""

    steps: Sequence[tuple[str, str]]  # command, what for

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text("next:")
        for command, purpose in self.steps:
            yield _unbroken(Text(f"  {command}"))
            yield Paragraph(f"      {purpose}")


def wrap(text: str, width: int, hanging: int = 0) -> list[str]:
    """Return the lines of `text`, each of at most `width` columns but for a longer word, which is never broken.

    A line's own indentation is kept; what continues it stands `hanging` columns further in.
    """
    lines = []
    for given in text.split("\n"):
        margin = given[: len(given) - len(given.lstrip())]
        line = margin
        for word in given.split():
            gap = " " if line.strip() else ""
            if gap and cell_len(line) + 1 + cell_len(word) > width:
                lines.append(line)
                line, gap = margin + " " * hanging, ""
            line += gap + word
        lines.append(line)
    return lines


def show(console: Console, *renderables: RenderableType) -> None:
    """Print each of `renderables`; a word that is wider than the terminal is left to the terminal, uncut."""
    for renderable in renderables:
        console.print(Group(renderable), overflow="ignore", crop=False)  # a Text by itself would lose its own settings


def table(*headers: str) -> FittingTable:
    """Return an empty table with these columns, written as `Column.parse` reads them."""
    return FittingTable(*map(Column.parse, headers))


def pairs(facts: Mapping[str, object]) -> Facts:
    """Return names and values in two columns; what is empty or None is left out."""
    return Facts(facts)


def shown(value: object) -> str:
    """Return the value of a parameter as people read it: three digits are enough to see what it is."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _grid() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")


def _unbroken(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ignore"
    return text


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _stripped(cell: Text) -> Text:
    return Text(_one_line(cell.plain), style=cell.style)
