"""When a phase trains only the word embeddings that its rows hold (`benchmark.model.vocabulary`): where it is the same.

It is where nobody who is shown weights or gradients does anything to a row but add, scale, copy and measure it. An
objective, a rule that combines gradients, or one that selects weights says so of itself by ``rowwise = True`` in its
own class; of any other, all rows are trained. Of optimizers it is known.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

import numpy as np
import torch

from benchmark.data.tokens import Tokens
from benchmark.model.model import Model
from benchmark.model.vocabulary import occurring_rows, only_scales
from benchmark.train.recipe import Recipe


@contextlib.contextmanager
def occurring_embeddings(
    recipe: Recipe, model: Model, optimizer: torch.optim.Optimizer, texts: Iterable[Tokens]
) -> Iterator[None]:
    """Run a block in which `model`, where that is the same, trains only the embeddings of the tokens of `texts`.

    `optimizer`: one that the recipe's rule made. Another must be made inside, where the weights are others.
    """
    if not (recipe.trainable.trains_encoder and _is_rowwise(recipe) and only_scales(optimizer)):
        yield
        return
    held = [np.flatnonzero(np.bincount(some.flat)) for some in texts if len(some.flat)]
    ids = np.concatenate(held) if held else np.empty(0, dtype=np.int64)
    with occurring_rows(model, model.encoder.backbone, ids, model.encoder.pad):
        yield


def _is_rowwise(recipe: Recipe) -> bool:
    """Return whether the answers that see weights say so, each in its own class: an heir may do something else."""
    answers = (recipe.objective, recipe.gradients, recipe.weight_selection)
    return all(vars(type(answer)).get("rowwise", False) is True for answer in answers)
