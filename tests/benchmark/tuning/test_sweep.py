"""Sweeps of a method whose score is known, in real Optuna and MLflow stores."""

from __future__ import annotations

import dataclasses
import importlib.util
import io

import optuna
import pytest

from benchmark.cli.progress import PlainDisplay
from benchmark.core.cell import TUNED
from benchmark.core.errors import DivergedError, UsageError
from benchmark.experiment import runner
from benchmark.experiment.plan import plan
from benchmark.experiment.request import FIRST_TUNING_SEED
from benchmark.tracking.scheme import _started, process
from benchmark.tuning import study
from benchmark.tuning.best import tuned
from benchmark.tuning.report import StudyReport, studies
from benchmark.tuning.space import parse
from benchmark.tuning.storage import closing
from tests.support.sweeps import Seen, SweepLab

EPOCHS = 4


def drawn(report: StudyReport) -> list[tuple[object, ...]]:
    """What was tried and what came of it, those that were cut short left out."""
    return [(trial.status, trial.value, trial.parameters) for trial in report.trials if trial.counts]


def test_a_sweep_finds_the_hill_and_begins_with_the_defaults(lab: SweepLab, seen: Seen) -> None:
    found = lab.tune(12)
    assert (found.status, found.ended, found.asked, found.count) == ("finished", "trials", 12, 12)
    first, *rest = found.trials
    assert (first.defaults, dict(first.parameters)) == (True, {"height": 0.25, "tries": 1})
    assert not any(trial.defaults for trial in rest)
    assert first.value == pytest.approx(round(40 * 0.52) / 40)
    best = found.best
    assert best
    assert best.value
    assert best.value > 0.85
    assert best.value == max(trial.value or 0 for trial in found.trials)
    assert dict(best.settings) == {"height": dict(best.parameters)["height"], "note": "", "side": "sunny"} | {
        "tries": dict(best.parameters)["tries"]
    }
    assert {name for name, _ in found.importance} == {"height", "tries"}
    assert found.seconds > 0
    assert [step for step, _ in first.scores] == list(range(EPOCHS))  # the warm-up phase has no score
    assert "12 trials to run" in lab.shown
    assert "hill trial 0: done, validation 52.5%" in lab.shown
    assert "height 0.25, tries 1 (defaults); the best so far" in lab.shown


def test_tuning_seeds_are_not_reporting_seeds_and_no_test_row_is_seen(
    lab: SweepLab, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    benches = []
    made = runner.Bench.__init__

    def spy(self: runner.Bench, *arguments: object) -> None:
        made(self, *arguments)  # type: ignore[arg-type]
        benches.append(self)

    monkeypatch.setattr(runner.Bench, "__init__", spy)
    found = lab.tune(2, seeds_per_trial=3)
    assert seen.seeds == [1_000_000, 1_000_001, 1_000_002] * 2
    assert min(seen.seeds) >= FIRST_TUNING_SEED
    assert set(seen.asked) == {"validation"}
    (bench,) = benches
    assert [len(task.test) for task in bench.plan.tasks] == [0]
    assert [len(trial.runs) for trial in found.trials] == [3, 3]
    records = lab.tracking.trials(found.name)
    assert all(record.headline("test") is None for record in records)
    assert {split for record in records for split, _ in record.data[0].rows} == {"train", "validation"}
    with pytest.raises(UsageError, match="seeds from 1,000,000 on are for tuning"):
        plan(dataclasses.replace(lab.request, seeds=(0, FIRST_TUNING_SEED)))


def test_the_same_call_on_an_empty_storage_makes_the_same_trials(lab: SweepLab) -> None:
    changes_tried: tuple[dict[str, str], ...] = (
        {},
        {"pruner": "median"},
        {"pruner": "hyperband"},
        {"sampler": "random"},
    )
    found = []
    for number, changes in enumerate(changes_tried):
        first = lab.elsewhere(f"{number} {{one}}.db").tune(8, **changes)
        second = lab.elsewhere(f"{number} {{two}}.db").tune(8, **changes)
        assert drawn(first) == drawn(second)
        assert len({trial.parameters for trial in first.trials}) == 8
        found.append(first)
    other = lab.elsewhere("seed.db").tune(8, seed=1, sampler="random")
    assert drawn(other)[0] == drawn(found[-1])[0]  # the defaults
    assert drawn(other)[1:] != drawn(found[-1])[1:]


def test_a_sweep_that_was_cut_short_goes_on_as_if_it_had_not_been(lab: SweepLab, seen: Seen) -> None:
    whole = lab.elsewhere("whole.db").tune(9)
    seen.seeds.clear()

    def stop(number: int) -> None:
        if number == 6:
            raise KeyboardInterrupt

    seen.before = stop
    with pytest.raises(KeyboardInterrupt):
        lab.tune(9)
    (cut,) = studies(lab.place)
    assert cut.count == 6
    assert cut.counts == {"done": 6, "interrupted": 1, "waiting": 1}
    assert (cut.status, cut.ended) == ("unfinished", "")
    with pytest.raises(UsageError, match=r"has 6 of 9 trials: go on with it by --resume"):
        lab.tune(9)
    seen.before = lambda _: None
    found = lab.tune(9, resume=True)
    assert "6 trials were finished already: 3 to run" in lab.shown
    assert drawn(found) == drawn(whole)
    assert (found.status, found.count, len(found.trials)) == ("finished", 9, 10)
    again = found.trials[7]
    assert (again.again, again.parameters) == (6, found.trials[6].parameters)
    assert found.trials[6].status == "interrupted"


def test_what_a_killed_process_left_is_put_right(lab: SweepLab, seen: Seen) -> None:
    whole = lab.elsewhere("whole.db").tune(4)
    found = lab.tune(2)
    with closing(lab.place) as opened:  # as a kill leaves it: a running trial of a process that is gone
        left = study.find(opened, found.definition)
        assert left
        left.ask(())
        opened.set_trial_user_attr(left.inner.trials[2]._trial_id, study.PROCESS, process().rpartition(":")[0] + ":1")
    (broken,) = studies(lab.place)
    assert (broken.count, broken.counts) == (2, {"done": 2, "interrupted": 1})
    found = lab.tune(4, resume=True)
    assert drawn(found) == drawn(whole)
    assert [trial.status for trial in found.trials] == ["done", "done", "interrupted", "done", "done"]
    assert found.trials[2].parameters == found.trials[3].parameters


def test_killed_while_it_is_put_right(lab: SweepLab) -> None:
    found = lab.tune(1)
    with closing(lab.place) as opened:  # queued again, but not yet marked
        left = study.find(opened, found.definition)
        assert left
        trial = left.ask(())
        left.inner.enqueue_trial(trial.params, user_attrs={study.AGAIN: 1})
        opened.set_trial_user_attr(trial._trial_id, study.PROCESS, process().rpartition(":")[0] + ":1")
    found = lab.tune(3, resume=True)
    assert [trial.status for trial in found.trials] == ["done", "interrupted", "done", "done"]
    assert [trial.again for trial in found.trials] == [None, None, 1, None]


def test_a_study_that_another_process_runs_is_left_alone(lab: SweepLab) -> None:
    found = lab.tune(1)
    with closing(lab.place) as opened:
        left = study.find(opened, found.definition)
        assert left
        trial = left.ask(())
        opened.set_trial_user_attr(trial._trial_id, study.PROCESS, f"{process().split(':')[0]}:1:{_started(1)}")
        with pytest.raises(UsageError, match="is being run by process 1 on"):
            lab.tune(2, resume=True)
        opened.set_trial_user_attr(trial._trial_id, study.PROCESS, "another-machine:77:123")
    with pytest.raises(UsageError, match="is being run by process 77 on another-machine"):
        lab.tune(2)
    assert lab.tune(2, resume=True).count == 2  # the user says that it is gone


def test_trials_is_the_total(lab: SweepLab, seen: Seen) -> None:
    lab.tune(3)
    assert lab.tune(3).count == 3
    assert "3 trials were finished already: nothing to train" in lab.shown
    assert lab.tune(2).count == 3
    with pytest.raises(UsageError, match=r"3 of 5 trials: go on with it by --resume"):
        lab.tune(5)
    found = lab.tune(5, resume=True)
    assert (found.asked, found.count, len(seen.seeds)) == (5, 5, 5)
    assert drawn(found) == drawn(lab.elsewhere("at once.db").tune(5))


def test_a_trial_that_fails_or_diverges_is_visible_and_stops_nothing(lab: SweepLab, seen: Seen) -> None:
    def misbehave(number: int) -> None:
        if number == 0:
            raise RuntimeError("boom")
        if number == 2:
            raise DivergedError("the loss is nan")

    seen.before = misbehave
    found = lab.tune(4)
    assert [trial.status for trial in found.trials] == ["failed", "done", "diverged", "done"]
    assert [trial.reason for trial in found.trials] == ["RuntimeError: boom", "", "the loss is nan", ""]
    assert (found.status, found.count) == ("finished", 4)
    assert found.best
    assert found.best.number in (1, 3)
    assert [record.status for record in lab.tracking.trials(found.name)] == ["failed", "done", "diverged", "done"]
    assert "hill trial 0: failed: RuntimeError: boom, height 0.25, tries 1 (defaults)" in lab.shown


def test_a_bad_trial_is_pruned_by_epoch(lab: SweepLab) -> None:
    found = lab.tune(16, pruner="median")
    pruned = [trial for trial in found.trials if trial.status == "pruned"]
    assert pruned
    assert all(trial.number >= study.STARTUP for trial in pruned)
    assert any(len(trial.scores) < EPOCHS for trial in pruned)
    assert all(trial.value is None and "others were better there" in trial.reason for trial in pruned)
    assert found.count == 16
    recorded = [record for record in lab.tracking.trials(found.name) if record.status == "pruned"]
    assert [record.trial.number for record in recorded if record.trial] == [trial.number for trial in pruned]
    curve = lab.tracking.record(recorded[0].run).points
    assert [point.value for point in curve if point.phase == "main"] == [value for _, value in pruned[0].scores]


def test_trials_are_runs_under_one_parent_and_no_results(lab: SweepLab) -> None:
    import mlflow

    found = lab.tune(3, seeds_per_trial=2)
    assert lab.tracking.records() == ()
    records = lab.tracking.trials(found.name)
    assert [record.trial.number for record in records if record.trial] == [0, 0, 1, 1, 2, 2]
    assert [record.run for record in records] == [run for trial in found.trials for run in trial.runs]
    assert len(lab.tracking.record(records[0].run).points) == 1 + EPOCHS  # a trial can be shown like any run
    client = mlflow.MlflowClient(lab.tracking.store.uri)
    runs = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    parents = {run.data.tags.get("mlflow.parentRunId") for run in runs}
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert parents == {None, parent.info.run_id}
    assert (parent.info.run_name, parent.info.status) == (f"study {found.name}", "FINISHED")
    assert found.best
    assert parent.data.metrics == {"study/best": found.best.value, "study/trials": 3.0}
    assert {run.data.tags["bench.study"] for run in runs} == {found.name}


def test_time_that_is_up_ends_a_study(lab: SweepLab, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr("benchmark.tuning.sweep.time.monotonic", lambda: next(clock))
    found = lab.tune(9, timeout=45.0)
    assert (found.status, found.ended) == ("finished", "timeout")
    assert 1 <= found.count < 9
    assert "the time is up after" in lab.shown
    monkeypatch.undo()


def test_a_grid_is_walked(lab: SweepLab) -> None:
    found = lab.tune(10, sampler="grid", overrides=parse("height=0.1:0.9,side=sunny|shady"))
    heights = [dict(trial.parameters)["height"] for trial in found.trials]
    assert heights == pytest.approx([height for height in (0.1, 0.3, 0.5, 0.7, 0.9) for _ in range(2)])
    assert [dict(trial.parameters)["side"] for trial in found.trials] == ["sunny", "shady"] * 5
    assert not any(trial.defaults for trial in found.trials)
    with pytest.raises(UsageError, match="a grid over height, tries has at least 4 points"):
        lab.tune(3, sampler="grid")
    few = lab.elsewhere("few.db").tune(99, sampler="grid", overrides=parse("tries=1:3"))
    assert [dict(trial.parameters)["tries"] for trial in few.trials] == [1, 2, 3]
    # On a scale of logarithms a finer grid of whole numbers may have no more points, and a still finer one has.
    every = lab.elsewhere("every.db").tune(8, sampler="grid", overrides=parse("tries=1:8:log"))
    assert [dict(trial.parameters)["tries"] for trial in every.trials] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_other_ranges_are_another_study(lab: SweepLab) -> None:
    names = {lab.tune(1).name, lab.tune(1, overrides=parse("height=0:0.5")).name, lab.tune(1, seed=1).name}
    assert len(names) == 3
    assert all(name.startswith("quick/hill/") for name in names)
    assert lab.tune(1).name in names


def test_defaults_outside_the_range_are_not_tried(lab: SweepLab) -> None:
    (trial,) = lab.tune(1, overrides=parse("height=0.5:0.9")).trials
    assert not trial.defaults
    assert 0.5 <= float(str(dict(trial.parameters)["height"])) <= 0.9


def test_tuned_parameters_reach_a_plan_with_their_cost(lab: SweepLab) -> None:
    request = dataclasses.replace(lab.request, methods=("hill", "zero-shot"), seeds=(0, 1))
    made, lines = tuned(plan(request), lab.place)
    assert made.cells == plan(request).cells
    assert "hill: not tuned, its defaults are used: no study of it under this protocol" in lines[0]

    wide, narrow = lab.tune(4), lab.tune(6, overrides=parse("height=0.6:0.8"))
    made, lines = tuned(plan(request), lab.place)
    (newest,) = [one for one in (wide, narrow) if one.name == studies(lab.place)[0].name]
    best = newest.best
    assert best
    assert best.value
    for cell in made.cells:
        if cell.method == "hill":
            assert (cell.origin, cell.parameters) == (TUNED, best.settings)
            cost = made.tuning[cell.id]
            assert (cost.study, cost.trial, cost.value) == (newest.name, best.number, best.value)
            assert (cost.trials, cost.seconds) == (10, pytest.approx(wide.seconds + narrow.seconds))
        else:
            assert (cell.origin, cell.id in made.tuning) == ("default", False)
    assert lines[0].startswith("hill: tuned: height ")
    other = plan(dataclasses.replace(request, methods=("hill",), batch_size=8))
    assert tuned(other, lab.place)[0].cells == other.cells  # another protocol

    stream = io.StringIO()
    records = runner.run(made, lab.tracking, PlainDisplay(stream))
    assert {record.cell.method: record.tuning and record.tuning.study for record in records} == {
        "hill": newest.name,
        "zero-shot": None,
    }
    assert lab.tracking.record(records[0].run).tuning == records[0].tuning
    assert len(lab.tracking.records()) == 4


def test_defaults_that_are_the_best_are_not_trained_again(lab: SweepLab) -> None:
    before = runner.run(plan(lab.request), lab.tracking, PlainDisplay(io.StringIO()))
    best = lab.tune(1).best
    assert best
    assert best.defaults
    made, lines = tuned(plan(lab.request), lab.place)
    assert made.cells == plan(lab.request).cells
    assert made.tuning == {}
    assert lines[0].startswith("hill: tuned: the defaults are the best, height ")
    stream = io.StringIO()
    records = runner.run(made, lab.tracking, PlainDisplay(stream))
    assert [record.run for record in records] == [record.run for record in before]
    assert stream.getvalue().endswith("finished already: nothing to train\n")


def test_an_unfinished_study_tunes_nothing(lab: SweepLab, seen: Seen) -> None:
    def stop(number: int) -> None:
        if number == 2:
            raise KeyboardInterrupt

    seen.before = stop
    with pytest.raises(KeyboardInterrupt):
        lab.tune(4)
    made, lines = tuned(plan(lab.request), lab.place)
    assert made.tuning == {}
    assert "its defaults are used: study quick/hill/" in lines[0]
    assert lines[0].endswith("is unfinished")


def test_other_peoples_studies_are_passed_over(lab: SweepLab) -> None:
    with closing(lab.place) as opened:
        optuna.create_study(storage=opened, study_name="mine")
    assert studies(lab.place) == ()


def test_what_cannot_be_searched_is_refused_before_anything_is_written(lab: SweepLab) -> None:
    assert lab.place.file
    for changes, says in (
        ({"params": ("note",)}, "note, which has no range"),
        ({"params": ("lr",)}, "no method of this sweep has such a parameter"),
        ({"sampler": "cmaes"}, "--sampler cmaes needs the package cmaes"),
    ):
        if "cmaes" in str(changes) and importlib.util.find_spec("cmaes"):
            continue
        with pytest.raises(UsageError, match=says):
            lab.tune(2, **changes)
    lab.request = dataclasses.replace(lab.request, methods=("hill", "zero-shot"))
    with pytest.raises(UsageError, match="'zero-shot' has no parameter with a range: leave it out of --methods"):
        lab.tune(2)
    assert not lab.place.file.exists()
