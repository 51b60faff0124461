"""Unsupervised contrastive learning: SimCLR's loss (Chen et al. 2020) on SimCSE's dropout views (Gao et al. 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from benchmark.train import ContrastiveThenClassify, Value, technique


@technique(
    "simclr", source="gag-2025 §3.4, isayama-2025 §3.4, yang-2025 §3.2, zheng-2024 table 6; Chen et al. 2020 eq. 1"
)
@dataclass(frozen=True)
class SimCLR(ContrastiveThenClassify):
    """Contrastive learning without labels (NT-Xent over two dropout views), then a classifier on it.

    Its learning rate is that of gag-2025 and zheng-2024: pushing this loss further down pulls rows of a class apart.
    """

    prefers: ClassVar[Mapping[str, Value]] = {"lr": 1e-5}
    supervised = False
