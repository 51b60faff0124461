"""Where heads stand and what they are made of: on top of the encoder, or at a layer of its own for each task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from benchmark.core.errors import UsageError
from benchmark.core.seeds import Streams
from benchmark.data.task import Head
from benchmark.model.blocks import Blocks, make_blocks
from benchmark.model.encoder import Tap
from benchmark.model.heads import CONCAT, ClassifierHead, HeadModule, LayerHead, PairHead
from benchmark.model.model import Model, draw_head


@dataclass(frozen=True)
class ClsHead:
    """The baseline's head on the last layer's [CLS]: dropout → linear-ReLU-linear; a pair's vectors are joined."""

    dropout: float
    hidden: int | None  # None: dropout → linear
    join: str = CONCAT  # of a pair's vectors: concat | difference
    projection: int | None = None  # width of a linear layer before the dropout
    pooled: bool = False  # on the pretrained pooler's vector instead of [CLS] itself

    def attach(self, model: Model, heads: Sequence[Head], streams: Streams) -> Mapping[str, HeadModule]:
        """Return a head for each task."""
        return {head.name: draw_head(streams, head.name, lambda head=head: self._head(model, head)) for head in heads}  # type: ignore[misc]

    def _head(self, model: Model, head: Head) -> HeadModule:
        width = model.encoder.hidden * head.sentences
        body = ClassifierHead(width, self.hidden, head.outputs, self.dropout, self.projection)
        body.tap = Tap(pooled=self.pooled)
        return body if head.sentences == 1 else PairHead(self.join, body)


@dataclass(frozen=True)
class KeptHeads:
    """The heads that the phase before has trained."""

    def attach(self, model: Model, heads: Sequence[Head], streams: Streams) -> Mapping[str, HeadModule]:
        """Return them. Raises KeyError where there are none."""
        return {head.name: model.head(head.name) for head in heads}


NO_BLOCKS = Blocks()


@dataclass(frozen=True)
class HeadPosition:
    """Where a head stands, and the transformer layers that it has itself."""

    layer: int  # 0: embeddings … n
    blocks: Blocks = NO_BLOCKS
    stream: str | None = None  # the task whose streams its new weights come from; None: the head's own


@dataclass(frozen=True)
class HeadsAtLayers:
    """Each head at its own layer, with layers of its own: own layers → [CLS] → pooler → join → dropout → linear.

    vela-2024 sections 4.5 and 6.5. A head without a position stands where `report_default` says.
    """

    positions: tuple[tuple[str, HeadPosition], ...]  # by the head's name; empty: all where the report put them
    dropout: float
    join: str = CONCAT
    standardise: bool = False  # what a head without layers of its own reads

    def attach(self, model: Model, heads: Sequence[Head], streams: Streams) -> Mapping[str, HeadModule]:
        """Return every head, made for its position. Raises UsageError for an encoder whose layers can't be copied."""
        given = dict(self.positions)
        layers = len(model.encoder.layers)
        return {
            head.name: self._drawn(model, head, given.get(head.name) or report_default(head, layers), streams)
            for head in heads
        }

    def _drawn(self, model: Model, head: Head, position: HeadPosition, streams: Streams) -> HeadModule:
        stream = position.stream or head.name
        # From a stream of their own, so that pooler and linear layer are the same whatever stands below them.
        blocks = make_blocks(model.encoder, position.layer, position.blocks, streams.torch("blocks", stream))
        tap = Tap(position.layer, whole=position.blocks.count > 0)
        return draw_head(streams, stream, lambda: self._head(model, head, tap, blocks))

    def _head(self, model: Model, head: Head, tap: Tap, blocks: nn.ModuleList) -> HeadModule:
        join = self.join if head.sentences > 1 else None
        standardise = self.standardise and not len(blocks)
        return LayerHead(tap, blocks, model.encoder.hidden, head.outputs, self.dropout, join, standardise)


def check_join(join: str, heads: Sequence[Head]) -> None:
    """Raise UsageError where `join` was chosen and none of `heads` is about pairs of sentences."""
    if join != CONCAT and all(head.sentences == 1 for head in heads):
        raise UsageError(f"join={join}: no task of this suite is about pairs of sentences: leave it out")


def report_default(head: Head, layers: int) -> HeadPosition:
    """Return where vela-2024 (sections 6.3 and 6.5) puts a head of this kind, scaled from 12 layers to `layers`.

    One sentence: 2 copied layers at layer 8; yes or no about a pair: 2 at layer 2; its similarity: none, at the end.
    """
    if head.sentences == 1:
        layer = round(layers * 8 / 12)
    elif head.kind == "pair-binary":
        layer = round(layers * 2 / 12)
    else:
        return HeadPosition(layers)
    return HeadPosition(layer, Blocks(model=min(layers - layer, max(1, round(layers * 2 / 12)))))
