"""The few shapes in which figures and words are written everywhere: durations, counts, percentages, near misses."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def duration(seconds: float) -> str:
    """Return `seconds` as ``0:07``, ``12:30`` or ``1:02:30``."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def pluralize(count: int, noun: str, plural: str = "") -> str:
    """Return ``1 cell`` or ``1,024 cells``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def percent(fraction: float) -> str:
    """Return a fraction (0..1) as ``87.3%``."""
    return f"{100 * fraction:.1f}%"


def one_line(text: str) -> str:
    """Return `text` with every run of white space (line ends as well) as one space."""
    return " ".join(text.split())


def quoted(value: object, longest: int = 80) -> str:
    """Return how Python writes `value`, cut after `longest` characters: for errors about what a person gave."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write whole numbers of more than 4,300 digits
        return "a number of thousands of digits"
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def either(words: Iterable[str]) -> str:
    """Return ``a, b or c``."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def did_you_mean(text: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return ``did you mean 'x'?`` for the known word nearest to `text`, or `otherwise` where none is near."""
    near = difflib.get_close_matches(text, list(known), n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else otherwise
