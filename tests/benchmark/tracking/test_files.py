"""Stored predictions of every kind come back to the bit, and so do their scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmark.core.predictions import Predictions
from benchmark.tracking import files


def made(kind: str) -> Predictions:
    random = np.random.Generator(np.random.PCG64(3))
    classes = {
        "classes": ("a", "b", "c"),
        "pair-binary": ("0", "1"),
        "pair-regression": (),
        "pair-classes": tuple("012"),
    }
    outputs = len(classes[kind]) if kind in ("classes", "pair-classes") else 1
    labels = random.uniform(0, 5, 20) if kind == "pair-regression" else random.integers(0, len(classes[kind]), 20)
    logits = random.normal(size=(20, outputs)).astype(np.float32)
    return Predictions("test", "t", classes[kind], tuple(map(str, range(20))), labels, logits, kind)


@pytest.mark.parametrize("kind", ["classes", "pair-binary", "pair-regression", "pair-classes"])
def test_round_trip(tmp_path: Path, kind: str) -> None:
    given = made(kind)
    files.write(given, tmp_path / "t.parquet")
    found = files.read(tmp_path / "t.parquet")
    assert (found.kind, found.classes, found.ids) == (given.kind, given.classes, given.ids)
    assert found.labels.dtype == given.labels.dtype
    assert np.array_equal(found.labels, given.labels)
    assert np.array_equal(found.logits, given.logits)
    assert found.scores() == given.scores()
    names = pq.read_table(tmp_path / "t.parquet")["label_name"].to_pylist()
    assert names == [given.classes[int(label)] if given.classes else "" for label in given.labels]


def test_scores_of_a_rounded_similarity_have_a_correlation() -> None:
    assert "pearson" in [score.metric for score in made("pair-classes").scores()]
    assert "pearson" not in [score.metric for score in made("classes").scores()]
