"""A store with made-up cells, small and made once per session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from benchmark.tracking import Tracking
from leaderboard.queries.table import ResultsTable, tables
from tests.support.made_up_store import fill

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URI of a store with 120 cells under two protocols: 17 rows of 3 or 4 seeds, three of which have no score."""
    return fill(tmp_path_factory.mktemp("made-up"), cells=120, protocols=2, rows=60)


@pytest.fixture(scope="session")
def known(made_up: str) -> Mapping[str, ResultsTable]:
    """The tables of that store by suite: ``quick`` and ``made-up-18``."""
    return {table.protocol.suite: table for table in tables(Tracking(made_up).records()).values()}


@pytest.fixture
def app(made_up: str, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The application on that store, not yet run."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", made_up)
    return new_app()


@pytest.fixture
def app_on(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that returns the application on the store with the given URI, not yet run."""

    def make(uri: str) -> AppTest:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        return new_app()

    return make


def new_app() -> AppTest:
    st.cache_resource.clear()
    return AppTest.from_file(str(ROOT / "leaderboard" / "app.py"), default_timeout=120)
