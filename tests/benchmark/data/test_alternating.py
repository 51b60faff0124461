"""Batches that alternate between tasks, or ask several questions of the same rows, against turns written by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.seeds import Streams
from benchmark.data.batches import Alternating, SharedBatches, Shuffled, Step
from benchmark.data.task_weights import parse_weights


def sized(*sizes: int) -> dict[str, int]:
    """Training rows by task."""
    return {f"task {number}": size for number, size in enumerate(sizes)}


def plain(steps: tuple[Step, ...]) -> list[list[tuple[int, list[int]]]]:
    return [[(part.task, part.rows.tolist()) for part in step] for step in steps]


def order(task: int, number: int, count: int) -> list[int]:
    """The order of `Shuffled`'s epoch `number`, which is that of pass `number`."""
    found: list[int] = Streams(0).numpy("order", 0, task, number).permutation(count).tolist()
    return found


class TestRoundRobin:
    def test_by_hand(self) -> None:
        # 5 rows are batches of 2, 2, 1; 2 rows are one batch. Together 4 batches: two turns of two.
        batches = Alternating(2, epochs=2)
        large, again = order(0, 1, 5), order(0, 2, 5)
        small = [order(1, number, 2) for number in (1, 2, 3, 4)]
        assert batches.steps_per_epoch(sized(5, 2)) == 2
        assert plain(batches.epoch(sized(5, 2), Streams(0), 0, 1)) == [
            [(0, large[:2]), (1, small[0])],
            [(0, large[2:4]), (1, small[1])],
        ]
        assert (
            plain(batches.epoch(sized(5, 2), Streams(0), 0, 2))
            == [  # the large task goes on where it was
                [(0, large[4:]), (1, small[2])],
                [(0, again[:2]), (1, small[3])],
            ]
        )

    @given(st.lists(st.integers(1, 30), min_size=1, max_size=3), st.integers(1, 7))
    def test_no_row_is_favoured(self, sizes: list[int], size: int) -> None:
        seen = [[0] * count for count in sizes]
        batches = Alternating(size, epochs=6)
        for epoch in range(1, 7):
            for step in batches.epoch(sized(*sizes), Streams(1), 0, epoch):
                assert [part.task for part in step] == list(range(len(sizes)))
                for part in step:
                    for row in part.rows:
                        seen[part.task][row] += 1
        assert all(max(counts) - min(counts) <= 1 for counts in seen)

    def test_one_task_is_plain_shuffling(self) -> None:
        one, other = Alternating(4, 3), Shuffled(4, 3)
        for epoch in (1, 2, 3):
            assert plain(one.epoch(sized(10), Streams(0), 0, epoch)) == plain(
                other.epoch(sized(10), Streams(0), 0, epoch)
            )

    @pytest.mark.parametrize(("epoch_length", "steps"), [("total", 3), ("largest", 5), ("smallest", 1)])
    def test_an_epochs_length(self, epoch_length: str, steps: int) -> None:
        batches = Alternating(2, 1, epoch_length=epoch_length)
        assert (
            batches.steps_per_epoch(sized(10, 2, 3)) == steps == len(batches.epoch(sized(10, 2, 3), Streams(0), 0, 1))
        )


class TestDrawnTurns:
    @pytest.mark.parametrize(("mode", "temperature", "share"), [("proportional", 7.0, 0.9), ("temperature", 2.0, 0.75)])
    def test_the_share_of_a_task(self, mode: str, temperature: float, share: float) -> None:
        # 900 and 100 rows: 9 to 1 by size, 3 to 1 by its square root.
        steps = Alternating(1, 1, mode, temperature).epoch(sized(900, 100), Streams(0), 0, 1)
        parts = list(itertools.chain.from_iterable(steps))
        assert len(parts) == 1000
        found = np.mean([part.task == 0 for part in parts])
        assert abs(found - share) < 4 * np.sqrt(share * (1 - share) / 1000)  # four standard errors

    def test_an_epoch_can_be_entered_without_those_before(self) -> None:
        batches = Alternating(2, 3, "proportional")
        forwards = [plain(batches.epoch(sized(9, 4), Streams(2), 0, epoch)) for epoch in (1, 2, 3)]
        backwards = [plain(batches.epoch(sized(9, 4), Streams(2), 0, epoch)) for epoch in (3, 2, 1)]
        assert forwards == backwards[::-1]
        for task, count in ((0, 9), (1, 4)):  # batches are taken in order, pass after pass
            rows = [
                row for epoch in forwards for step in epoch for part, found in step if part == task for row in found
            ]
            wanted = [row for number in range(1, 9) for row in order_of(2, task, number, count)]
            assert rows == wanted[: len(rows)]


def order_of(seed: int, task: int, number: int, count: int) -> list[int]:
    found: list[int] = Streams(seed).numpy("order", 0, task, number).permutation(count).tolist()
    return found


def test_tasks_count_by_their_weights_and_meet_the_same_rows() -> None:
    even, weighed = Alternating(2, 1), Alternating(2, 1, weights=parse_weights("task 1=0.5,task 0=1"))
    steps = weighed.epoch(sized(5, 2), Streams(0), 0, 1)
    assert [[part.weight for part in step] for step in steps] == [[1.0, 0.5]] * 2
    assert plain(steps) == plain(even.epoch(sized(5, 2), Streams(0), 0, 1))


class TestSharedBatches:
    def test_every_task_has_the_rows_that_one_alone_has(self) -> None:
        several = plain(SharedBatches(4, 2).epoch(sized(10, 10, 10), Streams(0), 0, 2))
        alone = plain(Shuffled(4, 2).epoch(sized(10), Streams(0), 0, 2))
        assert several == [[(task, rows) for task in range(3)] for ((_, rows),) in alone]
        assert SharedBatches(4, 2).steps_per_epoch(sized(10, 10, 10)) == 3

    def test_tasks_about_other_rows_are_refused(self) -> None:
        with pytest.raises(ValueError, match="same number"):
            SharedBatches(4, 2).steps_per_epoch(sized(10, 9))
