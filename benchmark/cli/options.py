"""What several verbs take: types of arguments that explain themselves, and options with the same words everywhere.

A type raises `UsageError` with the option's name in it: argparse lets that through as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from benchmark.core.errors import UsageError
from benchmark.core.text import did_you_mean, either


def whole(option: str, low: int, high: int | None = None) -> Callable[[str], int]:
    """Return the type of an `option` that is a whole number from `low` to `high` (both allowed)."""
    bounds = f"a whole number of at least {low:,}" if high is None else f"a whole number from {low:,} to {high:,}"

    def convert(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number < low or (high is not None and number > high):
            raise UsageError(f"{option} takes {bounds}, not {text!r}")
        return number

    return convert


def word(option: str, allowed: Iterable[str]) -> Callable[[str], str]:
    """Return the type of an `option` that is one of the words `allowed`: the error for another names the nearest."""
    known = tuple(allowed)

    def convert(text: str) -> str:
        if text in known:
            return text
        hint = did_you_mean(text, known)
        raise UsageError(f"{option} takes {either(known)}, not {text!r}{f': {hint}' if hint else ''}")

    return convert


def filled(option: str) -> Callable[[str], str]:
    """Return the type of an `option` that is some text, but not none: an unset shell variable is no path."""

    def convert(text: str) -> str:
        if not text.strip():
            raise UsageError(f"{option} is empty: give a value, or leave the option out")
        return text

    return convert


def add_json(add: Callable[..., object], what: str) -> None:
    """Add ``--json`` by `add`, the ``add_argument`` of a parser or a group; `what` says what the document holds."""
    add("--json", action="store_true", help=f"print {what} as one JSON document on stdout")


def add_storage(add: Callable[..., object]) -> None:
    """Add ``--storage`` by `add`, the ``add_argument`` of a parser or a group."""
    add(
        "--storage",
        type=filled("--storage"),
        metavar="URL",
        help="Optuna's storage: sqlite:///PATH, journal:///PATH, postgresql://… or mysql://… "
        "(default: optuna.db beside the tracking store's file, so sqlite:///mlruns/optuna.db)",
    )


def add_tracking(add: Callable[..., object]) -> None:
    """Add ``--tracking-uri`` by `add`, the ``add_argument`` of a parser or a group."""
    add(
        "--tracking-uri",
        type=filled("--tracking-uri"),
        metavar="URI",
        help="MLflow's store (default: $MLFLOW_TRACKING_URI, else sqlite:///mlruns/mlflow.db)",
    )
