"""Local files: every format gives the same rows, no value is taken for what it isn't, each defect is named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmark.core.errors import UsageError
from benchmark.core.suite import Source, TaskSpec
from benchmark.data import files
from benchmark.data.columns import ColumnSpec
from benchmark.data.sources import load_task
from benchmark.data.task import Example, RawData, fingerprint

RECORDS = [
    {"id": "007", "text": 'say "hi", then\tgo', "label": "NA"},
    {"id": "1e3", "text": "null", "label": "null"},
    {"id": "2020-01-01", "text": "naïve 🙂\u2028 line\nbreak", "label": "007"},
    {"id": "nan", "text": "True", "label": "1.0"},
]


def write(folder: Path, name: str, records: list[dict[str, Any]]) -> None:
    """Write a file in the format that its name says, with a writer that is not of this project."""
    import pandas as pd

    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame(records)
    match path.suffix:
        case ".jsonl":
            lines = [json.dumps(record, ensure_ascii=False) for record in records]
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        case ".csv":
            frame.to_csv(path, index=False)
        case ".tsv":
            frame.to_csv(path, index=True, sep="\t")  # with a leading column that has no name
        case ".parquet":
            frame.to_parquet(path)
        case other:
            raise AssertionError(other)


def folder_of(tmp_path: Path, texts: Mapping[str, str | bytes]) -> Path:
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return tmp_path


def load(folder: Path, task: str = "topic", **wanted: Any) -> RawData:
    return files.load(str(folder), ColumnSpec(task, **wanted))


def error_of(folder: Path | str, **wanted: Any) -> str:
    with pytest.raises(UsageError) as caught:
        files.load(str(folder), ColumnSpec("topic", **wanted))
    message = str(caught.value)
    assert "\n" not in message
    return message


CSV = "text,label\nhello,greet\nbye,part\n"


class TestFormats:
    @pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".tsv", ".parquet"])
    def test_values_stay_the_text_they_are(self, tmp_path: Path, suffix: str) -> None:
        for split in ("train", "test"):
            write(tmp_path, split + suffix, RECORDS)
        found = load(tmp_path)
        expected = tuple(Example(r["id"], (r["text"],), r["label"]) for r in RECORDS)
        assert found.train == expected
        assert found.test == expected
        assert found.validation is None
        assert found.source == str(tmp_path)
        assert not found.synthetic

    def test_columns_of_numbers_in_csv_stay_text(self, tmp_path: Path) -> None:
        table = "id,text,label\n007,1e3,00\n008,0x1,01\n"
        found = load(folder_of(tmp_path, {"train.csv": table, "test.csv": table}))
        assert found.train == (Example("007", ("1e3",), "00"), Example("008", ("0x1",), "01"))

    def test_all_formats_have_one_fingerprint(self, tmp_path: Path) -> None:
        prints = set()
        for suffix in (".jsonl", ".csv", ".tsv", ".parquet"):
            for split in ("train", "test"):
                write(tmp_path / suffix, split + suffix, RECORDS)
            prints.add(fingerprint(load(tmp_path / suffix).train))
        assert len(prints) == 1

    def test_numbers_and_booleans_of_json_become_text(self, tmp_path: Path) -> None:
        line = '{"id": 7, "text": 12, "label": 3}\n{"id": 8, "text": 1.5, "label": true}\n'
        found = load(folder_of(tmp_path, {"train.jsonl": line, "test.jsonl": line}))
        assert found.train == (Example("7", ("12",), "3"), Example("8", ("1.5",), "true"))

    def test_blank_lines_a_byte_order_mark_and_windows_line_ends_are_no_rows(self, tmp_path: Path) -> None:
        line = b'\xef\xbb\xbf{"text": "a", "label": "x"}\r\n\r\n{"text": "b", "label": "y"}\r\n\r\n'
        table = b"\xef\xbb\xbftext,label\r\na,x\r\n\r\nb,y\r\n"
        found = load(folder_of(tmp_path, {"train.jsonl": line, "test.csv": table}))
        assert [one.texts[0] + one.label for one in found.train] == ["ax", "by"]
        assert [one.texts[0] + one.label for one in found.test] == ["ax", "by"]

    def test_the_header_says_what_separates_columns_not_the_name(self, tmp_path: Path) -> None:
        found = load(folder_of(tmp_path, {"train.csv": "text\tlabel\na, b\tx\n", "test.tsv": "text,label\na\tb,x\n"}))
        assert (found.train[0].texts, found.test[0].texts) == (("a, b",), ("a\tb",))

    @pytest.mark.parametrize("header", ["\ttext\tlabel", "text\tlabel"])
    def test_a_leading_column_of_row_numbers_may_have_no_name(self, tmp_path: Path, header: str) -> None:
        table = f"{header}\n0\thello\tgreet\n1\tbye\tpart\n"
        found = load(folder_of(tmp_path, {"train.csv": table, "test.csv": table}))
        assert [(one.id, *one.texts, one.label) for one in found.train] == [
            ("train-1", "hello", "greet"),
            ("train-2", "bye", "part"),
        ]

    def test_parquet_classes_of_the_hub_come_back_as_names(self, tmp_path: Path) -> None:
        from datasets import ClassLabel, Dataset, Features, Value

        features = Features({"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
        rows = Dataset.from_dict({"text": ["good", "bad"], "label": [1, 0]}, features=features)
        for split in ("train", "test"):
            rows.to_parquet(tmp_path / f"{split}.parquet")
        assert [one.label for one in load(tmp_path).train] == ["pos", "neg"]
        rows = Dataset.from_dict({"text": ["good"], "label": [-1]}, features=features)
        rows.to_parquet(tmp_path / "test.parquet")
        assert "test.parquet: row 1 has no label (column 'label')" in error_of(tmp_path)


class TestSplits:
    @pytest.mark.parametrize("name", ["validation", "valid", "val", "dev", "Dev"])
    def test_names_of_validation(self, tmp_path: Path, name: str) -> None:
        found = load(folder_of(tmp_path, {"train.csv": CSV, f"{name}.csv": CSV, "test.csv": CSV, "README.md": "…"}))
        assert found.validation is not None
        assert [one.label for one in found.validation] == ["greet", "part"]
        assert found.validation[0].id == "validation-1"

    def test_splits_may_have_different_formats(self, tmp_path: Path) -> None:
        write(tmp_path, "train.parquet", RECORDS)
        write(tmp_path, "test.jsonl", RECORDS)
        found = load(tmp_path)
        assert found.train == found.test

    def test_shards_follow_one_another_in_order(self, tmp_path: Path) -> None:
        for number in range(11):
            write(tmp_path, f"train-{number:05}-of-00011.parquet", [{"text": f"t{number}", "label": "x"}])
        write(tmp_path, "test-0-of-1-0a1b.parquet", [{"text": "t", "label": "x"}])
        found = load(tmp_path)
        assert [one.texts[0] for one in found.train] == [f"t{number}" for number in range(11)]
        assert [one.id for one in found.train] == [f"train-{number}" for number in range(1, 12)]
        (tmp_path / "train-00004-of-00011.parquet").unlink()
        assert error_of(tmp_path).endswith("has 10 of 11 shards of the train split: add the missing ones")

    def test_shards_have_the_same_columns(self, tmp_path: Path) -> None:
        folder_of(tmp_path, {"train-0.csv": CSV, "train-1.csv": "text,intent\na,b\n", "test.csv": CSV})
        assert "train-1.csv has other columns than" in error_of(tmp_path)

    @pytest.mark.parametrize(
        "names", [("train.csv", "train.jsonl"), ("train.csv", "train-0.csv"), ("Train.csv", "train.csv")]
    )
    def test_two_files_for_train(self, tmp_path: Path, names: tuple[str, str]) -> None:
        folder_of(tmp_path, dict.fromkeys((*names, "test.csv"), CSV))
        assert f"has several files for the train split ({', '.join(sorted(names))}): keep one" in error_of(tmp_path)

    def test_two_names_for_validation(self, tmp_path: Path) -> None:
        folder_of(tmp_path, dict.fromkeys(("train.csv", "dev.csv", "validation.csv", "test.csv"), CSV))
        assert "has several files for the validation split (dev.csv, validation.csv): keep one" in error_of(tmp_path)

    def test_no_train(self, tmp_path: Path) -> None:
        folder_of(tmp_path, {"test.csv": CSV, "training.csv": CSV})
        assert error_of(tmp_path) == (
            f"{tmp_path} has no train split: name its file train.jsonl, train.csv, train.tsv or train.parquet "
            f"(files there: test.csv, training.csv)"
        )

    def test_no_test(self, tmp_path: Path) -> None:
        assert f"{tmp_path} has no test split: name its file test.jsonl" in error_of(
            folder_of(tmp_path, {"train.csv": CSV})
        )

    def test_empty_folder(self, tmp_path: Path) -> None:
        assert error_of(tmp_path).endswith("(files there: none)")

    @pytest.mark.parametrize("path", ["", " "])
    def test_no_path(self, path: str) -> None:
        assert error_of(path) == "no data: give --data a folder with train and test files, or one file with all rows"

    @pytest.mark.parametrize("path", ["no/such/folder", "no/such.csv"])
    def test_nothing_there(self, path: str) -> None:
        assert error_of(path) == f"data {path!r} doesn't exist: check the path"

    def test_a_file_of_one_split_is_not_enough(self, tmp_path: Path) -> None:
        folder_of(tmp_path, {"train.csv": CSV, "dev-00000-of-00001.csv": CSV})
        for name in ("train.csv", "dev-00000-of-00001.csv"):
            assert f"is a single split: give its folder, {tmp_path}, which must hold" in error_of(tmp_path / name)


class TestOneFile:
    """All rows in one file: divided by a hash of their texts."""

    ROWS = tuple((f"text {number}", "ab"[number % 2]) for number in range(200))

    def write(self, path: Path, rows: Sequence[tuple[str, str]]) -> Path:
        path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows))
        return path

    def test_every_row_is_in_one_split(self, tmp_path: Path) -> None:
        raw = load(self.write(tmp_path / "mine.jsonl", self.ROWS))
        texts = [example.texts[0] for example in (*raw.train, *raw.test)]
        assert sorted(texts) == sorted(text for text, _ in self.ROWS)
        assert raw.validation is None  # carved from train, as for every source without one
        for example in raw.test:
            digest = hashlib.sha256(json.dumps([example.texts[0]]).encode()).hexdigest()
            assert int(digest[:16], 16) >= 0.8 * 2**64
        assert 20 < len(raw.test) < 60
        assert raw.notes[-1] == (
            f"train and test divided by a hash of the texts (80% train: {len(raw.train)} for train, "
            f"{len(raw.test)} for test)"
        )

    def test_a_row_stays_where_it_is_whatever_else_the_file_holds(self, tmp_path: Path) -> None:
        whole = {example.texts for example in load(self.write(tmp_path / "a.jsonl", self.ROWS)).test}
        part = {example.texts for example in load(self.write(tmp_path / "b.jsonl", self.ROWS[::-3])).test}
        assert part == {(text,) for text, _ in self.ROWS[::-3]} & whole

    def test_equal_texts_stay_together(self, tmp_path: Path) -> None:
        raw = load(self.write(tmp_path / "a.jsonl", [*self.ROWS, *self.ROWS]))
        assert not {example.texts for example in raw.train} & {example.texts for example in raw.test}

    def test_a_label_that_only_test_rows_have_goes_to_train(self, tmp_path: Path) -> None:
        common = load(self.write(tmp_path / "a.jsonl", self.ROWS))
        (rare, *_) = (example.texts[0] for example in common.test)
        rows = [(text, "rare" if text == rare else label) for text, label in self.ROWS]
        raw = load(self.write(tmp_path / "b.jsonl", rows))
        assert [example.label for example in raw.train if example.texts[0] == rare] == ["rare"]
        assert {example.label for example in raw.test} <= {example.label for example in raw.train}
        assert len(raw.test) == len(common.test) - 1

    def test_other_suffixes_are_no_tables(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "mine.txt", self.ROWS)
        assert error_of(path) == f"{path} is no table: give .jsonl, .csv, .tsv or .parquet files"

    def test_it_makes_a_task(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "mine.jsonl", self.ROWS)
        task = load_task(TaskSpec("topic", Source("builtin")), data=str(path))
        assert [len(split) for split in task.splits] == [151, 17, 32]


class TestColumns:
    @pytest.mark.parametrize(
        ("header", "text", "label"),
        [
            ("label,label_text,text", "text", "label_text"),
            ("scenario,intent,utt", "utt", "intent"),
            ("sentiment,sentence", "sentence", "sentiment"),
            ("topic,label_text,content,query", "query", "topic"),  # the task is called topic
        ],
    )
    def test_usual_names(self, tmp_path: Path, header: str, text: str, label: str) -> None:
        table = f"{header}\n{','.join(f'<{name}>' for name in header.split(','))}\n"
        found = load(folder_of(tmp_path, {"train.csv": table, "test.csv": table}))
        assert (found.train[0].texts, found.train[0].label) == ((f"<{text}>",), f"<{label}>")
        assert found.notes == (f"text from column {text!r}, label from column {label!r}",)

    def test_given_names_win(self, tmp_path: Path) -> None:
        table = "text,label,a,b\n1,2,3,4\n"
        folder = folder_of(tmp_path, {"train.csv": table, "test.csv": table})
        found = load(folder, text_column="b", label_column="a")
        assert (found.train[0].texts, found.train[0].label) == (("4",), "3")

    def test_separator_cuts_at_its_first_occurrence(self, tmp_path: Path) -> None:
        table = "text,intent\na,iot_hue_lighton\nb,general\n"
        found = load(folder_of(tmp_path, {"train.csv": table, "test.csv": table}), label_separator="_")
        assert [one.label for one in found.train] == ["iot", "general"]
        assert found.notes == ("text from column 'text', label from column 'intent', cut at its first '_'",)

    def test_a_column_named_like_the_task_is_not_cut(self, tmp_path: Path) -> None:
        table = "text,topic,intent\na,date_time,date_time_query\n"
        folder = folder_of(tmp_path, {"train.csv": table, "test.csv": table})
        assert load(folder, label_separator="_").train[0].label == "date_time"
        assert load(folder, label_separator="_", label_column="intent").train[0].label == "date"

    def test_ids_are_taken_where_they_tell_rows_apart(self, tmp_path: Path) -> None:
        table = "id,text,label\n{}\n"
        folder_of(tmp_path, {"train.csv": table.format("b,t,x\na,t,x"), "test.csv": table.format("a,t,x\na,t,x")})
        folder_of(tmp_path, {"dev.csv": table.format("a,t,x\n,t,x")})
        found = load(tmp_path)
        assert [one.id for one in found.train] == ["b", "a"]
        assert [one.id for one in found.test] == ["test-1", "test-2"]
        assert [one.id for one in found.validation or ()] == ["validation-1", "validation-2"]

    def test_no_label_column(self, tmp_path: Path) -> None:
        table = "text,mood\na,x\n"
        folder = folder_of(tmp_path, {"train.csv": table, "test.csv": table})
        there = "its columns are 'text', 'mood'; name one with --label-column, or label_column in the suite"
        assert error_of(folder) == f"{tmp_path / 'train.csv'} has no label column: {there}"
        assert f"has no column 'Mood': {there}" in error_of(folder, label_column="Mood")
        assert load(folder, label_column="mood").train[0].label == "x"

    def test_no_text_column(self, tmp_path: Path) -> None:
        table = "sentence1,label\na,x\n"
        folder = folder_of(tmp_path, {"train.csv": table, "test.csv": table})
        assert "has no text column: its columns are 'sentence1', 'label'; name one with --text-column" in error_of(
            folder
        )

    def test_one_column_for_both(self, tmp_path: Path) -> None:
        folder = folder_of(tmp_path, {"train.csv": CSV, "test.csv": CSV})
        assert "column 'text' can't be both text and label" in error_of(folder, label_column="text")

    def test_all_splits_have_the_columns_of_train(self, tmp_path: Path) -> None:
        folder_of(tmp_path, {"train.csv": "text,label,label_text\na,0,x\n", "test.csv": "text,label\na,0\n"})
        assert error_of(tmp_path) == (
            f"{tmp_path / 'test.csv'} has no column 'label_text', which train has: its columns are 'text', 'label'"
        )


class TestDefects:
    @pytest.mark.parametrize("text", ["", "text,label\n", "\n\n"])
    def test_empty_split(self, tmp_path: Path, text: str) -> None:
        folder_of(tmp_path, {"train.csv": CSV, "test.csv": text})
        path = tmp_path / "test.csv"
        assert error_of(tmp_path) == f"{path} is empty: the test split needs at least one row"

    def test_empty_jsonl(self, tmp_path: Path) -> None:
        folder_of(tmp_path, {"train.jsonl": "\n", "test.csv": CSV})
        assert "train.jsonl is empty: the train split needs at least one row" in error_of(tmp_path)

    @pytest.mark.parametrize("name", ["train.csv", "train.jsonl"])
    def test_not_utf8(self, tmp_path: Path, name: str) -> None:
        folder_of(tmp_path, {name: "text,label\nok,x\nnaïve,x\n".encode("latin-1"), "test.csv": CSV})
        assert error_of(tmp_path) == f"{tmp_path / name} is not UTF-8 (line 3): save it as UTF-8"

    @pytest.mark.parametrize("line", ['{"text": "a"', "text,label", "[" * 100_000, '{"text": "a"} {"text": "b"}'])
    def test_malformed_json(self, tmp_path: Path, line: str) -> None:
        good = '{"text": "a", "label": "x"}\n'
        folder_of(tmp_path, {"train.jsonl": good + "\n" + line + "\n" + good, "test.jsonl": good})
        assert f"{tmp_path / 'train.jsonl'}: line 3 is not JSON (" in error_of(tmp_path)

    def test_json_that_is_no_object(self, tmp_path: Path) -> None:
        folder_of(tmp_path, {"train.jsonl": '["a", "x"]\n', "test.csv": CSV})
        assert "line 1 is no JSON object with named columns: write one object per line" in error_of(tmp_path)

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ("a,x\n  ,x", "row 2 has no text (column 'text'): fill it in or remove the row"),
            ("a,x\nb,", "row 2 has no label (column 'label'): fill it in or remove the row"),
            ("a,x\nb", "row 2 has no label (column 'label'): fill it in or remove the row"),
            ("a,x\nb,c,x", "is not a valid table (Error tokenizing data. C error: Expected 2 fields in line 3, saw 3)"),
            ("b,c,x\na,x", "rows have more fields than the header: quote texts that hold the separator"),
            ('"a,x', "is not a valid table ("),
        ],
    )
    def test_defective_csv(self, tmp_path: Path, rows: str, message: str) -> None:
        folder_of(tmp_path, {"train.csv": f"text,label\n{rows}\n", "test.csv": CSV})
        assert message in error_of(tmp_path)

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ('{"label": "x"}', "row 2 has no text"),
            ('{"text": "a"}', "row 2 has no label"),
            ('{"text": "a", "label": null}', "row 2 has no label"),
            ('{"text": "a", "label": NaN}', "row 2 has no label"),
            ('{"text": ["a", "b"], "label": "x"}', "row 2 holds ['a', 'b'] in column 'text', which is neither"),
            ('{"text": "half \\ud83d", "label": "x"}', "row 2 holds 'half \\ud83d' in column 'text', which is neither"),
        ],
    )
    def test_defective_rows(self, tmp_path: Path, row: str, message: str) -> None:
        good = '{"text": "a", "label": "x"}\n'
        folder_of(tmp_path, {"train.jsonl": good + row, "test.jsonl": good})
        assert message in error_of(tmp_path)

    def test_nothing_is_left_of_a_label_before_the_separator(self, tmp_path: Path) -> None:
        table = "text,label\na,_set\n"
        folder = folder_of(tmp_path, {"train.csv": table, "test.csv": table})
        assert "row 1 has no label" in error_of(folder, label_separator="_")

    def test_parquet_that_is_none(self, tmp_path: Path) -> None:
        folder_of(tmp_path, {"train.parquet": "text,label", "test.csv": CSV})
        assert "train.parquet can't be read as Parquet (" in error_of(tmp_path)


class TestRealData:
    def test_sst_has_an_unnamed_index_and_tabs(self, real_data: Path, tmp_path: Path) -> None:
        for ours, theirs in (("train", "ids-sst-train"), ("dev", "ids-sst-dev"), ("test", "ids-sst-dev")):
            (tmp_path / f"{ours}.csv").symlink_to(real_data / "cs224n" / f"{theirs}.csv")
        found = load(tmp_path, task="sentiment")
        assert (len(found.train), len(found.validation or ()), len(found.test)) == (8544, 1101, 1101)
        assert {one.label for one in found.train} == set("01234")
        assert len({one.id for one in found.train}) == 8544

    def test_quora_has_a_row_without_a_label(self, real_data: Path, tmp_path: Path) -> None:
        for split in ("train", "test"):
            (tmp_path / f"{split}.csv").symlink_to(real_data / "cs224n" / "quora-dev.csv")
        message = error_of(tmp_path, text_column="sentence1", label_column="is_duplicate")
        assert "has no label (column 'is_duplicate'): fill it in or remove the row" in message
