"""Each task's head at its own layer, with transformer layers of its own: vela-2024 section 6.5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmark.train import (
    MAX_BLOCKS,
    Answers,
    Baseline,
    Blocks,
    Budget,
    FrozenEncoder,
    Head,
    HeadPosition,
    HeadsAtLayers,
    Technique,
    UsageError,
    did_you_mean,
    parameter,
    technique,
)


def parse_positions(text: str | None) -> tuple[tuple[str, HeadPosition], ...]:
    """Return the places in ``sst=layer:8,model:2;sts=layer:12``, sorted by task; None: none given.

    ``model`` counts copies of the encoder's next layers, ``random`` new layers above them. Raises UsageError.
    """
    positions: dict[str, HeadPosition] = {}
    for entry in text.split(";") if text else ():
        task, _, rest = (piece.strip() for piece in entry.partition("="))
        numbers: dict[str, int] = {}
        for word in rest.split(","):
            name, _, number = (piece.strip() for piece in word.partition(":"))
            if name not in ("layer", "model", "random") or name in numbers or not number.isdecimal():
                raise _malformed(text)
            numbers[name] = int(number)
        if (
            not task
            or task in positions
            or "layer" not in numbers
            or max(numbers.get(key, 0) for key in ("model", "random")) > MAX_BLOCKS
        ):
            raise _malformed(text)
        positions[task] = HeadPosition(numbers["layer"], Blocks(numbers.get("model", 0), numbers.get("random", 0)))
    return tuple(sorted(positions.items()))


def write_positions(positions: Sequence[tuple[str, HeadPosition]]) -> str:
    """Return the text that `parse_positions` reads as `positions`."""
    words = []
    for task, position in positions:
        blocks = f",{position.blocks}" if position.blocks.count else ""
        words.append(f"{task}=layer:{position.layer}{blocks}")
    return ";".join(words)


def _malformed(text: str | None) -> UsageError:
    return UsageError(
        "heads takes task=layer:L,model:N,random:N for each task, separated by ';' (model and random, up to "
        f"{MAX_BLOCKS}, may be left out), such as sst=layer:8,model:2;sts=layer:12, not {text!r}"
    )


@technique("layer-heads", source="vela-2024 §6.5 (table 5); heads by §4.5")
@dataclass(frozen=True)
class LayerHeads(Technique):
    """Each task's head at its own layer: layers of its own → [CLS] → pooler → linear, with the whole model or alone.

    Without `heads` they stand where the report put them, scaled from 12 layers: one sentence 2 copied layers at layer
    8, paraphrase 2 at layer 2, similarity none at the end. It trained the whole model for 1 epoch, or `freeze=true` for
    10, with `lr=1e-5` and `dropout=0.3`.
    """

    heads: str | None = parameter(
        None,
        "task=layer:L,model:N,random:N;…: its layer, copied and new layers of its own; none: the report's, scaled",
    )
    freeze: bool = parameter(False, "the heads alone are trained, on hidden states that are encoded once")

    def canonical(self) -> LayerHeads:
        """Write the positions in one way."""
        return replace(self, heads=write_positions(parse_positions(self.heads)) or None)

    def check(self, layers: int, heads: Sequence[Head]) -> None:
        """Raise UsageError for a head that isn't there, a layer that the encoder lacks, or too few layers to copy."""
        names = [head.name for head in heads]
        for name, position in parse_positions(self.heads):
            if name not in names:
                hint = did_you_mean(name, names, f"there are {', '.join(names)}")
                raise UsageError(f"heads: the suite has no task {name!r}: {hint}")
            position.blocks.check(position.layer, layers, f"the head of {name!r}")

    def answers(self, baseline: Baseline, budget: Budget) -> Answers:
        """Other heads; with `freeze`, a frozen encoder."""
        heads = HeadsAtLayers(parse_positions(self.heads), baseline.dropout, baseline.join)
        return Answers(heads=heads, trainable=FrozenEncoder() if self.freeze else None)
