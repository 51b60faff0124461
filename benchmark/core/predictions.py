"""What a fitted method says about the rows of a split: enough to compute every score again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.core.metrics import metrics_for, ordered
from benchmark.core.record import Score


@dataclass(frozen=True, eq=False)
class Predictions:
    """Logits for every row of one split of one task."""

    split: str
    task: str
    classes: tuple[str, ...]  # none where the label is a number
    ids: tuple[str, ...]  # (rows,)
    labels: npt.NDArray[np.int64] | npt.NDArray[np.float64]  # (rows,): indices of classes, 0 and 1, or numbers
    logits: npt.NDArray[np.float32]  # (rows, outputs); one column for a binary logit and for a number
    kind: str = "classes"

    def scores(self) -> tuple[Score, ...]:
        """Return every metric that fits the kind. Raises ValueError where rows and logits don't belong together."""
        fitting = metrics_for(self.kind, ordered=ordered(self.classes))
        return tuple(Score(self.split, self.task, found.name, found(self.logits, self.labels)) for found in fitting)
