"""Numbers with units, and user-given strings made harmless for Markdown and for Plotly. Without Streamlit."""

from __future__ import annotations

import html
import re

from benchmark.analysis.formats import NONE as NONE
from benchmark.analysis.formats import interval
from benchmark.analysis.stats import Summary
from benchmark.core.cell import Protocol
from benchmark.core.metrics import METRICS
from benchmark.core.scales import of_headline, of_metric
from benchmark.core.text import duration, one_line, pluralize

MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>$:&^=\"'@/])")
LONGEST = 60
"""Characters of a label in a figure."""


def markdown(text: object) -> str:
    """Return `text` so that Streamlit's Markdown shows just its characters: no format, link, emoji or formula."""
    return MARKS.sub(r"\\\1", one_line(str(text)))


def chart(text: object, longest: int = LONGEST) -> str:
    """Return `text` so that Plotly, which reads some HTML, shows just its characters; what is longer is cut."""
    line = one_line(str(text))
    return html.escape(line if len(line) <= longest else f"{line[: longest - 1]}…", quote=False)


def score_name(protocol: Protocol) -> str:
    """Return what the headline score is called: ``accuracy``; ``score`` where there are several tasks."""
    return of_headline(protocol).name


def scale(protocol: Protocol) -> tuple[float, str, int]:
    """Return what the headline score is multiplied by to be shown, its unit with a space before it, and its digits."""
    found = of_headline(protocol)
    return found.factor, f" {found.unit}".rstrip(), found.digits


def curve_scale(key: str) -> tuple[float, str]:
    """Return what the values of the curve called `key` are multiplied by to be shown, and their unit with a space."""
    name = key.rpartition("/")[2]
    if all(metric.name != name for metric in METRICS):  # train/loss
        return 1.0, ""
    scale = of_metric(name)
    return scale.factor, f" {scale.unit}".rstrip()


def mean(summary: Summary | None, protocol: Protocol) -> str:
    """Return ``87.3 ± 0.4 %``: the mean and the half-width of its interval, with the unit."""
    return NONE if summary is None else f"{interval(summary, of_headline(protocol))}{scale(protocol)[1]}"


def seconds(value: float | None) -> str:
    """Return ``0.82 s``, ``14 s`` or ``12:30 min``."""
    if value is None:
        return NONE
    if value < 120:
        return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"
    return f"{duration(value)} {'h' if value >= 3600 else 'min'}"


def fingerprint(protocol: Protocol) -> str:
    """Return the first 8 hex digits of each task's test fingerprint: enough to see that two tables have other data."""
    return " ".join(task.test[:8] for task in protocol.tasks)


def budget(protocol: Protocol) -> str:
    """Return ``3 epochs, batch 16``, with the limit of training rows where there is one."""
    limit = f", {protocol.limit_train:,} training rows" if protocol.limit_train else ""
    return f"{pluralize(protocol.epochs, 'epoch')}, batch {protocol.batch_size}{limit}"
