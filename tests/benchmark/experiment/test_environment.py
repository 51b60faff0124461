"""Versions and commit of the process that runs the tests."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.experiment import environment
from benchmark.experiment.environment import collect, versions


def test_collect_says_where_it_runs() -> None:
    found = collect("cpu", "bench run --seeds 3")
    assert found.command == "bench run --seeds 3"
    assert found.python == sys.version.split()[0]
    assert found.threads == torch.get_num_threads()
    assert found.instructions == torch.backends.cpu.get_cpu_capability() != ""
    assert found.device == found.processor != ""
    assert found.started.endswith("+00:00")
    assert dict(found.packages)["torch"] == importlib.metadata.version("torch")
    assert "mlflow" in dict(found.packages)


def test_versions_need_no_import_of_torch() -> None:
    code = (
        "import sys\n"
        "from benchmark.experiment.code_digest import code_digest\n"
        "from benchmark.experiment.device import choose_device\n"
        "from benchmark.experiment.environment import versions\n"
        "versions(); code_digest([]); choose_device('cpu')\n"
        "sys.exit('torch' in sys.modules or 'numpy.random' in sys.modules and 'torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert [name for name, _ in versions()] == ["torch", "transformers", "peft", "tokenizers", "numpy", "scipy"]
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
