"""The HTML report: one file, well formed, nothing from elsewhere, nothing that runs."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import numpy as np

from benchmark.core.record import Point
from benchmark.reports.content import gather
from benchmark.reports.page import page
from tests.support.results import Results

REASON = "<script>alert('x')</script> & \"quoted\""
VOID = {"meta", "circle", "line", "path"}


class Reader(HTMLParser):
    """Checks that elements are closed in order, and gathers texts and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(results: Results) -> tuple[str, Reader]:
    points = {record.run: record.points for record in results.records}

    def curves(run: str) -> tuple[Point, ...]:
        found: tuple[Point, ...] = points[run]
        return found

    made = page(gather(results.records, results.predictions, "2026-01-02T03:04:05+00:00", curves))
    reader = Reader()
    reader.feed(made)
    assert reader.open == []
    return made, reader


def test_it_is_well_formed_and_needs_nothing_else(three: Results) -> None:
    three.fail(three.cell("<b>x</b>", 0), REASON)
    made, reader = read(three)
    tags = {tag for tag, _ in reader.seen}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "b"}
    addresses = re.findall(r"https?://[^\"' <]+", made)
    assert set(addresses) == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}  # names; nothing is fetched
    fetched = [value for _, attributes in reader.seen for name, value in attributes.items() if name.endswith("href")]
    assert all(str(value).startswith("#") for value in fetched)
    assert "url(http" not in made
    assert not any(name.startswith("on") for _, attributes in reader.seen for name in attributes)
    assert any(
        "default-src 'none'" in str(attributes.get("content")) for tag, attributes in reader.seen if tag == "meta"
    )
    assert "<b>x</b>" in reader.words
    assert any(REASON in word for word in reader.words)


def test_it_has_table_trade_offs_curves_pairs_and_provenance(three: Results) -> None:
    _, reader = read(three)
    words = " ".join(reader.words)
    for part in ("79.8 ± 0.0", "Trade-offs", "Curves", "Phase main", "All 3 pairs of rows", "Provenance", "d" * 12):
        assert part in words, part
    assert sum(tag == "figure" for tag, _ in reader.seen) == 2 + 2  # costs; loss and accuracy of the one phase
    assert sum(tag == "tr" for tag, _ in reader.seen) >= 3 + 3


def test_results_without_any_score_make_a_page(results: Results) -> None:
    results.fail(results.cell("a", 0), "no memory")
    _, reader = read(results)
    assert "no memory" in " ".join(reader.words)
    assert not any(tag == "figure" for tag, _ in reader.seen)


def test_suites_are_compared_in_a_diagram(three: Results) -> None:
    other = dataclasses.replace(three.protocol, suite="other")
    for method, hits in (("good", 300), ("same", 200)):
        three.add(three.cell(method, 0, other), np.arange(400) < hits)
    made, reader = read(three)
    assert "Over suites" in reader.words
    assert "critical difference" in made
