"""What a user named, in the formats of a report: each shows just the characters, and obeys none of them.

Names of methods from elsewhere, of suites, tasks and encoders, and the reasons of failures are data. jinja2 escapes
what stands in HTML.
"""

from __future__ import annotations

import re
import unicodedata

from benchmark.core.text import one_line

MARKDOWN = re.compile(r"([\\`*_\[\]|~$#])")
BLOCK = re.compile(r"^(\d{0,9})([-+=.)])(?=\2|\s|$)")
"""What begins a list, a heading or a rule, where it begins a line."""
LINK = re.compile(r"://|(?<=www)\.", re.IGNORECASE)
"""Where GitHub's Markdown sees an address."""
LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "–": "--",
    "×": r"$\times$",
    "…": r"\ldots{}",
}
FORMULA = ("=", "+", "-", "@", "\t", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What the text of a formula begins with, in spreadsheets (the last four are full-width signs)."""
HIDDEN = ("Cc", "Cf", "Cs")
"""Unicode categories that have no shape of their own: control characters, marks of direction, halves of pairs."""


def visible(text: str) -> str:
    """Return `text` on one line, a replacement character for each that would command a terminal or turn the text."""
    return "".join("\ufffd" if unicodedata.category(mark) in HIDDEN else mark for mark in one_line(text))


def in_markdown(text: str) -> str:
    """Return `text` so that Markdown shows just its characters."""
    line = visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = LINK.sub(lambda found: f"\\{found[0]}", MARKDOWN.sub(r"\\\1", line))
    return BLOCK.sub(r"\1\\\2", line)


def in_latex(text: str) -> str:
    """Return `text` so that LaTeX shows just its characters."""
    return "".join(LATEX.get(mark, mark) for mark in visible(text))


def in_latex_key(text: str) -> str:
    r"""Return `text` so that it can stand in ``\label``: letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text)


def in_csv(value: object) -> object:
    """Return `value` so that no spreadsheet takes it for a formula; numbers stay as they are.

    A text that begins with one of `FORMULA`, spaces aside, gets an apostrophe in front, as OWASP advises against CSV
    injection.
    """
    if isinstance(value, str):
        text = value.replace("\r\n", "\n").replace("\r", "\n")  # the csv module quotes a line feed alone
        return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text
    return "" if value is None else value
