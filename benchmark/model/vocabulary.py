"""Training only the word embeddings that occur: the others never have a gradient, and an optimizer only scales them.

Of a vocabulary of 30,000 a training split holds a few thousand. With all rows as one weight, every step allocates,
zeroes, measures and moves all of them (46 MB for MiniLM, 11% of a step). Here the rows that occur are a weight of their
own, and one more row, which starts as ones, has the fate of all that don't: without a gradient, weight decay multiplies
it as it multiplies them, so that a row comes out as what it was times that row. Averages of weights, copies of the best
ones and clipping need to know nothing of it, because all they do to a row is linear; a missing row adds nothing to a
gradient's norm. Equal to training all rows up to fp32 rounding.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

WORTHWHILE = 0.75
"""Share of the vocabulary that may occur before it isn't worth the trouble."""


class OccurringRows(nn.Module):
    """Stands for an embedding of which only the rows `occurring` (n,) are trained. Its state is the whole table."""

    places: Tensor  # (vocabulary,): a token's row in `weight`; n + 1, which is none, for those that don't occur

    def __init__(self, whole: nn.Embedding, occurring: Tensor) -> None:
        super().__init__()
        table = whole.weight.detach()
        self.whole = table  # a plain attribute: neither trained nor saved
        self.occurring = occurring
        places = torch.full((len(table),), len(occurring) + 1, dtype=torch.int64, device=table.device)
        places[occurring] = torch.arange(len(occurring), device=table.device)
        self.register_buffer("places", places, persistent=False)
        self.weight = nn.Parameter(torch.cat([table[occurring], torch.ones_like(table[:1])]))  # (n + 1, width)
        self.padding_idx = None if whole.padding_idx is None else int(places[whole.padding_idx])

    def forward(self, ids: Tensor) -> Tensor:
        """(…) → (…, width). Raises IndexError for a token that doesn't occur where gradients are wanted."""
        places = self.places[ids]
        if torch.is_grad_enabled():
            return nn.functional.embedding(places, self.weight, self.padding_idx)
        last = len(self.occurring)
        found = nn.functional.embedding(places.clamp(max=last), self.weight)
        return torch.where((places > last)[..., None], self.whole[ids] * self.weight[last], found)

    @torch.no_grad()
    def table(self) -> Tensor:
        """Return the whole table as it would be now, (vocabulary, width)."""
        table = self.whole * self.weight[-1]
        table[self.occurring] = self.weight[:-1]
        return table

    @torch.no_grad()
    def restore(self) -> None:
        """Write into the whole table what has become of its rows."""
        self.whole.mul_(self.weight[-1])
        self.whole[self.occurring] = self.weight[:-1]

    def _save_to_state_dict(self, destination: dict[str, Tensor], prefix: str, keep_vars: bool) -> None:
        """Save the whole table, under the name that it has outside."""
        destination[prefix + "weight"] = self.table()


@contextlib.contextmanager
def occurring_rows(model: nn.Module, backbone: Any, ids: npt.NDArray[np.integer[Any]], pad: int) -> Iterator[bool]:
    """Run a block in which `backbone`, a part of `model`, trains only the embeddings of tokens in `ids`.

    ids (any number,), repeated or not; `pad` is added to them. Afterwards all is as it was, the whole table trained.
    Says whether it does so: not where the embedding is frozen, shared, unusual or has a hook, or most of it occurs.
    """
    whole = _embedding(backbone)
    occurring = np.union1d(ids, [pad]).astype(np.int64)
    if not _splits(model, whole) or len(occurring) > WORTHWHILE * len(whole.weight):
        yield False
        return
    rows = OccurringRows(whole, torch.from_numpy(occurring).to(whole.weight.device))
    rows.train(whole.training)
    backbone.set_input_embeddings(rows)
    try:
        yield True
    finally:
        rows.restore()
        whole.train(rows.training)
        backbone.set_input_embeddings(whole)


def _embedding(backbone: Any) -> Any:
    """Return the module that embeds words; None where the backbone doesn't say."""
    try:
        return backbone.get_input_embeddings()
    except (AttributeError, NotImplementedError):
        return None


def _splits(model: nn.Module, whole: Any) -> bool:
    """Return whether `whole` is a plain embedding that is trained and that no other module of `model` shares."""
    if type(whole) is not nn.Embedding or not whole.weight.requires_grad:
        return False
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    if any(whole.__dict__[name] for name in hooks) or "forward" in whole.__dict__:
        return False
    if whole.weight._backward_hooks or whole.weight._post_accumulate_grad_hooks:  # noqa: SLF001 — no public name
        return False
    if whole.max_norm is not None or whole.scale_grad_by_freq or whole.sparse:
        return False
    owners = [
        module
        for module in model.modules()
        if any(weight is whole.weight for weight in module.parameters(recurse=False))
    ]
    return len(owners) == 1


def only_scales(optimizer: torch.optim.Optimizer) -> bool:
    """Return whether `optimizer` multiplies all rows that never have a gradient by one and the same number.

    So do SGD, whose decay is linear in a weight, momentum included, and Adam with decoupled decay or none. Adam with
    decay in the gradient doesn't: it divides it by its own size. Of others nothing is known.
    """
    if type(optimizer) is torch.optim.SGD or type(optimizer) is torch.optim.AdamW:
        return True
    if type(optimizer) is not torch.optim.Adam:
        return False
    return all(group["weight_decay"] == 0 or group.get("decoupled_weight_decay") for group in optimizer.param_groups)
