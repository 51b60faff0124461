"""What a fitted method says about the rows of a split: enough to compute every score again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.metrics import METRICS
from benchmark.record import Score


@dataclass(frozen=True, eq=False)
class Predictions:
    """Logits for every row of one split of one task."""

    split: str
    task: str
    classes: tuple[str, ...]
    ids: tuple[str, ...]  # (rows,)
    labels: npt.NDArray[np.int64]  # (rows,)
    logits: npt.NDArray[np.float32]  # (rows, outputs)

    def scores(self) -> tuple[Score, ...]:
        """Return every metric on these rows. Raises ValueError where rows and logits don't belong together."""
        return tuple(Score(self.split, self.task, found.name, found(self.logits, self.labels)) for found in METRICS)
