"""Batches: each row once an epoch, and a function of seed, phase and epoch alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.seeds import Streams
from benchmark.data.batches import Shuffled, Step

Plain = list[list[tuple[int, list[int]]]]


def sized(*sizes: int) -> dict[str, int]:
    """Training rows by task."""
    return {f"task {number}": size for number, size in enumerate(sizes)}


def plain(steps: tuple[Step, ...]) -> Plain:
    return [[(part.task, part.rows.tolist()) for part in step] for step in steps]


def epoch(batches: Shuffled, sizes: tuple[int, ...], seed: int = 0, phase: int = 0, number: int = 1) -> Plain:
    return plain(batches.epoch(sized(*sizes), Streams(seed), phase, number))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=3), st.integers(1, 12), st.integers(0, 5))
def test_every_row_of_every_task_occurs_once_an_epoch(sizes: list[int], size: int, seed: int) -> None:
    batches = Shuffled(size, epochs=1)
    steps = epoch(batches, tuple(sizes), seed)
    seen = sorted((task, row) for step in steps for task, rows in step for row in rows)
    assert seen == [(task, row) for task, count in enumerate(sizes) for row in range(count)]
    assert len(steps) == batches.steps_per_epoch(sized(*sizes))
    assert all(len(step) == 1 and 1 <= len(step[0][1]) <= size for step in steps)


def test_the_last_batch_may_be_smaller_and_only_the_last() -> None:
    assert [len(step[0][1]) for step in epoch(Shuffled(4, 1), (10,))] == [4, 4, 2]
    assert [len(step[0][1]) for step in epoch(Shuffled(4, 1), (8,))] == [4, 4]
    assert [len(step[0][1]) for step in epoch(Shuffled(16, 1), (3,))] == [3]


@pytest.mark.parametrize(("sizes", "steps"), [((10,), 3), ((8,), 2), ((1,), 1), ((10, 8, 1), 6)])
def test_steps_are_counted_per_task(sizes: tuple[int, ...], steps: int) -> None:
    assert Shuffled(4, 1).steps_per_epoch(sized(*sizes)) == steps == len(epoch(Shuffled(4, 1), sizes))


def test_an_epoch_can_be_entered_without_those_before() -> None:
    batches, streams = Shuffled(4, 5), Streams(3)
    forwards = [plain(batches.epoch(sized(10, 6), streams, 0, number)) for number in (1, 2, 3)]
    backwards = [plain(batches.epoch(sized(10, 6), Streams(3), 0, number)) for number in (3, 2, 1)]
    assert forwards == backwards[::-1]


def test_seed_phase_and_epoch_each_give_another_order() -> None:
    orders = [
        tuple(row for step in epoch(Shuffled(4, 1), (30,), seed, phase, number) for row in step[0][1])
        for seed, phase, number in itertools.product((0, 1), (0, 1), (1, 2))
    ]
    assert len(set(orders)) == 8


def test_the_order_is_a_shuffle() -> None:
    order = [row for step in epoch(Shuffled(4, 1), (100,)) for row in step[0][1]]
    assert order != sorted(order)
    moved = np.corrcoef(order, range(100))[0, 1]
    assert abs(moved) < 0.4  # of 100 shuffled rows: |r| > 0.4 has a probability of 4e-5


def test_views_epochs_and_the_batch_size_do_not_change_the_order() -> None:
    flat = [
        [row for step in epoch(batches, (20,)) for row in step[0][1]]
        for batches in (Shuffled(4, 1), Shuffled(4, 9, views=2), Shuffled(7, 1))
    ]
    assert flat[0] == flat[1] == flat[2]


def test_a_task_keeps_its_order_whatever_other_tasks_there_are() -> None:
    alone = [row for step in epoch(Shuffled(4, 1), (12,)) for row in step[0][1]]
    steps = epoch(Shuffled(4, 1), (12, 50))
    chunks = sorted((rows for ((task, rows),) in steps if task == 0), key=lambda rows: alone.index(rows[0]))
    assert [row for rows in chunks for row in rows] == alone


def test_tasks_take_turns() -> None:
    turns = [task for ((task, _),) in epoch(Shuffled(4, 1), (40, 40))]
    assert turns.count(0) == turns.count(1) == 10
    assert turns not in (sorted(turns), sorted(turns, reverse=True))
