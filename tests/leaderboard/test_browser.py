"""The leaderboard in Debian's Chromium: every page, a filter, a link, a run that appears while one looks.

Skipped where there is no /usr/bin/chromium; ``make browser`` installs it where it can.
"""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from leaderboard import views
from leaderboard.queries.table import ResultsTable

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
)
PATIENCE = 120_000
"""Milliseconds: generous, because the machine may be busy. `tests/speed/test_leaderboard.py` measures speed."""
PATHS = [page.PATH for page in views.load()]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(
        not CHROMIUM.exists(), reason=f"needs {CHROMIUM}: `make browser` installs it, as root on Debian"
    ),
]


@pytest.fixture(scope="module")
def folder(made_up: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the made-up store, which a test may write to."""
    copy = tmp_path_factory.mktemp("browser") / "store"
    shutil.copytree(made_up.removeprefix("sqlite:///").removesuffix("/mlflow.db"), copy)
    return copy


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """The address of ``bench leaderboard`` on that store."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["leaderboard", "--port", str(port), "--tracking-uri", f"sqlite:///{folder}/mlflow.db"]
    server = subprocess.Popen([sys.executable, "-m", "benchmark", *words], env={**os.environ, "HOME": str(folder)})
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=5).close()
                break
            except (urllib.error.URLError, OSError):
                assert server.poll() is None, "the server has ended"
                time.sleep(0.5)
        yield url
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS.split())
        yield started
        started.close()


class Watched:
    """A page whose errors and requests are remembered."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught {error}"))
        page.on("response", self._answered)
        page.on("request", self._asked)
        page.on("console", lambda said: self._said(said.type, said.text))

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.address}/{path}")
        expect(self.page.get_by_test_id("stHeading").first).to_be_visible(timeout=PATIENCE)
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until the script has run."""
        rest = self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]")
        expect(rest).to_be_visible(timeout=PATIENCE)
        self.page.wait_for_timeout(300)
        expect(rest).to_be_visible(timeout=PATIENCE)

    def check(self) -> None:
        expect(self.page.get_by_test_id("stException")).to_have_count(0)
        expect(self.page.get_by_test_id("stAlertContentError")).to_have_count(0)
        assert self.complaints == []

    def _said(self, kind: str, text: str) -> None:
        if kind == "error" and "status of 404" not in text:  # those are told by their responses, with their addresses
            self.complaints.append(text)

    def _answered(self, response: object) -> None:
        url, status = response.url, response.status  # type: ignore[attr-defined]
        # At the address of a page Streamlit looks for its own server below that page first, then at the root.
        if status >= 400 and "/_stcore/" not in url:
            self.complaints.append(f"{status} {url}")

    def _asked(self, request: object) -> None:
        url = request.url  # type: ignore[attr-defined]
        if not url.startswith((self.address, "data:", "blob:")):
            self.complaints.append(f"asks another host: {url}")


@pytest.fixture(params=[(1280, "light"), (1280, "dark"), (390, "light")], ids=["light", "dark", "phone"])
def watched(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Watched]:
    width, scheme = request.param
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    yield Watched(page, address)
    page.close()


@pytest.fixture
def wide(browser: Browser, address: str) -> Iterator[Watched]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    yield Watched(page, address)
    page.close()


def test_the_first_visitor_may_come_by_a_link_to_a_page(wide: Watched) -> None:
    """It stands first, so that nobody was there before."""
    page = wide.open("curves?suite=quick&methods=supcon")
    expect(page.get_by_role("heading", name="Contrastive")).to_be_visible(timeout=PATIENCE)
    wide.check()


@pytest.mark.parametrize("path", PATHS)
def test_every_page_opens(watched: Watched, path: str) -> None:
    page = watched.open(f"?page={path}&suite=quick")
    titles = {found.PATH: found.TITLE for found in views.load()}
    expect(page.get_by_role("heading", name=titles[path], exact=True)).to_be_visible(timeout=PATIENCE)
    watched.check()
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, "the page scrolls sideways"


@pytest.mark.parametrize("path", PATHS)
def test_every_page_has_an_address_of_its_own(wide: Watched, path: str) -> None:
    page = wide.open(f"{path}?suite=quick")
    titles = {found.PATH: found.TITLE for found in views.load()}
    expect(page.get_by_role("heading", name=titles[path], exact=True)).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    wide.check()


def test_a_filter_changes_the_address_and_comes_back_from_it(wide: Watched) -> None:
    page = wide.open("?suite=quick")
    page.get_by_label("Methods").click()
    page.get_by_role("option", name="lora", exact=True).click()
    expect(page.get_by_text("hidden by filters")).to_be_visible(timeout=PATIENCE)
    page.keyboard.press("Escape")  # the open list keeps all else from assistive technology, and from this test
    assert "methods=lora" in page.url
    address = page.url
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Curves").click()
    expect(page.get_by_role("heading", name="Curves")).to_be_visible(timeout=PATIENCE)
    wide.settle()
    assert "methods=lora" in page.url
    page.goto(address)
    expect(page.get_by_text("hidden by filters")).to_be_visible(timeout=PATIENCE)
    wide.check()


def test_a_row_in_the_address_shows_its_runs_and_a_run_is_a_click_away(
    wide: Watched, known: Mapping[str, ResultsTable]
) -> None:
    group = known["quick"].groups[0]
    page = wide.open(f"?suite=quick&row={group}")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible(timeout=PATIENCE)
    assert f"row={group}" in page.url
    if "run" in PATHS:
        page.get_by_role("link", name="seed 0", exact=True).click()
        expect(page.get_by_role("heading", name="Run", exact=True)).to_be_visible(timeout=PATIENCE)
        wide.settle()
        assert f"run={known['quick'].records_of[group][0].run}" in page.url
        assert "suite=quick" in page.url
    wide.check()


def test_a_run_in_progress_appears_and_moves(wide: Watched, folder: Path) -> None:
    page = wide.open("?suite=quick")
    expect(page.get_by_text("1 running")).to_have_count(0)
    with sqlite3.connect(folder / "mlflow.db") as opened:
        ((run,),) = opened.execute(
            "SELECT run_uuid FROM tags JOIN runs USING (run_uuid) JOIN experiments USING (experiment_id)"
            " WHERE key = 'bench.method' AND value = 'swa' AND experiments.name = 'quick' LIMIT 1"
        ).fetchall()
        opened.execute("UPDATE tags SET value = 'running' WHERE run_uuid = ? AND key = 'bench.status'", (run,))
    expect(page.get_by_text("1 running")).to_be_visible(timeout=PATIENCE)
    with sqlite3.connect(folder / "mlflow.db") as opened:
        opened.execute("UPDATE tags SET value = 'done' WHERE run_uuid = ? AND key = 'bench.status'", (run,))
    expect(page.get_by_text("1 running")).to_have_count(0, timeout=PATIENCE)
    wide.check()
