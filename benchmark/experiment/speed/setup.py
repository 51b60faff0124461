"""From a plan to what is measured: the surroundings that a cell would get, and the phases of its method."""

from __future__ import annotations

from benchmark.core.cell import Cell
from benchmark.core.errors import UsageError
from benchmark.core.seeds import Streams
from benchmark.data.tokens import TokenCache, cache_folder
from benchmark.experiment import device
from benchmark.experiment.collector import Collector
from benchmark.experiment.plan import Plan
from benchmark.train.method_handle import RecipeMethod, resolve_method
from benchmark.train.recipe import Recipe
from benchmark.train.run import Run


def run_of(plan: Plan) -> Run:
    """Return the surroundings of `plan`'s cells, this process made ready for them."""
    device.prepare_torch(plan.device, plan.threads)
    return Run(
        streams=Streams(0),
        encoder=plan.encoder,
        budget=plan.budget,
        max_length=plan.suite.max_length,
        device=plan.device,
        precision=plan.cells[0].precision,
        cache=TokenCache(cache_folder()),
        watcher=Collector(),
    )


def phases(plan: Plan, cell: Cell) -> tuple[Recipe, ...]:
    """Return the phases that `cell` trains. Raises UsageError for a method that isn't made of techniques."""
    if cell.method in plan.skipped:
        raise UsageError(f"{cell.method!r} can't be run on this suite: {plan.skipped[cell.method]}")
    built = resolve_method(cell.method).build(cell.parameters, plan.budget)
    if not isinstance(built, RecipeMethod):
        raise UsageError(f"{cell.method!r} is no technique: it has no training steps to measure")
    return built.phases
