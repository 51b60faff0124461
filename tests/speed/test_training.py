"""What training is made of: a step of every kind, encoding, losses, gradients of several tasks. `make bench-speed`.

Ways to do the same stand in one group: quote their ratios. Beside Hugging Face's Trainer: `bench speed`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from benchmark.core.seeds import Streams
from benchmark.core.suite import load
from benchmark.data.sources import load_task
from benchmark.data.task import TrainingData
from benchmark.data.tokens import TokenCache
from benchmark.experiment.collector import Collector
from benchmark.experiment.device import prepare_torch
from benchmark.model.catalogue import resolve
from benchmark.model.encoder import Tap
from benchmark.model.heads import ClassifierHead
from benchmark.model.model import Model
from benchmark.model.states import StateCache
from benchmark.train.contrastive import ntxent_loss, supcon_loss
from benchmark.train.loop import train
from benchmark.train.method_handle import RecipeMethod, build_method
from benchmark.train.recipe import Budget
from benchmark.train.run import Run
from benchmark.train.vectors import encode_all

STEPS = 8
ROUNDS = 3


@pytest.fixture
def run(tmp_path: Path) -> Run:
    prepare_torch("cpu")
    encoder, budget = resolve("all-MiniLM-L6-v2"), Budget(1, 16, "last")
    return Run(Streams(0), encoder, budget, 32, "cpu", "fp32", TokenCache(tmp_path), Collector())


@pytest.fixture(scope="module")
def one() -> list[TrainingData]:
    task = load_task(load("quick").tasks[0], limit_train=16 * STEPS)
    return [task.without_test()]


@pytest.fixture(scope="module")
def three() -> list[TrainingData]:
    return [load_task(spec, limit_train=16 * STEPS).without_test() for spec in load("quick-tasks").tasks]


def steps_of(run: Run, name: str, tasks: list[TrainingData]) -> Callable[[], object]:
    """Return what trains one epoch of the first phase of `name`, without validation."""
    built = build_method(name, run.budget)
    assert isinstance(built, RecipeMethod)
    few = [dataclasses.replace(task, validation=task.train) for task in tasks]
    model = Model(run.load_encoder())
    return lambda: train(built.phases[:1], model, few, run)


@pytest.mark.benchmark(group=f"{STEPS} steps of fine-tuning and what it takes to score {16 * STEPS} rows")
@pytest.mark.parametrize("forward", ["packed", "stock"])
def test_fine_tuning(benchmark: BenchmarkFixture, run: Run, one: list[TrainingData], forward: str) -> None:
    benchmark.pedantic(steps_of(dataclasses.replace(run, forward=forward), "finetune", one), rounds=ROUNDS)


@pytest.mark.benchmark(group=f"{STEPS} steps of each method")
@pytest.mark.parametrize("name", ["finetune", "lora", "supcon", "simclr", "swa+llrd", "reinit"])
def test_a_method(benchmark: BenchmarkFixture, run: Run, one: list[TrainingData], name: str) -> None:
    benchmark.pedantic(steps_of(run, name, one), rounds=ROUNDS)


@pytest.mark.benchmark(group=f"{STEPS} turns over three tasks")
@pytest.mark.parametrize("name", ["multitask", "pcgrad"])
def test_several_tasks(benchmark: BenchmarkFixture, run: Run, three: list[TrainingData], name: str) -> None:
    benchmark.pedantic(steps_of(run, name, three), rounds=ROUNDS)


@pytest.mark.benchmark(group="encoding 512 texts without learning")
@pytest.mark.parametrize("forward", ["packed", "stock"])
def test_evaluation(benchmark: BenchmarkFixture, run: Run, forward: str) -> None:
    task = load_task(load("quick").tasks[0], limit_train=512)
    asked = dataclasses.replace(run, forward=forward)
    encoder, tokens = asked.load_encoder(), asked.encode(task.train).texts
    head = ClassifierHead(encoder.hidden, 256, 18, 0.1)
    benchmark.pedantic(lambda: encode_all(encoder, tokens, head), rounds=ROUNDS)


@pytest.mark.benchmark(group="2,000 lookups in a cache of states")
@pytest.mark.parametrize("place", ["memory", "disk"])
def test_state_cache(benchmark: BenchmarkFixture, run: Run, tmp_path: Path, place: str) -> None:
    task = load_task(load("quick").tasks[0], limit_train=512)
    encoder, tokens = run.load_encoder(), run.encode(task.train).texts
    cache = StateCache(tmp_path, memory=0) if place == "disk" else StateCache(tmp_path)
    states = cache.get(encoder, tokens, [Tap(6)])
    rows = np.arange(16)
    benchmark.pedantic(lambda: [states.at(rows, 6) for _ in range(2000)], rounds=ROUNDS)


@pytest.mark.benchmark(group="tokenising 1,000 texts")
def test_tokenising(benchmark: BenchmarkFixture, run: Run) -> None:
    task = load_task(load("quick").tasks[0], limit_train=1000)
    texts = [text for row in task.train.texts for text in row]
    benchmark.pedantic(lambda: run.tokenizer.encode(texts), rounds=ROUNDS)


@pytest.mark.benchmark(group="a contrastive loss of 2 × 64 vectors and its gradient")
@pytest.mark.parametrize("name", ["supcon", "nt-xent"])
def test_losses(benchmark: BenchmarkFixture, name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    views = torch.nn.functional.normalize(torch.randn(2, 64, 384, generator=generator), dim=2).requires_grad_()
    labels = torch.randint(18, (64,), generator=generator)

    def step() -> None:
        loss = supcon_loss(views, labels, 0.07) if name == "supcon" else ntxent_loss(views, 0.07)
        loss.backward()

    benchmark(step)
