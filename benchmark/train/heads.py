"""Where heads stand and what they are made of: on top of the encoder, or at a layer of its own for each task."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from benchmark.core.errors import UsageError
from benchmark.core.seeds import Streams
from benchmark.data.task import Head
from benchmark.model.blocks import Blocks, make_blocks
from benchmark.model.encoder import Tap
from benchmark.model.heads import ClassifierHead, LayerHead, PairHead
from benchmark.model.model import Model


@dataclass(frozen=True)
class OnTop:
    """The baseline's head on the last layer's [CLS]: dropout → linear-ReLU-linear; a pair's vectors are joined."""

    dropout: float
    hidden: int
    join: str = "concat"  # of a pair's vectors: concat | difference

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Any encoder will do."""

    def attach(self, model: Model, heads: Sequence[Head], streams: Streams) -> None:
        """Put one head per task on the encoder."""
        for head in heads:
            model.attach(head.name, lambda head=head: self._head(model, head), streams)  # type: ignore[misc]

    def module(self, model: Model, head: Head) -> nn.Module:
        """Return the head's own module."""
        return model.head(head.name)

    def _head(self, model: Model, head: Head) -> nn.Module:
        width = model.encoder.hidden * head.sentences
        body = ClassifierHead(width, self.hidden, head.outputs, self.dropout)
        return body if head.sentences == 1 else PairHead(self.join, body)


NONE = Blocks()


@dataclass(frozen=True)
class Place:
    """Where a head stands, and the transformer layers that it has itself."""

    layer: int  # 0: embeddings … n
    blocks: Blocks = NONE
    stream: str | None = None  # the task whose streams its new weights come from; None: the head's own


@dataclass(frozen=True)
class AtLayers:
    """Each head at its own layer, with layers of its own: own layers → [CLS] → pooler → join → dropout → linear.

    vela-2024 sections 4.5 and 6.5. A head without a place stands where `usual` says.
    """

    places: tuple[tuple[str, Place], ...]  # by the head's name; empty: all as usual
    dropout: float
    join: str = "concat"
    standardise: bool = False  # what a head without layers of its own reads

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise UsageError for a head that isn't there, a layer that the encoder lacks, or too few layers to copy."""
        names = [head.name for head in heads]
        for name, place in self.places:
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
                raise UsageError(f"heads: the suite has no task {name!r}: {hint}")
            place.blocks.check(place.layer, layers, f"the head of {name!r}")

    def attach(self, model: Model, heads: Sequence[Head], streams: Streams) -> None:
        """Put every head at its place. Raises UsageError for an encoder whose layers can't stand in a head."""
        given = dict(self.places)
        for head in heads:
            place = given.get(head.name) or usual(head, len(model.encoder.layers))
            stream = place.stream or head.name
            # Drawn apart from the rest, so that pooler and linear layer are the same whatever stands below them.
            blocks = make_blocks(model.encoder, place.layer, place.blocks, streams.torch("blocks", stream))
            tap = Tap(place.layer, whole=place.blocks.count > 0)
            model.attach(head.name, lambda h=head, t=tap, b=blocks: self._head(model, h, t, b), streams, stream)  # type: ignore[misc]

    def module(self, model: Model, head: Head) -> nn.Module:
        """Return the head's own module."""
        return model.head(head.name)

    def _head(self, model: Model, head: Head, tap: Tap, blocks: nn.ModuleList) -> nn.Module:
        join = self.join if head.sentences > 1 else None
        plain = self.standardise and not len(blocks)
        return LayerHead(tap, blocks, model.encoder.hidden, head.outputs, self.dropout, join, plain)


def usual(head: Head, layers: int) -> Place:
    """Return where vela-2024 (sections 6.3 and 6.5) puts a head of this kind, scaled from 12 layers to `layers`.

    One sentence: 2 copied layers at layer 8; yes or no about a pair: 2 at layer 2; its similarity: none, at the end.
    """
    if head.sentences == 1:
        layer = round(layers * 8 / 12)
    elif head.kind == "pair-binary":
        layer = round(layers * 2 / 12)
    else:
        return Place(layers)
    return Place(layer, Blocks(model=min(layers - layer, max(1, round(layers * 2 / 12)))))
