"""Figures as text."""

from __future__ import annotations

from benchmark.analysis import columns, formats
from benchmark.analysis.stats import summarise
from benchmark.core.scales import Scale

PERCENT, PLAIN = Scale("accuracy", 100.0, 1, "%"), Scale("pearson", 1.0, 3, "")


def test_a_mean_has_its_half_width_where_there_are_seeds() -> None:
    three = summarise([0.80, 0.82, 0.84])
    assert formats.interval(three, PERCENT) == "82.0 ± 5.0"
    assert formats.interval(three, PLAIN) == "0.820 ± 0.050"
    assert formats.interval(summarise([0.8]), PERCENT) == "80.0"
    assert formats.interval(None, PERCENT) == "–"


def test_differences_have_a_sign_that_is_a_minus() -> None:
    assert formats.difference(-0.0123, 0.004, PERCENT) == "−1.2 ± 0.4"
    assert formats.difference(0.0123, None, PERCENT) == "+1.2"
    assert formats.difference(None, None, PERCENT) == "–"


def test_small_p_values_are_bounds() -> None:
    assert [formats.p_value(p) for p in (0.0312, 0.00012, None)] == ["0.031", "< 0.001", "–"]


def test_columns_have_units_in_their_headings_and_digits_below_ten() -> None:
    assert columns.MEMORY.heading == "peak memory (MB)"
    assert columns.MEMORY.with_unit(1_353_900_000) == "1,354 MB"
    assert [columns.EPOCH_SECONDS.text(value) for value in (0.824, 61.4, None)] == ["0.82", "61", "–"]
    assert columns.FRACTION.text(0.0077) == "0.77"
