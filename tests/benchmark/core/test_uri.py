"""URIs that may hold a password: how they are read, and that nothing of a password is ever shown."""

from __future__ import annotations

import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.uri import HIDDEN, hide, parse, shown

ODD = [
    "SECRET",
    "SEC@RET",
    "SEC/RET",
    "SEC?RET",
    "SEC#RET",
    "SEC:RET",
    "SEC%40RET",
    "SEC RET",
    "SEC'\"RET",
    "SEC@RET/x@",
]


@pytest.mark.parametrize("scheme", ["http", "https", "postgresql", "mysql+pymysql", "redis"])
@pytest.mark.parametrize("password", ODD)
def test_a_password_is_never_shown(scheme: str, password: str) -> None:
    for text in (
        f"{scheme}://ann:{password}@host:5000/db",
        f"{scheme}://:{password}@host",
        f"{scheme}://host/db?user=ann&password={password}",
        f"{scheme}://ann@host/db?sslmode=require;token={password}",
        f"ann:{password}@host/db",
    ):
        assert "SEC" not in shown(text)
        assert "RET" not in shown(text)
        if "://" in text and " " not in text and "'" not in text:
            assert "SEC" not in hide(f"no such host: {text}, sorry")
        assert "SEC" not in hide(f"unknown argument {text!r}", [text]) or "://" not in text
        if "://" in text:
            found = parse(text)
            assert "SEC" not in str(found)
            assert "SEC" not in repr(found)


def test_what_is_shown_is_still_of_use() -> None:
    assert shown("postgresql+psycopg2://me:secret@host/db") == "postgresql+psycopg2://me:***@host/db"
    assert shown("postgresql://me@host/db?sslmode=require&x=1") == "postgresql://me@host/db?sslmode=require&x=***"
    assert shown("https://token@host/x") == "https://***@host/x"
    for plain in ("sqlite:///mlruns/mlflow.db", "sqlite:////srv/a@b:c/x.db?timeout=9", "http://host:5000", "mlruns"):
        assert shown(plain) == plain


def test_parts() -> None:
    found = parse("postgresql+psycopg2://me:s%40c@host:5432/db?sslmode=require")
    assert (found.scheme, found.kind, found.user, found.password) == ("postgresql+psycopg2", "postgresql", "me", "s@c")
    assert (found.host, found.path, found.query) == ("host:5432", "/db", "sslmode=require")
    assert found.encoded == found.text
    assert found.without_user == "postgresql+psycopg2://host:5432/db?sslmode=require"
    assert parse("http://[::1]:5000/x").host == "[::1]:5000"
    assert parse("http://host:5000/a@b").user is None  # an address that is right as it stands is read as it stands
    assert parse("sqlite:////srv/x#1.db").path == "//srv/x#1.db"
    for no in ("mlruns", "", "a b://x", "://x"):
        with pytest.raises(ValueError, match="is no URI"):
            parse(no)


@pytest.mark.parametrize("password", [odd for odd in ODD if "%" not in odd and "x@" not in odd])
def test_a_password_that_was_not_encoded_is_encoded_for_libraries(password: str) -> None:
    found = parse(f"http://ann:{password}@host:5000/x")
    parts = urllib.parse.urlsplit(found.encoded)
    assert (parts.hostname, parts.port, parts.path) == ("host", 5000, "/x")
    assert (parts.username, urllib.parse.unquote(parts.password or "")) == ("ann", password)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=6), st.sampled_from(["http", "mysql"]))
def test_any_password_can_be_encoded_and_comes_back(password: str, scheme: str) -> None:
    text = f"{scheme}://u:{urllib.parse.quote(password, safe='')}@host/x"
    found = parse(text)
    assert (found.user, found.password, found.host, found.path) == ("u", password, "host", "/x")
    assert parse(found.encoded) == parse(text) or found.encoded == text
    assert shown(text) == f"{scheme}://u:***@host/x"


@given(st.text(min_size=1))
def test_whatever_the_password_is_nothing_of_it_is_shown(password: str) -> None:
    said = shown(f"mysql://ann:{password}@host")
    assert said.startswith("mysql://ann:***")
    assert said.removeprefix("mysql://ann:***") in ("@host", "?***")


def test_what_a_library_says_is_redacted() -> None:
    found = parse("postgresql://ann:S3C/R@T@host/db?password=t%20ken")
    for message in (
        f"can't reach {found.text}",
        f"can't reach {found.encoded!r}",
        "password 'S3C/R@T' is wrong",
        "S3C%2FR%40T",
        "no port 't ken'",
        "other://x:y@host is one as well",
    ):
        said = found.redact(message)
        assert HIDDEN in said
        assert not any(secret in said for secret in ("S3C", "R@T", "t%20ken", "t ken", ":y@"))
    assert parse("http://u:a@host").redact("a database at u:a") == "a database at u:a"  # no word is spelt with ***
