"""Where a cell runs: device, versions, commit, the code's digest, peak memory, and torch made ready to repeat itself.

torch is imported by the functions that need it, so that versions and digests are at hand without it.
"""

from __future__ import annotations

import ast
import datetime
import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmark.errors import UsageError
from benchmark.record import Environment

COMPUTE = ("torch", "transformers", "peft", "tokenizers", "numpy")
"""Distributions that compute: their versions are part of a cell's identity."""
NOTED = ("datasets", "huggingface-hub", "mlflow", "pyarrow", "safetensors", "scipy")
"""Further distributions whose versions are recorded."""
ENGINE = ("data", "model", "train", "kinds.py", "layers.py", "metrics.py", "seeds.py")
"""Folders and files of this package that a result depends on."""
PACKAGE = Path(__file__).parent


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
    )


def now() -> str:
    """Return the time in UTC, to the second, as ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def versions() -> tuple[tuple[str, str], ...]:
    """Return name and version of the installed distributions that compute, without importing them."""
    return _installed(COMPUTE)


def choose_device(given: str) -> str:
    """Return the device that `given` (``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``) means here.

    ``auto`` is CUDA where there is one, else the CPU. Raises UsageError for a device that is not there.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?|mps", given):
        raise UsageError(f"--device {given!r}: choose one of auto, cpu, cuda, cuda:0 (1, 2, …), mps")
    if given == "cpu":
        return given
    import torch

    if given == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if given == "mps":
        if not torch.backends.mps.is_available():
            raise UsageError("--device mps: this machine or this torch has no Metal: use --device cpu")
        return given
    if torch.version.cuda is None:
        raise UsageError(
            f"--device {given}: the installed torch {torch.__version__} is built without CUDA: "
            f"install a CUDA build (see pytorch.org), or use --device cpu"
        )
    if not torch.cuda.is_available():
        raise UsageError(f"--device {given}: no CUDA device can be used: see `nvidia-smi`, or use --device cpu")
    count = torch.cuda.device_count()
    if int(given.partition(":")[2] or 0) >= count:
        raise UsageError(f"--device {given}: there are {count} CUDA devices: choose from cuda:0 to cuda:{count - 1}")
    return given


def prepare_torch(device: str, threads: int | None = None) -> None:
    """Make this process compute the same every time: deterministic kernels, no TF32; and libraries that keep quiet.

    Call it before anything runs on `device`. `threads` (None: as torch chooses) is how many the CPU uses for one
    operation; sums depend on it in their last bit.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else cuBLAS refuses deterministic algorithms
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # it warns after every fork
    import torch
    import transformers
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    # Metal lacks some deterministic kernels; a warning there beats a method that can't run at all.
    torch.use_deterministic_algorithms(True, warn_only=device == "mps")
    # Filling what is not yet written finds mistakes, and would be paid for in every step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    # The backward pass of the memory-efficient kernel adds up in no fixed order, and only warns of it.
    torch.backends.cuda.enable_mem_efficient_sdp(False)
    if threads is not None:
        torch.set_num_threads(threads)


class PeakMemory:
    """Measures the largest memory in use during a ``with`` block; read `bytes` and `of` after it.

    On CUDA it is what torch had allocated on the device; elsewhere the resident set of the whole process, libraries
    included, because nothing smaller can be seen from outside.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.bytes: int | None = None
        self.of = ""  # for Cost.peak_memory_of

    def __enter__(self) -> PeakMemory:
        if self.device.startswith("cuda"):
            import torch

            torch.cuda.reset_peak_memory_stats(torch.device(self.device))
            self.of = "device memory allocated"
        else:
            self.of = "resident set of the process" + ("" if _reset_resident_peak() else ", since its start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.device.startswith("cuda"):
            import torch

            self.bytes = torch.cuda.max_memory_allocated(torch.device(self.device))
        else:
            self.bytes = _resident_peak()


def code_digest(modules: Iterable[str]) -> str:
    """Return the sha256 of the code that a result depends on: the engine's and that of `modules`, the method's own.

    Comments, docstrings and layout are left out, so that to explain a line better makes no finished cell stale.
    """
    parts = [*_engine(), *((name, _file_digest(_source(name))) for name in sorted(set(modules)))]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def source_digest(text: str) -> str:
    """Return the sha256 of the Python source `text`'s meaning. Raises SyntaxError."""
    return hashlib.sha256(json.dumps(_meaning(ast.parse(text))).encode()).hexdigest()


@functools.cache
def _engine() -> tuple[tuple[str, str], ...]:
    files = [file for name in ENGINE for file in sorted((PACKAGE / name).rglob("*.py"))]
    files += [PACKAGE / name for name in ENGINE if name.endswith(".py")]
    return tuple((file.relative_to(PACKAGE).as_posix(), _file_digest(file)) for file in files)


@functools.cache
def _file_digest(file: Path | None) -> str:
    return source_digest(file.read_text(encoding="utf-8")) if file else ""


def _source(module: str) -> Path | None:
    """Return the source file of `module`; None where it has none (made in a session, or compiled)."""
    loaded = sys.modules.get(module)
    name = getattr(loaded, "__file__", None)
    if loaded is None:
        found = importlib.util.find_spec(module)
        name = found.origin if found else None
    return Path(name) if name and name.endswith(".py") and Path(name).is_file() else None


def _meaning(node: Any) -> Any:
    """Return the syntax tree `node` as lists: no positions, docstrings, empty fields or ranges for tuning.

    An empty field is left out because new minor versions of Python add such to every node (`type_params` in 3.12).
    """
    if _declares_parameter(node):
        node = ast.Call(node.func, node.args, [given for given in node.keywords if given.arg != "search"])
    if isinstance(node, ast.AST):
        fields = {name: value for name, value in ast.iter_fields(node) if name not in ("kind", "type_comment")}
        shown = {name: _meaning(value) for name, value in fields.items()}
        return [type(node).__name__, {name: value for name, value in shown.items() if value not in (None, [])}]
    if isinstance(node, list):
        return [_meaning(item) for item in node if not _is_text(item)]
    return node if node is None else f"{type(node).__name__} {node!r}"


def _declares_parameter(node: Any) -> bool:
    """Return whether `node` is ``parameter(…)``: over what range one tunes changes no result."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "parameter"


def _is_text(node: Any) -> bool:
    """Return whether `node` is a statement that is nothing but a string: a docstring, of an attribute too."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


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


def _reset_resident_peak() -> bool:
    """Set the process's peak resident set to the present one; False where the system can't."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _resident_peak() -> int | None:
    """Return the process's peak resident set, in bytes; None where the system doesn't say."""
    try:
        found = re.search(r"^VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return int(found.group(1)) * 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
