"""Combinations that the reports measured, so that ``--methods all`` has them. Any other can be typed: ``llrd+swa``."""

from __future__ import annotations

from benchmark.train import combination

combination("llrd+warmup", source="zheng-2024 table 4, yang-2025 §3.1")
combination("schedule+swa", source="isayama-2025 §3.2")
combination("swa+reinit", source="gag-2025 §3.2.3")
