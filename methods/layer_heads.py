"""Each task's head at its own layer, with transformer layers of its own: vela-2024 section 6.5."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.core.errors import UsageError
from benchmark.core.parameters import parameter
from benchmark.core.registry import technique
from benchmark.model.blocks import MOST, Blocks
from benchmark.train.baseline import Baseline, HeadOnly
from benchmark.train.heads import AtLayers, Place
from benchmark.train.recipe import Answers, Budget
from benchmark.train.techniques import Technique


def parse_places(text: str | None) -> tuple[tuple[str, Place], ...]:
    """Return the places in ``sst=layer:8,blocks:2;sts=layer:12,blocks:0``, sorted by task; None: none given.

    ``blocks`` counts copies of the encoder's next layers, ``random`` new layers above them. Raises UsageError.
    """
    found: dict[str, Place] = {}
    for entry in text.split(";") if text else ():
        task, _, rest = (piece.strip() for piece in entry.partition("="))
        numbers: dict[str, int] = {}
        for word in rest.split(","):
            name, _, number = (piece.strip() for piece in word.partition(":"))
            if name not in ("layer", "blocks", "random") or name in numbers or not number.isdecimal():
                raise _malformed(text)
            numbers[name] = int(number)
        if (
            not task
            or task in found
            or "layer" not in numbers
            or max(numbers.get(key, 0) for key in ("blocks", "random")) > MOST
        ):
            raise _malformed(text)
        found[task] = Place(numbers["layer"], Blocks(numbers.get("blocks", 0), numbers.get("random", 0)))
    return tuple(sorted(found.items()))


def _malformed(text: str | None) -> UsageError:
    return UsageError(
        "heads takes task=layer:L,blocks:N,random:N for each task, separated by ';' (blocks and random, up to "
        f"{MOST}, may be left out), such as sst=layer:8,blocks:2;sts=layer:12, not {text!r}"
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
        "task=layer:L,blocks:N,random:N;…: its layer, copied and new layers of its own; none: the report's, scaled",
    )
    freeze: bool = parameter(False, "the heads alone are trained, on hidden states that are encoded once")

    def answers(self, baseline: Baseline, budget: Budget) -> Answers:
        """Other heads, and where they are trained alone, nothing else that moves."""
        places = AtLayers(parse_places(self.heads), baseline.dropout, baseline.join)
        return Answers(heads=places, trainable=HeadOnly() if self.freeze else None)
