"""Tables that nobody should give: whatever the bytes, rows come out or one line that names the file; never a traceback.

The line is for a person and stands in a terminal, so that its length is bounded.
"""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.core.errors import UsageError
from benchmark.core.suite import FileNames, Source, TaskSpec
from benchmark.data import files
from benchmark.data.columns import ColumnSpec
from benchmark.data.labels import Labelling
from benchmark.data.sources import load_task
from benchmark.data.task import RawData, Task

CSV = "text,label\nhello,greet\nbye,part\n"
LONGEST_LINE = 1_000
"""Characters of an error, its file's path left out."""

fuzzed = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def outcome(folder: Path, spec: ColumnSpec | None = None) -> RawData | str:
    """Return the rows of `folder`, or the error's line."""
    try:
        return files.load(str(folder), spec or ColumnSpec("topic"))
    except UsageError as error:
        line = str(error)
        assert len(line.replace(str(folder), "")) < LONGEST_LINE
        return line


def error_of(folder: Path, **changes: Any) -> str:
    found = outcome(folder, ColumnSpec("topic", **changes))
    assert isinstance(found, str), found
    return found


def both(folder: Path, name: str, data: bytes) -> Path:
    """Write `data` as train and test in `folder`."""
    folder.mkdir(exist_ok=True)
    for split in ("train", "test"):
        (folder / f"{split}{name}").write_bytes(data)
    return folder


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        (".csv", b"", "is empty: the train split needs at least one row"),
        (".csv", b" \n\n", "is empty"),
        (".csv", b"text,label\n", "is empty"),
        (".csv", b"text,text,label\na,b,c\n", "has several columns 'text': rename or remove all but one"),
        (".csv", b"text,label\na,b,c\nd,e,f\n", "more fields than the header"),
        (".csv", b"text,label\na,b\nd,e,f\n", "is not a valid table"),
        (".csv", b'text,label\n"a,b\n', "is not a valid table"),
        (".csv", b"text,label\na\n", "row 1 has no label"),
        (".csv", b"text,label\na, \n", "row 1 has no label"),
        (".csv", b"text,label\na\x00b,c\n", "holds a NUL character (line 2)"),
        (".csv", CSV.encode("utf-16"), "is UTF-16, not UTF-8"),
        (".csv", gzip.compress(CSV.encode(), mtime=0), "is compressed (gzip): unpack it first"),
        (".csv", b"text,label\na,\xff\n", "is not UTF-8 (line 2)"),
        (".jsonl", b"", "is empty"),
        (".jsonl", b'{"text": "a", "text": "b", "label": "c"}', "line 1 is not JSON (key 'text' twice)"),
        (".jsonl", b"[1]", "line 1 is no JSON object"),
        (".jsonl", b"[" * 100_000, "line 1 is not JSON"),
        (".jsonl", b'{"text": "a", "label": ' + b"9" * 5000 + b"}", "line 1 is not JSON (Exceeds the limit"),
        (".jsonl", b'{"text": "a", "label": ["x"]}', "row 1 holds ['x'] in column 'label', which is neither"),
        (".jsonl", b'{"text": "a", "label": {"b": 1}}', "which is neither text nor a number"),
        (".jsonl", b'{"text": "a", "label": NaN}', "row 1 has no label"),
        (".jsonl", b'{"text": "a", "label": null}', "row 1 has no label"),
        (".jsonl", b'{"text": "\\ud800", "label": "x"}', "which is neither text nor a number"),
        (".parquet", b"", "can't be read as Parquet"),
        (".parquet", b"PAR1" * 10, "can't be read as Parquet"),
    ],
)
def test_each_fault_is_named(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    assert says in error_of(both(tmp_path, name, data))


def test_long_texts_and_old_line_ends_are_rows(tmp_path: Path) -> None:
    long = "x" * 300_000  # more than the csv module's limit on a field
    found = outcome(both(tmp_path, ".csv", f"text,label\r{long},a\ry\t,b\r".encode()))
    assert isinstance(found, RawData)
    assert [(example.texts, example.label) for example in found.train] == [((long,), "a"), (("y\t",), "b")]


class TestParquet:
    def write(self, folder: Path, columns: Any, metadata: dict[bytes, bytes] | None = None) -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        arrays = [pa.array(values) for _, values in columns]
        schema = pa.schema(
            [pa.field(name, array.type) for (name, _), array in zip(columns, arrays, strict=True)], metadata=metadata
        )
        stream = io.BytesIO()
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), stream)
        return both(folder, ".parquet", stream.getvalue())

    def test_two_columns_of_one_name(self, tmp_path: Path) -> None:
        self.write(tmp_path, [("text", ["a"]), ("text", ["b"]), ("label", ["c"])])
        assert "has several columns 'text': rename or remove all but one" in error_of(tmp_path)

    @pytest.mark.parametrize(
        "metadata",
        [
            b'{"info": {"features": 3}}',
            b'{"info": {"features": {"label": {"_type": "Nothing"}}}}',
            b"{",
            b"\xff",
        ],
    )
    def test_broken_metadata_of_the_hub(self, tmp_path: Path, metadata: bytes) -> None:
        self.write(tmp_path, [("text", ["a"]), ("label", [1])], {b"huggingface": metadata})
        assert "has 'huggingface' metadata that can't be read" in error_of(tmp_path)

    @pytest.mark.parametrize(
        "metadata", [b"[]", b"{}", b"3", b'{"info": 3}', b'{"info": {}}', b'{"info": {"features": null}}']
    )
    def test_metadata_that_say_nothing_about_columns(self, tmp_path: Path, metadata: bytes) -> None:
        self.write(tmp_path, [("text", ["a"]), ("label", [1])], {b"huggingface": metadata})
        found = outcome(tmp_path)
        assert isinstance(found, RawData)
        assert found.train[0].label == "1"

    @pytest.mark.parametrize(
        "values",
        [[datetime.date(2020, 1, 1)], [datetime.datetime(2020, 1, 1)], [b"x"], [{"a": 1}], [["a"]]],
        ids=["date", "time", "bytes", "struct", "list"],
    )
    def test_what_is_no_label(self, tmp_path: Path, values: list[Any]) -> None:
        self.write(tmp_path, [("text", ["a"]), ("label", values)])
        assert "which is neither text nor a number" in error_of(tmp_path)

    def test_a_column_with_a_dot_in_its_name(self, tmp_path: Path) -> None:
        self.write(tmp_path, [("a.b", ["x"]), ("label", ["c"])])
        found = outcome(tmp_path, ColumnSpec("topic", text_column="a.b"))
        assert isinstance(found, RawData), found
        assert found.train[0].texts == ("x",)

    @fuzzed
    @given(st.data())
    def test_a_damaged_file(self, tmp_path: Path, data: st.DataObject) -> None:
        self.write(tmp_path, [("text", ["a", "b"]), ("label", ["c", "d"])])
        whole = bytearray((tmp_path / "train.parquet").read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
        (tmp_path / "train.parquet").write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
        outcome(tmp_path)


class TestPaths:
    def test_a_file_that_is_named_but_is_no_table(self, tmp_path: Path) -> None:
        both(tmp_path, ".py", b"print()")
        names = FileNames(train="train.py", test="test.py")
        with pytest.raises(UsageError, match=r"train\.py is no table: give \.jsonl, \.csv, \.tsv or \.parquet files"):
            files.load(str(tmp_path), ColumnSpec("topic"), names)

    def test_what_is_called_like_a_table_and_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "train.csv").mkdir()
        os.mkfifo(tmp_path / "test.csv")
        (tmp_path / "train.jsonl").symlink_to("/dev/zero")
        (tmp_path / "train.tsv").symlink_to(tmp_path / "train.tsv")
        assert "has no train split: name its file train.jsonl" in error_of(tmp_path)

    @pytest.mark.parametrize("path", ["/dev/zero", "~nosuchuser/x", "a\0b", "x" * 5000, "\udcff"])
    def test_paths(self, path: str) -> None:
        assert isinstance(outcome(Path(path)), str)

    @fuzzed
    @given(st.text(max_size=40))
    def test_any_path(self, path: str) -> None:
        with pytest.raises(UsageError):
            files.load(f"nowhere/{path}", ColumnSpec("topic"))


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["", " ", "a", "b", "-1", "0", "1", "0.5", "nan", "1e400", "\u2028", "\r", '"', "a\tb"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)
RECORDS = st.lists(
    st.dictionaries(st.sampled_from(["text", "label", "id", "sentence1", "sentence2", "topic", ""]), CELLS, max_size=6),
    max_size=8,
)
SPECS: list[tuple[str, float | None, float | None]] = [
    ("classes", None, None),
    ("pair-binary", None, None),
    ("pair-regression", 0.0, 5.0),
    ("pair-classes", 0.0, 5.0),
    ("pair-classes", None, None),
]


def as_jsonl(records: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def as_csv(records: list[dict[str, Any]]) -> bytes:
    columns = list(dict.fromkeys(key for record in records for key in record))
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(columns)
    writer.writerows([record.get(column, "") for column in columns] for record in records)
    return stream.getvalue().encode("utf-8", "replace")


class TestAnything:
    """What hypothesis thinks of. Each found outcome is rows that make a task or a line."""

    @fuzzed
    @given(train=st.binary(max_size=200), test=st.binary(max_size=60))
    @pytest.mark.parametrize("name", [".csv", ".tsv", ".jsonl", ".parquet"])
    def test_any_bytes(self, tmp_path: Path, name: str, train: bytes, test: bytes) -> None:
        (tmp_path / f"train{name}").write_bytes(b"text,label\n" + train if name == ".csv" else train)
        (tmp_path / f"test{name}").write_bytes(test)
        outcome(tmp_path)

    @fuzzed
    @given(train=RECORDS, test=RECORDS, single=st.booleans(), drop=st.booleans())
    @pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec[0]}-{spec[1]}")
    @pytest.mark.parametrize(("name", "write"), [(".jsonl", as_jsonl), (".csv", as_csv)])
    def test_any_records(
        self,
        tmp_path: Path,
        spec: tuple[str, float | None, float | None],
        name: str,
        write: Callable[[list[dict[str, Any]]], bytes],
        train: list[dict[str, Any]],
        test: list[dict[str, Any]],
        single: bool,
        drop: bool,
    ) -> None:
        kind, low, high = spec
        (tmp_path / f"train{name}").write_bytes(write(train))
        (tmp_path / f"test{name}").write_bytes(write(test))
        (tmp_path / f"both{name}").write_bytes(write([*train, *test]))
        metric = "pearson" if Labelling(kind).classes == () else "accuracy"
        task = TaskSpec("topic", Source("builtin", drop_incomplete=drop), kind, metric, low, high)
        found = self.task(task, tmp_path / f"both{name}" if single else tmp_path)
        if isinstance(found, Task):
            for split in found.splits:
                assert len(split)
                assert all(text.strip() for texts in split.texts for text in texts)
                assert len(split.ids) == len(split.texts) == len(split.labels) == len(split.targets)
                if found.head.classes:
                    assert set(split.labels) <= set(range(len(found.head.classes)))
                elif low is not None and high is not None:
                    assert all(low <= label <= high for label in split.labels)
        else:
            assert found

    def task(self, spec: TaskSpec, path: Path) -> Task | str:
        try:
            return load_task(spec, data=str(path))
        except UsageError as error:
            return str(error)
