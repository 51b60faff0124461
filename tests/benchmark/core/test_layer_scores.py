"""Names of curves by layer, and the recommendation, by hand."""

from __future__ import annotations

import math

import pytest

from benchmark.core.layer_scores import key, parse, recommended, standard_error


def test_names_go_there_and_back() -> None:
    assert key("validation", "sst", "accuracy", 8) == "validation/sst/accuracy/layer_08"
    assert parse("validation/sst-2.b/macro_f1/layer_12") == ("validation", "sst-2.b", "macro_f1", 12)
    assert parse("validation/sst/accuracy") is None
    assert parse("train/loss") is None


def test_standard_errors_by_hand() -> None:
    assert standard_error("accuracy", 0.8, 100) == pytest.approx(0.04)
    assert standard_error("pearson", 0.5, 101) == pytest.approx(0.075)
    assert standard_error("mean_squared_error", 0.5, 100) == 0.0


@pytest.mark.parametrize(
    ("scores", "metric", "rows", "layer"),
    [
        ({0: 0.5, 1: 0.77, 2: 0.8, 3: 0.79}, "accuracy", 100, 1),  # 0.8 ± 0.04
        ({0: 0.5, 1: 0.77, 2: 0.8, 3: 0.79}, "accuracy", 10_000, 2),  # 0.8 ± 0.004
        ({0: 2.0, 1: 1.0, 2: 1.5}, "mean_squared_error", 10, 1),  # lower is better
        ({0: math.nan, 1: 0.3}, "pearson", 50, 1),
    ],
)
def test_the_smallest_layer_within_noise_of_the_best(
    scores: dict[int, float], metric: str, rows: int, layer: int
) -> None:
    assert recommended(scores, metric, rows) == layer


def test_no_score_no_recommendation() -> None:
    with pytest.raises(ValueError, match="no layer"):
        recommended({0: math.nan}, "accuracy", 10)
