"""URIs of stores, which may hold a password: parsed, shown to people and taken out of messages in one place.

`parse` reads what can be read unambiguously (RFC 3986), and also a password with ``/``, ``@``, ``?`` or ``#`` that was
not percent-encoded where that is the only reading left. What is *shown* never depends on the reading: all that could
be part of a password is hidden.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass, field

HIDDEN = "***"
OPEN_KEYS = frozenset(
    {"charset", "connect_timeout", "driver", "mode", "pool_timeout", "ssl_mode", "sslmode", "timeout"}
)
"""Keys of a query whose values are shown. Any other may be a password or a token, whatever it is called."""
SHORTEST_SECRET = 4
"""Shorter secrets are hidden where they stand in a URI, but not wherever their letters occur in a message."""

_STRICT = re.compile(
    r"(?:(?P<info>[^/?#]*)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^@:/?#\[\]\s]*)(?::(?P<port>\d{1,5}))?(?P<tail>(?:[/?#].*)?)",
    re.DOTALL,
)
_LOOSE = re.compile(r"(?P<info>.*)@(?P<host>[^@/?#:]*)(?::(?P<port>\d{0,5}))?(?P<tail>(?:[/?#].*)?)", re.DOTALL)
_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s'\"`<>]+")


@dataclass(frozen=True)
class Uri:
    """A URI in its parts. ``str`` shows it to people, without its secrets; so does ``repr``."""

    text: str = field(repr=False)  # as given, secrets included
    scheme: str
    user: str | None
    password: str | None = field(repr=False)  # percent-decoded
    host: str  # with its port
    path: str  # from the slash after the host on: "/relative.db", "//absolute.db"
    query: str = field(repr=False)
    fragment: str = field(repr=False)

    def __str__(self) -> str:
        return shown(self.text)

    @property
    def kind(self) -> str:
        """The scheme without a driver: ``postgresql`` of ``postgresql+psycopg2``."""
        return self.scheme.partition("+")[0]

    @property
    def encoded(self) -> str:
        """The URI for libraries: user and password percent-encoded, so that every parser finds the same host."""
        info = ""
        if self.user is not None:
            info = urllib.parse.quote(self.user, safe="")
            info += f":{urllib.parse.quote(self.password, safe='')}" if self.password is not None else ""
            info += "@"
        return self.without_user.replace("://", f"://{info}", 1)

    @property
    def without_user(self) -> str:
        """The URI without user and password."""
        query = f"?{self.query}" if self.query else ""
        return f"{self.scheme}://{self.host}{self.path}{query}{f'#{self.fragment}' if self.fragment else ''}"

    def redact(self, message: str) -> str:
        """Return `message`, which some library may have made of this URI, without the URI's secrets."""
        for form in {self.text, self.encoded}:
            message = message.replace(form, str(self))
        for secret in sorted(_forms(self._secrets()), key=len, reverse=True):
            if len(secret) >= SHORTEST_SECRET:
                message = message.replace(secret, HIDDEN)
        return hide(message)

    def _secrets(self) -> set[str]:
        values = {value for key, _, value in _pairs(self.query) if key.lower() not in OPEN_KEYS}
        if self.password is not None:
            values.add(self.password)
        elif self.user and self.kind in ("http", "https"):
            values.add(self.user)  # a token
        return {value for value in values if value} | ({self.fragment} if self.fragment else set())


def parse(text: str) -> Uri:
    """Return `text` in its parts. Raises ValueError, without secrets, where it is no ``scheme://…`` URI."""
    scheme, separator, rest = text.partition("://")
    if not separator or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.\-]*", scheme):
        raise ValueError(f"{shown(text)!r} is no URI: it has no SCHEME://")
    found = _STRICT.fullmatch(rest) or _LOOSE.fullmatch(rest)
    if not found:
        raise ValueError(f"{shown(text)!r} can't be read as a URI: write special characters in it percent-encoded")
    info, tail = found["info"], found["tail"]
    user, colon, password = (info or "").partition(":")
    before, _, fragment = tail.partition("#") if scheme.lower() in ("http", "https") else (tail, "", "")
    path, _, query = before.partition("?")
    return Uri(
        text=text,
        scheme=scheme.lower(),
        user=None if info is None else urllib.parse.unquote(user),
        password=urllib.parse.unquote(password) if colon else None,
        host=found["host"] + (f":{found['port']}" if found["port"] else ""),
        path=path,
        query=query,
        fragment=fragment,
    )


def shown(text: str) -> str:
    """Return the URI `text` as people may see it: no password, no token, no value of a query that could be either."""
    scheme, separator, rest = text.partition("://")
    if not separator:  # somebody forgot the scheme, or it is a path
        head, _, host = text.rpartition("@")
        return f"{HIDDEN}@{_query_hidden(host)}" if ":" in head else text
    if rest.startswith("/"):  # a file: no user
        return f"{scheme}://{_query_hidden(rest)}"
    strict = _STRICT.fullmatch(rest)
    body, mark, query = rest.partition("?") if strict else (rest, "", "")
    if strict and strict["info"] is None and "@" in query:  # either a value with an "@", or a password with a "?"
        before, colon, _ = body.partition(":")
        return f"{scheme}://{before}{f':{HIDDEN}' if colon else ''}?{HIDDEN}"
    info, at, place = body.rpartition("@")
    if at:
        user, colon, _ = info.partition(":")
        body = f"{user}:{HIDDEN}@{place}" if colon else f"{HIDDEN if scheme.startswith('http') else info}@{place}"
    body, hash_mark, _ = body.partition("#")
    return f"{scheme}://{body}#{HIDDEN}" if hash_mark else f"{scheme}://{_query_hidden(body + mark + query)}"


def hide(message: str, given: Iterable[str] = ()) -> str:
    """Return `message` without the secrets of the URIs in it. `given`: words that may be URIs, quotes and all."""
    for word in given:
        if "://" in word:
            for form in (word, repr(word)[1:-1]):
                message = message.replace(form, shown(word))
    return _IN_TEXT.sub(lambda found: shown(found[0]), message)


def _query_hidden(text: str) -> str:
    """Return what follows the user in a URI, the values in its query (and a fragment after it) hidden."""
    path, mark, query = text.partition("?")
    if mark:
        kept = [
            f"{key}{equals}{value if key.lower() in OPEN_KEYS and '#' not in value else HIDDEN}" if equals else HIDDEN
            for key, equals, value in _pairs(query)
        ]
        return f"{path}?{'&'.join(kept)}"
    return path


def _pairs(query: str) -> list[tuple[str, str, str]]:
    return [part.partition("=") for part in re.split("[&;]", query) if part]


def _forms(secrets: Iterable[str]) -> set[str]:
    """Return each of `secrets` as it is, percent-encoded, and as Python shows it."""
    found: set[str] = set()
    for secret in secrets:
        found |= {secret, repr(secret)[1:-1], urllib.parse.quote(secret, safe="")}
        found |= {urllib.parse.quote(secret), urllib.parse.quote_plus(secret), urllib.parse.unquote(secret)}
    return found
