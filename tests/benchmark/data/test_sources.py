"""Suites find their rows: built in, in a folder, or on the hub, and labels that belong to the task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmark import suite
from benchmark.data import hub, sources
from benchmark.data.builtin import corpus
from benchmark.data.columns import Wanted
from benchmark.data.task import Row, Rows
from benchmark.errors import UsageError
from benchmark.suite import Source, TaskSpec

MASSIVE = {"scenario": suite.load("massive-scenario").tasks[0], "intent": suite.load("massive-intent").tasks[0]}


def spec(**source: Any) -> TaskSpec:
    return TaskSpec("scenario", Source(**source))


def folder_of(tmp_path: Path, text: str) -> str:
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.csv").write_text(text, encoding="utf-8")
    return str(tmp_path)


class TestBuiltin:
    @pytest.mark.parametrize(("label", "classes"), [("scenario", 18), ("intent", 60)])
    def test_rows_of_the_corpus(self, label: str, classes: int) -> None:
        task = sources.load_task(TaskSpec(label, Source("builtin", label)))
        assert [len(split) for split in task.splits] == [1000, 300, 600]
        assert len(task.head.classes) == classes
        assert (task.source, task.synthetic) == ("built-in corpus v1 (synthetic)", True)
        first = corpus().test[0]
        assert (task.test.ids[0], task.test.texts[0]) == (first.id, (first.text,))
        assert task.head.classes[task.test.labels[0]] == getattr(first, label)

    def test_the_default_suite_uses_it(self) -> None:
        assert sources.load_task(suite.load("quick").tasks[0]).synthetic

    def test_unknown_labels(self) -> None:
        with pytest.raises(UsageError, match="has no labels 'mood': use one of scenario, intent"):
            sources.load_task(spec(type="builtin", dataset="mood"))

    @pytest.mark.parametrize("option", ["text_column", "label_column"])
    def test_columns_are_for_ones_own_rows(self, option: str) -> None:
        with pytest.raises(UsageError, match="give them with --data FOLDER"):
            sources.load_task(spec(type="builtin", dataset="scenario"), **{option: "a"})  # type: ignore[arg-type]

    def test_limit(self) -> None:
        task = sources.load_task(suite.load("quick").tasks[0], limit_train=100)
        assert [len(split) for split in task.splits] == [100, 300, 600]
        assert task.notes == ("train limited to 100 of 1000 rows by a hash of the row",)


class TestFolder:
    def test_takes_the_place_of_the_source(self, tmp_path: Path) -> None:
        data = folder_of(tmp_path, "text,label\nhello,greet\nbye,part\n")
        task = sources.load_task(suite.load("quick").tasks[0], data=data)
        assert (task.source, task.synthetic, task.head.classes) == (data, False, ("greet", "part"))
        assert task == sources.load_task(spec(type="files", dataset=data))

    def test_keeps_separator_and_columns_of_the_suite(self, tmp_path: Path) -> None:
        data = folder_of(tmp_path, "words,mark,label\nhello,a-b,x\n")
        given = spec(type="hub", dataset="a/b", text_column="words", label_column="mark", label_separator="-")
        assert sources.load_task(given, data=data).head.classes == ("a",)
        assert sources.load_task(given, data=data, label_column="label").head.classes == ("x",)

    @pytest.mark.parametrize(("task", "label"), [("scenario", "alarm"), ("intent", "alarm_set")])
    @pytest.mark.parametrize(
        "table",
        [
            "label,text,label_text\n48,wake me,alarm_set\n",
            "text,intent\nwake me,alarm_set\n",
            "scenario,intent,utt\nalarm,alarm_set,wake me\n",
        ],
    )
    def test_scenario_and_intent_from_rows_of_any_shape(
        self, tmp_path: Path, task: str, label: str, table: str
    ) -> None:
        assert sources.load_task(MASSIVE[task], data=folder_of(tmp_path, table)).head.classes == (label,)

    def test_an_empty_path_is_not_the_suites_own_source(self) -> None:
        with pytest.raises(UsageError, match="data folder '' doesn't exist"):
            sources.load_task(suite.load("quick").tasks[0], data="")


def test_hub_is_asked_for_what_the_suite_names(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def load(*arguments: Any) -> Rows:
        calls.append(arguments)
        rows = (Row("1", ("wake me",), "alarm"),)
        return Rows(rows, rows, rows, "mteb/amazon_massive_scenario (en) @ 1111111")

    monkeypatch.setattr(hub, "load", load)
    task = sources.load_task(MASSIVE["scenario"], text_column="utt")
    assert task.source == "mteb/amazon_massive_scenario (en) @ 1111111"
    assert calls == [("mteb/amazon_massive_scenario", "en", None, Wanted("scenario", "utt", None, "_"))]


class TestMassive:
    @pytest.mark.parametrize(("name", "classes"), [("scenario", 18), ("intent", 60)])
    def test_real_rows(self, real_data: Path, name: str, classes: int) -> None:
        task = sources.load_task(MASSIVE[name], data=str(real_data / "massive"))
        assert [len(split) for split in task.splits] == [11_514, 2_033, 2_974]
        assert len(task.head.classes) == classes
        counts = dict(task.duplicates)
        assert list(counts) == ["train ∩ validation", "train ∩ test", "validation ∩ test"]
        assert min(counts.values()) > 0
        # The first row of test.jsonl.
        assert (task.test.ids[0], task.test.texts[0]) == ("0", ("wake me up at five am this week",))
        assert task.head.classes[task.test.labels[0]] == {"scenario": "alarm", "intent": "alarm_set"}[name]

    def test_a_cut_keeps_the_rarest_intent(self, real_data: Path) -> None:
        task = sources.load_task(MASSIVE["intent"], data=str(real_data / "massive"), limit_train=60)
        assert (len(task.train), len(set(task.train.labels))) == (60, 60)
        with pytest.raises(UsageError, match="raise --limit-train to at least 60"):
            sources.load_task(MASSIVE["intent"], data=str(real_data / "massive"), limit_train=59)


def test_describe_names_all_that_suites_use() -> None:
    facts = {one.name: one for one in sources.describe()}
    assert list(facts) == [
        "builtin scenario",
        "builtin intent",
        "mteb/amazon_massive_intent (en)",
        "mteb/amazon_massive_scenario (en)",
    ]
    assert facts["builtin scenario"] == sources.SourceFacts(
        "builtin scenario", "builtin", "1,000 / 300 / 600", True, "in the package; suite quick"
    )
    assert facts["mteb/amazon_massive_intent (en)"] == sources.SourceFacts(
        "mteb/amazon_massive_intent (en)",
        "hub",
        "",
        False,
        "Hugging Face Hub, or --data FOLDER; suite massive-intent",
    )
