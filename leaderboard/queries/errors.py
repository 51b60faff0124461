"""Where predictions are wrong: confusions, classes, examples. Several seeds of a row are pooled, and counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.core.metrics import predicted
from benchmark.core.predictions import Predictions

ORDERS = ("most confused first", "most examples first", "by name")


@dataclass(frozen=True, eq=False)
class Judged:
    """The predictions of `n` runs on the same test rows."""

    classes: tuple[str, ...]
    ids: tuple[str, ...]  # (rows,)
    labels: npt.NDArray[np.int64]  # (rows,)
    predicted: npt.NDArray[np.int64]  # (n, rows)
    loss: npt.NDArray[np.float64]  # (n, rows): cross-entropy in nats

    @property
    def n(self) -> int:
        """How many runs."""
        return len(self.predicted)

    @property
    def usual(self) -> npt.NDArray[np.int64]:
        """The class that most runs predict, the first of several: (rows,)."""
        votes = np.zeros((len(self.labels), len(self.classes)), dtype=np.int64)  # (rows, classes)
        for one in self.predicted:
            votes[np.arange(len(one)), one] += 1
        return np.asarray(votes.argmax(axis=1))


def judge(found: Sequence[Predictions]) -> Judged | None:
    """Return the predictions of several runs as one; runs on other rows than the first are left out. None for none."""
    same = [one for one in found if one.ids == found[0].ids and one.classes == found[0].classes]
    same = [one for one in same if np.array_equal(one.labels, same[0].labels)]
    if not same or not same[0].classes:  # a number is never simply wrong
        return None
    first = same[0]
    return Judged(
        classes=first.classes,
        ids=first.ids,
        labels=first.labels.astype(np.int64),
        predicted=np.stack([predicted(one.logits) for one in same]),
        loss=np.stack([_loss(one) for one in same]),
    )


def _loss(one: Predictions) -> npt.NDArray[np.float64]:
    """Return -log softmax(logits)[label] per row: what `metrics.cross_entropy` is the mean of. (rows,).

    A binary logit z is a softmax over 0 and z.
    """
    wide = one.logits.astype(np.float64)
    if wide.shape[1] == 1:
        wide = np.hstack([np.zeros_like(wide), wide])
    shifted = wide - wide.max(axis=1, keepdims=True)
    picked = shifted[np.arange(len(one.labels)), one.labels.astype(np.int64)]
    return np.asarray(np.log(np.exp(shifted).sum(axis=1)) - picked)


def confusion(judged: Judged, order: str = ORDERS[0]) -> pd.DataFrame:
    """Return how often a row of the class in the index was said to be of the class in the columns, over all runs."""
    count = len(judged.classes)
    cells = np.zeros((count, count), dtype=np.int64)  # (label, predicted)
    for one in judged.predicted:
        np.add.at(cells, (judged.labels, one), 1)
    names = list(judged.classes)
    wrong = cells.sum(axis=1) - cells.diagonal() + cells.sum(axis=0) - cells.diagonal()
    rank = {ORDERS[0]: -wrong, ORDERS[1]: -cells.sum(axis=1)}.get(order, np.arange(count))
    places = np.argsort(rank, kind="stable")
    ordered = [names[place] for place in places]
    return pd.DataFrame(cells[np.ix_(places, places)], index=ordered, columns=ordered)


def per_class(cells: pd.DataFrame) -> pd.DataFrame:
    """Return precision, recall, F1 (fractions) and number of rows per class of a confusion matrix, worst F1 first.

    A class that was never predicted has no precision: NaN. F1 is 2·hits / (predicted + labelled): `metrics.macro_f1`.
    """
    table = cells.to_numpy()
    hits, said, rows = table.diagonal(), table.sum(axis=0), table.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = pd.DataFrame(
            {
                "class": cells.index,
                "precision": hits / said,
                "recall": hits / rows,
                "f1": 2 * hits / (said + rows),
                "predictions": rows,
            }
        )
    return found.sort_values("f1", kind="stable", ignore_index=True)


def hardest(judged: Judged, texts: Mapping[str, str]) -> pd.DataFrame:
    """Return all examples, the highest mean loss first: how many of the runs are wrong, and what they mostly say."""
    wrong = (judged.predicted != judged.labels).sum(axis=0)
    usual = judged.usual
    found = pd.DataFrame(
        {
            "text": [texts.get(name, "") for name in judged.ids],
            "label": [judged.classes[label] for label in judged.labels],
            "predicted": [judged.classes[place] for place in usual],
            "wrong": wrong,
            "example_loss": judged.loss.mean(axis=0),
            "id": list(judged.ids),
        }
    )
    return found.sort_values(["example_loss", "id"], ascending=[False, True], kind="stable", ignore_index=True)


def disagreements(one: Judged, other: Judged, texts: Mapping[str, str]) -> pd.DataFrame:
    """Return the examples whose usual predictions differ: text, label, both predictions, and which of them is right.

    Raises ValueError where the two were not judged on the same rows.
    """
    if one.ids != other.ids or one.classes != other.classes:
        raise ValueError("the two have predictions for different rows")
    first, second = one.usual, other.usual
    places = np.flatnonzero(first != second)
    sides = np.where(first == one.labels, "first", np.where(second == one.labels, "second", "neither"))
    return pd.DataFrame(
        {
            "text": [texts.get(one.ids[place], "") for place in places],
            "label": [one.classes[one.labels[place]] for place in places],
            "first": [one.classes[first[place]] for place in places],
            "second": [one.classes[second[place]] for place in places],
            "right": sides[places],
            "id": [one.ids[place] for place in places],
        }
    )


def search(examples: pd.DataFrame, words: str) -> pd.DataFrame:
    """Return the examples in which all of `words` stand, in any column of text and in any case."""
    wanted = words.casefold().split()
    if not wanted or examples.empty:
        return examples
    columns = [name for name in ("text", "label", "predicted", "first", "second", "id") if name in examples]
    lines = examples[columns].agg(" ".join, axis=1).str.casefold()
    keep = pd.Series(True, index=examples.index)
    for word in wanted:
        keep &= lines.str.contains(word, regex=False)
    return examples[keep].reset_index(drop=True)
