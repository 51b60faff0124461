"""Serves the leaderboard: ``python -m leaderboard [options of streamlit run]``.

The pages, what they import and the store's records are loaded before the server listens, so that the first visitor
doesn't wait for them. The store is the one that the environment names (``MLFLOW_TRACKING_URI``), or the default one.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import sys
from pathlib import Path

from streamlit.web import cli

from benchmark.core.errors import UsageError
from benchmark.tracking import resolve_uri
from leaderboard import store, views

CONTEXT = logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context")


def warm() -> None:
    """Read the store's records into the cache. What is wrong with the store is said by the page, and not here."""
    CONTEXT.disabled = True  # it would warn that no page is being made, which is so
    with contextlib.suppress(UsageError):
        store.open_store(resolve_uri(None)).prepare()
    CONTEXT.disabled = False
    gc.collect()
    gc.freeze()  # thousands of records: Streamlit collects garbage after every run of a page, and would walk them all


if __name__ == "__main__":
    views.load()
    warm()
    cli.main(["run", str(Path(__file__).with_name("app.py")), *sys.argv[1:]], prog_name="leaderboard")
