"""The encoder: token lists in, one vector per text out. Padding, precision and the device stay inside."""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from benchmark.data.tokens import Tokens
from benchmark.errors import UsageError
from benchmark.model.catalogue import EncoderSource
from benchmark.seeds import Streams


class Encoder(nn.Module):
    """A pretrained transformer that gives the vector of the first token ([CLS]) of each text."""

    def __init__(self, backbone: nn.Module, pad: int, precision: str = "fp32") -> None:
        super().__init__()
        self.backbone = backbone
        self.pad = pad
        self.precision = precision  # bf16: autocast, the weights stay fp32

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

    def forward(self, tokens: Tokens) -> Tensor:
        """Return the [CLS] vectors, (texts, hidden), fp32."""
        ids, mask = tokens.padded(self.pad)  # (texts, longest)
        device = self.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            states = self.backbone(input_ids=_to(ids, device), attention_mask=self._mask(mask)).last_hidden_state
        cls: Tensor = states[:, 0].float()  # (texts, longest, hidden) → (texts, hidden)
        return cls

    def _mask(self, mask: npt.NDArray[np.int64]) -> Tensor | None:
        """Return the attention mask as the backbone wants it, (texts, longest) or ready made (texts, 1, 1, longest).

        Given two dimensions, transformers looks at the mask's values, and a GPU would have to be waited for in every
        step. The host knows them beforehand.
        """
        if mask.all():
            return None
        if self.config._attn_implementation == "sdpa":  # noqa: SLF001 — it has no public name
            return _to(mask.astype(np.bool_)[:, None, None, :], self.device)
        return _to(mask, self.device)


def _to(array: Any, device: torch.device) -> Tensor:
    """Copy an array to `device` without waiting for it: a pinned copy overlaps with what the device is doing."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


class Tokenizer:
    """The encoder's own tokenizer, cut at `max_length` tokens on the right, special tokens included."""

    def __init__(self, source: EncoderSource, max_length: int) -> None:
        from transformers import AutoTokenizer

        self._inner: Any = AutoTokenizer.from_pretrained(source.folder, local_files_only=True, use_fast=True)
        self.identity = source.sha256
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


def load_encoder(source: EncoderSource, tokenizer: Tokenizer, device: str, precision: str) -> Encoder:
    """Return a fresh copy of the pretrained encoder on `device`. Raises UsageError where it is not an encoder."""
    backbone = copy.deepcopy(_pretrained(source))
    return Encoder(backbone, tokenizer.pad, precision).to(device)


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
