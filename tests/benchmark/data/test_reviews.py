"""The built-in three-task data: exactly reproducible, balanced, and its test split really unseen."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections import Counter

import pytest

from benchmark.data.builtin import reviews
from benchmark.data.builtin.reviews import CORPUS_VERSION, SPLITS, TASKS, Example, corpus

# One digest per published version: when the rows change, bump CORPUS_VERSION and add the new digest here.
DIGESTS = {1: "4c3a7f76d33a9bcb520619399b6215884fbd6c8a8d1190270b21a9bd0335e4ce"}
SIZES = {"train": 300, "validation": 100, "test": 150}


def rows_of(task: str, split: str) -> tuple[Example, ...]:
    rows: tuple[Example, ...] = getattr(corpus(task), split)
    return rows


def test_rows_are_those_of_the_declared_version() -> None:
    total = hashlib.sha256()
    for task, split in itertools.product(TASKS, SPLITS):
        for row in rows_of(task, split):
            total.update(f"{task}\t{row.id}\t{'|'.join(row.texts)}\t{row.label}\n".encode())
    assert total.hexdigest() == DIGESTS[CORPUS_VERSION]


@pytest.mark.parametrize("task", TASKS)
def test_sizes_ids_and_labels(task: str) -> None:
    for split in SPLITS:
        rows = rows_of(task, split)
        assert [row.id for row in rows] == [f"{split}-{n:04d}" for n in range(1, SIZES[split] + 1)]
        assert {len(row.texts) for row in rows} == {1 if task == "sentiment" else 2}
    assert {row.label for row in rows_of(task, "test")} <= {row.label for row in rows_of(task, "train")}


def test_classes_are_balanced() -> None:
    counts = Counter(row.label for row in rows_of("sentiment", "train"))
    assert counts == dict.fromkeys("01234", 60)
    assert Counter(row.label for row in rows_of("paraphrase", "train")) == {"0": 150, "1": 150}
    numbers = [float(row.label) for row in rows_of("similarity", "train")]
    assert (min(numbers), max(numbers)) == (0.0, 5.0)
    assert len(set(numbers)) == 11


@pytest.mark.parametrize("task", TASKS)
def test_no_row_occurs_twice(task: str) -> None:
    counts = Counter(frozenset(row.texts) for split in SPLITS for row in rows_of(task, split))
    assert [texts for texts, count in counts.items() if count > 1] == []


def test_templates_belong_to_one_split() -> None:
    grammar = reviews._grammar()
    groups = [grammar["sentiment"]["templates"], grammar["similarity"]["templates"], *grammar["paraphrase"]["frames"]]
    assert len(groups) == 10
    for group in groups:
        for one, other in itertools.combinations(SPLITS, 2):
            assert set(group[one]).isdisjoint(group[other])


def test_words_kept_for_the_test_split_stay_out_of_the_others() -> None:
    seen = " | ".join(" | ".join(row.texts) for task in TASKS for split in SPLITS[:2] for row in rows_of(task, split))
    for word in ("podcast", "atrocious", "juggling", "zurich", "soldier", "in the yard"):
        assert word not in seen
    assert any("zurich" in " ".join(row.texts) for row in rows_of("paraphrase", "test"))


def test_the_similarity_is_what_the_scenes_share() -> None:
    # Of the pairs with every part in common, both sentences have the same action, in one of its wordings.
    for row in rows_of("similarity", "train"):
        one, two = (
            {
                name
                for name, words in (("cut", ("cutting", "slicing")), ("wash", ("washing", "cleaning")))
                if any(word in text for word in words)
            }
            for text in row.texts
        )
        if float(row.label) >= 4.0:
            assert one == two, row
        if float(row.label) < 2.0 and one:
            assert one != two, row


def test_generation_neither_reads_nor_moves_the_global_random_state() -> None:
    before = random.getstate()
    assert corpus.__wrapped__("similarity") == corpus("similarity")
    assert random.getstate() == before
