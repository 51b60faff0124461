"""How long the leaderboard's frames take on a store of 2,000 finished cells. `make bench-speed` runs it."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmark.tracking import Tracking
from leaderboard.queries.board import board
from leaderboard.queries.curves import band, frame
from leaderboard.queries.selection import Filters, let_through
from leaderboard.queries.table import ResultsTable, tables
from tests.support.made_up_store import fill


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    return Tracking(fill(tmp_path_factory.mktemp("large"), cells=2000, rows=20))


@pytest.mark.benchmark(group="leaderboard, 2,000 cells")
def test_read_and_tabulate(benchmark: BenchmarkFixture, store: Tracking) -> None:
    """What a cold page needs before it is drawn: at most 3 s with everything around it."""

    def cold() -> dict[str, ResultsTable]:
        found = tables(store.records())
        first = next(iter(found.values()))
        assert len(board(first, first.rows, None)) == len(first.rows) > 10
        return found

    found = benchmark.pedantic(cold, rounds=3)
    assert sum(len(table.every) for table in found.values()) == 2000


@pytest.mark.benchmark(group="leaderboard, 2,000 cells")
def test_change_a_filter(benchmark: BenchmarkFixture, store: Tracking) -> None:
    """What a changed filter needs: at most 0.5 s with everything around it."""
    table = next(iter(tables(store.records()).values()))
    filters = Filters(since="2026-11-02", search="lora")
    found = benchmark(lambda: board(table, let_through(table, filters), None))
    assert 0 < len(found) < len(table.rows)


@pytest.mark.benchmark(group="leaderboard, 2,000 cells")
def test_read_curves_of_six_rows(benchmark: BenchmarkFixture, store: Tracking) -> None:
    table = next(iter(tables(store.records()).values()))
    records = [record for group in table.groups[:6] for record in table.records_of[group]]
    found = benchmark.pedantic(
        lambda: band(frame((one.cell.group, one.cell.seed, store.points(one.run)) for one in records)), rounds=3
    )
    assert found["group"].nunique() == 6
