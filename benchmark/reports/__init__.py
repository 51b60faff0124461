"""Reports: the leaderboard's table with intervals, tie letters and provenance, for papers, READMEs and programs.

`content` gathers what a report says, once for all formats; `text` writes Markdown, LaTeX and CSV, `files` JSON and
Parquet, `page` a single HTML file with figures that are drawn in `figures`.
"""

from __future__ import annotations

from benchmark.reports.content import Report as Report
from benchmark.reports.content import gather as gather
