"""An empty tracking store for every test that writes records."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmark.tracking import Tracking


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
