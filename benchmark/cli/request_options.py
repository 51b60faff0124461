"""The options of ``bench run`` that say what is measured, and the way from them to a `Request` and back."""

from __future__ import annotations

import argparse
import dataclasses
import re
import shlex
from collections.abc import Callable
from typing import Any

from benchmark.cli.options import filled, whole, word
from benchmark.core.errors import UsageError
from benchmark.core.suite import SELECTIONS
from benchmark.experiment.request import Assignment, Request

MOST_SEEDS = 10_000
LARGEST_SEED = 2**31 - 1


def add_request(parser: argparse.ArgumentParser) -> None:
    """Add the options that `request_of` reads: what to run, on what, with what budget, on which machine."""
    what = parser.add_argument_group("what to run")
    add_methods(what.add_argument)
    seeds = what.add_mutually_exclusive_group()
    seeds.add_argument("--seeds", type=whole("--seeds", 1, MOST_SEEDS), metavar="N", help="seeds 0 to N-1 (default: 1)")
    seeds.add_argument(
        "--seed", type=whole("--seed", 0, LARGEST_SEED), action="append", metavar="S", help="this seed; repeatable"
    )
    add_set(what.add_argument, "another value of a method's parameter; several values make several cells; repeatable")
    add_surroundings(parser)


def add_methods(add: Callable[..., object]) -> None:
    """Add ``--methods`` by `add`, the ``add_argument`` of a parser or a group."""
    add(
        "--methods",
        type=_names,
        default=("all",),
        metavar="A,B+C",
        help="all, or names joined by commas; A+B combines techniques (default: all; see `bench list methods`)",
    )


def add_set(add: Callable[..., object], meaning: str) -> None:
    """Add ``--set`` by `add`, with `meaning` as its help."""
    add("--set", type=assignment, action="append", default=[], metavar="METHOD.PARAM=V,…", help=meaning)


def add_surroundings(parser: argparse.ArgumentParser) -> None:
    """Add the options that say on what, with what budget and on which machine."""
    _add_data(parser.add_argument_group("on what").add_argument)
    _add_budget(parser.add_argument_group("budget, the same for every method").add_argument)
    _add_machine(parser.add_argument_group("machine").add_argument)


def _add_data(add: Callable[..., object]) -> None:
    add(
        "--suite",
        type=filled("--suite"),
        default="quick",
        metavar="NAME",
        help="a suite's name, or a .toml file (default: quick)",
    )
    add(
        "--data",
        type=filled("--data"),
        metavar="PATH",
        help="read the rows from this folder, or from one file that is divided (JSONL, CSV/TSV, Parquet)",
    )
    add("--text-column", type=filled("--text-column"), metavar="NAME", help="its column of texts, if unusual")
    add("--label-column", type=filled("--label-column"), metavar="NAME", help="its column of labels, if unusual")
    add(
        "--limit-train",
        type=whole("--limit-train", 1),
        metavar="N",
        help="keep N rows of every train split, chosen by a hash of the row",
    )
    add(
        "--encoder",
        type=filled("--encoder"),
        metavar="NAME",
        help="a known name, a hub id or a folder (default: the suite's)",
    )


def _add_budget(add: Callable[..., object]) -> None:
    add("--epochs", type=whole("--epochs", 1), metavar="N", help="passes over the train split (default: the suite's)")
    add("--batch-size", type=whole("--batch-size", 2), metavar="N", help="rows per step (default: the suite's)")
    longest = "cut texts after N tokens, special ones included (default: the suite's)"
    add("--max-length", type=whole("--max-length", 4), metavar="N", help=longest)
    kept = "keep the weights of the best epoch by validation score, or of the last (default: the suite's)"
    add("--selection", type=word("--selection", SELECTIONS), metavar="best|last", help=kept)


def _add_machine(add: Callable[..., object]) -> None:
    add(
        "--device",
        type=_device,
        default="auto",
        help="auto, cpu, cuda, cuda:1 or mps (default: auto, which takes CUDA where there is one)",
    )
    add(
        "--threads",
        type=whole("--threads", 1, 1024),
        metavar="N",
        help="threads of one operation on the CPU; results depend on it in their last bits (default: torch's choice)",
    )
    add("--precision", type=word("--precision", ("fp32", "bf16")), default="fp32", help="fp32 or bf16 (default: fp32)")
    padding = "packed: encode without padding, where the architecture is known; stock: as transformers does"
    add("--forward", type=word("--forward", ("packed", "stock")), default="packed", help=f"{padding} (default: packed)")


def request_of(arguments: argparse.Namespace) -> Request:
    """Return the request that `arguments` make. Raises UsageError for a parameter that is set twice."""
    seeds = tuple(dict.fromkeys(arguments.seed)) if arguments.seed else tuple(range(arguments.seeds or 1))
    return with_seeds(arguments, seeds)


def with_seeds(arguments: argparse.Namespace, seeds: tuple[int, ...]) -> Request:
    """Return the request that `arguments` make for `seeds`. Raises UsageError for a parameter that is set twice."""
    targets = [f"{found.method}.{found.parameter}" for found in arguments.set]
    for target in targets:
        if targets.count(target) > 1:
            raise UsageError(f"--set {target} is given twice: put the values into one, --set {target}=V,V")
    names = {field.name for field in dataclasses.fields(Request)} - {"seeds", "assignments"}
    given: dict[str, Any] = {name: getattr(arguments, name) for name in names}
    return Request(**given, seeds=seeds, assignments=tuple(arguments.set))


def command(request: Request) -> str:
    """Return the command line that makes `request`: options at their defaults are left out."""
    words = ["bench", "run", "--methods", ",".join(request.methods)]
    if request.seeds == tuple(range(len(request.seeds))):
        words += ["--seeds", str(len(request.seeds))]
    else:
        words += [part for seed in request.seeds for part in ("--seed", str(seed))]
    return shlex.join([*words, *surroundings(request)])


def surroundings(request: Request) -> list[str]:
    """Return the words of the options of `request` that aren't at their defaults, but for methods and seeds."""
    words = []
    for assignment in request.assignments:
        words += ["--set", f"{assignment.method}.{assignment.parameter}={assignment.text}"]
    plain = Request()
    for field in dataclasses.fields(Request):
        value = getattr(request, field.name)
        if field.name not in ("methods", "seeds", "assignments") and value != getattr(plain, field.name):
            words += [f"--{field.name.replace('_', '-')}", str(value)]
    return words


def assignment(text: str) -> Assignment:
    """Return what ``--set`` was given, its values not yet read. Raises UsageError."""
    target, equals, values = text.partition("=")
    method, dot, parameter = target.strip().partition(".")  # a parameter may be qualified: a+b.a.temperature
    if not (equals and dot and method and parameter):
        raise UsageError(f"--set takes METHOD.PARAM=V[,V…], such as NAME.rank=8,16, not {text!r}")
    if not values.strip():
        raise UsageError(f"--set {text!r} has no value: write --set {target}=V or --set {target}=V,V")
    return Assignment(method, parameter, values.strip())


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise UsageError(f"--methods {text!r} has an empty name: write all, or names joined by single commas")
    return names


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?|mps", text):
        raise UsageError(f"--device takes auto, cpu, cuda, cuda:1 (or another number) or mps, not {text!r}")
    return text
