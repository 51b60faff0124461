"""Serves the leaderboard: ``python -m leaderboard [options of streamlit run]``.

The pages and what they import are loaded before the server listens, so that the first visitor doesn't wait for it. The
store is the one that the environment names (``MLFLOW_TRACKING_URI``), or the default one.
"""

from __future__ import annotations

import sys
from pathlib import Path

from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import cli

from leaderboard import pages

if __name__ == "__main__":
    pages.load()
    # Until st.navigation was called once, Streamlit runs the files of a folder `pages` as scripts of their own: the
    # first visitor, coming by a link to a page, would see nothing.
    PagesManager.uses_pages_directory = False
    cli.main(["run", str(Path(__file__).with_name("app.py")), *sys.argv[1:]], prog_name="leaderboard")
