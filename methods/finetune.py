"""The baseline: fine-tune every weight. gag-2025 section 3.1; isayama-2025 section 3.1; zheng-2024 table 1."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.train import Technique, technique


@technique("finetune", source="gag-2025 §3.1, isayama-2025 §3.1, zheng-2024 table 1")
@dataclass(frozen=True)
class FineTune(Technique):
    """Full fine-tuning: [CLS] → dropout → linear-ReLU-linear head, AdamW, cosine to a floor.

    It answers no question differently: it is the baseline that every other technique is compared with.
    """
