"""Where a cell ran: versions, commit, platform, processor and time, for its record.

torch is imported by the function that needs it, so that versions are at hand without it.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmark.core.record import Environment

COMPUTE = ("torch", "transformers", "peft", "tokenizers", "numpy", "scipy")
"""Distributions that compute: their versions are part of a cell's identity."""


NOTED = ("datasets", "huggingface-hub", "mlflow", "pyarrow", "safetensors")
"""Further distributions whose versions are recorded."""


PACKAGE = Path(__file__).parents[1]


def collect(device: str, command: str) -> Environment:
    """Return what is to be known of this process: `device` as `choose_device` returned it, `command` as typed."""
    import torch

    commit, dirty = _checkout()
    processor = _processor()
    return Environment(
        started=now(),
        commit=commit,
        dirty=dirty,
        python=platform.python_version(),
        packages=versions() + _installed(NOTED),
        platform=platform.platform(),
        processor=processor,
        device=torch.cuda.get_device_name(torch.device(device)) if device.startswith("cuda") else processor,
        threads=torch.get_num_threads(),
        command=command,
        instructions=torch.backends.cpu.get_cpu_capability(),
    )


def now() -> str:
    """Return the time in UTC, to the second, as ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def versions() -> tuple[tuple[str, str], ...]:
    """Return name and version of the installed distributions that compute, without importing them."""
    return _installed(COMPUTE)


def _installed(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple(_versions(names))


def _versions(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # an optional one


def _checkout() -> tuple[str, bool]:
    """Return commit and dirtiness of the checkout that this package stands in; ("", False) outside one.

    Dirty means that a source file (``*.py``, ``*.toml``) differs from the commit or is not in it.
    """
    if _git("ls-files", "--error-unmatch", "__init__.py") is None:
        return "", False  # installed into an environment that happens to lie in somebody else's repository
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return "", False
    return commit.strip(), bool(_git("status", "--porcelain", "--untracked-files=all", "--", ":/*.py", ":/*.toml"))


def _git(*arguments: str) -> str | None:
    """Return what git says about this package's folder; None where it fails or is missing."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}  # as set inside a hook
    environment = {**clean, "GIT_OPTIONAL_LOCKS": "0"}
    command = ["git", "-C", str(PACKAGE), *arguments]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace", timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _processor() -> str:
    """Return the processor's name."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1).strip() if found else platform.processor() or platform.machine()
