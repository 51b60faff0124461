"""Supervised contrastive learning (Khosla et al. 2020): all four MASSIVE reports."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.train import ContrastiveThenClassify, technique


@technique(
    "supcon", source="gag-2025 §3.4, isayama-2025 §3.4, yang-2025 §3.2, zheng-2024 table 5; Khosla et al. 2020 eq. 2"
)
@dataclass(frozen=True)
class SupCon(ContrastiveThenClassify):
    """Supervised contrastive learning of the encoder over two dropout views, then a classifier on it."""

    supervised = True
