"""The pages of the leaderboard: one module each, found by being here.

A page is a module with

- ``TITLE`` (a word or two), ``ICON`` (``:material/…:``), ``PATH`` (its part of the address) and ``ORDER`` (a number);
- ``render(context) -> None``: shows it. What is raised as `UsageError` is shown as one line.

It is rendered only where there are records of the chosen protocol; one with ``WITHOUT_ROWS = True`` also where there is
nothing but trials of studies. What begins with an underscore is no page.

The folder isn't called ``pages``: Streamlit would run the files of such a folder as scripts of their own.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Protocol, cast

from leaderboard.context import Context


class Page(Protocol):
    """A page's module."""

    TITLE: str
    ICON: str
    PATH: str
    ORDER: int

    def render(self, context: Context) -> None:
        """Show the page."""


def load() -> tuple[Page, ...]:
    """Import every page and return them in the order of the navigation."""
    modules = [
        importlib.import_module(f"{__name__}.{found.name}")
        for found in pkgutil.iter_modules(__path__)
        if not found.name.startswith("_")
    ]
    return tuple(sorted((cast(Page, module) for module in modules), key=lambda page: page.ORDER))
