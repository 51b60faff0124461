"""Labels as texts: one spelling for one meaning, and a reason for what has none."""

from __future__ import annotations

import pytest

from benchmark.core.errors import UsageError
from benchmark.data.labels import Labelling

NUMBER = Labelling("pair-regression", 0.0, 5.0)
BINARY = Labelling("pair-binary")
ROUNDED = Labelling("pair-classes", 0.0, 5.0)


@pytest.mark.parametrize(
    ("labelling", "text", "expected"),
    [
        (Labelling(), " 1.0", " 1.0"),  # a name is a name
        (Labelling("pair-classes"), "entailment", "entailment"),
        (NUMBER, "2", "2.0"),
        (NUMBER, " 2.50 ", "2.5"),
        (NUMBER, "-0", "0.0"),
        (NUMBER, "5e0", "5.0"),
        (BINARY, "1.0", "1"),
        (BINARY, "0", "0"),
        (BINARY, "True", "1"),
        (BINARY, "false", "0"),
        (ROUNDED, "2.5", "3"),  # halves go up, also where Python's rounding would go to the even number
        (ROUNDED, "3.5", "4"),
        (ROUNDED, "2.49", "2"),
        (ROUNDED, "0.0", "0"),
        (ROUNDED, "5", "5"),
    ],
)
def test_canonical(labelling: Labelling, text: str, expected: str) -> None:
    assert labelling.canonical(text) == expected
    assert labelling.canonical(expected) == expected


@pytest.mark.parametrize(
    ("labelling", "text", "says"),
    [
        (NUMBER, "5.2", r"outside 0\.\.5: correct it, or the suite's low and high"),
        (NUMBER, "-1", r"outside 0\.\.5"),
        (NUMBER, "very", "not a number: correct it, or choose another column with --label-column"),
        (NUMBER, "nan", "not a number"),
        (NUMBER, "inf", "not a number"),
        (NUMBER, "1_0", "not a number"),
        (ROUNDED, "6", r"outside 0\.\.5"),
        (BINARY, "2", "neither 0 nor 1"),
        (BINARY, "0.5", "neither 0 nor 1"),
        (BINARY, "duplicate", "not a number"),
    ],
)
def test_what_is_no_label(labelling: Labelling, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        labelling.canonical(text)


def test_classes_that_the_kind_fixes() -> None:
    assert Labelling().classes is None
    assert BINARY.classes == ("0", "1")
    assert NUMBER.classes == ()
    assert ROUNDED.classes == tuple("012345")
    assert Labelling("pair-classes", -1.0, 10.0).classes == tuple(str(number) for number in range(-1, 11))


def test_numbers_need_a_range() -> None:
    with pytest.raises(UsageError, match="needs its labels' range: give low and high in the suite"):
        Labelling("pair-regression").canonical("1")


@pytest.mark.parametrize(
    ("labelling", "text", "hidden"),
    [(Labelling(), "", True), (Labelling(), "-1", False), (NUMBER, "-1.0", True), (BINARY, "-1", True)],
)
def test_what_a_hidden_label_looks_like(labelling: Labelling, text: str, hidden: bool) -> None:
    assert labelling.is_unlabelled(text) is hidden
