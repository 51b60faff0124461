"""How the tests of pages open one, and what must hold of every page that is shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

Open = Callable[..., AppTest]
Sound = Callable[[AppTest], AppTest]


@pytest.fixture
def sound() -> Sound:
    """A function that returns the application as it was given, once it shows neither exception nor error."""

    def check(app: AppTest) -> AppTest:
        assert not app.exception, app.exception[0].value
        assert not app.error, app.error[0].value
        return app

    return check


@pytest.fixture
def open_page(sound: Sound) -> Open:
    """A function that opens the page with this path, the rest of its arguments in the address."""

    def open_it(app: AppTest, page: str, **parameters: str | list[str]) -> AppTest:
        for key, value in {"page": page, **parameters}.items():
            app.query_params[key] = value
        return sound(app.run())

    return open_it
