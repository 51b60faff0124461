"""What a task is made of must depend on its rows alone: not on the file's order, its ids, or where it came from."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from benchmark.core.errors import UsageError
from benchmark.data.labels import Labelling
from benchmark.data.task import Example, RawData, Task, carve, fingerprint, limit, make_task


def row(text: str, label: str = "x", key: str = "") -> Example:
    return Example(key or text, (text,), label)


def rows(*labels: str, prefix: str = "t") -> tuple[Example, ...]:
    """One row per label, `t0`, `t1`, …"""
    return tuple(row(f"{prefix}{number}", label) for number, label in enumerate(labels))


def texts(found: Sequence[Example]) -> list[str]:
    return [one.texts[0] for one in found]


def task(
    train: Sequence[Example],
    validation: Sequence[Example] | None,
    test: Sequence[Example],
    limit_train: int | None = None,
) -> Task:
    held = None if validation is None else tuple(validation)
    return make_task("topic", "classes", "accuracy", RawData(tuple(train), held, tuple(test), "here"), limit_train)


def by_hash(count: int, label: str = "x") -> list[str]:
    """`t0` to `t{count - 1}` by the sha256 of the line of JSON that stands for the row."""
    lines = {f"t{number}": f'[["t{number}"],"{label}"]' for number in range(count)}
    return sorted(lines, key=lambda text: hashlib.sha256(lines[text].encode()).digest())


UNKNOWN = "here: test has the label 'z', which train never has: add rows of it to train, or remove them from test"


class TestFingerprint:
    def test_is_the_sha256_of_one_line_of_json_per_row(self) -> None:
        expected = hashlib.sha256('[["naïve"],"x"]\n[["b","c"],"y"]\n'.encode()).hexdigest()
        assert fingerprint([row("naïve", "x"), Example("7", ("b", "c"), "y")]) == expected

    def test_does_not_look_at_ids(self) -> None:
        assert fingerprint([row("a", key="1")]) == fingerprint([row("a", key="2")])

    def test_sees_one_letter_the_order_the_label_and_the_border_between_texts(self) -> None:
        a, b = row("a", "x"), row("b", "x")
        pair = Example("1", ("a b", "c"), "x")
        variants = [
            [a, b],
            [b, a],
            [row("A", "x"), b],
            [row("a", "y"), b],
            [a],
            [],
            [pair],
            [Example("1", ("a", "b c"), "x")],
            [Example("1", ("a b c",), "x")],
        ]
        assert len({fingerprint(variant) for variant in variants}) == len(variants)


class TestCarve:
    def test_takes_exactly_a_tenth_the_smallest_hashes(self) -> None:
        train, validation = carve(rows(*"x" * 20))
        assert sorted(texts(validation)) == sorted(by_hash(20)[:2])
        assert sorted(texts(train)) == sorted(by_hash(20)[2:])

    @pytest.mark.parametrize(("count", "carved"), [(2, 1), (9, 1), (14, 1), (16, 2), (100, 10), (104, 10)])
    def test_share(self, count: int, carved: int) -> None:
        train, validation = carve(rows(*"x" * count))
        assert (len(train), len(validation)) == (count - carved, carved)

    def test_keeps_the_order_of_the_file(self) -> None:
        whole = rows(*"x" * 50)
        for part in carve(whole):
            assert list(part) == [one for one in whole if one in part]

    def test_chooses_the_same_rows_in_another_order_and_under_other_ids(self) -> None:
        whole = rows(*"xy" * 25)
        turned = tuple(Example(f"train-{n}", one.texts, one.label) for n, one in enumerate(reversed(whole), start=1))
        assert set(texts(carve(whole)[1])) == set(texts(carve(turned)[1]))

    def test_leaves_one_row_of_a_class_in_train(self) -> None:
        # Of 20 classes with one row each none can be spared, so that both carved rows are of the last class.
        whole = (*rows(*[f"rare{number}" for number in range(20)]), *rows("often", "often", "often", prefix="o"))
        train, validation = carve(whole)
        assert [one.label for one in validation] == ["often", "often"]
        assert {one.label for one in train} == {one.label for one in whole}

    def test_counts_equal_rows_one_by_one(self) -> None:
        train, validation = carve(tuple(row("same", key=str(number)) for number in range(20)))
        assert (len(train), len(validation)) == (18, 2)
        assert not {one.id for one in train} & {one.id for one in validation}


class TestLimit:
    def test_keeps_the_smallest_hashes_in_the_order_of_the_file(self) -> None:
        kept = texts(limit(rows(*"x" * 30), 5))
        assert sorted(kept) == sorted(by_hash(30)[:5])
        assert kept == sorted(kept, key=lambda text: int(text[1:]))

    def test_a_larger_limit_is_a_superset(self) -> None:
        whole = rows(*"xxxxyz" * 10)
        kept = [set(limit(whole, count)) for count in range(1, 61)]
        assert [len(one) for one in kept] == list(range(1, 61))
        assert all(small < large for small, large in itertools.pairwise(kept))

    def test_does_not_depend_on_the_order_of_the_file(self) -> None:
        whole = rows(*"xy" * 20)
        assert set(limit(whole, 7)) == set(limit(whole[::-1], 7))

    def test_keeps_a_row_of_each_class(self) -> None:
        whole = (*rows(*"x" * 500), row("only", "rare"))
        assert {one.label for one in limit(whole, 2)} == {"x", "rare"}

    def test_counts_equal_rows_one_by_one(self) -> None:
        whole = (*(row("same", key=str(number)) for number in range(5)), row("other"))
        assert [len(limit(whole, count)) for count in (1, 2, 6)] == [1, 2, 6]


def scored(*labels: str, prefix: str = "t") -> tuple[Example, ...]:
    """One pair per label, a number's text."""
    return tuple(Example(f"{prefix}{n}", (f"{prefix}{n}", "other"), label) for n, label in enumerate(labels))


class TestNumbers:
    LABELLING = Labelling("pair-regression", 0.0, 5.0)

    def task(self, rows: RawData, limit_train: int | None = None, labelling: Labelling = LABELLING) -> Task:
        return make_task("sts", labelling.kind, "pearson", rows, limit_train, labelling)

    def test_labels_are_the_numbers(self) -> None:
        made = self.task(RawData(scored("1.0", "2.5"), scored("0.0", "5.0"), scored("3.0", "4.0"), "here"))
        assert (made.head.classes, made.head.low, made.head.high) == ((), 0.0, 5.0)
        assert made.train.labels == (1.0, 2.5)
        assert made.train.targets.dtype == np.float64
        assert made.identity.high == 5.0

    def test_no_label_is_a_class_that_train_would_need_one_row_of(self) -> None:
        whole = scored(*[f"{n / 10}" for n in range(50)])
        made = self.task(RawData(whole, None, scored("0.0", "1.0", prefix="e"), "here"), limit_train=3)
        assert (len(made.train), len(made.validation)) == (3, 5)
        # The smallest hashes, with nothing kept for a class's sake.
        order = sorted(whole, key=lambda row: row.hash)
        assert set(made.validation.ids) == {row.id for row in order[:5]}
        assert set(made.train.ids) == {row.id for row in order[5:8]}

    @pytest.mark.parametrize("split", ["validation", "test"])
    def test_labels_that_are_all_the_same_have_no_correlation(self, split: str) -> None:
        parts = {"train": scored("1.0", "2.0"), "validation": scored("0.0", "1.0"), "test": scored("0.0", "1.0")}
        parts[split] = scored("3.0", "3.0")
        with pytest.raises(
            UsageError, match=f"here: every label of {split} is 3.0: a correlation needs different ones"
        ):
            self.task(RawData(parts["train"], parts["validation"], parts["test"], "here"))

    def test_fixed_classes_need_not_all_be_in_train(self) -> None:
        made = self.task(
            RawData(scored("1", "2"), scored("0", "5"), scored("3"), "here"),
            labelling=Labelling("pair-classes", 0.0, 5.0),
        )
        assert made.head.classes == tuple("012345")
        assert [split.labels for split in made.splits] == [(1, 2), (0, 5), (3,)]
        binary = make_task("q", "pair-binary", "accuracy", RawData(scored("1", "0"), scored("1"), scored("0"), "here"))
        assert (binary.head.classes, binary.train.labels) == (("0", "1"), (1, 0))
        assert binary.train.targets.dtype == np.int64


class TestMakeTask:
    def test_numbers_labels_by_the_sorted_names_of_train(self) -> None:
        made = task(rows("b", "c", "a"), rows("c"), rows("a", "b"))
        assert made.head.classes == ("a", "b", "c")
        assert made.head.outputs == 3
        assert [split.labels for split in made.splits] == [(1, 2, 0), (2,), (0, 1)]
        assert made.train.ids == ("t0", "t1", "t2")
        assert made.train.texts == (("t0",), ("t1",), ("t2",))
        assert made.notes == ()

    def test_carves_and_says_so(self) -> None:
        made = task(rows(*"xy" * 10), None, rows("x"))
        assert (len(made.train), len(made.validation)) == (18, 2)
        assert made.notes == ("validation carved from train by a hash of the row (10%: 2 rows)",)

    def test_limits_what_is_left_after_carving_and_says_so(self) -> None:
        made = task(rows(*"xy" * 10), None, rows("x"), limit_train=5)
        assert (len(made.train), len(made.validation)) == (5, 2)
        assert made.notes[1] == "train limited to 5 of 18 rows by a hash of the row"
        assert made.validation.fingerprint == task(rows(*"xy" * 10), None, rows("x")).validation.fingerprint

    def test_a_limit_that_cuts_nothing_is_not_a_limit(self) -> None:
        whole = task(rows("x", "y"), rows("x"), rows("y"))
        assert task(rows("x", "y"), rows("x"), rows("y"), limit_train=2) == whole

    def test_counts_texts_of_later_splits_that_stand_in_earlier_ones(self) -> None:
        train = [row("a"), row("a"), row("b"), row("c")]
        made = task(train, [row("a"), row("new")], [row("b"), row("b"), row("A"), row("new"), row("a", key="9")])
        assert made.duplicates == (("train ∩ validation", 1), ("train ∩ test", 3), ("validation ∩ test", 2))
        assert [len(split) for split in made.splits] == [4, 2, 5]  # counted, not removed

    def test_gives_a_method_no_test_split(self) -> None:
        given = task(rows("x", "y"), rows("x"), rows("y")).without_test()
        assert not hasattr(given, "test")

    def test_identity_is_the_fingerprints(self) -> None:
        made = task(rows("x", "y"), rows("x"), rows("y"))
        assert made.identity.test == fingerprint([row("t0", "y")])
        assert made.identity.train == fingerprint(rows("x", "y"))

    @pytest.mark.parametrize(
        ("train", "validation", "test", "limit_train", "message"),
        [
            ("", "x", "x", None, "here: the train split of task 'topic' is empty: give it at least one row"),
            ("x", "", "x", None, "here: the validation split of task 'topic' is empty: give it at least one row"),
            ("x", "x", "", None, "here: the test split of task 'topic' is empty: give it at least one row"),
            ("x", None, "x", None, "here: the validation split of task 'topic' is empty: give it at least one row"),
            (
                "xy",
                "x",
                "yz",
                None,
                UNKNOWN,
            ),
            (
                "xyzxyz",
                "x",
                "z",
                2,
                "a train split of 2 rows can't have all 3 labels of task 'topic': raise --limit-train to at least 3",
            ),
        ],
    )
    def test_refuses(
        self, train: str, validation: str | None, test: str, limit_train: int | None, message: str
    ) -> None:
        with pytest.raises(UsageError) as caught:
            task(rows(*train), None if validation is None else rows(*validation), rows(*test), limit_train)
        assert str(caught.value) == message
