"""What is searched: from declarations, --params and --space to dimensions, and every way to type them wrongly."""

from __future__ import annotations

import pytest

from benchmark.core import registry
from benchmark.core.errors import UsageError
from benchmark.core.parameters import Parameter
from benchmark.train.method_handle import resolve_method
from benchmark.tuning.space import Dimension, parse, spaces

LR = Parameter("lr", float, 1e-4, "rate", above=0.0, high=1.0, log=True, search=(1e-5, 1e-3))
LAYERS = Parameter("layers", int, 2, "layers", low=1, high=12, search=(1, 4))
RANK = Parameter("rank", int, 8, "rank", low=1, high=512, search=(2, 4, 8))
TARGETS = Parameter("targets", str, "query,value", "which", choices=("query,value", "all"))
FROZEN = Parameter("frozen", bool, True, "whether it moves")
CLIP = Parameter("clip", float, 1.0, "largest norm", above=0.0, optional=True)
METHODS = {"a": (LR, LAYERS, TARGETS, FROZEN, CLIP), "b": (LR, RANK), "c": (CLIP,)}


def searched(params: str = "", space: str = "") -> dict[str, list[str]]:
    found = spaces(METHODS, tuple(params.split(",")) if params else (), parse(space) if space else ())
    return {method: [str(dimension) for dimension in dimensions] for method, dimensions in found.items()}


def test_without_options_all_that_has_a_range_is_searched() -> None:
    assert searched() == {
        "a": ["lr=1e-05:0.001:log", "layers=1:4:linear"],
        "b": ["lr=1e-05:0.001:log", "rank=2|4|8"],
        "c": [],
    }


def test_params_narrow_it_and_make_choices_searchable() -> None:
    assert searched("targets,frozen,lr") == {
        "a": ["targets=query,value|all", "frozen=true|false", "lr=1e-05:0.001:log"],
        "b": ["lr=1e-05:0.001:log"],
        "c": [],
    }


def test_space_overrides_and_alone_is_all_that_is_searched() -> None:
    typed = "lr=1e-4:1e-2:linear, layers=2:8,targets=all|query,value,clip=0.5:4:log"
    assert searched(space=typed) == {
        "a": ["lr=0.0001:0.01:linear", "layers=2:8:linear", "targets=all|query,value", "clip=0.5:4:log"],
        "b": ["lr=0.0001:0.01:linear"],
        "c": ["clip=0.5:4:log"],
    }
    assert searched("lr,layers", "layers=3|5")["a"] == ["lr=1e-05:0.001:log", "layers=3|5"]
    assert searched(space="clip=none|1|2")["c"] == ["clip=none|1|2"]
    assert searched(space="frozen=true|false")["a"] == ["frozen=true|false"]


def test_a_scale_that_is_not_typed_is_the_parameters_own() -> None:
    assert searched(space="lr=1e-4:1e-2")["b"] == ["lr=0.0001:0.01:log"]


@pytest.mark.parametrize(
    ("params", "space", "says"),
    [
        ("tempo", "", "--params names 'tempo': no method of this sweep has such a parameter: there are clip"),
        ("layer", "", "did you mean 'layers'?"),
        ("clip", "", "clip, which has no range to search: give one, --space clip=LOW:HIGH"),
        ("", "lr", "such as lr=1e-5:1e-3:log, not 'lr'"),
        ("", "lr=", "not 'lr='"),
        ("", "=1:2", "not '=1:2'"),
        ("", "lr=1e-5:1e-3,", "lr takes a number above 0 up to 1, not '1e-3,'"),
        ("", "lr=1e-5", "write lr=LOW:HIGH, lr=LOW:HIGH:log or lr=V|V"),
        ("", "lr=1e-5:1e-4:1e-3:log", "write lr=LOW:HIGH"),
        ("", "lr=a:b", "--space lr=a:b: lr takes a number above 0 up to 1, not 'a'"),
        ("", "lr=1e-5:2", "lr takes a number above 0 up to 1, not 2.0"),
        ("", "lr=0:1", "lr takes a number above 0 up to 1, not 0.0"),
        ("", "lr=1e-3:1e-5", "the first bound must be below the second"),
        ("", "lr=1e-3:1e-3", "the first bound must be below the second"),
        ("", "lr=1e-5:1e-3:cubic", "the scale is log or linear, not 'cubic'"),
        ("", "layers=1.5:4", "layers takes a whole number from 1 to 12, not '1.5'"),
        ("", "layers=0:4", "layers takes a whole number from 1 to 12, not 0"),
        ("", "layers=nan:4", "layers takes a whole number"),
        ("", "lr=nan:1", "lr takes a number above 0 up to 1, not nan"),
        ("", "clip=none:4", "clip takes a number above 0, not 'none'"),
        ("", "targets=some", "targets takes query,value or all, not 'some'"),
        ("", "lr=1e-5:1e-3,lr=1e-4:1e-2", "--space names lr twice: give one range"),
        ("", "width=1:2", "--space names 'width': no method of this sweep has such a parameter"),
        ("lr", "layers=1:2", "--space gives a range for layers, which --params leaves out"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(params: str, space: str, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        searched(params, space)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_logarithmic_scale_needs_positive_bounds() -> None:
    decay = Parameter("decay", float, 0.01, "decay", low=0.0, high=1.0)
    with pytest.raises(UsageError, match="a logarithmic scale needs bounds above 0"):
        spaces({"a": (decay,)}, (), parse("decay=0:0.3:log"))


def test_a_grid_has_both_bounds_and_even_steps() -> None:
    assert Dimension("x", 0.0, 1.0).grid(3) == (0.0, 0.5, 1.0)
    assert Dimension("x", 1e-5, 1e-3, log=True).grid(3) == (1e-5, pytest.approx(1e-4), 1e-3)
    assert Dimension("x", 1, 4, whole=True).grid(2) == (1, 4)
    assert Dimension("x", 1, 3, whole=True).grid(9) == (1, 2, 3)
    assert Dimension("x", values=("a", None)).grid(7) == ("a", None)


def test_a_dimension_knows_what_it_holds() -> None:
    assert Dimension("x", 0.5, 1.0).holds(1.0)
    assert not Dimension("x", 0.5, 1.0).holds(1.1)
    assert not Dimension("x", 0.5, 1.0).holds(None)
    assert Dimension("x", values=(1, None)).holds(None)
    assert not Dimension("x", values=(1, 2)).holds(True)


def test_declared_ranges_are_allowed_and_hold_the_default() -> None:
    found = 0
    for name in registry.names():
        for one in resolve_method(name).parameters:
            if one.search:
                (dimension,) = spaces({name: (one,)}, (one.name,), ())[name]
                assert all(one.check(value) == value for value in dimension.grid(2))
                assert dimension.holds(one.default), (name, one.name)
                found += 1
    assert found > 40
