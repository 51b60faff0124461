"""Figures as text: mean ± half-width, differences, p-values. Every table, report and page writes them with these."""

from __future__ import annotations

from benchmark.analysis.stats import Summary
from benchmark.core.scales import Scale

NONE = "–"
"""What stands where there is no number."""


def mean(summary: Summary | None, scale: Scale) -> str:
    """Return ``87.3``, or a dash for None."""
    return NONE if summary is None else f"{scale.factor * summary.mean:.{scale.digits}f}"


def half_width(value: float | None, scale: Scale) -> str:
    """Return `` ± 0.4``, or nothing where there is no interval."""
    return "" if value is None else f" ± {scale.factor * value:.{scale.digits}f}"


def interval(summary: Summary | None, scale: Scale) -> str:
    """Return ``87.3 ± 0.4``: mean and half-width of the 95% interval, without the latter where n is 1."""
    return mean(summary, scale) + (half_width(summary.half_width, scale) if summary else "")


def difference(value: float | None, half: float | None, scale: Scale) -> str:
    """Return ``+1.2 ± 0.4``: a difference of two scores, in the unit in which `scale` shows scores."""
    if value is None:
        return NONE
    return f"{scale.factor * value:+.{scale.digits}f}{half_width(half, scale)}".replace("-", "−")


def p_value(p: float | None) -> str:
    """Return ``0.031``, or ``< 0.001``."""
    if p is None:
        return NONE
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
