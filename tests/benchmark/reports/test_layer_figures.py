"""Figures by layer: what stands in them, from a record."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.cell import Cell, Protocol, TaskIdentity
from benchmark.core.errors import UsageError
from benchmark.core.layer_scores import key
from benchmark.core.record import Point, Record
from benchmark.reports.layer_figures import LayerCurves, draw, layer_curves, recommended, write_layers

TASKS = (
    TaskIdentity("sst", "classes", "accuracy", "a", "b", "c"),
    TaskIdentity("sts", "pair-regression", "pearson", "d", "e", "f"),
)
PROTOCOL = Protocol("cs224n", TASKS, "bert", "r", "s", 3, 16, 32, "best", None)
CELL = Cell(PROTOCOL, "probing", (("blocks", "model:2"),), 0, "default", "cpu", "fp32", "c", ())


def points() -> tuple[Point, ...]:
    found = [
        Point(f"probe-{task.name}", epoch, key(split, task.name, measure, layer), 0.1 * layer + 0.01 * epoch)
        for task in TASKS
        for epoch in (1, 2, 3)
        for split in ("train", "validation")
        for measure in ("cross_entropy", task.metric)
        for layer in range(4)
    ]
    found += [Point("probe-sst", epoch, "recommended/sst", float(epoch)) for epoch in (1, 2, 3)]
    return (*found, Point("probe-sst", 1, "train/loss", 1.0))


RECORD = Record(CELL, "done", points=points(), run="0123456789abcdef")


def test_curves_by_epoch_and_layer() -> None:
    curves = layer_curves(RECORD)
    assert [(one.task, one.measure, one.split) for one in curves][:2] == [
        ("sst", "accuracy", "validation"),
        ("sst", "accuracy", "train"),
    ]
    assert len(curves) == 8
    assert (curves[0].epochs, curves[0].layers) == ((1, 2, 3), (0, 1, 2, 3))
    assert curves[0].values[1] == pytest.approx((0.02, 0.12, 0.22, 0.32))
    assert recommended(RECORD) == {"sst": 3}


def test_both_figures_hold_every_line_both_ways() -> None:
    mine = [one for one in layer_curves(RECORD) if (one.task, one.measure) == ("sst", "accuracy")]
    axes = draw(mine, 3, "title").axes
    assert len(axes) == 4
    by_layer, by_epoch = axes[0], axes[1]
    assert [line.get_label() for line in by_layer.lines][:3] == ["epoch 1", "epoch 2", "epoch 3"]
    assert list(np.asarray(by_layer.lines[1].get_ydata())) == pytest.approx([0.02, 0.12, 0.22, 0.32])
    assert [line.get_label() for line in by_epoch.lines] == ["layer 0", "layer 1", "layer 2", "layer 3 (recommended)"]
    assert list(np.asarray(by_epoch.lines[2].get_ydata())) == pytest.approx([0.21, 0.22, 0.23])


def test_files_are_written_for_each_task(tmp_path: Path) -> None:
    files = write_layers(RECORD, tmp_path / "figures")
    assert [file.name for file in files] == [
        *("layers_sst.png", "layers_sst.plotly.json"),
        *("layers_sts.png", "layers_sts.plotly.json"),
    ]
    assert files[0].read_bytes().startswith(b"\x89PNG")
    document = json.loads(files[1].read_text(encoding="utf-8"))
    assert len(document["data"]) == 2 * (3 + 4)
    assert document["layout"]["title"]["text"].startswith("sst by layer: probing, blocks model:2")


def test_a_run_without_layers_has_no_figure(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no scores by layer"):
        write_layers(dataclasses.replace(RECORD, points=()), tmp_path / "figures")
    assert list(tmp_path.iterdir()) == []
    assert isinstance(layer_curves(RECORD)[0], LayerCurves)
