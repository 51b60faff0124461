"""The model as trained: an encoder and its heads; its trainable parameters, by depth and in numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn

from benchmark.core.seeds import Streams
from benchmark.model.encoder import Encoder
from benchmark.model.heads import HeadModule


class Model(nn.Module):
    """One encoder and named heads on it."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.ModuleDict()

    def set_heads(self, heads: Mapping[str, HeadModule]) -> None:
        """Put `heads`, by task, on the encoder's device in place of those that were there. Tasks may share one."""
        for name, head in heads.items():
            if not isinstance(head, HeadModule):
                raise TypeError(f"the head of {name!r} is a {type(head).__name__}: derive heads from HeadModule")
        self.heads = nn.ModuleDict({_key(name): head.to(self.encoder.device) for name, head in heads.items()})

    def head(self, name: str) -> HeadModule:
        """Return the head of the task `name`. Raises KeyError."""
        head = self.heads[_key(name)]
        assert isinstance(head, HeadModule)
        return head

    def trainable(self) -> list[nn.Parameter]:
        """Return the trainable parameters, in a fixed order."""
        return [weight for weight in self.parameters() if weight.requires_grad]


def draw_head(streams: Streams, name: str, make: Callable[[], HeadModule]) -> HeadModule:
    """Return a new head whose weights come from the stream ("head", `name`): the same for all methods at one seed."""
    with streams.scope("head", name):
        return make()


def _key(name: str) -> str:
    """Return the name under which torch, which allows no dot, keeps the head `name`."""
    return name.replace(".", "·")


@dataclass(frozen=True)
class Counts:
    """Numbers of parameters of a model as trained, adapters and heads included.

    A pooler counts as part of the encoder although [CLS] doesn't pass through it: so do the reports.
    """

    trainable_encoder: int
    trainable_head: int
    total: int


def count(model: Model) -> Counts:
    """Count the parameters of `model`."""
    trainable = [sum(p.numel() for p in part.parameters() if p.requires_grad) for part in (model.encoder, model.heads)]
    return Counts(trainable[0], trainable[1], sum(p.numel() for p in model.parameters()))


@dataclass(frozen=True, eq=False)
class Group:
    """Trainable parameters at one depth.

    0 for the embeddings, 1..n for the layers, n + 1 for the pooler, None for the heads, which have layers themselves.
    """

    depth: int | None
    parameters: tuple[nn.Parameter, ...]
    layer: int = 0  # of the heads, from 0


def groups(model: Model) -> tuple[Group, ...]:
    """Return the trainable parameters by depth, bottom first, heads last; empty groups are left out.

    Depth comes from the module tree, not from names, so that adapters inside a layer belong to it. Raises RuntimeError
    when a trainable parameter would be in no group or in two.
    """
    encoder = model.encoder
    depth: dict[int, int] = {}
    for number, layer in enumerate(encoder.layers, start=1):
        depth |= {id(weight): number for weight in layer.parameters()}
    pooler = getattr(encoder.backbone, "pooler", None)
    if isinstance(pooler, nn.Module):
        depth |= {id(weight): len(encoder.layers) + 1 for weight in pooler.parameters()}
    found: dict[int | None, list[nn.Parameter]] = {}
    for weight in encoder.parameters():
        if weight.requires_grad:
            found.setdefault(depth.get(id(weight), 0), []).append(weight)
    ordered = [Group(key, tuple(found[key])) for key in sorted(key for key in found if key is not None)]
    ordered += [Group(None, tuple(weights), layer) for layer, weights in sorted(_by_head_layer(model).items())]
    covered = [id(weight) for group in ordered for weight in group.parameters]
    if sorted(covered) != sorted({id(weight) for weight in model.trainable()}):
        raise RuntimeError("parameter groups don't cover every trainable parameter exactly once")
    return tuple(ordered)


def _by_head_layer(model: Model) -> dict[int, list[nn.Parameter]]:
    """Return the trainable parameters of the heads by layer; what belongs to none counts to the first."""
    layer: dict[int, int] = {}
    for head in model.heads.values():
        assert isinstance(head, HeadModule)
        for number, part in enumerate(head.layers()):
            layer |= {id(weight): number for weight in part.parameters()}
    found: dict[int, list[nn.Parameter]] = {}
    for weight in model.heads.parameters():
        if weight.requires_grad:
            found.setdefault(layer.get(id(weight), 0), []).append(weight)
    return found
