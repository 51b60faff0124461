"""Compare two: rows and runs, what differs, the test, the examples."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from streamlit.testing.v1 import AppTest

from leaderboard.queries import runs
from leaderboard.queries.table import ResultsTable

Known = Mapping[str, ResultsTable]


def _until_tested(app: AppTest) -> AppTest:
    """Run the page again until the board is there: it is computed in the background."""
    for _ in range(60):
        if app.info:
            break
        time.sleep(0.5)
        app.run()
    return app


def _frame(app: AppTest, column: str) -> list[str]:
    return [str(value) for frame in app.dataframe if column in frame.value for value in frame.value[column]]


def test_two_rows_with_their_gap_and_its_test(open_page: Any, app: AppTest) -> None:
    opened = _until_tested(open_page(app, "compare", suite="quick", first="swa", second="linear-probe"))
    assert [opened.selectbox(key=key).value for key in ("first", "second")] == ["swa", "linear-probe"]
    assert "a test over seeds and test rows" in opened.info[0].value
    gap = opened.metric[2]
    assert gap.label == "first − second (points)"
    assert "±" in gap.value
    assert {found.value for found in opened.subheader} >= {"What differs", "Classification", "Flipped examples"}


def test_the_gap_turns_round_with_the_rows(open_page: Any, app: AppTest) -> None:
    opened = _until_tested(open_page(app, "compare", suite="quick", first="linear-probe", second="swa"))
    assert opened.metric[2].value.startswith("−")


def test_another_row_is_chosen_by_pressing(open_page: Any, sound: Any, app: AppTest) -> None:
    opened = open_page(app, "compare", suite="quick", first="swa", second="linear-probe")
    other = next(name for name in opened.selectbox(key="second").options if name not in ("swa", "linear-probe"))
    changed = opened.selectbox(key="second").select(other).run()
    sound(changed)
    assert changed.selectbox(key="second").value == other
    assert "Flipped examples" in [found.value for found in changed.subheader]
    few = len(_frame(changed, "what"))
    every = changed.toggle(key="differing").set_value(False).run()
    assert len(_frame(every, "what")) > few
    assert "started (UTC)" not in _frame(every, "what")


def test_a_row_without_a_name_of_its_own_is_passed_over(open_page: Any, app: AppTest) -> None:
    opened = open_page(app, "compare", suite="quick", first="no such row")
    assert opened.selectbox(key="first").value == opened.selectbox(key="first").options[0]


def test_two_runs_are_compared_as_models(open_page: Any, app: AppTest, known: Known) -> None:
    table = known["quick"]
    group = next(row.cell.group for row in table.rows if row.cell.method == "finetune")
    labels = [runs.label(table.names, record) for record in table.records_of[group][:2]]
    opened = open_page(app, "compare", suite="quick", compare="runs", first_run=labels[0], second_run=labels[1])
    assert [opened.selectbox(key=key).value for key in ("first_run", "second_run")] == labels
    assert "McNemar" in opened.info[0].value
    assert "nothing differs" in " ".join(caption.value for caption in opened.caption)
    assert {"first", "second"} <= set(_frame(opened, "right"))


def test_flipped_examples_can_be_narrowed(open_page: Any, app: AppTest, known: Known) -> None:
    table = known["quick"]
    group = next(row.cell.group for row in table.rows if row.cell.method == "finetune")
    labels = [runs.label(table.names, record) for record in table.records_of[group][:2]]
    opened = open_page(
        app, "compare", suite="quick", compare="runs", first_run=labels[0], second_run=labels[1], right="first"
    )
    assert set(_frame(opened, "right")) == {"first"}


def test_a_failed_run_says_that_there_is_nothing_to_compare(open_page: Any, app: AppTest, known: Known) -> None:
    table = known["quick"]
    failed = next(record for record in table.records if record.status == "failed")
    opened = open_page(app, "compare", suite="quick", compare="runs", first_run=runs.label(table.names, failed))
    assert "no stored predictions" in opened.info[0].value
    assert any("<b>out of memory</b>" in reason for reason in _frame(opened, "reason"))


def test_one_row_alone_asks_for_a_second(open_page: Any, app: AppTest) -> None:
    opened = open_page(app, "compare", suite="quick", methods="swa")
    assert "change the filters" in opened.info[0].value
