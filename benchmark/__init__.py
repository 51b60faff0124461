"""The benchmark: what is measured, on what, and how it is recorded.

The packages stand on floors, and `FLOORS` is the whole rule: a package imports itself or what stands before it. Read
from first to last it is the story: nouns; rows and records; the encoder; how it is trained; what is compared, how it is
run and what it means; searching and reporting; the two faces. ``tests/test_floors.py`` checks the imports against it.
"""

__version__ = "0.1.0"

FLOORS: tuple[tuple[str, ...], ...] = (
    ("benchmark.core",),  # the nouns: standard library, numpy and scipy only
    ("benchmark.data", "benchmark.tracking"),  # tasks, tokens, batches; records in MLflow
    ("benchmark.model",),  # encoders, heads, hidden states
    ("benchmark.train",),  # the questions a method answers, and the one training loop
    ("methods", "benchmark.experiment", "benchmark.analysis"),  # techniques; request → cells → records; records → rows
    ("benchmark.tuning", "benchmark.reports"),  # Optuna studies; files to publish
    ("benchmark.cli",),  # the command line
    ("leaderboard",),  # pages in a browser
)
"""Packages from the ground up; those of one floor do not import each other."""
