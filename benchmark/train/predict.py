"""From a trained model to logits, and from a predictor to predictions: written once for all methods."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

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
    """Return `predictor`'s answers for every row of `split`. Scores come from these alone."""
    return Predictions(
        split=split.name,
        task=head.name,
        classes=head.classes,
        ids=split.ids,
        labels=split.targets,
        logits=predictor.logits(head.name, split),
        kind=head.kind,
    )


def _on_host(logits: torch.Tensor) -> npt.NDArray[np.float32]:
    host: npt.NDArray[np.float32] = logits.float().cpu().numpy()
    return host
