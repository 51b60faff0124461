"""LoRA (Hu et al. 2022) by peft: all four MASSIVE reports. The only file that imports peft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from benchmark.train import (
    Answers,
    Baseline,
    Budget,
    Model,
    Streams,
    Technique,
    UsageError,
    Value,
    number_beside,
    parameter,
    technique,
)

QUERY_VALUE = "query,value"
ALL_LINEAR = "all-linear"
PROJECTIONS = ("query", "value", "q_lin", "v_lin", "query_proj", "value_proj", "q_proj", "v_proj")
"""What attention's query and value projections are called in BERT, RoBERTa, DistilBERT, DeBERTa and others."""


@dataclass(frozen=True)
class LowRankAdapters:
    """The encoder's weights are frozen; low-rank updates of some linear layers are trainable."""

    rank: int
    alpha: float
    dropout: float
    targets: str
    trains_encoder: bool = True
    trains_pretrained: bool = False

    def apply(self, model: Model, streams: Streams) -> None:
        """Freeze the encoder and add adapters, drawn from the stream ("lora"); a second call adds none."""
        from peft import LoraConfig, inject_adapter_in_model

        backbone = model.encoder.backbone
        model.encoder.requires_grad_(False)
        if not any("lora_" in name for name, _ in backbone.named_parameters()):
            config = LoraConfig(
                r=self.rank,
                lora_alpha=self.alpha,  # type: ignore[arg-type]  # peft scales by alpha / rank: a float works
                lora_dropout=self.dropout,
                target_modules=self.modules(backbone),
                bias="none",
            )
            with streams.scope("lora"):
                inject_adapter_in_model(config, backbone)
            _separate_dropout(backbone, self.dropout)
            backbone.to(model.encoder.device)
        for name, weight in backbone.named_parameters():
            weight.requires_grad_("lora_" in name)

    def modules(self, backbone: nn.Module) -> list[str]:
        """Return the names of the linear layers that get an adapter. Raises UsageError when there is none."""
        linear = [name for name, module in backbone.named_modules() if isinstance(module, nn.Linear)]
        if self.targets == QUERY_VALUE:
            linear = [name for name in linear if name.rsplit(".", 1)[-1] in PROJECTIONS]
        if not linear:
            raise UsageError(
                f"{type(backbone).__name__} has no query and value layers: use --set lora.targets={ALL_LINEAR}"
            )
        return linear


class SeparateDropout(nn.Module):
    """Dropout whose masks come from a stream of their own, so that those of all other modules stay what they are.

    With `torch.nn.Dropout` an adapter would draw from the generator that every dropout of the encoder draws from, and
    no mask behind the first adapter would be that of full fine-tuning at the same seed.
    """

    tokenwise: ClassVar[bool] = True  # for `benchmark.model.architecture`

    def __init__(self, p: float, name: str) -> None:
        super().__init__()
        self.p = p
        self.name = name  # of the adapted layer: each has its own masks
        self._generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` with a share `p` of its elements zero and the others scaled by 1 / (1 - p), in training."""
        if not self.training or self.p == 0.0:
            return x
        seed = number_beside("adapter", self.name)
        generator = self._generator
        if generator is None or generator.initial_seed() != seed or generator.device != x.device:
            generator = self._generator = torch.Generator(x.device).manual_seed(seed)
        kept = torch.empty_like(x).bernoulli_(1.0 - self.p, generator=generator)
        return x * kept.div_(1.0 - self.p)


def _separate_dropout(backbone: nn.Module, p: float) -> None:
    """Replace the dropout of every adapter in `backbone`."""
    from peft.tuners.lora import LoraLayer

    for name, module in backbone.named_modules():
        if isinstance(module, LoraLayer):
            for adapter in module.lora_dropout:
                module.lora_dropout[adapter] = SeparateDropout(p, name)


@technique("lora", source="gag-2025 §3.3, isayama-2025 §3.3, yang-2025 §3.3; Hu et al. 2022 §4.1")
@dataclass(frozen=True)
class LoRA(Technique):
    """Low-rank adaptation: the encoder is frozen, rank-r updates of its linear layers are trained, and the head.

    On bert-base-uncased rank 20 on query,value trains 737,280 encoder parameters (isayama-2025), rank 4 on all-linear,
    the pooler included, 669,696 (yang-2025).
    """

    # Adapters start at zero and need larger steps: Hu et al. 2022, table 9.
    prefers: ClassVar[Mapping[str, Value]] = {"lr": 1e-3}

    rank: int = parameter(8, "rank of an update", low=1, high=512, search=(2, 4, 8, 16, 32, 64))
    alpha: float = parameter(16.0, "scale of an update: alpha / rank", above=0.0, high=4096.0, search=(4.0, 64.0))
    lora_dropout: float = parameter(0.1, "dropout before an update", low=0.0, high=0.95, search=(0.0, 0.5))
    targets: str = parameter(QUERY_VALUE, "which linear layers are adapted", choices=(QUERY_VALUE, ALL_LINEAR))

    def answers(self, baseline: Baseline, budget: Budget) -> Answers:
        """Other parameters are trainable."""
        return Answers(trainable=LowRankAdapters(self.rank, self.alpha, self.lora_dropout, self.targets))
