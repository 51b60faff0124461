"""The device that cells run on: which one, made ready to compute the same every time, and its peak memory."""

from __future__ import annotations

import functools
import gc
import os
import re
from types import TracebackType

from benchmark.core.errors import UsageError
from benchmark.core.record import SHARED_PROCESS


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


SWITCHES = (
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "DNNL_DEFAULT_FPMATH_MODE",
    "DNNL_MAX_CPU_ISA",
    "MKL_CBWR",
    "MKL_DEBUG_CPU_TYPE",
    "MKL_ENABLE_INSTRUCTIONS",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "ONEDNN_MAX_CPU_ISA",
    "PYTORCH_ENABLE_MPS_FALLBACK",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "TORCH_BLAS_PREFER_CUBLASLT",
)
"""Environment variables that choose kernels or precision while libraries load, so that no call can put them right."""
WORKSPACE = ":4096:8"
"""Of cuBLAS: one of the two sizes with which its results don't vary from run to run."""
MOST_THREADS = 1024


def arithmetic_switches() -> tuple[tuple[str, str], ...]:
    """Return those of `SWITCHES` that are set, with their values: part of every cell's identity."""
    found = ((name, os.environ.get(name, "")) for name in SWITCHES)
    return tuple(
        (name, value) for name, value in found if value and (name, value) != ("CUBLAS_WORKSPACE_CONFIG", WORKSPACE)
    )


@functools.cache
def default_threads() -> int:
    """Return how many threads torch uses for one operation if nobody says: the cores, or ``OMP_NUM_THREADS``."""
    import torch

    return torch.get_num_threads()


def choose_threads(given: int | None, device: str) -> int | None:
    """Return how many threads of the CPU an operation gets; None: it is left open, where the CPU doesn't compute.

    Raises UsageError for a number that can't be.
    """
    if given is not None and not 1 <= given <= MOST_THREADS:
        raise UsageError(f"--threads must be from 1 to {MOST_THREADS}, not {given}")
    return given if given is not None or device != "cpu" else default_threads()


def prepare_torch(device: str, threads: int | None = None) -> None:
    """Make this process compute the same every time: deterministic kernels, no TF32; and libraries that keep quiet.

    Call it before anything runs on `device`. `threads` (None: as torch chooses) is how many the CPU uses for one
    operation; sums depend on it in their last bit. What may have been set before in this process is set again.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", WORKSPACE)  # else cuBLAS refuses deterministic algorithms
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
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.set_grad_enabled(True)
    torch.set_flush_denormal(False)
    torch.set_float32_matmul_precision("highest")
    torch.backends.mkldnn.set_flags(True, False)
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    # The backward pass of the memory-efficient kernel adds up in no fixed order, and only warns of it.
    torch.backends.cuda.enable_mem_efficient_sdp(False)
    if threads is not None:
        torch.set_num_threads(threads)


class PeakMemory:
    """Measures the largest memory in use during a ``with`` block; read `bytes` and `of` after it.

    On CUDA it is what torch had allocated on the device. Elsewhere there is none: the resident set belongs to the
    process, and keeps what earlier cells left (allocators give little back), so that it says nothing about this one.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.bytes: int | None = None
        self.of = SHARED_PROCESS  # for Cost.peak_memory_of

    def __enter__(self) -> PeakMemory:
        if self.device.startswith("cuda"):
            import torch

            gc.collect()  # what earlier cells left in circles of references is none of this one's
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(torch.device(self.device))
            self.of = "device memory allocated"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.device.startswith("cuda"):
            import torch

            self.bytes = torch.cuda.max_memory_allocated(torch.device(self.device))
