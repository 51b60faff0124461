"""Layers: made-up points of a probe, and what is said where there is none."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from benchmark.core.record import Point
from benchmark.tracking import scheme
from leaderboard.charts import layers as charts
from leaderboard.queries import curves, layers
from leaderboard.queries.table import ResultsTable

Known = Mapping[str, ResultsTable]


def _points(task: str, seed: int = 0, epochs: int = 3) -> list[Point]:
    """Layer 4 of 6 is the best, and the more so the later."""
    found = []
    for epoch in range(1, epochs + 1):
        for layer in range(7):
            score = 0.5 + 0.1 * epoch - 0.05 * abs(layer - 4) + 0.02 * seed
            found.append(Point("probe", epoch, f"validation/{task}/accuracy/layer_{layer:02}", score))
            found.append(Point("probe", epoch, f"train/{task}/cross_entropy/layer_{layer:02}", 1 - score))
        found.append(Point("probe", epoch, f"recommended/{task}", float(epoch)))
        found.append(Point("probe", epoch, "train/loss", 1.0))
    return found


@pytest.fixture
def uri(made_up: str, tmp_path: Path, known: Known) -> str:
    """A store whose linear probes have figures of layers."""
    shutil.copy(made_up.removeprefix("sqlite:///"), tmp_path / "mlflow.db")
    table = known["quick"]
    probes = [record for record in table.records if record.cell.method == "linear-probe" and record.status == "done"]
    task = table.protocol.tasks[0].name
    values = [
        (scheme.curve_name(point), point.value, 1_795_000_000_000 + point.epoch, record.run, point.epoch, 0)
        for record in probes
        for point in _points(task, record.cell.seed)
    ]
    with sqlite3.connect(tmp_path / "mlflow.db") as opened:
        opened.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", values)
    return f"sqlite:///{tmp_path}/mlflow.db"


def test_without_a_probe_it_is_said_which_run_has_figures(open_page: Any, app: AppTest) -> None:
    opened = open_page(app, "layers", suite="quick")
    assert "A probe has" in opened.info[0].value
    assert not opened.get("plotly_chart")


def test_a_probe_is_drawn_both_ways(open_page: Any, app_on: Callable[[str], AppTest], uri: str) -> None:
    opened = open_page(app_on(uri), "layers", suite="quick")
    assert opened.selectbox(key="probe").options == ["linear-probe"]
    assert opened.selectbox(key="figure").value == "validation accuracy"
    assert opened.selectbox(key="figure").options == ["validation accuracy", "training cross entropy"]
    assert len(opened.get("plotly_chart")) == 2
    best, advice = (frame.value for frame in opened.dataframe)
    assert list(best["layer"]) == [4, 4]
    assert set(advice["layer"]) == {3}


def test_the_frame_holds_means_over_seeds() -> None:
    odd = Point("probe", 1, "validation/sst/accuracy/layer_02", float("nan"))
    found = layers.frame([(0, _points("sst")), (1, [*_points("sst", 1), odd])])
    line = found[(found["curve"] == "validation/sst/accuracy") & (found["epoch"] == 2) & (found["layer"] == 4)]
    assert line["value"].item() == pytest.approx(0.71)
    assert line["n"].item() == 2
    assert layers.recommended([(0, _points("sst"))]).to_numpy().tolist() == [["sst", 0, 3]]
    assert layers.frame([]).empty
    assert not layers.higher_is_better("train/sst/cross_entropy")
    assert not layers.higher_is_better("train/loss")
    assert layers.higher_is_better("validation/sst/accuracy")


def test_the_figures_have_a_line_per_epoch_and_per_layer() -> None:
    found = layers.frame([(0, _points("sst", epochs=30))])
    own = found[found["curve"] == "validation/sst/accuracy"]
    epochs = layers.some(own["epoch"])
    assert (len(epochs), epochs[0], epochs[-1]) == (10, 1, 30)
    made = charts.by_layer(own, epochs, "accuracy", [3])
    assert [trace.name for trace in made.data] == [f"epoch {epoch}" for epoch in epochs]
    assert list(made.data[0].x) == list(range(7))
    assert [trace.name for trace in charts.by_epoch(own, "accuracy").data] == [f"layer {layer}" for layer in range(7)]


def test_figures_of_layers_are_no_curves_of_the_run() -> None:
    assert set(curves.frame([("a", 0, _points("sst"))])["key"]) == {"train/loss"}
