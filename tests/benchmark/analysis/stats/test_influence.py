"""Values per row against the metric itself, and their variance against jackknife and bootstrap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from benchmark.analysis.stats.influence import row_values
from benchmark.core.metrics import metric
from benchmark.data.task import Targets


def data(name: str, rows: int = 400) -> tuple[npt.NDArray[np.float64], Targets]:
    draw = np.random.Generator(np.random.PCG64(1))
    labels = np.round(draw.uniform(0, 5, rows))
    given = np.round(labels + draw.normal(0, 1.5, rows), 1)  # with ties in both
    if name in ("pearson", "spearman"):
        return given[:, None], labels
    return np.eye(6)[np.clip(np.round(given), 0, 5).astype(int)], labels.astype(np.int64)


@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "pearson", "spearman"])
class TestEveryMetricThatRanks:
    def test_the_mean_is_the_score(self, name: str) -> None:
        logits, labels = data(name)
        assert row_values(name, logits, labels).mean() == pytest.approx(metric(name)(logits, labels), abs=1e-12)

    def test_values_are_those_of_the_jackknife(self, name: str) -> None:
        logits, labels = data(name)
        whole, rows = metric(name)(logits, labels), len(labels)
        kept = [np.arange(rows) != row for row in range(rows)]
        left_out = [metric(name)(logits[most], labels[most]) for most in kept]
        pseudo = rows * whole - (rows - 1) * np.array(left_out)
        values = row_values(name, logits, labels)
        assert np.corrcoef(values, pseudo)[0, 1] > 0.9999
        assert values.std() == pytest.approx(pseudo.std(), rel=0.02)  # to first order: rows are 400

    def test_their_variance_is_the_bootstrap_s(self, name: str) -> None:
        logits, labels = data(name)
        draw, rows = np.random.Generator(np.random.PCG64(2)), len(labels)
        picks = [draw.integers(0, rows, rows) for _ in range(1000)]
        wanted = np.std([metric(name)(logits[pick], labels[pick]) for pick in picks])
        error = row_values(name, logits, labels).std() / rows**0.5
        assert error == pytest.approx(wanted, rel=0.1)  # 1,000 resamples know it to 2%


@pytest.mark.parametrize("name", ["pearson", "spearman"])
def test_predictions_that_are_all_the_same_have_no_influence(name: str) -> None:
    assert (row_values(name, np.ones((5, 1)), np.arange(5.0)) == 0).all()


def test_a_loss_is_refused() -> None:
    with pytest.raises(ValueError, match="cross_entropy"):
        row_values("cross_entropy", np.eye(2), np.arange(2))
