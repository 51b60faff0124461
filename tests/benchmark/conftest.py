"""An empty tracking store for every test that writes records, and results whose hits and misses are known."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmark.tracking import Tracking
from tests.support.results import Results, add_three


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store without a run: MLflow takes seconds to make one, so that tests copy it."""
    folder = tmp_path_factory.mktemp("empty")
    Tracking(f"sqlite:///{folder}/mlflow.db").prepare()
    assert [file.name for file in folder.iterdir()] == ["mlflow.db"]
    return folder / "mlflow.db"


@pytest.fixture
def tracking(empty_store: Path, tmp_path: Path) -> Tracking:
    """The test's own store in ``mlruns`` below its `tmp_path`."""
    folder = tmp_path / "mlruns"
    folder.mkdir()
    shutil.copy(empty_store, folder / "mlflow.db")
    return Tracking(f"sqlite:///{folder}/mlflow.db")


@pytest.fixture
def results() -> Results:
    """No results yet."""
    return Results()


@pytest.fixture
def three(results: Results) -> Results:
    """The results of `add_three`."""
    return add_three(results)


REASON = r"<script>alert('x')</script> | $y$ & 100% _z_ [a](b) \input{c}"
"""Why a cell failed, in words that every format must show and none may obey."""


@pytest.fixture(scope="session")
def three_store(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URI of a real store with the results of `add_three`, and a method that failed."""
    folder = tmp_path_factory.mktemp("three")
    shutil.copy(empty_store, folder / "mlflow.db")
    results = add_three(Results())
    results.fail(results.cell("broken", 0), REASON)
    uri = f"sqlite:///{folder}/mlflow.db"
    results.save(Tracking(uri))
    return uri
