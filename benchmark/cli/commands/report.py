"""``bench report``: the leaderboard's table for papers, READMEs and programs."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from benchmark.cli.console import err, is_terminal, stdout_kept
from benchmark.cli.options import add_tracking, filled, word
from benchmark.core.errors import UsageError
from benchmark.core.text import pluralize

if TYPE_CHECKING:
    from benchmark.reports import Report

NAME = "report"
HELP = "write the results table with tie groups and provenance: md, csv, latex, html, json, parquet"
ORDER = 27
FORMATS = ("md", "csv", "latex", "html", "json", "parquet")
DESCRIPTION = """\
Write the leaderboard's table: scores with intervals, ties that the tests can't separate, costs, and where it all comes
from. Results of different protocols stand in sections of their own.
"""
EPILOG = """\
examples:
  bench report                                  Markdown, on stdout
  bench report --suite quick --format html -o report.html      one file, opens without a network
  bench report --format latex > table.tex       needs \\usepackage{booktabs}
  bench report --format parquet -o results.parquet
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``bench report``."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.add_argument("--suite", type=filled("--suite"), metavar="NAME", help="of this suite only (default: all)")
    parser.add_argument(
        "--format",
        type=word("--format", FORMATS),
        default="md",
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)} (default: md)",
    )
    parser.add_argument(
        "-o", "--output", type=filled("--output"), metavar="FILE", help="write to this file (default: stdout)"
    )
    add_tracking(parser.add_argument)


def run(arguments: argparse.Namespace) -> int:
    """Write the report and return 0. Raises UsageError for a store without results or a file that can't be written."""
    from benchmark.tracking import Tracking, resolve_uri

    with stdout_kept() as stream:
        if arguments.format == "parquet" and not arguments.output and stream.isatty():
            raise UsageError("a Parquet file is no text for a terminal: give -o FILE")
        target = Path(arguments.output) if arguments.output else None
        if target and not target.absolute().parent.is_dir():
            raise UsageError(f"--output: there is no folder {target.absolute().parent}: make it, or give another FILE")
        tracking = Tracking(resolve_uri(arguments.tracking_uri))
        records = tracking.records(arguments.suite)
        if not records:
            raise UsageError(_nothing(arguments.suite, tracking.store.shown))
        with _busy(f"Comparing the rows of {pluralize(len(records), 'run')}"):
            from benchmark import reports
            from benchmark.experiment import environment

            made = environment.now()
            curves = tracking.points_of([record.run for record in records]) if arguments.format == "html" else {}
            report = reports.gather(records, tracking.predictions, made, curves.__getitem__ if curves else None)
            written = _written(report, arguments.format)
        _write(written, target, stream)
    return 0


def _busy(what: str) -> contextlib.AbstractContextManager[object]:
    """Say on stderr, where it is a terminal, that a block takes a while."""
    return err().status(what) if is_terminal(sys.stderr) else contextlib.nullcontext()


def _nothing(suite: str | None, store: str) -> str:
    of = f" of suite {suite!r}" if suite else ""
    option = f" --suite {shlex.quote(suite)}" if suite else ""
    return f"no results{of} in {store}: `bench run --methods all --seeds 3{option}` makes some"


def _written(report: Report, form: str) -> bytes:
    from benchmark.reports import files, page, text

    if form == "parquet":
        return files.parquet(report)
    if form == "json":
        return (json.dumps(files.document(report), ensure_ascii=False, allow_nan=False, indent=2) + "\n").encode()
    writers = {"md": text.markdown, "csv": text.comma_separated, "latex": text.latex, "html": page.page}
    return writers[form](report).encode()


def _write(written: bytes, target: Path | None, stream: TextIO) -> None:
    if target is None:
        stream.flush()
        if hasattr(stream, "buffer"):
            stream.buffer.write(written)
            stream.buffer.flush()
        else:  # a stream that takes text alone
            stream.write(written.decode())
        return
    try:
        target.write_bytes(written)
    except OSError as error:
        raise UsageError(f"--output {target} can't be written ({error.strerror}): give another FILE") from error
    print(f"wrote {target}", file=sys.stderr)
