"""Devices, versions, digests and memory of the process that runs the tests."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark import environment
from benchmark.environment import (
    PeakMemory,
    choose_device,
    code_digest,
    collect,
    prepare_torch,
    source_digest,
    versions,
)
from benchmark.errors import UsageError


def test_collect_says_where_it_runs() -> None:
    found = collect("cpu", "bench run --seeds 3")
    assert found.command == "bench run --seeds 3"
    assert found.python == sys.version.split()[0]
    assert found.threads == torch.get_num_threads()
    assert found.device == found.processor != ""
    assert found.started.endswith("+00:00")
    assert dict(found.packages)["torch"] == importlib.metadata.version("torch")
    assert "mlflow" in dict(found.packages)


def test_versions_need_no_import_of_torch() -> None:
    code = (
        "import sys; from benchmark.environment import *; versions(); code_digest([]); choose_device('cpu');"
        "sys.exit('torch' in sys.modules or 'numpy.random' in sys.modules and 'torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert [name for name, _ in versions()] == ["torch", "transformers", "peft", "tokenizers", "numpy"]
    assert ("numpy", np.__version__) in versions()


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_commit_of_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "benchmark"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.setattr(environment, "PACKAGE", package)
    assert environment._checkout() == ("", False)
    git(tmp_path, "init")
    assert environment._checkout() == ("", False)  # not the repository's own: installed into an environment inside it
    git(tmp_path, "add", ".")
    assert environment._checkout() == ("", False)  # no commit yet
    git(tmp_path, "commit", "-m", "x")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert environment._checkout() == (commit, False)
    (tmp_path / "notes.txt").touch()
    assert environment._checkout() == (commit, False)
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / "mine.py").touch()
    assert environment._checkout() == (commit, True)
    (tmp_path / "methods" / "mine.py").unlink()
    (package / "__init__.py").write_text("x = 1\n")
    assert environment._checkout() == (commit, True)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "none"))  # as inside a hook
    assert environment._checkout() == (commit, True)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment._checkout() == ("", False)


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


SOURCE = '''
"""A module."""
from __future__ import annotations
import math

RATE = 1.0  # per step
"""What it is."""

def double(x: float, *, by: int = 2) -> float:
    """Return it twice."""
    return x * by + math.pi  # twice
'''


def test_a_digest_passes_over_what_does_not_compute() -> None:
    changed = SOURCE.replace("A module.", "Another.").replace("# twice", "").replace("What it is", "A rate")
    changed = changed.replace("    return", "\n\n    return").replace("x * by + math.pi", "(x * by) + (math.pi)")
    assert changed != SOURCE
    assert source_digest(changed) == source_digest(SOURCE)
    assert source_digest(SOURCE.replace('    """Return it twice."""\n', "")) == source_digest(SOURCE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1.0", "1"),
        ("1.0", "2.0"),
        ("by: int = 2", "by: int = 3"),
        ("x * by", "by * x"),
        ("+ math", "- math"),
        ("double", "twice"),
    ],
)
def test_a_digest_sees_what_computes(before: str, after: str) -> None:
    assert before in SOURCE
    assert source_digest(SOURCE.replace(before, after)) != source_digest(SOURCE)


def test_a_digest_passes_over_what_is_searched_and_over_nothing_else_of_a_parameter() -> None:
    plain = "class A:\n    lr: float = parameter(1e-4, 'rate', low=0.0, log=True)\n"
    assert source_digest(plain.replace("log=True", "log=True, search=(1e-5, 1e-3)")) == source_digest(plain)
    assert source_digest(plain.replace("1e-4", "1e-5")) != source_digest(plain)
    assert source_digest(plain.replace("low=0.0", "low=0.1")) != source_digest(plain)
    other = "train(rows, search=(1, 2))"  # another function's argument of that name computes something
    assert source_digest(other) != source_digest(other.replace("(1, 2)", "(1, 3)"))


def test_a_digest_is_the_same_in_every_python() -> None:
    """Computed with 3.11; another version that disagrees would make every finished cell of the others stale."""
    assert source_digest(SOURCE) == "09edb7f366273b1abc46e98db90639726dd6da8fe36709d7dae1ef4d42d209ee"


def test_the_code_digest_depends_on_engine_and_own_method_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "engine"
    for name in (
        "data/a.py",
        "model/deep/b.py",
        "train/c.py",
        "kinds.py",
        "layers.py",
        "metrics.py",
        "seeds.py",
        "runner.py",
    ):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(SOURCE)
    for name in ("one", "two"):
        (tmp_path / f"plug_{name}.py").write_text(SOURCE)
    monkeypatch.setattr(environment, "PACKAGE", package)
    monkeypatch.syspath_prepend(tmp_path)

    def digest(*modules: str) -> str:
        environment._engine.cache_clear()
        environment._file_digest.cache_clear()
        return code_digest(modules)

    first = digest("plug_one")
    assert digest("plug_one", "plug_one") == first
    assert digest("plug_one", "plug_two") == digest("plug_two", "plug_one") != first
    assert digest("plug_two") != first
    for untouched in (package / "runner.py", tmp_path / "plug_two.py"):
        untouched.write_text("RATE = 3\n")
        assert digest("plug_one") == first
    (tmp_path / "plug_one.py").write_text("# said better\n" + SOURCE)
    assert digest("plug_one") == first
    seen = {first}
    for touched in ("data/a.py", "model/deep/b.py", "train/c.py", "kinds.py", "layers.py", "metrics.py", "seeds.py"):
        (package / touched).write_text("RATE = 3\n")
        seen.add(digest("plug_one"))
    (tmp_path / "plug_one.py").write_text("RATE = 3\n")
    seen.add(digest("plug_one"))
    assert len(seen) == 9
    assert digest("no_such_module") == digest("no_such_module")
    environment._engine.cache_clear()
    environment._file_digest.cache_clear()


def test_the_engine_is_found() -> None:
    names = {name for name, _ in environment._engine()}
    assert {"metrics.py", "seeds.py", "data/task.py"} <= names
    assert any(name.startswith("model/") for name in names)
    assert any(name.startswith("train/") for name in names)
    assert code_digest(["benchmark.cell"]) != code_digest([])
    assert len(code_digest([])) == 64


def test_peak_memory_of_the_process() -> None:
    with PeakMemory("cpu") as small:
        pass
    with PeakMemory("cpu") as large:
        np.ones(100 * 2**20, dtype=np.uint8).sum()
    with PeakMemory("cpu") as after:
        pass
    assert small.bytes
    assert large.bytes
    assert after.bytes
    assert large.bytes > small.bytes + 80 * 2**20
    assert large.of.startswith("resident set of the process")
    if "since its start" not in large.of:
        assert after.bytes < large.bytes - 80 * 2**20


def test_peak_memory_is_there_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_reset_resident_peak", lambda: False)
    peak = PeakMemory("cpu")
    with pytest.raises(MemoryError), peak:
        raise MemoryError
    assert peak.bytes
    assert peak.of == "resident set of the process, since its start"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_peak_memory_of_a_device() -> None:
    with PeakMemory("cuda") as peak:
        torch.zeros(50 * 2**20, dtype=torch.uint8, device="cuda")
    assert peak.of == "device memory allocated"
    assert peak.bytes
    assert peak.bytes >= 50 * 2**20


def test_prepare_torch() -> None:
    """In a process of its own, because it is the whole process that is made ready."""
    code = """if True:
        from benchmark.environment import prepare_torch
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
