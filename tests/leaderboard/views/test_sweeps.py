"""Sweeps: a real Optuna storage with trials of every kind, beside the store and without any other run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from optuna.trial import TrialState, create_trial
from streamlit.testing.v1 import AppTest

from benchmark.core.record import Trial
from benchmark.tracking import Tracking
from benchmark.tracking.scheme import process
from benchmark.tracking.store import locate as locate_store
from benchmark.tuning import study
from benchmark.tuning.definition import Definition
from benchmark.tuning.report import StudyReport, studies
from benchmark.tuning.space import Dimension
from benchmark.tuning.storage import closing, locate
from leaderboard.charts import sweeps as charts
from leaderboard.queries import sweeps
from leaderboard.queries.table import ResultsTable

Known = Mapping[str, ResultsTable]
EVIL = "RuntimeError: <b>out of memory</b> [click](https://example.com)"
SPACE = (
    Dimension("lr", 1e-5, 1e-3, log=True),
    Dimension("dropout", 0.0, 0.5),
    Dimension("temperature", 0.03, 0.5, log=True),
    Dimension("side", values=("sunny", "shady")),
)
ENDS = {"pruned": TrialState.PRUNED, "failed": TrialState.FAIL, "diverged": TrialState.FAIL}


@pytest.fixture
def uri(made_up: str, tmp_path: Path) -> str:
    """A store with runs, a copy, and no studies."""
    shutil.copy(made_up.removeprefix("sqlite:///"), tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"


def _definition(table: ResultsTable, space: tuple[Dimension, ...] = SPACE) -> Definition:
    fixed = (("hidden", 256),)
    return Definition(table.protocol, "supcon", fixed, space, "tpe", "median", 0, (1_000_000,), "cpu", "fp32")


def _fill(uri: str, definition: Definition, values: tuple[float, ...], runs: tuple[str, ...] = ("a" * 32,)) -> str:
    """Make a study with a done trial for each of `values`, one of every other kind, and a running one."""
    distributions: dict[str, optuna.distributions.BaseDistribution] = {}
    for one in definition.space:
        distributions[one.name] = (
            optuna.distributions.CategoricalDistribution(one.values)
            if one.low is None or one.high is None
            else optuna.distributions.FloatDistribution(one.low, one.high, log=one.log)
        )
    statuses = [*("done" for _ in values), *(ENDS if values else ())]
    with closing(locate(None, locate_store(uri))) as opened:
        made = study.create(opened, definition)
        made.begin(20)
        for number, status in enumerate(statuses):
            drawn: dict[str, Any] = {}
            for place, one in enumerate(definition.space):
                share = (number * (3 + 2 * place) % 11 + 1) / 13
                drawn[one.name] = one.values[number % 2] if one.values else one.grid(14)[round(13 * share)]
            noted = {study.STATUS: status, study.SECONDS: 10.0, study.RUNS: list(runs), study.FIRST: number == 0}
            noted[study.REASON] = EVIL if status == "failed" else ""
            trial = create_trial(
                state=ENDS.get(status, TrialState.COMPLETE),
                value=values[number] if status == "done" else None,
                params=drawn,
                distributions=distributions,
                intermediate_values={0: 0.4, 1: 0.5} if status != "failed" else {},
                user_attrs=noted,
            )
            made.inner.add_trial(trial)
        made.inner.ask(distributions).set_user_attr(study.PROCESS, process())
    return definition.name


def _report(uri: str) -> StudyReport:
    return studies(locate(None, locate_store(uri)), importance=True)[0]


def test_without_a_study_the_command_that_makes_one_is_named(
    open_page: Any, app_on: Callable[[str], AppTest], uri: str
) -> None:
    opened = open_page(app_on(uri), "sweeps", suite="quick")
    assert "no studies yet" in opened.info[0].value
    assert opened.code[0].value == "bench tune --methods all --trials 20 --suite quick"
    assert not Path(uri.removeprefix("sqlite:///")).with_name("optuna.db").exists()


def test_a_study_is_shown_with_all_its_trials(
    open_page: Any, app_on: Callable[[str], AppTest], uri: str, known: Known
) -> None:
    run = known["quick"].records[0].run
    name = _fill(uri, _definition(known["quick"]), (0.5, 0.7, 0.6, 0.8, 0.65, 0.55), (run,))
    opened = open_page(app_on(uri), "sweeps", suite="quick")
    assert opened.selectbox(key="study").value == name
    assert [opened.selectbox(key=key).value for key in ("across", "up")] == ["lr", "temperature"]
    assert opened.selectbox(key="up").options == ["dropout", "temperature", "score"]
    assert [metric.value for metric in opened.metric] == ["80.0 %", "9 of 20", "90 s"]
    assert len(opened.get("plotly_chart")) == 5
    trials = next(frame.value for frame in opened.dataframe if "number" in frame.value)
    assert list(trials["status"]) == ["done"] * 6 + ["pruned", "failed", "diverged", "running"]
    assert EVIL in list(trials["reason"])
    assert trials["note"][0] == "defaults"
    costs, ledger = (frame.value for frame in opened.dataframe[-2:])
    assert (costs["tuning_trials"][0], costs["tuning_seconds"][0], costs["cells"][0]) == (9, 90.0, 0)
    assert (ledger["trials"][0], ledger["pruned"][0], ledger["unsuccessful"][0]) == (9, 1, 2)
    assert [link.proto.page_script_hash for link in opened.get("page_link")]


def test_other_parameters_are_chosen_by_pressing(
    open_page: Any, sound: Any, app_on: Callable[[str], AppTest], uri: str, known: Known
) -> None:
    _fill(uri, _definition(known["quick"]), (0.5, 0.7, 0.6, 0.8, 0.65, 0.55))
    opened = open_page(app_on(uri), "sweeps", suite="quick")
    changed = opened.selectbox(key="across").select("temperature").run()
    sound(changed)
    assert "temperature" not in changed.selectbox(key="up").options
    alone = changed.selectbox(key="up").select("score").run()
    sound(alone)
    assert not [one for one in alone.toggle if one.key == "contour"]


def test_a_study_that_grows_is_shown_as_it_is_now(
    open_page: Any, app_on: Callable[[str], AppTest], uri: str, known: Known
) -> None:
    _fill(uri, _definition(known["quick"]), ())
    opened = open_page(app_on(uri), "sweeps", suite="quick")
    assert opened.metric[1].value == "0 of 20"
    _fill(uri, _definition(known["quick"]), (0.5, 0.5, 0.5, 0.5, 0.5))
    opened = open_page(app_on(uri), "sweeps", suite="quick")
    assert opened.metric[1].value == "8 of 20"


def test_a_study_of_another_protocol_says_so(
    open_page: Any, app_on: Callable[[str], AppTest], uri: str, known: Known
) -> None:
    _fill(uri, _definition(known["made-up-18"], SPACE[:1]), (0.5, 0.6))
    opened = open_page(app_on(uri), "sweeps", suite="quick")
    assert any("another protocol" in caption.value for caption in opened.caption)
    assert [opened.selectbox(key=key).value for key in ("across", "up")] == ["lr", "score"]
    assert not any("study" in frame.value for frame in opened.dataframe)


def test_trials_alone_are_seen_here_and_elsewhere_it_is_said(
    open_page: Any, app_on: Callable[[str], AppTest], tmp_path: Path, known: Known
) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    record = known["quick"].records[0]
    assert record.environment
    definition = _definition(known["quick"])
    begun = Tracking(uri).begin(record.cell, record.environment, record.data, Trial(definition.name, 0))
    _fill(uri, definition, (0.5, 0.7), (begun.record.run,))
    opened = open_page(app_on(uri), "sweeps", suite="quick")
    assert opened.metric[0].value == "70.0 %"
    opened = open_page(app_on(uri), "run", suite="quick", run=begun.record.run)
    assert begun.record.run in [str(value) for frame in opened.dataframe for value in frame.value.get("value", [])]
    opened = open_page(app_on(uri), "leaderboard", suite="quick")
    assert "only trials of tuning studies" in opened.info[0].value


def test_the_frame_and_the_figures_hold_every_trial(uri: str, known: Known) -> None:
    _fill(uri, _definition(known["quick"]), (0.5, 0.7, 0.6, 0.8, 0.65, 0.55))
    report = _report(uri)
    frame = sweeps.trials(report)
    lr, dropout, temperature, side = sweeps.axes(report)
    assert (lr.log, dropout.log, side.numeric) == (True, False, False)
    assert sweeps.first_two([dropout, side, temperature, lr]) == ("lr", "temperature")
    assert list(frame["ahead"][:6]) == [0.5, 0.7, 0.7, 0.8, 0.8, 0.8]
    assert list(frame.index[frame["best"]]) == [3]
    assert frame["last"][6] == 0.5
    made = charts.history(frame, "score")
    assert sum(len(trace.x) for trace in made.data if trace.name != "best so far") == len(frame)
    hovers = [text for trace in made.data[1:] for text in trace.text]
    assert any("&lt;b&gt;out of memory" in text for text in hovers)
    assert not any("<b>out" in text for text in hovers)
    below = sweeps.surface(frame, lr, temperature)
    assert below is not None
    drawn = charts.pair(frame, lr, temperature, "score", below, least=False)
    assert (drawn.layout.xaxis.type, drawn.layout.yaxis.type) == ("log", "log")
    assert sum(len(trace.x) for trace in drawn.data if trace.type == "scatter") == len(frame)
    (lines,) = charts.parallel(frame, sweeps.axes(report), "score", least=False).data
    assert [side.label for side in lines.dimensions] == ["lr", "dropout", "temperature", "side", "score"]
    assert lines.dimensions[3].ticktext == ("shady", "sunny")


def test_a_surface_goes_through_its_points_and_needs_a_plane() -> None:
    axes = sweeps.Axis("lr", True, True), sweeps.Axis("t", True)
    columns = ("parameter lr", "parameter t", "validation")
    table = [(1e-5, 0.0, 1.0), (1e-3, 0.0, 3.0), (1e-5, 2.0, 1.0), (1e-3, 2.0, 3.0)]
    found = sweeps.surface(pd.DataFrame(table, columns=columns), *axes, steps=3)
    assert found is not None
    assert found.across == pytest.approx([1e-5, 1e-4, 1e-3])
    assert found.up == pytest.approx([0.0, 1.0, 2.0])
    assert found.score[1] == pytest.approx([1.0, 2.0, 3.0])  # linear in the logarithm
    line = pd.DataFrame([(10.0**-n, float(n), 1.0) for n in range(2, 7)], columns=columns)
    assert sweeps.surface(line, *axes) is None
    assert sweeps.surface(line[:3], *axes) is None
