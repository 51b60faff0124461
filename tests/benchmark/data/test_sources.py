"""Suites find their rows: built in, in a folder, or on the hub, and labels that belong to the task."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import datasets
import pytest

from benchmark.core import suite
from benchmark.core.errors import UsageError
from benchmark.core.suite import Source, TaskSpec
from benchmark.data import hub, sources
from benchmark.data.builtin import corpus
from benchmark.data.columns import ColumnSpec
from benchmark.data.task import Example, RawData

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
        assert task.head.classes[int(task.test.labels[0])] == getattr(first, label)

    def test_the_default_suite_uses_it(self) -> None:
        assert sources.load_task(suite.load("quick").tasks[0]).synthetic

    def test_unknown_labels(self) -> None:
        with pytest.raises(
            UsageError, match="has no labels 'mood': use one of scenario, intent, sentiment, paraphrase, similarity"
        ):
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
        with pytest.raises(UsageError, match="no data: give --data a folder"):
            sources.load_task(suite.load("quick").tasks[0], data="")


def test_hub_is_asked_for_what_the_suite_names(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def load(*arguments: Any) -> RawData:
        calls.append(arguments)
        rows = (Example("1", ("wake me",), "alarm"),)
        return RawData(rows, rows, rows, "mteb/amazon_massive_scenario (en) @ 1111111")

    monkeypatch.setattr(hub, "load", load)
    task = sources.load_task(MASSIVE["scenario"], text_column="utt")
    assert task.source == "mteb/amazon_massive_scenario (en) @ 1111111"
    assert calls == [("mteb/amazon_massive_scenario", "en", None, ColumnSpec("scenario", "utt", None, "_"))]


class TestHub:
    """The data sets that suites name, made up in the hub's own shapes: columns, features, splits, hidden labels."""

    @staticmethod
    def answer(monkeypatch: pytest.MonkeyPatch, splits: dict[str, dict[str, list[Any]]], classes: Any = None) -> None:
        def split(columns: dict[str, list[Any]]) -> datasets.Dataset:
            made = datasets.Dataset.from_dict(columns)
            return made.cast_column("label", datasets.ClassLabel(names=classes)) if classes else made

        found = datasets.DatasetDict({name: split(columns) for name, columns in splits.items()})
        monkeypatch.setattr(hub, "_commit", lambda *_: "c" * 40)
        monkeypatch.setattr(hub, "_prepared", lambda *_: (found, "c" * 40))

    def test_sst5(self, monkeypatch: pytest.MonkeyPatch) -> None:
        names = ["very negative", "negative", "neutral", "positive", "very positive"]
        rows: dict[str, list[Any]] = {
            "text": [f"a film {n}" for n in range(5)],
            "label": list(range(5)),
            "label_text": names,
        }
        self.answer(monkeypatch, {"train": rows, "validation": rows, "test": rows})
        for name in ("sst5", "cs224n"):
            task = sources.load_task(suite.load(name).tasks[0], several=name == "cs224n")
            assert task.head.classes == tuple(sorted(names))
            assert task.source == "SetFit/sst5 @ ccccccc"
            assert [len(split) for split in task.splits] == [5, 5, 5]

    @pytest.mark.parametrize("name", ["quora", "cs224n"])
    def test_qqp_hides_the_labels_of_its_test_split(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        def rows(split: str, count: int, labels: list[int]) -> dict[str, list[Any]]:
            questions = [f"{split} {n}" for n in range(count)]
            said = [labels[n % len(labels)] for n in range(count)]
            return {"question1": questions, "question2": questions, "label": said, "idx": list(range(count))}

        splits = {
            "train": rows("train", 40, [0, 1]),
            "validation": rows("dev", 6, [1, 0]),
            "test": rows("test", 9, [-1]),
        }
        self.answer(monkeypatch, splits, ["not_duplicate", "duplicate"])
        given = next(task for task in suite.load(name).tasks if task.name == "quora")
        task = sources.load_task(given, several=True)
        assert (task.head.kind, task.head.classes, task.head.outputs) == ("pair-binary", ("0", "1"), 1)
        assert [len(split) for split in task.splits] == [36, 4, 6]
        assert task.test.texts[0] == ("dev 0", "dev 0")
        assert task.test.labels == (1, 0, 1, 0, 1, 0)
        assert "the test split hides its labels: the validation split is the test split" in task.notes

    @pytest.mark.parametrize("name", ["stsb", "cs224n"])
    def test_stsb_has_numbers(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        def rows(split: str, labels: list[float]) -> dict[str, list[Any]]:
            sentences = [f"{split} {n}" for n in range(len(labels))]
            return {"sentence1": sentences, "sentence2": sentences, "label": labels, "idx": list(range(len(labels)))}

        splits = {
            "train": rows("train", [n / 8 for n in range(40)]),
            "validation": rows("dev", [5.0, 2.6, 0.0]),
            "test": rows("test", [-1.0, -1.0]),
        }
        self.answer(monkeypatch, splits)
        task = sources.load_task(suite.load(name).tasks[-1], several=True)
        assert (task.head.kind, task.head.low, task.head.high, task.head.outputs) == ("pair-regression", 0.0, 5.0, 1)
        assert task.test.labels == (5.0, 2.6, 0.0)

    def test_imdb_has_no_validation_and_a_split_too_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def rows(split: str, count: int, label: int | None = None) -> dict[str, list[Any]]:
            said = [n % 2 if label is None else label for n in range(count)]
            return {"text": [f"{split} review {n}" for n in range(count)], "label": said}

        splits = {"train": rows("train", 20), "test": rows("test", 8), "unsupervised": rows("other", 30, -1)}
        self.answer(monkeypatch, splits, ["neg", "pos"])
        task = sources.load_task(suite.load("cfimdb").tasks[0])
        assert task.head.classes == ("neg", "pos")
        assert [len(split) for split in task.splits] == [18, 2, 8]


class TestTasksOfSeveral:
    def test_built_in_rows(self) -> None:
        tasks = [sources.load_task(task, several=True) for task in suite.load("quick-tasks").tasks]
        assert [[len(split) for split in task.splits] for task in tasks] == [[300, 100, 150]] * 3
        assert [task.head.outputs for task in tasks] == [5, 1, 1]
        assert all(task.synthetic and "(synthetic)" in task.source for task in tasks)
        assert all(count == 0 for task in tasks for _, count in task.duplicates)

    def test_built_in_rows_of_another_kind(self) -> None:
        rounded = TaskSpec("six", Source("builtin", "similarity"), "pair-classes", "pearson", 0.0, 5.0)
        head = sources.load_task(rounded).head
        assert (head.classes, head.outputs) == (tuple("012345"), 6)
        with pytest.raises(UsageError, match="has 2 texts a row: a task of kind classes can't use it"):
            sources.load_task(TaskSpec("x", Source("builtin", "similarity")))
        with pytest.raises(UsageError, match="labels that don't suit the suite: neither 0 nor 1"):
            sources.load_task(TaskSpec("x", Source("builtin", "similarity"), "pair-binary"))

    def test_files_that_are_named_and_folders_by_task(self, tmp_path: Path) -> None:
        given = suite.load("stsb").tasks[0]
        lines = [f"{n}\ta{n}\tone {n}\ttwo\t{n % 6}" for n in range(40)]
        table = "\n".join(["\tid\tsentence1\tsentence2\tsimilarity", *lines, ""])
        for name in ("sts-train.csv", "sts-dev.csv"):
            (tmp_path / name).write_text(table, encoding="utf-8")
        task = sources.load_task(given, data=str(tmp_path), limit_train=1, several=True)
        wanted = (1, 4, {0.0, 1.0, 2.0, 3.0, 4.0, 5.0})
        assert (len(task.train), len(task.validation), set(task.test.labels)) == wanted
        (tmp_path / "sts").mkdir()
        for split in ("train", "dev"):
            (tmp_path / f"sts-{split}.csv").rename(tmp_path / "sts" / f"{'test' if split == 'dev' else split}.csv")
        assert sources.load_task(given, data=str(tmp_path), limit_train=1, several=True).test == task.test
        with pytest.raises(UsageError, match="has no train split"):
            sources.load_task(given, data=str(tmp_path))  # a suite of one task looks in the folder itself


class TestCs224n:
    EXPECTED: ClassVar = {
        "sst": ([7690, 854, 1101], 5, ()),
        "quora": ([14_533, 1_615, 4_064], 1, ("2 rows without a label or text were dropped from ",)),
        "sts": ([5436, 604, 863], 1, ()),
    }

    @pytest.mark.parametrize("place", range(3))
    def test_the_courses_files(self, real_data: Path, place: int) -> None:
        given = suite.load("cs224n").tasks[place]
        task = sources.load_task(given, data=str(real_data / "cs224n"), several=True)
        sizes, outputs, notes = self.EXPECTED[task.name]
        assert [len(split) for split in task.splits] == sizes
        assert task.head.outputs == outputs
        assert {len(texts) for texts in task.train.texts} == {task.head.sentences}
        assert sum(note.startswith(notes) for note in task.notes) == len(notes)
        assert task.notes[-1].startswith("validation carved from train by a hash of the row (10%")
        assert not any("student" in note for note in task.notes)

    @pytest.mark.parametrize(("place", "alone"), [(0, "sst5"), (1, "quora"), (2, "stsb")])
    def test_a_task_by_itself_has_the_rows_that_it_has_among_others(
        self, real_data: Path, place: int, alone: str
    ) -> None:
        data = str(real_data / "cs224n")
        among = sources.load_task(suite.load("cs224n").tasks[place], data=data, limit_train=100, several=True)
        single = sources.load_task(suite.load(alone).tasks[0], data=data, limit_train=100)
        assert single == among

    def test_long_reviews(self, real_data: Path) -> None:
        task = sources.load_task(suite.load("cfimdb").tasks[0], data=str(real_data / "cs224n"))
        assert [len(split) for split in task.splits] == [1536, 171, 245]
        assert task.head.classes == ("0", "1")


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
        assert task.head.classes[int(task.test.labels[0])] == {"scenario": "alarm", "intent": "alarm_set"}[name]

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
        "builtin sentiment",
        "builtin paraphrase",
        "builtin similarity",
        "stanfordnlp/imdb",
        "SetFit/sst5",
        "nyu-mll/glue (qqp)",
        "nyu-mll/glue (stsb)",
        "mteb/amazon_massive_intent (en)",
        "mteb/amazon_massive_scenario (en)",
    ]
    assert facts["builtin similarity"].rows == "300 / 100 / 150"
    assert facts["nyu-mll/glue (stsb)"].where == "Hugging Face Hub, or --data FOLDER; suite cs224n, stsb"
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
