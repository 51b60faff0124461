"""The same fit in two processes ends in the same weights, to the bit; adapters, views and averages included."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from tests.support.encoders import TinyEncoder

NAMES = ("finetune", "lora", "supcon", "simclr", "swa+reinit")

# Prints a sha256 of the trained weights for each name.
PROGRAM = """
import hashlib, sys
from pathlib import Path
from benchmark.experiment.collector import Collector
from benchmark.data.builtin import corpus
from benchmark.data.task import Example, RawData, make_task
from benchmark.data.tokens import TokenCache
from benchmark.model.catalogue import resolve
from benchmark.core.seeds import Streams
from benchmark.train.method_handle import build_method, resolve_method
from benchmark.train.recipe import Budget
from benchmark.train.run import Run

folder, cache, *names = sys.argv[1:]
rows = [Example(r.id, (r.text,), r.scenario) for r in corpus().train if r.scenario in ("alarm", "play")][:30]
raw = RawData(tuple(rows[:20]), tuple(rows[20:25]), tuple(rows[25:]), "x")
data = make_task("scenario", "classes", "accuracy", raw)
budget = Budget(2, 8, "best")
for name in names:
    run = Run(Streams(7), resolve(folder), budget, 32, "cpu", "fp32", TokenCache(Path(cache)), Collector())
    model = build_method(name, budget).fit([data.without_test()], run).model
    total = hashlib.sha256()
    for key, value in sorted(model.state_dict().items()):
        total.update(key.encode() + value.numpy().tobytes())
    print(name, total.hexdigest())
"""


def weights(folder: Any, cache: Any, hash_seed: int) -> dict[str, str]:
    """The sha256 of the weights that each method ends with, in a process of its own."""
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    command = [sys.executable, "-c", PROGRAM, folder, cache, *NAMES]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return dict(line.split() for line in done.stdout.splitlines())


@pytest.mark.slow
def test_equal_weights_in_two_processes(tiny_encoder: TinyEncoder, tmp_path: Any) -> None:
    folder = tiny_encoder()
    first = weights(folder, tmp_path / "a", hash_seed=1)
    again = weights(folder, tmp_path / "b", hash_seed=2)  # tokenised afresh
    assert set(first) == set(NAMES)
    assert len(set(first.values())) == len(NAMES)
    assert first == again
