"""Run: all that was recorded, whichever protocol it is of, and a picker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from benchmark.cli.rerun import again
from benchmark.core.record import Record
from leaderboard.queries import runs
from leaderboard.queries.table import ResultsTable

Known = Mapping[str, ResultsTable]


@pytest.fixture
def record(known: Known) -> Record:
    return next(found for found in known["quick"].records if found.cell.method == "supcon" and found.cell.seed == 1)


def test_everything_recorded_is_shown(open_page: Any, app: AppTest, record: Record) -> None:
    opened = open_page(app, "run", suite="quick", run=record.run)
    assert opened.code[0].value == again(record)
    facts = {
        what: value
        for frame in opened.dataframe
        if list(frame.value) == ["what", "value"]
        for what, value in zip(frame.value["what"], frame.value["value"], strict=True)
    }
    assert facts["run"] == record.run
    assert facts["lr"] == "3e-05" if record.cell.origin == "default" else facts["lr"]
    assert facts["commit"] == "fa8a94d5aef2658b68e12e4ebbc57e28acc762cc"
    assert facts["scenario: exact duplicates"] == "train ∩ test 21"
    phases = next(frame.value for frame in opened.dataframe if "phase" in frame.value)
    assert list(phases["phase"]) == ["contrastive", "classification"]
    assert [found.value for found in opened.subheader][1:] == ["Contrastive", "Classification", "Files"]
    assert len(opened.get("download_button")) == 3
    assert opened.code[-1].value.endswith(f"{record.run}/artifacts")


def test_a_run_can_be_chosen_from_a_list(open_page: Any, sound: Any, app: AppTest, known: Known) -> None:
    opened = open_page(app, "run", suite="quick")
    assert "Choose a run" in opened.info[0].value
    table = known["quick"]
    picker = opened.selectbox(key="picked ")
    assert len(picker.options) == len(table.records)
    chosen = picker.select_index(1).run()
    sound(chosen)
    run = "".join(chosen.query_params["run"])
    assert picker.options[1].endswith(run[: runs.SHOWN])
    assert chosen.code[0].value == again(next(record for record in table.records if record.run == run))


def test_a_failed_run_shows_its_reason_as_text(open_page: Any, app: AppTest, known: Known) -> None:
    failed = next(found for found in known["quick"].records if found.status == "failed")
    opened = open_page(app, "run", suite="quick", run=failed.run[:10])
    assert r"\<b\>out of memory" in opened.warning[0].value
    assert any("no curves" in caption.value for caption in opened.caption)
    assert len(opened.get("download_button")) == 1


def test_a_run_of_another_protocol_is_shown_and_says_so(open_page: Any, app: AppTest, known: Known) -> None:
    other = known["made-up-18"].records[0]
    opened = open_page(app, "run", suite="quick", run=other.run)
    assert any("another protocol" in caption.value for caption in opened.caption)
    assert opened.code[0].value == again(other)
    assert runs.label({}, other) in opened.selectbox[-1].options or len(opened.selectbox) > 3


def test_an_unknown_run_is_said_to_be_unknown(open_page: Any, app: AppTest) -> None:
    opened = open_page(app, "run", suite="quick", run="[x](http://a)")
    assert r"\[x\]" in opened.warning[0].value
