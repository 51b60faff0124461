"""Examples from local files: JSONL, CSV or TSV, Parquet; a file or several shards per split and task, or one for all.

Every value is read as the text it is: `007` stays `007`, `NA` is a label like any other, an empty cell is missing.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.core.errors import UsageError
from benchmark.core.suite import FileNames
from benchmark.core.text import either, one_line
from benchmark.core.user_files import expand, is_folder, read_text
from benchmark.data.columns import ALL, SPLIT_NAMES, WHOLE, ColumnSpec, Table, class_names, read_tables
from benchmark.data.task import RawData

SUFFIXES = (".jsonl", ".csv", ".tsv", ".parquet")
LINE_END = re.compile(r"\r\n|\n|\r")
SHARD = re.compile(r"(?P<name>[a-z]+)-\d+(-of-(?P<total>\d+)(-[0-9a-f]+)?)?")
"""The stem of a shard, as the hub names them: train-00000-of-00003, also with a hash behind it."""


def load(path: str, spec: ColumnSpec, names: FileNames | None = None, several: bool = False) -> RawData:
    """Return the rows of the folder or file `path`, by split; a validation split may be missing.

    Files that are called as `names` says win. Without any, the files of the usual names (train.csv, …) are taken; of a
    suite with `several` tasks, from the folder in `path` that is called like the task. A file holds all rows, which are
    divided by a hash of their texts. Raises UsageError for a folder without train or test, two files that could be the
    same split, a file that can't be read, and whatever `columns.read_tables` refuses.
    """
    if not path.strip():
        raise UsageError("no data: give --data a folder with train and test files, or one file with all rows")
    folder = expand(path)
    if not is_folder(folder, f"data {path!r}"):
        return read_tables({ALL: _single(folder)}, spec, path)
    named = _named(folder, names, spec.task) if names else {}
    if named:
        note = ", ".join(f"{split} from {file.name}" for split, file in named.items())
        return read_tables({split: _table([file]) for split, file in named.items()}, spec, path, (note,))
    if several:
        if not (folder / spec.task).is_dir():
            wishes = f"files called {_listed(names)}, or " if names else ""
            raise UsageError(
                f"{path} has no rows of task {spec.task!r}: put {wishes}a folder {spec.task} with train and test there"
            )
        folder, path = folder / spec.task, f"{path.rstrip('/')}/{spec.task}"
    files = _files_in(folder, path)
    tables = {}
    for split in SPLIT_NAMES:
        if parts := _files_of(split, files, path):
            tables[split] = _table(parts)
        elif split != "validation":
            usual = f"{split}.jsonl, {split}.csv, {split}.tsv or {split}.parquet"
            raise UsageError(f"{path} has no {split} split: name its file {usual} (files there: {_shown(files)})")
    return read_tables(tables, spec, source=path)


def _files_in(folder: Path, shown: str) -> list[Path]:
    """Return the files of `folder`, hidden ones left out, sorted."""
    try:
        return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    except OSError as error:
        raise UsageError(f"data folder {shown} can't be read: {error.strerror}") from error


def _shown(files: Sequence[Path]) -> str:
    return ", ".join(file.name for file in files[:8]) + (", …" if len(files) > 8 else "") or "none"


def _named(folder: Path, names: FileNames, task: str) -> dict[str, Path]:
    """Return the files in `folder` that `names` speaks of, by split; none of them there: nothing.

    Raises UsageError when only some are there, or a name fits several.
    """
    patterns = {field.name: getattr(names, field.name) for field in dataclasses.fields(names)}
    files = _files_in(folder, str(folder))
    by_split: dict[str, Path] = {}
    for split, pattern in patterns.items():
        fitting = [file for file in files if pattern and fnmatch.fnmatchcase(file.name, pattern)]
        if len(fitting) > 1:
            several = ", ".join(file.name for file in fitting[:4])
            raise UsageError(f"{folder} has several files {pattern!r} for the {split} split ({several}): keep one")
        if fitting:
            by_split[split] = fitting[0]
    if "train" not in by_split and WHOLE in by_split:
        return {WHOLE: by_split[WHOLE]}
    by_split.pop(WHOLE, None)
    missing = [split for split in ("train", "test") if split not in by_split]
    if by_split and missing:
        lacking = " and ".join(patterns[split] or f"a {split} file" for split in missing)
        there = ", ".join(file.name for file in by_split.values())
        raise UsageError(f"{folder} has {there} but not {lacking}: task {task!r} needs train and test")
    return by_split


def _listed(names: FileNames) -> str:
    given = (getattr(names, field.name) for field in dataclasses.fields(names))
    return ", ".join(dict.fromkeys(name for name in given if name))


def _single(file: Path) -> Table:
    """Return the table of a file that holds the rows of all splits. Raises UsageError where it is called like one."""
    shard = SHARD.fullmatch(file.stem.lower())
    name = shard["name"] if shard else file.stem.lower()
    if any(name in names for names in SPLIT_NAMES.values()):
        raise UsageError(
            f"{file} is a single split: give its folder, {file.parent}, which must hold train and test, "
            "or rename the file if its rows are to be divided"
        )
    return _table([file])


def _files_of(split: str, files: Sequence[Path], folder: str) -> list[Path]:
    """Return the one file of `split`, or its shards in order. Raises UsageError if several could be meant."""
    groups: dict[tuple[str, str, bool], list[Path]] = {}
    total = 0
    for file in files:
        stem, suffix = file.stem.lower(), file.suffix.lower()
        shard = SHARD.fullmatch(stem)
        name = shard["name"] if shard else stem
        if suffix in SUFFIXES and name in SPLIT_NAMES[split]:
            groups.setdefault((name, suffix, bool(shard)), []).append(file)
            total = max(total, int(shard["total"] or 0) if shard else 0)
    parts = [file for group in groups.values() for file in group]
    # Two names differ by upper and lower case alone: not shards, and both would count as the split.
    if len(groups) > 1 or (len(parts) > 1 and not any(shard for _, _, shard in groups)):
        names = ", ".join(file.name for file in parts)
        raise UsageError(f"{folder} has several files for the {split} split ({names}): keep one")
    if total and len(parts) != total:
        raise UsageError(f"{folder} has {len(parts)} of {total} shards of the {split} split: add the missing ones")
    return parts


def _table(files: Sequence[Path]) -> Table:
    """Return one table of a split's file, or of its shards one after the other."""
    for file in files:
        if file.suffix.lower() not in _READERS:
            raise UsageError(f"{file} is no table: give {either(SUFFIXES)} files")
    tables = [_READERS[file.suffix.lower()](file) for file in files]
    if len(tables) == 1:
        return tables[0]
    for table in tables[1:]:
        if set(table.columns) != set(tables[0].columns):
            raise UsageError(f"{table.origin} has other columns than {tables[0].origin}: shards must have the same")
    return Table(
        origin=f"{tables[0].origin} and {len(tables) - 1} more",
        columns=tables[0].columns,
        count=sum(table.count for table in tables),
        read=lambda column: [value for table in tables for value in table.read(column)],
        read_numbers=lambda column: [value for table in tables for value in (table.read_numbers or table.read)(column)],
    )


def _jsonl(file: Path) -> Table:
    """Read one JSON object per line.

    Not by pandas or Arrow: both guess types (dates out of strings, floats out of integers with gaps), and neither says
    which line is malformed.
    """
    records: list[dict[str, Any]] = []
    # A JSON string may hold what str.splitlines takes for a line's end.
    for number, line in enumerate(read_text(file, str(file)).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, object_pairs_hook=_object)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{file}: line {number} is not JSON ({error}): write one object per line") from error
        if not isinstance(record, dict):
            raise UsageError(f"{file}: line {number} is no JSON object with named columns: write one object per line")
        records.append(record)
    columns = tuple(dict.fromkeys(key for record in records for key in record))
    return Table(str(file), columns, len(records), lambda column: [record.get(column) for record in records])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object's `pairs`. Raises ValueError for a key that stands there twice: which one is meant?"""
    columns = dict(pairs)
    if len(columns) < len(pairs):
        twice = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise ValueError(f"key {twice!r:.80} twice")
    return columns


def _csv(file: Path) -> Table:
    """Read CSV or TSV: the separator is the one that the header uses, whatever the file is called."""
    import pandas as pd

    text = read_text(file, str(file))
    if "\0" in text:
        line = len(LINE_END.findall(text[: text.index("\0")])) + 1
        raise UsageError(f"{file} holds a NUL character (line {line}): remove it, no text has one")
    header = next((line for line in LINE_END.split(text) if line.strip()), "")
    separator = "\t" if "\t" in header else ","
    how: dict[str, Any] = {"sep": separator, "dtype": str, "keep_default_na": False, "na_filter": False}
    try:
        names = pd.read_csv(io.StringIO(text), **how, header=None, nrows=1).iloc[0].tolist()
        frame = pd.read_csv(io.StringIO(text), **how)
    except pd.errors.EmptyDataError:
        return Table(str(file), (), 0, lambda _: [])
    except (pd.errors.ParserError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{file} is not a valid table ({reason}): quote texts that hold the separator") from error
    # Rows with one field more than the header make pandas take the first one as index. That is right for tables with
    # unnamed row numbers, and shifts the columns of a text with an unquoted separator.
    if not isinstance(frame.index, pd.RangeIndex) and not all(str(key).isdigit() for key in frame.index):
        raise UsageError(f"{file}: rows have more fields than the header: quote texts that hold the separator")
    if len(names) == len(frame.columns):  # else the first column has no name: row numbers
        frame.columns = pd.Index(names)  # pandas calls a second column `text` `text.1`
    return Table(str(file), tuple(map(str, frame.columns)), len(frame), lambda column: frame[column].tolist())


def _parquet(file: Path) -> Table:
    """Read Parquet; a column that the hub's library wrote as classes comes back as their names."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def opened(column: str | None) -> Any:
        """Return the file's schema and row count, or one column's values."""
        try:
            with pq.ParquetFile(file) as parquet:
                if column is None:
                    return parquet.schema_arrow, parquet.metadata.num_rows
                return parquet.read(columns=[column]).column(column).to_pylist()
        except (pa.ArrowException, OSError, ValueError, OverflowError, KeyError, NotImplementedError) as error:
            reason = one_line(str(error))
            raise UsageError(f"{file} can't be read as Parquet ({reason}): write it again") from error

    if is_folder(file, str(file)):
        raise UsageError(f"{file} is a folder: give a file")
    schema, count = opened(None)
    features = _features(schema, file)
    return Table(
        str(file),
        tuple(schema.names),
        count,
        lambda name: class_names(opened(name), features.get(name)),
        read_numbers=opened,
    )


def _features(schema: Any, file: Path) -> Mapping[str, Any]:
    """Return the hub's features by column, from the metadata that its library writes; none where it wrote none.

    Raises UsageError where they can't be read: without them a class would be a number here and a name elsewhere.
    """
    if not schema.metadata or b"huggingface" not in schema.metadata:
        return {}
    from datasets import Features

    try:
        about = json.loads(schema.metadata[b"huggingface"])
        if not isinstance(about, dict) or not isinstance(about.get("info"), dict) or "features" not in about["info"]:
            return {}  # of another program
        return dict(Features.from_arrow_schema(schema))
    except Exception as error:  # the library raises whatever the metadata make it stumble over
        raise UsageError(
            f"{file} has 'huggingface' metadata that can't be read ({type(error).__name__}): write it again without"
        ) from error


_READERS = {".jsonl": _jsonl, ".csv": _csv, ".tsv": _csv, ".parquet": _parquet}
