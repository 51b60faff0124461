"""What probing all layers costs, beside one pass of the encoder over the same rows. `make bench-speed` runs it.

The rule: ten epochs of all layers take less than three passes of encoding, plus the heads' own training. Heads with
transformer layers of their own run these on train and validation after every epoch, too, which is the heads' own
affair, but no training: for them the rule is that of the encoding alone.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmark.core.record import EpochEnded
from benchmark.core.seeds import Streams
from benchmark.core.suite import load
from benchmark.data.sources import load_task
from benchmark.data.task import TrainingData
from benchmark.data.tokens import TokenCache
from benchmark.experiment.collector import Collector
from benchmark.experiment.device import prepare_torch
from benchmark.model.catalogue import resolve
from benchmark.model.heads import SequentialHead
from benchmark.train.method_handle import build_method
from benchmark.train.recipe import Budget
from benchmark.train.run import Run
from benchmark.train.vectors import encode_all

EPOCHS = 10


class Seconds(Collector):
    """Sums the seconds that heads were trained."""

    training = 0.0

    def epoch_ended(self, event: EpochEnded) -> None:
        super().epoch_ended(event)
        self.training += event.seconds


@pytest.fixture(scope="module")
def task() -> TrainingData:
    return load_task(load("quick-tasks").tasks[1]).without_test()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    prepare_torch("cpu")
    encoder, budget = resolve("all-MiniLM-L6-v2"), Budget(EPOCHS, 16, "best")
    return Run(Streams(0), encoder, budget, 32, "cpu", "fp32", TokenCache(tmp_path), Seconds())


def one_pass(run: Run, task: TrainingData) -> float:
    """Encode train and validation once; return the seconds."""
    encoder = run.load_encoder()
    texts = [run.encode(split).texts for split in (task.train, task.validation)]
    began = time.perf_counter()
    for tokens in texts:
        encode_all(encoder, tokens, SequentialHead())
    return time.perf_counter() - began


@pytest.mark.benchmark(group="probing 7 layers for 10 epochs")
@pytest.mark.parametrize("blocks", ["none", "model:1"])
def test_probe(benchmark: BenchmarkFixture, run: Run, task: TrainingData, blocks: str) -> None:
    watcher = run.watcher
    assert isinstance(watcher, Seconds)
    encoding = sorted(one_pass(run, task) for _ in range(3))[1]
    probe = build_method("probe", run.budget, {"blocks": blocks})
    whole = benchmark.pedantic(lambda: timed(lambda: probe.fit([task], run)), rounds=1)
    once = watcher.phases()[0].encode_seconds
    print(
        f"\nblocks={blocks}: one pass {encoding:.2f} s; states of all layers {once:.2f} s; heads' training "
        f"{watcher.training:.2f} s; all of probing {whole:.2f} s; (all - training) / pass "
        f"{(whole - watcher.training) / encoding:.2f}"
    )
    assert once < 3 * encoding
    assert blocks != "none" or whole < 3 * encoding + watcher.training


def timed(call: object) -> float:
    """Call it; return the seconds."""
    assert callable(call)
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
