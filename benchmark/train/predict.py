"""From a trained model to logits, and from a predictor to predictions: written once for all methods."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from benchmark.core.errors import DivergedError
from benchmark.core.predictions import Predictions
from benchmark.data.task import Head, Split
from benchmark.model.model import Model
from benchmark.train.run import Run
from benchmark.train.vectors import Vectors, encode_all, in_batches


class Predictor(Protocol):
    """What ``fit`` returns: it answers for rows it is shown."""

    def logits(self, task: str, split: Split) -> npt.NDArray[np.float32]:
        """Return the logits of `split`'s rows for `task`, (rows, outputs)."""


class ModelPredictor:
    """A trained model as a predictor."""

    def __init__(self, model: Model, run: Run) -> None:
        self.model = model
        self.run = run

    @torch.no_grad()
    def logits(self, task: str, split: Split) -> npt.NDArray[np.float32]:
        """Return the logits of `split`'s rows for `task`, (rows, outputs)."""
        self.model.eval()
        head = self.model.head(task)
        return _on_host(head(encode_all(self.model.encoder, self.run.encode(split).texts, head)))


@torch.no_grad()
def logits_of(model: Model, task: str, vectors: Vectors, rows: int) -> npt.NDArray[np.float32]:
    """Return the logits of rows 0 … `rows` - 1, (rows, outputs), without dropout in the head."""
    head = model.head(task).eval()
    return _on_host(torch.cat([head(batch) for batch in in_batches(vectors, rows)]))


def evaluate(predictor: Predictor, head: Head, split: Split) -> Predictions:
    """Return `predictor`'s answers for every row of `split`. Scores come from these alone.

    Raises TypeError for logits that aren't an array of real numbers, ValueError where they aren't one per row and
    output, DivergedError where one isn't finite.
    """
    return Predictions(
        split=split.name,
        task=head.name,
        classes=head.classes,
        ids=split.ids,
        labels=split.targets,
        logits=_checked(predictor.logits(head.name, split), head, split),
        kind=head.kind,
    )


def _checked(logits: object, head: Head, split: Split) -> npt.NDArray[np.float32]:
    """Return `logits` as fp32. A method may be anybody's: what it answers is looked at before it is believed."""
    where = f"logits for the {split.name} split of {head.name!r}"
    if not isinstance(logits, np.ndarray):
        raise TypeError(f"{where} are a {type(logits).__name__}, not a numpy array")
    if not np.issubdtype(logits.dtype, np.floating):
        raise TypeError(f"{where} are of type {logits.dtype}, not floating point")
    if logits.shape != (len(split), head.outputs):
        raise ValueError(
            f"{where} have the shape {logits.shape}, not {(len(split), head.outputs)}: one row per example, "
            f"{'one column' if head.outputs == 1 else 'one column per class'}"
        )
    with np.errstate(over="ignore"):  # what this type can't hold becomes infinite, and is found below
        narrow = logits.astype(np.float32)
    broken = int((~np.isfinite(narrow)).sum())
    if broken:
        raise DivergedError(f"{broken} of {narrow.size} {where} are not finite")
    return narrow


def _on_host(logits: torch.Tensor) -> npt.NDArray[np.float32]:
    host: npt.NDArray[np.float32] = logits.float().cpu().numpy()
    return host
