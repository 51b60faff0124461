"""Pairs, numbers and hidden labels: from a source's tables to rows."""

from __future__ import annotations

import hashlib

import pytest

from benchmark.core.errors import UsageError
from benchmark.data.columns import TRAIN_FRACTION, ColumnSpec, Table, divide, read_tables
from benchmark.data.labels import Labelling
from benchmark.data.task import Example, RawData

NUMBER = Labelling("pair-regression", 0.0, 5.0)
BINARY = Labelling("pair-binary")


def table(columns: str, *rows: tuple[object, ...], origin: str = "a.csv", names: tuple[str, ...] = ()) -> Table:
    """A table with space-separated `columns`; with `names`, its last column knows the names of classes."""
    given = columns.split()

    def numbers(column: str) -> list[object]:
        return [row[given.index(column)] for row in rows]

    def named(column: str) -> list[object]:
        values = numbers(column)
        return [names[v] if isinstance(v, int) and v >= 0 else None for v in values] if column == given[-1] else values

    if names:
        return Table(origin, tuple(given), len(rows), named, numbers)
    return Table(origin, tuple(given), len(rows), numbers)


PAIRS = table("id sentence1 sentence2 similarity", ("k1", "a", "b", "1.5"), ("k2", "c", "d", "4"))


def made(tables: dict[str, Table], labelling: Labelling = NUMBER, **wanted: str | bool | None) -> RawData:
    return read_tables(tables, ColumnSpec("t", labelling=labelling, **wanted), "here")  # type: ignore[arg-type]


def error_of(tables: dict[str, Table], labelling: Labelling = NUMBER, **wanted: str | bool | None) -> str:
    with pytest.raises(UsageError) as caught:
        made(tables, labelling, **wanted)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestPairs:
    def test_rows(self) -> None:
        rows = made({"train": PAIRS, "test": PAIRS})
        assert rows.train == (Example("k1", ("a", "b"), "1.5"), Example("k2", ("c", "d"), "4.0"))
        assert rows.notes == ("text from columns 'sentence1' and 'sentence2', label from column 'similarity'",)

    @pytest.mark.parametrize("names", ["sentence1 sentence2", "question1 question2", "text1 text2"])
    def test_usual_columns(self, names: str) -> None:
        found = table(f"{names} score", ("a", "b", 1))
        assert made({"train": found, "test": found}).train == (Example("train-1", ("a", "b"), "1.0"),)

    def test_given_columns(self) -> None:
        found = table("one two three label", ("a", "b", "c", 1))
        rows = made({"train": found, "test": found}, text_column="three, one")
        assert rows.train[0].texts == ("c", "a")

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            (None, "a.csv has no two text columns: its columns are 'one', 'two', 'label'; name them with"),
            ("one", "has no column ''"),
            ("one,six", "has no column 'six'"),
            ("one,one", "a pair needs two columns, not 'one' twice"),
            ("one,label", "column 'label' can't be both text and label"),
        ],
    )
    def test_columns_that_are_none(self, given: str | None, says: str) -> None:
        found = table("one two label", ("a", "b", 1))
        assert says in error_of({"train": found, "test": found}, text_column=given)


class TestLabels:
    @pytest.mark.parametrize(
        ("value", "says"),
        [
            ("5.5", "a.csv: row 2 has the label '5.5' (column 'label'), outside 0..5: correct it, or the suite's"),
            ("high", "a.csv: row 2 has the label 'high' (column 'label'), not a number: correct it, or choose"),
            ("", "a.csv: row 2 has no label (column 'label'): fill it in or remove the row"),
            (None, "a.csv: row 2 has no label (column 'label')"),
        ],
    )
    def test_one_that_can_not_be(self, value: object, says: str) -> None:
        found = table("sentence1 sentence2 label", ("a", "b", 1), ("c", "d", value))
        assert says in error_of({"train": found, "test": found})

    def test_a_missing_column(self) -> None:
        found = table("sentence1 sentence2 gold", ("a", "b", 1))
        assert "a.csv has no label column: its columns are" in error_of({"train": found, "test": found})

    def test_classes_come_by_number(self) -> None:
        found = table("text1 text2 label", ("a", "b", 1), ("c", "d", 0), names=("not_duplicate", "duplicate"))
        assert [row.label for row in made({"train": found, "test": found}, BINARY).train] == ["1", "0"]
        named = read_tables(
            {"train": found, "test": found}, ColumnSpec("t", labelling=Labelling("pair-classes")), "here"
        )
        assert [row.label for row in named.train] == ["duplicate", "not_duplicate"]

    def test_incomplete_rows_are_dropped_and_counted_where_the_suite_says_so(self) -> None:
        rows = (("a", "b", "1.0"), ("c", "", "1.0"), ("d", "e", ""), ("f", "g", "0.0"))
        found = table("sentence1 sentence2 is_duplicate", *rows)
        kept = made({"train": found, "test": found}, BINARY, drop_incomplete=True)
        assert [row.id for row in kept.train] == ["train-1", "train-4"]
        assert kept.notes[1:] == ("2 rows without a label or text were dropped from a.csv",) * 2


class TestHiddenLabels:
    VALIDATION = table("sentence1 sentence2 label", ("v", "w", 2.0), ("x", "y", 3.0), origin="validation")

    @pytest.mark.parametrize("hidden", [-1.0, -1, "", None])
    def test_validation_takes_the_place_of_test(self, hidden: object) -> None:
        test = table("sentence1 sentence2 label", ("t", "u", hidden), origin="test")
        train = table("sentence1 sentence2 label", ("a", "b", 1.0))
        rows = made({"train": train, "validation": self.VALIDATION, "test": test})
        assert rows.validation is None
        assert [row.texts for row in rows.test] == [("v", "w"), ("x", "y")]
        assert rows.notes[-1] == "the test split hides its labels: the validation split is the test split"

    def test_one_missing_label_hides_nothing(self) -> None:
        test = table("sentence1 sentence2 label", ("t", "u", -1.0), ("s", "r", 1.0), origin="test")
        says = error_of({"train": self.VALIDATION, "validation": self.VALIDATION, "test": test})
        assert "test: row 1 has the label '-1.0' (column 'label'), outside 0..5" in says

    def test_without_validation_the_row_is_named(self) -> None:
        test = table("sentence1 sentence2 label", ("t", "u", ""), origin="test")
        assert "test: row 1 has no label" in error_of({"train": self.VALIDATION, "test": test})


class TestWhole:
    ROWS = tuple(Example(f"id{number}", (f"text {number}",), "x") for number in range(2000))

    def test_each_row_is_judged_by_its_id_alone(self) -> None:
        train, test = divide(self.ROWS)
        assert len(train) + len(test) == len(self.ROWS)
        assert len(train) / len(self.ROWS) == pytest.approx(TRAIN_FRACTION, abs=0.03)
        assert list(train) == [row for row in self.ROWS if row in set(train)]
        for row in self.ROWS[:50]:
            first = int.from_bytes(hashlib.sha256(row.id.encode()).digest()[:8], "big")
            assert (row in train) == (first < 0.8 * 2**64)
        assert set(divide(self.ROWS[::3])[0]) <= set(train)

    def test_a_whole_source_is_divided(self) -> None:
        found = table("id sentence1 sentence2 label", *[(f"k{n}", f"a{n}", "b", n % 2) for n in range(100)])
        rows = made({"whole": found}, BINARY)
        assert len(rows.train) + len(rows.test) == 100
        assert rows.validation is None
        counts = f"{len(rows.train)} for train, {len(rows.test)} for test"
        assert rows.notes[-1] == f"train and test divided by a hash of the id (80% train: {counts})"
