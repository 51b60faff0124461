"""What ``bench leaderboard`` has Streamlit run: navigation, sidebar, and the page that the address names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from benchmark.core.errors import UsageError
from benchmark.tracking import resolve_uri
from leaderboard import show, sidebar, store, views
from leaderboard.context import Context
from leaderboard.queries.selection import let_through

ICON = Path(__file__).with_name("icon.svg")  # the tab's: an icon by name would be fetched from another host
ROOT = "home"
"""Streamlit reserves this name for the page at the root, and answers it with "Page not found"."""
SIDEBAR = 240
"""Pixels: a laptop's screen keeps its width for the table; on a phone the sidebar is hidden until it is called."""


def main() -> None:
    """Show one page. What can't be shown is said in a sentence, never as a traceback."""
    st.set_page_config("Fine-tuning leaderboard", ICON, layout="wide", initial_sidebar_state=SIDEBAR)
    made: dict[str, st.Page] = {}
    given: list[Context] = []  # filled below, before the page runs
    for page in views.load():
        address = page.PATH if made else ROOT
        made[page.PATH] = st.Page(
            _renderer(page, given), title=page.TITLE, icon=page.ICON, url_path=address, default=not made
        )
    first = views.load()[0]  # its address is the root: its own name must lead to it as well
    named = st.Page(
        _renderer(first, given), title=first.TITLE, icon=first.ICON, url_path=first.PATH, visibility="hidden"
    )
    current = st.navigation([*made.values(), named])
    if (asked := st.query_params.get("page")) in made:  # a link to the root that names a page
        rest = {key: st.query_params.get_all(key) for key in st.query_params if key != "page"}
        st.switch_page(made[asked], query_params=rest)
    st.header(current.title, anchor=False)
    try:
        uri = resolve_uri(None)
        opened = store.open_store(uri)
    except UsageError as error:
        show.problem(str(error))
        return
    try:
        if opened.tables():
            given.append(_context(opened, made))
            show.heading(given[0])
            st.session_state.pop(store.WAITING, None)  # of the page before: this one asks again if it wants a board
            current.run()  # here and nowhere later: a widget belongs to the page that runs while it is made
        else:
            show.nothing_yet(opened.shown)
    except UsageError as error:
        show.problem(str(error))
    finally:
        _watch(opened)


def _renderer(page: views.Page, given: list[Context]) -> Callable[[], None]:
    def render() -> None:
        if given[0].rows or getattr(page, "WITHOUT_ROWS", False):
            page.render(given[0])
        else:
            show.only_trials(given[0])

    return render


def _context(opened: store.Snapshot, made: dict[str, st.Page]) -> Context:
    """Ask in the sidebar for protocol and filters, and return what a page is given."""
    known = opened.tables()
    table = known[sidebar.choose_protocol({found.protocol: found.own_data for found in known.values()}).id]
    shown = let_through(table, sidebar.choose_filters(table.rows))
    return Context(opened, table, shown, made)


@st.fragment(run_every=store.EVERY)
def _watch(opened: store.Snapshot) -> None:
    """Rerun the page when there is something that it doesn't show."""
    try:
        if opened.is_new():
            st.rerun()
    except UsageError as error:
        show.problem(str(error))


main()
