"""Every page in Streamlit's own test harness: it runs without an exception, and says what is missing."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from leaderboard import views
from leaderboard.queries import board

APP = Path(__file__).resolve().parents[3] / "leaderboard" / "app.py"
PATHS = [page.PATH for page in views.load()]


def test_pages_are_found() -> None:
    assert len(PATHS) >= 4
    assert len(set(PATHS)) == len(PATHS)
    assert all(page.ICON.startswith(":material/") and page.render.__doc__ for page in views.load())


@pytest.mark.parametrize("suite", ["quick", "made-up-18"])
@pytest.mark.parametrize("page", PATHS)
def test_the_page_opens(open_page: Any, app: AppTest, page: str, suite: str) -> None:
    opened = open_page(app, page, suite=suite)
    titles = {found.PATH: found.TITLE for found in views.load()}
    assert opened.header[0].value == titles[page]
    assert opened.selectbox(key="suite").value == suite


@pytest.mark.parametrize("page", PATHS)
def test_an_empty_store_names_the_command_that_fills_it(
    open_page: Any, app_on: Callable[[str], AppTest], tmp_path: Path, page: str
) -> None:
    opened = open_page(app_on(f"sqlite:///{tmp_path}/mlflow.db"), page)
    assert any("bench run" in code.value for code in opened.code)
    assert list(tmp_path.iterdir()) == []


def test_a_newer_store_is_a_sentence_and_no_traceback(app_on: Callable[[str], AppTest], tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mlflow.db") as opened:
        for table in ("alembic_version (version_num TEXT)", "experiments (a)", "runs (a)", "tags (a)"):
            opened.execute(f"CREATE TABLE {table}")
        opened.execute("INSERT INTO alembic_version VALUES ('ffffffffffff')")
    app = app_on(f"sqlite:///{tmp_path}/mlflow.db").run()
    assert not app.exception
    assert "newer MLflow" in app.error[0].value


def test_filters_come_from_the_address_and_hide_rows(open_page: Any, app: AppTest) -> None:
    opened = open_page(app, "leaderboard", suite="quick", methods=["lora", "swa"])
    assert set(opened.dataframe[0].value["method"].str.split().str[0]) == {"lora", "swa"}


def test_where_no_row_passes_the_filters_it_is_said(open_page: Any, app: AppTest) -> None:
    opened = open_page(app, "leaderboard", suite="quick", search="nothing is called so")
    assert "No row matches" in opened.info[0].value


def test_a_failed_cell_is_shown_with_its_reason(open_page: Any, app: AppTest) -> None:
    opened = open_page(app, "leaderboard", suite="quick")
    assert any("out of memory" in str(reason) for reason in opened.dataframe[-1].value["reason"])


def test_the_cheapest_tied_row_is_named(open_page: Any, app: AppTest) -> None:
    opened = open_page(app, "tradeoffs", suite="made-up-18")
    for _ in range(60):  # the board is computed in the background, for all sessions
        if opened.success:
            break
        time.sleep(0.5)
        opened = open_page(AppTest.from_file(str(APP), default_timeout=120), "tradeoffs", suite="made-up-18")
    assert "Cheapest of the rows tied with the best" in opened.success[0].value


def test_a_cost_that_no_row_has_is_not_offered(open_page: Any, app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    every = board.board
    monkeypatch.setattr(board, "board", lambda *given: every(*given).assign(memory=None))
    app.session_state["cost"] = "memory"  # chosen under a protocol whose rows have it
    opened = open_page(app, "tradeoffs", suite="quick")
    (offered,) = [group for group in opened.button_group if group.label == "Cost"]
    assert ("peak memory" in offered.options, offered.value) == (False, "trainable")


def test_curves_keep_phases_apart(open_page: Any, app: AppTest) -> None:
    opened = open_page(app, "curves", suite="quick", methods="supcon")
    assert [found.value for found in opened.subheader] == ["Contrastive", "Classification"]
    assert len(opened.get("plotly_chart")) == 5


def test_errors_shows_texts_where_they_are_at_hand(open_page: Any, app: AppTest) -> None:
    opened = open_page(app, "errors", suite="quick")
    assert any("text" in frame.value and frame.value["text"].str.len().min() > 0 for frame in opened.dataframe)


def test_errors_says_so_where_texts_are_not_at_hand(open_page: Any, app: AppTest) -> None:
    opened = open_page(app, "errors", suite="made-up-18")
    assert any("not at hand" in caption.value for caption in opened.caption)
