"""Examples from a folder of local files: JSONL, CSV or TSV, Parquet; one file, or several shards, per split and task.

Every value is read as the text it is: `007` stays `007`, `NA` is a label like any other, an empty cell is missing.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.core.errors import UsageError
from benchmark.core.suite import FileNames
from benchmark.data.columns import SPLIT_NAMES, WHOLE, ColumnSpec, Table, class_names, read_tables
from benchmark.data.task import RawData

SUFFIXES = (".jsonl", ".csv", ".tsv", ".parquet")
SHARD = re.compile(r"(?P<name>[a-z]+)-\d+(-of-(?P<total>\d+)(-[0-9a-f]+)?)?")
"""The stem of a shard, as the hub names them: train-00000-of-00003, also with a hash behind it."""


def load(path: str, spec: ColumnSpec, names: FileNames | None = None, several: bool = False) -> RawData:
    """Return the rows of the folder `path`, by split; a validation split may be missing.

    Files that are called as `names` says win. Without any, the files of the usual names (train.csv, …) are taken; of a
    suite with `several` tasks, from the folder in `path` that is called like the task. Raises UsageError for a folder
    without train or test, two files that could be the same split, a file that can't be read, and whatever
    `columns.read_tables` refuses.
    """
    folder = Path(path).expanduser()
    if not path.strip() or not folder.exists():
        raise UsageError(f"data folder {path!r} doesn't exist: give a folder with train and test files")
    if not folder.is_dir():
        raise UsageError(_single(folder))
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
        found = _files_of(split, files, path)
        if found:
            tables[split] = _table(found)
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
    wanted = {field.name: getattr(names, field.name) for field in dataclasses.fields(names)}
    files = _files_in(folder, str(folder))
    found: dict[str, Path] = {}
    for split, pattern in wanted.items():
        fitting = [file for file in files if pattern and fnmatch.fnmatchcase(file.name, pattern)]
        if len(fitting) > 1:
            several = ", ".join(file.name for file in fitting[:4])
            raise UsageError(f"{folder} has several files {pattern!r} for the {split} split ({several}): keep one")
        if fitting:
            found[split] = fitting[0]
    if "train" not in found and WHOLE in found:
        return {WHOLE: found[WHOLE]}
    found.pop(WHOLE, None)
    missing = [split for split in ("train", "test") if split not in found]
    if found and missing:
        lacking = " and ".join(wanted[split] or f"a {split} file" for split in missing)
        there = ", ".join(file.name for file in found.values())
        raise UsageError(f"{folder} has {there} but not {lacking}: task {task!r} needs train and test")
    return found


def _listed(names: FileNames) -> str:
    given = (getattr(names, field.name) for field in dataclasses.fields(names))
    return ", ".join(dict.fromkeys(name for name in given if name))


def _single(file: Path) -> str:
    """Say why one file is not enough, and what to give in its stead."""
    named = SHARD.fullmatch(file.stem.lower())
    name = named["name"] if named else file.stem.lower()
    if any(name in names for names in SPLIT_NAMES.values()):
        return f"{file} is a single split: give its folder, {file.parent}, which must hold train and test"
    return f"{file} is a single file: give a folder with train and test files, such as train{file.suffix or '.csv'}"


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
    found = [file for group in groups.values() for file in group]
    # Two names differ by upper and lower case alone: not shards, and both would count as the split.
    if len(groups) > 1 or (len(found) > 1 and not any(shard for _, _, shard in groups)):
        names = ", ".join(file.name for file in found)
        raise UsageError(f"{folder} has several files for the {split} split ({names}): keep one")
    if total and len(found) != total:
        raise UsageError(f"{folder} has {len(found)} of {total} shards of the {split} split: add the missing ones")
    return found


def _table(files: Sequence[Path]) -> Table:
    """Return one table of a split's file, or of its shards one after the other."""
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


def _decoded(file: Path) -> str:
    """Return a file's text, line ends as they are and without a byte order mark."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{file} is not UTF-8 (line {line}): save it as UTF-8") from error


def _jsonl(file: Path) -> Table:
    """Read one JSON object per line.

    Not by pandas or Arrow: both guess types (dates out of strings, floats out of integers with gaps), and neither says
    which line is malformed.
    """
    records: list[dict[str, Any]] = []
    # A JSON string may hold what str.splitlines takes for a line's end.
    for number, line in enumerate(_decoded(file).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{file}: line {number} is not JSON ({error}): write one object per line") from error
        if not isinstance(record, dict):
            raise UsageError(f"{file}: line {number} is no JSON object with named columns: write one object per line")
        records.append(record)
    columns = tuple(dict.fromkeys(key for record in records for key in record))
    return Table(str(file), columns, len(records), lambda column: [record.get(column) for record in records])


def _csv(file: Path) -> Table:
    """Read CSV or TSV: the separator is the one that the header uses, whatever the file is called."""
    import pandas as pd

    text = _decoded(file)
    header = next((line for line in text.split("\n") if line.strip()), "")
    separator = "\t" if "\t" in header else ","
    try:
        frame = pd.read_csv(io.StringIO(text), sep=separator, dtype=str, keep_default_na=False, na_filter=False)
    except pd.errors.EmptyDataError:
        return Table(str(file), (), 0, lambda _: [])
    except (pd.errors.ParserError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{file} is not a valid table ({reason}): quote texts that hold the separator") from error
    # Rows with one field more than the header make pandas take the first one as index. That is right for tables with
    # unnamed row numbers, and shifts the columns of a text with an unquoted separator.
    if not isinstance(frame.index, pd.RangeIndex) and not all(str(key).isdigit() for key in frame.index):
        raise UsageError(f"{file}: rows have more fields than the header: quote texts that hold the separator")
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
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            reason = " ".join(str(error).split())
            raise UsageError(f"{file} can't be read as Parquet ({reason}): write it again") from error

    schema, count = opened(None)
    features: dict[str, Any] = {}
    if schema.metadata and b"huggingface" in schema.metadata:
        from datasets import Features

        features = Features.from_arrow_schema(schema)
    return Table(
        str(file),
        tuple(schema.names),
        count,
        lambda name: class_names(opened(name), features.get(name)),
        read_numbers=opened,
    )


_READERS = {".jsonl": _jsonl, ".csv": _csv, ".tsv": _csv, ".parquet": _parquet}
