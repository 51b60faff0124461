"""``bench``: from the words on the command line to a verb and an exit status.

0: all done; 1: some cell failed or diverged, or a check did; 2: unusable arguments (one line on stderr, nothing
written); 130: interrupted. ``bench --help`` imports no heavy library, so that it answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import sys
import textwrap
import traceback
from collections.abc import Sequence
from typing import NoReturn

from benchmark import __version__
from benchmark.cli import commands
from benchmark.core import uri
from benchmark.core.errors import UsageError
from benchmark.core.text import did_you_mean, either, one_line

DESCRIPTION = "Fine-tune BERT-like encoders by many methods on the same data, seeds and budget, and compare them."
EPILOG = """\
examples:
  bench run                           every method on the built-in data, one seed
  bench run --methods all --seeds 3   three seeds give an interval; what is finished is kept
  bench tune --methods A --trials 20  search A's parameters; bench run --methods A --tuned uses them
  bench list methods                  what there is to run
  bench show NAME                     what a method does and its parameters, or all that is known of a run
  bench doctor                        can this machine do it, and from where does it all come

`bench COMMAND --help` says more about each. Results are MLflow runs under mlruns/.
"""


class Help(argparse.RawDescriptionHelpFormatter):
    """Help of at most 100 columns: options in one column, their meaning in the other, examples as written."""

    def __init__(self, prog: str) -> None:
        width = min(100, shutil.get_terminal_size((100, 24)).columns)
        super().__init__(prog, max_help_position=min(30, width // 3), width=width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Keep the lines of a description as written, but wrap sentences that a narrow terminal has no room for."""
        lines = []
        for line in text.splitlines():
            example = line.startswith("  ")
            parts = [line] if example else textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
            lines += [indent + part for part in parts or [""]]
        return "\n".join(lines) + "\n"

    def add_argument(self, action: argparse.Action) -> None:
        """Leave room for the indentation of verbs, which argparse forgets when it measures the longest name."""
        self._indent()
        super().add_argument(action)
        self._dedent()


class Parser(argparse.ArgumentParser):
    """Arguments whose errors are a `UsageError`, with the nearest name for a mistyped option."""

    def error(self, message: str) -> NoReturn:
        """Raise `message`, which argparse made, as a UsageError that says what to do."""
        text = message.removeprefix("argument ")
        if "not allowed with argument" in text:
            first, second = text.split(": not allowed with argument ")
            raise UsageError(f"{first} and {second} exclude each other: give one of them")
        if text.startswith("the following arguments are required: "):
            raise UsageError(f"{text.partition(': ')[2]} is missing: `{self.prog} --help` shows what it takes")
        raise UsageError(f"{text}: `{self.prog} --help` shows what it takes")

    def options(self) -> list[str]:
        """Return the names of all options."""
        return [name for action in self._actions for name in action.option_strings]


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``bench`` with `argv` (default: the process's own arguments) and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that can't show ± gets a question mark, no traceback
    try:
        return _dispatch(words)
    except UsageError as error:
        print(f"bench: error: {uri.hide(one_line(str(error)), words)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `bench list runs | head`: nobody reads any more, which is no error
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _dispatch(words: list[str]) -> int:
    for word in words:
        if any("\ud800" <= mark <= "\udfff" for mark in word):  # bytes that are no UTF-8: no record could hold them
            raise UsageError(f"argument {word!r:.80} is not UTF-8: rename the file, or correct the argument")
    known = commands.load()
    parser = Parser(prog="bench", description=DESCRIPTION, epilog=EPILOG, formatter_class=Help, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"bench {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", parser_class=Parser)
    parsers: dict[str, Parser] = {}
    for name, command in known.items():
        parsers[name] = verbs.add_parser(name, help=command.HELP, formatter_class=Help, allow_abbrev=False)
        command.configure(parsers[name])
    if not words:
        parser.print_help()
        return 0
    if not words[0].startswith("-") and words[0] not in known:
        raise UsageError(f"unknown command {words[0]!r}: {did_you_mean(words[0], known, f'there are {either(known)}')}")
    arguments, unknown = parser.parse_known_args(words)
    if unknown:
        _refuse(unknown[0], parsers.get(arguments.command, parser))
    if arguments.command is None:
        raise UsageError(f"give a command: {either(known)}")
    try:
        status = known[arguments.command].run(arguments)
    except SystemExit as error:  # a plug-in's: that it wants to end with 0 makes nothing done
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise UsageError(f"{place.filename}, line {place.lineno} ended the program: fix or uninstall it") from error
    sys.stdout.flush()  # here, so that a closed pipe is met inside `main`
    return status


def _refuse(word: str, parser: Parser) -> NoReturn:
    kind = "option" if word.startswith("-") else "argument"
    name = word.split("=", 1)[0] if kind == "option" else word
    hint = f"`{parser.prog} --help` shows what it takes"
    hint = did_you_mean(name, parser.options(), hint) if kind == "option" else hint
    raise UsageError(f"unknown {kind} {name!r}: {hint}")


if __name__ == "__main__":
    sys.exit(main())
