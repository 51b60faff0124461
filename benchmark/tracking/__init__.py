"""Records in MLflow: one experiment per suite, one run per cell.

============== =======================================================================================================
``runs.py``    lists, finds and writes them; the only file that imports mlflow, and late
``scheme.py``  what a run looks like there: names of tags, parameters and metrics. Pure
``store.py``   tracking URIs, and what can be said of a store before MLflow is imported or a byte is written
``sqlite.py``  reads an SQLite store with SQL, because MLflow's own search takes seconds
``files.py``   predictions as Parquet, and where a run's files lie
============== =======================================================================================================
"""

from benchmark.tracking.runs import LiveRun, Tracking
from benchmark.tracking.store import resolve_uri

__all__ = ["LiveRun", "Tracking", "resolve_uri"]
