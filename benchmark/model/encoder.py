"""The encoder: token lists in, one vector per text or hidden states out. Padding, precision, device stay inside.

A backbone whose architecture is known runs without padding (`benchmark.model.packed`), others as transformers has it.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import hashlib
import importlib.metadata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.core.errors import UsageError
from benchmark.core.seeds import Streams
from benchmark.data.tokens import Tokens
from benchmark.model.architecture import obstacle
from benchmark.model.catalogue import EncoderSource
from benchmark.model.packed import packed_states

PLAIN_ATTENTION = ("bert", "camembert", "distilbert", "electra", "roberta", "xlm-roberta")
"""Types of models whose layers are ``layer(states, mask)``, every layer with the same mask of what is no padding."""


@dataclass(frozen=True)
class Tap:
    """Which hidden states a head reads."""

    layer: int | None = None  # 0: embeddings; 1 … n: after that layer; None: the last
    whole: bool = False  # every token's, for a head with layers of its own; else the first token's alone
    pooled: bool = False  # the pretrained pooler's vector of the last layer instead of the first token's itself


TOP = Tap()


@dataclass(frozen=True, eq=False)
class HiddenStates:
    """The encoder's hidden states of some texts at one layer."""

    states: Tensor  # (texts, tokens, hidden), fp32; one token each where the tap isn't whole
    mask: Tensor | None  # what a layer takes as its mask; None: no padding, or one token each

    @property
    def first(self) -> Tensor:
        """The first token's vectors, (texts, hidden)."""
        return self.states[:, 0]


class _StopForwardError(Exception):
    """Ends a forward pass below the layers that no head reads."""


class Encoder(nn.Module):
    """A pretrained transformer that gives the vector of the first token ([CLS]) of each text, or hidden states."""

    def __init__(self, backbone: nn.Module, pad: int, precision: str = "fp32", packed: bool = True) -> None:
        super().__init__()
        self.backbone = backbone
        self.pad = pad
        self.packed = packed  # asked for; `packs` says whether it is possible
        self.precision = precision  # bf16: autocast, the weights stay fp32
        self._published_dropout: dict[nn.Module, float] = {}

    @property
    def config(self) -> Any:
        """The Hugging Face configuration."""
        return self.backbone.config

    @property
    def hidden(self) -> int:
        """Width of a vector."""
        return int(self.config.hidden_size)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.backbone.parameters()).device

    @functools.cached_property
    def layers(self) -> nn.ModuleList:
        """The transformer layers, bottom first: the list as long as the configuration says, whatever it is called."""
        count = int(self.config.num_hidden_layers)
        for module in self.backbone.modules():
            if isinstance(module, nn.ModuleList) and len(module) == count:
                return module
        raise UsageError(
            f"{type(self.backbone).__name__} has no list of {count} layers: it can't be used as an encoder"
        )

    @property
    def plain(self) -> bool:
        """Whether its layers can be called by themselves, so that a head can be made of copies."""
        kind = getattr(self.config, "_attn_implementation", None)
        return self.config.model_type in PLAIN_ATTENTION and kind == "sdpa"

    @property
    def packs(self) -> bool:
        """Whether texts are run without padding: where that is wanted, and every part of the backbone is known."""
        return self.packed and not obstacle(self.backbone)

    def forward(self, tokens: Tokens) -> Tensor:
        """Return the [CLS] vectors, (texts, hidden), fp32."""
        return self.read(tokens).first

    def read(self, tokens: Tokens, tap: Tap = TOP) -> HiddenStates:
        """Return what a head at `tap` reads."""
        layer = len(self.layers) if tap.layer is None else tap.layer
        if self.packs:
            with self.autocast():
                packed, packing = packed_states(self.backbone, tokens, (layer,), tap.whole)
            flat = packed[layer].float()  # (tokens or texts, hidden)
            if not tap.whole:
                return HiddenStates(flat[:, None], None)
            return HiddenStates(packing.pad(flat).view(packing.texts, packing.longest, -1), packing.mask)
        found, mask = self.padded_states(tokens, (layer,))
        states = found[layer] if tap.whole else found[layer][:, :1]
        return HiddenStates(states.float(), mask if tap.whole else None)

    def states(self, tokens: Tokens, layers: Sequence[int], whole: bool) -> dict[int, Tensor]:
        """Return the hidden states at `layers` (0 … n): of all tokens where `whole`, else of the first of each text.

        Each (tokens or texts, hidden). One pass, which goes no further up than the highest of them: what stands above
        has no say in it.
        """
        if self.packs:
            with self.autocast():
                return packed_states(self.backbone, tokens, layers, whole)[0]
        found, _ = self.padded_states(tokens, layers)
        if not whole:
            return {layer: states[:, 0] for layer, states in found.items()}
        longest = int(tokens.lengths.max(initial=0))
        there = _to(np.flatnonzero(np.arange(longest) < tokens.lengths[:, None]), self.device)
        return {layer: states.flatten(0, 1)[there] for layer, states in found.items()}

    def padded_states(self, tokens: Tokens, layers: Sequence[int]) -> tuple[dict[int, Tensor], Tensor | None]:
        """Return the hidden states at `layers`, each (texts, longest, hidden), by transformers' own forward; the mask.

        One pass, as far up as the highest of them.
        """
        ids, _ = tokens.padded(self.pad)  # (texts, longest)
        device, mask = self.device, self.mask(tokens)
        found: dict[int, Tensor] = {}
        with self.autocast(), _captured(self.layers, layers, found):
            try:
                output = self.backbone(input_ids=_to(ids, device), attention_mask=mask)
                found[len(self.layers)] = output.last_hidden_state
            except _StopForwardError:
                pass
        return found, mask

    def mask(self, tokens: Tokens) -> Tensor | None:
        """Return the attention mask of `tokens` on the device; None where no token is padding.

        The host knows it before it is copied. Given the mask of two dimensions, transformers asks the device whether
        anything is padding, in every step; one of four dimensions, (texts, 1, 1, longest), it hands on as it is.
        """
        lengths = tokens.lengths
        longest = int(lengths.max(initial=0))
        if int(lengths.min(initial=longest)) == longest:
            return None
        mask = np.arange(longest) < lengths[:, None]  # (texts, longest)
        return _to(mask[:, None, None, :] if self.plain else mask.astype(np.int64), self.device)

    def pool(self, vectors: Tensor) -> Tensor:
        """Return the pretrained pooler's vectors of [CLS] `vectors`, both (texts, hidden). Raises UsageError."""
        pooler = getattr(self.backbone, "pooler", None)
        if not isinstance(pooler, nn.Module):
            raise UsageError(f"{type(self.backbone).__name__} has no pooler: use representation=cls or another encoder")
        pooled: Tensor = pooler(vectors[:, None])  # poolers read the first of several tokens
        return pooled

    def set_dropout(self, p: float | None) -> None:
        """Give every dropout of the encoder, that of attention included, the probability `p`; None: as published."""
        for module in self.backbone.modules():
            if isinstance(module, nn.Dropout):
                published = self._published_dropout.setdefault(module, module.p)
                module.p = published if p is None else p

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Return a context of the encoder's precision."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")


@contextlib.contextmanager
def _captured(modules: nn.ModuleList, layers: Sequence[int], found: dict[int, Tensor]) -> Iterator[None]:
    """Put what layer k + 1 is given into `found` as the states at k, for every k of `layers` below the last.

    Raises IndexError for a layer that isn't there.
    """
    top = max(layers)
    if not 0 <= min(layers) <= top <= len(modules):
        raise IndexError(f"there are layers 0 to {len(modules)}, not {sorted(layers)}")

    def keep(number: int, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        found[number] = given[0] if given else named["hidden_states"]
        if number == top:
            raise _StopForwardError

    hooks = [
        modules[number].register_forward_pre_hook(
            lambda _, given, named, number=number: keep(number, given, named),
            with_kwargs=True,
        )
        for number in set(layers)
        if number < len(modules)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _to(array: Any, device: torch.device) -> Tensor:
    """Copy an array to `device` without waiting for it: a pinned copy overlaps with what the device is doing."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


class Tokenizer:
    """The encoder's own tokenizer, cut at `max_length` tokens, special tokens included.

    It cuts on the right, unless the encoder's files say otherwise (`truncation_side`).
    """

    def __init__(self, source: EncoderSource, max_length: int) -> None:
        from transformers import AutoTokenizer

        self._inner: Any = AutoTokenizer.from_pretrained(source.folder, local_files_only=True, use_fast=True)
        self.identity = _identity(self._inner, source)
        self.max_length = max_length
        if self._inner.cls_token_id is None or self._inner.pad_token_id is None:
            raise UsageError(
                f"encoder {source.name!r}: its tokenizer has no [CLS] or padding token: choose a BERT-like one"
            )

    @property
    def pad(self) -> int:
        """Id of the padding token."""
        return int(self._inner.pad_token_id)

    def encode(self, texts: Sequence[str]) -> tuple[list[list[int]], int]:
        """Return the ids of each text and how many texts were cut."""
        output = self._inner(list(texts), truncation=True, max_length=self.max_length, verbose=False)
        cut = sum(bool(output[i].overflowing) for i in range(len(texts))) if output.is_fast else 0
        return [list(map(int, ids)) for ids in output["input_ids"]], cut


def _identity(tokenizer: Any, source: EncoderSource) -> str:
    """Return the sha256 of what decides about the tokens: the files, the libraries, and the state they make of them."""
    backend = getattr(tokenizer, "backend_tokenizer", None)  # of one written in Python there are the files alone
    libraries = [importlib.metadata.version(name) for name in ("transformers", "tokenizers")]
    settings = [str(getattr(tokenizer, name, "")) for name in ("truncation_side", "all_special_tokens")]
    state = [source.sha256, *libraries, type(tokenizer).__name__, *settings]
    return hashlib.sha256("\n".join([*state, backend.to_str() if backend else ""]).encode()).hexdigest()


def load_encoder(
    source: EncoderSource, tokenizer: Tokenizer, device: str, precision: str, packed: bool = True
) -> Encoder:
    """Return a fresh copy of the pretrained encoder on `device`. Raises UsageError where it is not an encoder."""
    backbone = copy.deepcopy(_pretrained(source))
    return Encoder(backbone, tokenizer.pad, precision, packed).to(device)


@functools.lru_cache(maxsize=1)
def _pretrained(source: EncoderSource) -> nn.Module:
    """Read the weights once per process. Weights that the files lack (a pooler) are drawn from a fixed stream."""
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.from_pretrained(source.folder, local_files_only=True)
    if getattr(config, "is_encoder_decoder", False) or not hasattr(config, "num_hidden_layers"):
        raise UsageError(f"encoder {source.name!r} is a {config.model_type}, not an encoder: choose a BERT-like one")
    with Streams(0).scope("weights that the files lack"):
        model: nn.Module = AutoModel.from_pretrained(source.folder, dtype=torch.float32, local_files_only=True)
    return model
