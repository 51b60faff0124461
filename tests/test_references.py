"""Whatever the code cites is listed in docs/references.md, and nothing is listed twice."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REFERENCES = ROOT / "docs" / "references.md"
REPORT = re.compile(r"\b(?:gag|isayama|yang|zheng|vela)-20\d\d\b")
NAME = r"[A-Z][A-Za-zé]+"
PAPER = re.compile(
    rf"({NAME} et al\.|{NAME}\s+(?:and|&)\s+{NAME}),?\s+\(?((?:19|20)\d\d)\b"
    rf"|(?:[(;]\s*|by\s+)({NAME})(?:,|\s+\()?\s*((?:19|20)\d\d)\b"
    rf"|\b({NAME}) \(((?:19|20)\d\d)\)"
)


def cited(text: str) -> set[str]:
    """Return the keys of the papers and reports that `text` cites: ``Hu et al. 2022``, ``gag-2025``."""
    flat = re.sub(r"\s+(?:#\s+)?", " ", text)
    papers = {" ".join(part for part in match.groups() if part).replace("&", "and") for match in PAPER.finditer(flat)}
    return papers | set(REPORT.findall(text))


def listed() -> list[str]:
    """Return the first column of every table in the list of references."""
    lines = REFERENCES.read_text(encoding="utf-8").splitlines()
    cells = [line.split("|")[1].strip().strip("`") for line in lines if line.startswith("|")]
    return [cell for cell in cells if cell not in ("key", "") and not set(cell) <= set("-: ")]


def test_citations_are_recognised() -> None:
    text = "LoRA (Hu et al. 2022, §4.1); Howard and Ruder 2018; Rao & Wu (1988); Holm (1979); (Cohen 1988; gag-2025)."
    assert cited(text) == {
        "Hu et al. 2022", "Howard and Ruder 2018", "Rao and Wu 1988", "Holm 1979", "Cohen 1988", "gag-2025",
    }  # fmt: skip


def test_every_citation_is_listed_once() -> None:
    keys = listed()
    assert len(keys) == len(set(keys)) > 20
    files = [file for folder in ("benchmark", "methods", "leaderboard") for file in (ROOT / folder).rglob("*.py")]
    files += [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    missing = {
        f"{file.relative_to(ROOT)}: {key}"
        for file in files
        if file != REFERENCES
        for key in cited(file.read_text(encoding="utf-8"))
        if key not in keys
    }
    assert len(files) > 100
    assert missing == set()
