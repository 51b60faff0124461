"""Examples on a page: what is stored of them, and those that two disagree about. Of Errors and Compare two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from benchmark.core.cell import Protocol
from benchmark.core.errors import UnreadableError
from benchmark.core.predictions import Predictions
from benchmark.core.record import Record
from benchmark.core.task_kinds import kind
from benchmark.core.text import pluralize
from leaderboard import show, words
from leaderboard.context import Context
from leaderboard.queries import errors
from leaderboard.queries.texts import Texts

SAYS = {
    "first": st.column_config.TextColumn("first predicts"),
    "second": st.column_config.TextColumn("second predicts"),
    "right": st.column_config.TextColumn("who is right"),
}
NOT_AT_HAND = "The texts are not at hand (only their ids are recorded), so ids stand for them"


def tasks(protocol: Protocol) -> list[str]:
    """Return the tasks whose predictions are right or wrong: not those that are numbers."""
    return [task.name for task in protocol.tasks if kind(task.kind).labels != "number"]


def judged(context: Context, records: Iterable[Record], task: str) -> errors.Judged | None:
    """Return the stored test predictions of `records` for `task` as one; None where there are none.

    What can't be read is passed over, and named on the page.
    """
    stored = [one for record in records for one in readable(context, record)]
    return errors.judge([one for one in stored if one.task == task and one.split == "test"])


def readable(context: Context, record: Record) -> tuple[Predictions, ...]:
    """Return the stored test predictions of `record`; say so on the page, and return none, where they can't be read."""
    try:
        return context.store.predictions(record)
    except UnreadableError as error:
        st.warning(words.markdown(f"Predictions passed over: {error}"), icon=":material/broken_image:")
        return ()


def comparable(first: errors.Judged | None, second: errors.Judged | None) -> bool:
    """Return whether both have predictions, and for the same rows and classes."""
    return first is not None and second is not None and (first.ids, first.classes) == (second.ids, second.classes)


def not_at_hand(texts: Texts) -> str:
    """Return why ids are shown and no texts, for Markdown."""
    return f"{NOT_AT_HAND}: {words.markdown(texts.reason)}"


def count(found: pd.DataFrame) -> None:
    """Say of `errors.disagreements` how many there are and who is right."""
    sides = found["right"].value_counts()
    st.caption(
        f"{pluralize(len(found), 'example')}: the first is right on {sides.get('first', 0)}, the second on "
        f"{sides.get('second', 0)}, neither on {sides.get('neither', 0)}. "
        "A row's prediction is the class that most of its seeds predict."
    )


def table(protocol: Protocol, found: pd.DataFrame, texts: Mapping[str, str], headers: Mapping[str, Any]) -> None:
    """Show examples; without their texts the ids come first."""
    order = [str(name) for name in found if texts or name not in ("id", "text")]
    order = order if texts else ["id", *order]
    show.table(protocol, found, order, rows=9, column_config={**show.columns(protocol), **headers})
