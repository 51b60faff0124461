"""The text of a source's meaning: what is in it, what is passed over, and that every Python writes the same."""

from __future__ import annotations

import pytest

from benchmark.experiment.code_meaning import EMPTY, Reference, meaning

SOURCE = '''
"""A module."""
from __future__ import annotations
import math
from benchmark.core.errors import UsageError
from benchmark.train import parameter

RATE = 1.0  # per step
"""What it is."""

class A:
    lr: float = parameter(1e-4, "the rate", low=0.0, log=True)

def double(x: float, *, by: int = 2) -> float:
    """Return it twice."""
    if x < 0:
        raise UsageError(f"{x} is negative") from None
    return x * by + math.pi  # twice
'''


def same(one: str, other: str) -> bool:
    first, second = meaning(one), meaning(other)
    return (first.text, first.references) == (second.text, second.references)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A module.", "Another."),
        ("# per step", ""),
        ("What it is.", "A rate."),
        ("    return", "\n\n    return"),
        ("x * by + math.pi", "(x * by) + (math.pi)"),
        ('    """Return it twice."""\n', ""),
        ('"the rate", ', '"the learning rate", '),
        ("log=True", "log=False"),
        ("log=True", "log=True, search=(1e-5, 1e-3), unit='per step'"),
        ("{x} is negative", "{x} is too small"),
        ("import math\n", "import math as m\n", ),
        ("import math\n", "from typing import TYPE_CHECKING\nimport math\nif TYPE_CHECKING:\n    import torch\n"),
        ("from benchmark.core.errors import UsageError\nfrom benchmark.train import parameter\n",
         "from benchmark.train import parameter\nfrom benchmark.core.errors import UsageError\n"),
    ],
)  # fmt: skip
def test_what_computes_nothing_is_passed_over(before: str, after: str) -> None:
    changed = SOURCE.replace(before, after).replace("math.pi", "m.pi" if "as m" in after else "math.pi")
    assert changed != SOURCE
    assert same(changed, SOURCE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1.0", "1"),
        ("1.0", "2.0"),
        ("by: int = 2", "by: int = 3"),
        ("x * by", "by * x"),
        ("+ math", "- math"),
        ("double", "twice"),
        ("1e-4", "1e-5"),
        ("low=0.0", "low=0.1"),
        ("import math", "import cmath as math"),
        ("from benchmark.train import", "from elsewhere import"),
        ("x < 0", "x <= 0"),
        ("raise UsageError", "return UsageError"),
        ("import math\n", "import math\nif RATE:\n    from math import sqrt\n"),
        ('    """Return it twice."""\n', "    from math import floor as float\n"),
    ],
)
def test_what_computes_is_seen(before: str, after: str) -> None:
    assert before in SOURCE
    assert not same(SOURCE.replace(before, after).replace(" from None", "", after.startswith("return")), SOURCE)


def test_functions_of_the_same_names_that_are_not_ours_are_written_whole() -> None:
    for imports in ("from other import parameter, UsageError\n", "def parameter(x, y): return y\n"):
        plain = f"{imports}a = parameter(1, 'first', search=1)\n"
        assert not same(plain, plain.replace("first", "second"))
        assert not same(plain, plain.replace("search=1", "search=2"))


def test_the_text_is_the_same_in_every_python() -> None:
    """Written with 3.11. A later Python that disagreed would make every finished cell of the others stale."""
    found = meaning(
        "import numpy as np\ndef f(a, /, *b, c=1, **d) -> int:\n    return [np.sum(a), {**d}, f'{c!r:>3}', ...]\n"
    )
    assert found.text == EXPECTED
    assert found.references == (Reference("numpy"),)


EXPECTED = (
    "(Module body=[(FunctionDef name=str 'f';args=(arguments posonlyargs=[(arg arg=str 'a';)]vararg=(arg arg=str 'b';)"
    "kwonlyargs=[(arg arg=str 'c';)]kw_defaults=[int 1;]kwarg=(arg arg=str 'd';))body=[(Return value=(List elts=["
    "(Call func=(Attribute value=@0;attr=str 'sum';)args=[a;])(Dict keys=[NoneType None;]values=[d;])(JoinedStr values="
    "[(FormattedValue value=c;conversion=int 114;format_spec=(JoinedStr values=[str '>3';]))])ellipsis Ellipsis;]))]"
    "returns=int;)])"
)


def test_a_module_of_nothing_but_words_imports_and_constants_has_no_effects() -> None:
    words = '"""A package."""\nfrom benchmark.train.loop import train as train\nLIMIT = 1\ndef f(): ...\n'
    assert meaning(words, effects_only=True).text == EMPTY
    assert meaning('"""A package."""\nfrom x import y\n').text == EMPTY
    assert meaning(words + "train.x = 1\n", effects_only=True).text != EMPTY
    assert meaning(words + "LIMIT = f()\n", effects_only=True).text != EMPTY


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("from . import a", "p.q.a"),
        ("from .a import b", "p.q.a.b"),
        ("from .. import a", "p.a"),
        ("from ..a import b", "p.a.b"),
        ("import a.b", "a.b"),
    ],
)
def test_relative_imports(source: str, module: str) -> None:
    found = meaning(source, package="p.q").imported
    assert module in {f"{each.module}.{each.attribute}".rstrip(".") for each in found}
