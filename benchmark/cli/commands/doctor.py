"""``bench doctor``: can this machine run it, and where does everything come from? A failed check says how to fix it."""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib.metadata
import os
import platform
import re
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.text import Text

from benchmark import __version__
from benchmark.cli.console import make_console, stdout_kept, write_json
from benchmark.cli.options import add_json, add_tracking
from benchmark.cli.printing import Paragraph, show, wrap
from benchmark.core.errors import UsageError
from benchmark.core.text import one_line, pluralize

if TYPE_CHECKING:
    from benchmark.model.catalogue import Known

NAME = "doctor"
HELP = "check versions, device, encoders, datasets, hub, tracking store and cache"
ORDER = 40
EPILOG = """\
exit status: 0 when everything that `bench run` needs is there, 1 when some check failed
"""
DISTRIBUTION = "finetuning-benchmark"
HUB_SECONDS = 4.0
DEFAULT_SUITE = "quick"
WIDTH = 25  # of a check's name
WIDE = 100
"""Columns of a terminal from which on names and findings stand beside each other."""
MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "bold red")}


@dataclass(frozen=True)
class Check:
    """What was looked at, what was found, and how to fix it where that is needed."""

    name: str
    status: Literal["ok", "warn", "fail"]
    found: str
    fix: str = ""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``bench doctor``."""
    parser.description, parser.epilog = f"{HELP[0].upper()}{HELP[1:]}. Writes nothing.", EPILOG
    add_tracking(parser.add_argument)
    add_json(parser.add_argument, "the checks")


def run(arguments: argparse.Namespace) -> int:
    """Make every check and print it as it comes; return 1 when one failed."""
    made: list[Check] = []
    with stdout_kept() as stream:
        console = make_console(stream)
        for check in _checks(arguments.tracking_uri):
            made.append(check)
            if not arguments.json:
                show(console, *_lines(check, console.width))
        failed = sum(check.status == "fail" for check in made)
        if arguments.json:
            write_json({"ok": not failed, "checks": [asdict(check) for check in made]}, stream)
        else:
            verdict = f"{pluralize(failed, 'check')} failed" if failed else "`bench run` can be used here"
            show(console, Paragraph(f"\n{verdict}"))
    return int(failed > 0)


def _lines(check: Check, width: int) -> Iterator[Text]:
    """Yield what is printed of `check`: in two columns where there is room, else one below the other."""
    mark, style = MARKS[check.status]
    start = WIDTH + 7 if width >= WIDE else 6
    lines = wrap(check.found, width - start)
    lines += [
        f"→ {line}" if number == 0 else f"  {line}" for number, line in enumerate(wrap(check.fix, width - start - 2))
    ]
    title = Text.assemble((mark, style), f"  {check.name}")
    if start > 6:
        yield title.append(f"{' ' * (WIDTH - len(check.name))} {lines.pop(0)}")
    else:
        yield title
    for line in filter(str.strip, lines):
        yield Text(f"{'':<{start}}{line}", no_wrap=True, overflow="ignore")


def _checks(tracking_uri: str | None) -> Iterator[Check]:
    yield _python()
    yield from _packages()
    yield from _guarded("device", _devices)
    yield from _guarded("methods", _methods)
    yield from _guarded("hub", lambda: [_hub()])
    yield from _guarded("encoder", _encoders)
    yield from _guarded("dataset", _datasets)
    yield from _guarded("tracking", lambda: [_tracking(tracking_uri)])
    yield from _guarded("cache", lambda: [_cache()])


def _guarded(name: str, look: Callable[[], list[Check]]) -> list[Check]:
    """Return what `look` finds; whatever it raises is a failed check, so that the other checks go on."""
    try:
        return look()
    except UsageError as error:
        found, _, fix = str(error).partition(": ")
        return [Check(name, "fail", found, fix)]
    except Exception as error:  # noqa: BLE001 — a broken installation can raise anything
        reason = one_line(str(error)) or type(error).__name__
        return [Check(name, "fail", f"{type(error).__name__}: {reason}", _reinstall())]


def _python() -> Check:
    return Check("python", "ok", f"{platform.python_version()} ({sys.executable})")


def _packages() -> Iterator[Check]:
    """Compare every package that the project declares with what is installed."""
    try:
        declared = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        fix = "install it: `make run`, or `pip install -e . -c constraints.txt` in its folder"
        yield Check("packages", "warn", f"{DISTRIBUTION} {__version__} runs from a folder, not installed", fix)
        return
    from packaging.requirements import Requirement

    versions: list[str] = []
    for wanted in map(Requirement, declared):
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            yield Check("packages", "fail", f"{wanted.name} is not installed", _reinstall())
            continue
        if not wanted.specifier.contains(version, prereleases=True):
            yield Check("packages", "fail", f"{wanted.name} {version} is not {wanted.specifier}", _reinstall())
        versions.append(f"{wanted.name} {version}")
    yield Check("packages", "ok", ", ".join([f"{DISTRIBUTION} {__version__}", *versions]))


def _reinstall() -> str:
    return "install again: `make run`, or `pip install -e . -c constraints.txt` in the project's folder"


def _devices() -> list[Check]:
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = pluralize(torch.get_num_threads(), "thread")
    found = [Check("device cpu", "ok", f"{threads} on {pluralize(cores, 'core')}, {platform.machine()}")]
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(number)
            memory = f"{about.total_memory / 2**30:.0f} GiB"
            found.append(Check(f"device cuda:{number}", "ok", f"{about.name}, {memory}, CUDA {torch.version.cuda}"))
    elif torch.version.cuda is None:
        found.append(Check("device cuda", "ok", "none: this torch is built without CUDA, `bench run` takes the CPU"))
    else:
        found.append(Check("device cuda", "ok", "none found, `bench run` takes the CPU"))
    if torch.backends.mps.is_available():
        found.append(Check("device mps", "ok", "there, used when asked for: --device mps"))
    return found


def _methods() -> list[Check]:
    from benchmark.core import registry

    modules = {entry.module.split(".")[0] for entry in registry.entries()}
    found = [Check("methods", "ok", f"{len(registry.names())}, from {', '.join(sorted(modules))}")]
    fix = "fix it, or move it away"
    return [*found, *(Check("methods", "warn", str(missing), fix) for missing in registry.left_out())]


@functools.cache
def _hub_trouble() -> str:
    """Return why the hub can't be asked, or nothing when it answers."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return "switched off by HF_HUB_OFFLINE"
    request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=HUB_SECONDS).close()
    except urllib.error.HTTPError:
        return ""  # an answer
    except (OSError, ValueError) as error:
        reason = one_line(str(getattr(error, "reason", error)))
        return f"{constants.ENDPOINT} does not answer ({reason})"
    return ""


def _hub() -> Check:
    from huggingface_hub import constants

    trouble = _hub_trouble()
    if not trouble:
        return Check("hub", "ok", f"{constants.ENDPOINT} answers; cache {constants.HF_HUB_CACHE}")
    fix = f"not needed for suite {DEFAULT_SUITE}; for others connect, set HTTPS_PROXY, or fill {constants.HF_HUB_CACHE}"
    return Check("hub", "warn", trouble, fix)


def _encoders() -> list[Check]:
    from benchmark.model import catalogue

    looks = {f"encoder {known.name}": functools.partial(_encoder, known) for known in catalogue.KNOWN}
    return [check for name, look in looks.items() for check in _guarded(name, look)]


def _encoder(known: Known) -> list[Check]:
    from benchmark.core import suite
    from benchmark.model import catalogue

    name = f"encoder {known.name}"
    if catalogue.package_folder(known) or catalogue.cached(known.hub, known.revision):
        source = catalogue.resolve(known.name)  # reads the weights and compares their sha256
        where = "package" if source.origin == "package" else "hub cache"
        return [Check(name, "ok", f"{where} {source.folder}, sha256 {source.sha256[:12]}…")]
    if not _hub_trouble():
        return [Check(name, "ok", f"would be fetched from the hub: {known.hub} @ {known.revision[:12]}")]
    ways = [f"`pip install {known.package.replace('_', '-')}`"] if known.package else []
    ways.append(f"`hf download {known.hub} --revision {known.revision}` on a connected machine, its HF_HOME here")
    status: Literal["warn", "fail"] = "fail" if known.name == suite.load(DEFAULT_SUITE).encoder else "warn"
    return [Check(name, status, "can't be had: not on this machine, and no hub", ", or ".join(ways))]


def _datasets() -> list[Check]:
    from benchmark.core import suite
    from benchmark.data import sources

    found = []
    for name in suite.names():
        for task in suite.load(name).tasks:
            title = f"suite {name}" + (f", {task.name}" if len(suite.load(name).tasks) > 1 else "")
            source = task.source
            if source.type == "builtin":
                rows = sources.builtin_rows(source.dataset or task.name)
                sizes = " / ".join(f"{len(split or ()):,}" for split in (rows.train, rows.validation, rows.test))
                found.append(Check(title, "ok", f"{rows.source}: {sizes} rows"))
            elif not _hub_trouble():
                found.append(Check(title, "ok", f"would come from the hub (or its cache): {source.dataset}"))
            elif _dataset_cached(source.dataset):
                found.append(Check(title, "ok", f"hub cache: {source.dataset}"))
            else:
                fix = "give the rows with --data FOLDER, or connect to the hub once"
                found.append(Check(title, "warn", f"{source.dataset} can't be had: not cached, and no hub", fix))
    return found


def _dataset_cached(dataset: str) -> bool:
    """Whether the hub's dataset was fetched or prepared on this machine before."""
    from datasets import config
    from huggingface_hub import constants

    owner, _, name = dataset.rpartition("/")
    prepared = Path(config.HF_DATASETS_CACHE) / f"{owner}___{re.sub('-', '_', name)}"
    fetched = Path(constants.HF_HUB_CACHE) / f"datasets--{owner}--{name}" / "snapshots"
    return prepared.is_dir() or fetched.is_dir()


def _tracking(given: str | None) -> Check:
    from benchmark.tracking import Tracking, resolve_uri

    tracking = Tracking(resolve_uri(given))
    tracking.check()
    if not tracking.exists():
        return Check("tracking", "ok", f"{tracking.store.shown}: would be made by the first run")
    runs = pluralize(len(tracking.records()), "run")
    return Check("tracking", "ok", f"{tracking.store.shown}: {runs}")


def _cache() -> Check:
    from benchmark.data.tokens import cache_folder

    folder = cache_folder()
    nearest = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    try:
        with contextlib.closing(tempfile.TemporaryFile(dir=nearest)):
            pass
    except OSError as error:
        fix = "make it writable or set BENCH_CACHE; until then texts are tokenised at every start"
        return Check("cache", "warn", f"{folder} can't be written ({error.strerror})", fix)
    return Check("cache", "ok", f"{folder}{'' if folder.exists() else ': would be made when needed'}")
