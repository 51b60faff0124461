"""What all tests share: no network, one thread, tiny encoders made on the spot, the way to real data.

The environment is set when this file is imported, which is before any test imports torch or transformers, and the
processes that tests start inherit it.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.encoders import TinyEncoder, save_encoder
from tests.support.lab import Lab

os.environ.update(
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_OFFLINE="1",
    MKL_NUM_THREADS="1",
    OMP_NUM_THREADS="1",
    TOKENIZERS_PARALLELISM="false",
)
os.environ.pop("MLFLOW_TRACKING_URI", None)  # a test that writes records says where

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure(config: pytest.Config) -> None:
    """Give the session an empty Hugging Face cache, so that no test depends on what was downloaded before.

    And let Ctrl-C work: a shell starts background commands with SIGINT ignored, and what they start inherits that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):  # the first process; its workers inherit the variable
        cache = tempfile.TemporaryDirectory(prefix="bench-tests-")
        config.add_cleanup(cache.cleanup)
        os.environ["HF_HOME"] = cache.name


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Say so when torch was imported before the environment could limit its threads, or a test raised the limit."""
    yield
    if torch := sys.modules.get("torch"):
        assert torch.get_num_threads() == 1


@pytest.fixture
def own_registry() -> Iterator[None]:
    """What the test registers is forgotten after it."""
    from benchmark.core import registry

    with registry.isolated():
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data beside the checkout; a test that needs it is skipped where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs ../shared/data (real data is not part of the project)")
    return folder


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> TinyEncoder:
    """A factory of tiny random encoders."""
    made: dict[Any, Path] = {}

    def make(
        kind: str = "bert",
        *,
        layers: int = 2,
        texts: Iterable[str] | None = None,
        seed: int = 0,
        folder: Path | None = None,
    ) -> Path:
        lines = None if texts is None else tuple(texts)
        if folder is not None:
            return save_encoder(folder, kind, layers, lines, seed)
        key = (kind, layers, lines, seed)
        if key not in made:
            made[key] = save_encoder(tmp_path_factory.mktemp(f"tiny-{kind}"), kind, layers, lines, seed)
        return made[key]

    return make


@pytest.fixture(scope="session")
def lab(tiny_encoder: TinyEncoder, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Where methods are tried on forty rows."""
    return Lab(tiny_encoder, tmp_path_factory.mktemp("cache"))
