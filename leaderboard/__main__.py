"""Serves the leaderboard: ``python -m leaderboard [options of streamlit run]``.

The pages and what they import are loaded before the server listens, so that the first visitor doesn't wait for it. The
store is the one that the environment names (``MLFLOW_TRACKING_URI``), or the default one.
"""

from __future__ import annotations

import sys
from pathlib import Path

from streamlit.web import cli

from leaderboard import views

if __name__ == "__main__":
    views.load()
    cli.main(["run", str(Path(__file__).with_name("app.py")), *sys.argv[1:]], prog_name="leaderboard")
