"""Parquet and JSON: the same rows, types that hold for empty columns as well."""

from __future__ import annotations

import io
import json

import pyarrow.parquet as pq
import pytest

from benchmark.reports.content import gather
from benchmark.reports.files import COLUMNS, KEY, KINDS, document, flat, parquet
from tests.support.results import Results


def test_parquet_has_the_rows_typed_and_the_document_in_its_metadata(three: Results) -> None:
    three.fail(three.cell("broken", 0), "no memory")
    report = gather(three.records, three.predictions, "2026-01-02T03:04:05+00:00")
    table = pq.read_table(io.BytesIO(parquet(report)))
    assert tuple(table.schema.names) == COLUMNS
    assert table.to_pylist() == flat(report)
    assert {str(table.schema.field(name).type) for name, kind in KINDS.items() if kind is float} == {"double"}
    assert json.loads(table.schema.metadata[KEY]) == json.loads(json.dumps(document(report)))


def test_the_document_has_everything(three: Results) -> None:
    report = gather(three.records, three.predictions, "2026-01-02T03:04:05+00:00")
    found = json.loads(json.dumps(document(report), allow_nan=False))
    (section,) = found["sections"]
    assert section["protocol"]["tasks"][0]["test"] == "d" * 64
    assert section["facts"]["seeds"] == "0, 1, 2"
    assert [row["label"] for row in section["rows"]] == ["good", "same", "bad"]
    tied, apart, _ = section["pairs"]
    assert (tied["first"], tied["second"], tied["separated"], tied["p"]) == ("good", "same", False, 1.0)
    assert (apart["second"], apart["separated"], apart["difference"]) == ("bad", True, pytest.approx(0.4))
    assert section["tied_with_best"] == ["good", "same"]
    assert (found["over_suites"], section["effects"]) == (None, None)
