"""Choosing a device, preparing torch for it, measuring its memory."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from benchmark.core.errors import UsageError
from benchmark.core.record import SHARED_PROCESS
from benchmark.experiment.device import PeakMemory, choose_device, choose_threads, prepare_torch


def test_choose_device_without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == "cpu"
    assert choose_device("cpu") == "cpu"
    with pytest.raises(UsageError, match=r"^--device cuda: .*use --device cpu$"):
        choose_device("cuda")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    with pytest.raises(UsageError, match=r"^--device cuda:1: no CUDA device .*`nvidia-smi`"):
        choose_device("cuda:1")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(UsageError, match="Metal"):
        choose_device("mps")


def test_choose_device_with_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [choose_device(given) for given in ("auto", "cuda", "cuda:1")] == ["cuda", "cuda", "cuda:1"]
    with pytest.raises(UsageError, match="2 CUDA devices: choose from cuda:0 to cuda:1"):
        choose_device("cuda:2")


@pytest.mark.parametrize("given", ["", "gpu", "cuda:", "cuda:x", "CPU", "cpu\n", "cpu:0"])
def test_choose_device_unknown(given: str) -> None:
    with pytest.raises(UsageError, match="choose one of auto, cpu"):
        choose_device(given)


@pytest.mark.parametrize("kind", ["cpu", "mps"])
def test_a_process_has_no_peak_memory_of_a_cell(kind: str) -> None:
    with PeakMemory(kind) as peak:
        np.ones(20 * 2**20, dtype=np.uint8).sum()
    assert (peak.bytes, peak.of) == (None, SHARED_PROCESS)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_peak_memory_of_a_device() -> None:
    with PeakMemory("cuda") as peak:
        torch.zeros(50 * 2**20, dtype=torch.uint8, device="cuda")
    assert peak.of == "device memory allocated"
    assert peak.bytes
    assert peak.bytes >= 50 * 2**20


@pytest.mark.parametrize("threads", [0, -1, 1025])
def test_threads_that_can_not_be(threads: int) -> None:
    with pytest.raises(UsageError, match=rf"^--threads must be from 1 to 1024, not {threads}$"):
        choose_threads(threads, "cpu")


def test_threads_are_those_of_a_process_by_itself_unless_given() -> None:
    assert choose_threads(3, "cpu") == choose_threads(3, "cuda") == 3
    assert choose_threads(None, "cuda") is None
    code = """if True:
        import torch
        from benchmark.experiment.device import choose_threads
        first = choose_threads(None, "cpu")
        assert first == torch.get_num_threads()
        torch.set_num_threads(first + 1)  # as preparing for another cell does
        print(first, choose_threads(None, "cpu"))
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout == "1 1\n"


def test_preparing_puts_right_what_was_set_before() -> None:
    """A method, a plug-in or a cell before may have set anything. In a process of its own."""
    code = """if True:
        import torch
        from benchmark.experiment.device import prepare_torch
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        torch.set_float32_matmul_precision("medium")
        torch.backends.mkldnn.set_flags(False, False, None, "bf16")
        torch.backends.cudnn.benchmark = torch.backends.cudnn.allow_tf32 = True
        torch.set_grad_enabled(False)
        torch.use_deterministic_algorithms(False)
        torch.set_num_threads(3)
        prepare_torch("cpu", threads=1)
        made = torch.ones(1)
        assert (made.dtype, made.device.type, torch.is_grad_enabled()) == (torch.float32, "cpu", True)
        assert torch.get_float32_matmul_precision() == "highest" and torch.backends.mkldnn.enabled
        assert torch.backends.mkldnn.matmul.fp32_precision == "ieee"
        assert not torch.backends.cudnn.benchmark and not torch.backends.cudnn.allow_tf32
        assert torch.are_deterministic_algorithms_enabled() and torch.get_num_threads() == 1
    """
    subprocess.run([sys.executable, "-c", code], check=True)


def test_prepare_torch() -> None:
    """In a process of its own, because it is the whole process that is made ready."""
    code = """if True:
        from benchmark.experiment.device import prepare_torch
        prepare_torch("cpu", threads=1)
        import os, torch, transformers
        assert torch.are_deterministic_algorithms_enabled() and torch.get_num_threads() == 1
        assert torch.get_float32_matmul_precision() == "highest" and not torch.backends.cuda.matmul.allow_tf32
        assert os.environ["TOKENIZERS_PARALLELISM"] == "false" and os.environ["CUBLAS_WORKSPACE_CONFIG"]
        assert transformers.logging.get_verbosity() == transformers.logging.ERROR
        layer = torch.nn.Embedding(9, 4)
        layer(torch.tensor([1, 1, 2])).sum().backward()
    """
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")
    assert callable(prepare_torch)
