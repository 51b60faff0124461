"""The verbs of ``bench``: one module each, found by being here.

A verb is a module with

- ``NAME`` and ``HELP``: the word and one line about it; ``ORDER`` (a number, optional) places it in ``bench --help``;
- ``configure(parser)``: adds options, a description and examples to its `argparse.ArgumentParser`;
- ``run(arguments) -> int``: does it and returns the exit status. `UsageError` becomes one line and status 2.

Its top imports only what ``bench --help`` can afford: no torch, mlflow, transformers, datasets, pandas or scipy. What
begins with an underscore is no verb.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from typing import Protocol, cast


class Command(Protocol):
    """A verb's module."""

    NAME: str
    HELP: str

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add options, a description and examples to the verb's parser."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it and return the exit status."""


def load() -> dict[str, Command]:
    """Import every verb and return them by name, in the order of the help."""
    modules = [
        importlib.import_module(f"{__name__}.{found.name}")
        for found in pkgutil.iter_modules(__path__)
        if not found.name.startswith("_")
    ]
    modules.sort(key=lambda module: (getattr(module, "ORDER", 100), module.__name__))
    return {module.NAME: cast(Command, module) for module in modules}
