"""Records in MLflow: one experiment per suite, one run per cell.

=================== ==================================================================================================
``runs.py``         lists and finds them, and begins runs
``live_run.py``     a run while its cell is measured. These two import mlflow, late, and nothing else does
``scheme.py``       what a run looks like there: names of tags, parameters and metrics. Pure
``store.py``        tracking URIs, and what can be said of a store before MLflow is imported or a byte is written
``regular_file.py`` what lies where a store's file should be: no device, no FIFO, no broken link
``inputs.py``       the rows that a cell is measured on, as MLflow's datasets
``sqlite.py``       reads an SQLite store with SQL, because MLflow's own search takes seconds
``files.py``        predictions as Parquet, and where a run's files lie
=================== ==================================================================================================
"""

from benchmark.tracking.live_run import LiveRun
from benchmark.tracking.runs import Tracking
from benchmark.tracking.store import resolve_uri

__all__ = ["LiveRun", "Tracking", "resolve_uri"]
