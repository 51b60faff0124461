"""What the digest of the code sees and what it passes over."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.experiment import code_digest as code_digest_module
from benchmark.experiment.code_digest import code_digest, source_digest

SOURCE = '''
"""A module."""
from __future__ import annotations
import math

RATE = 1.0  # per step
"""What it is."""

def double(x: float, *, by: int = 2) -> float:
    """Return it twice."""
    return x * by + math.pi  # twice
'''


def test_a_digest_passes_over_what_does_not_compute() -> None:
    changed = SOURCE.replace("A module.", "Another.").replace("# twice", "").replace("What it is", "A rate")
    changed = changed.replace("    return", "\n\n    return").replace("x * by + math.pi", "(x * by) + (math.pi)")
    assert changed != SOURCE
    assert source_digest(changed) == source_digest(SOURCE)
    assert source_digest(SOURCE.replace('    """Return it twice."""\n', "")) == source_digest(SOURCE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1.0", "1"),
        ("1.0", "2.0"),
        ("by: int = 2", "by: int = 3"),
        ("x * by", "by * x"),
        ("+ math", "- math"),
        ("double", "twice"),
    ],
)
def test_a_digest_sees_what_computes(before: str, after: str) -> None:
    assert before in SOURCE
    assert source_digest(SOURCE.replace(before, after)) != source_digest(SOURCE)


def test_a_digest_passes_over_what_is_searched_and_over_nothing_else_of_a_parameter() -> None:
    plain = "class A:\n    lr: float = parameter(1e-4, 'rate', low=0.0, log=True)\n"
    assert source_digest(plain.replace("log=True", "log=True, search=(1e-5, 1e-3)")) == source_digest(plain)
    assert source_digest(plain.replace("1e-4", "1e-5")) != source_digest(plain)
    assert source_digest(plain.replace("low=0.0", "low=0.1")) != source_digest(plain)
    other = "train(rows, search=(1, 2))"  # another function's argument of that name computes something
    assert source_digest(other) != source_digest(other.replace("(1, 2)", "(1, 3)"))


def test_a_digest_is_the_same_in_every_python() -> None:
    """Computed with 3.11; another version that disagrees would make every finished cell of the others stale."""
    assert source_digest(SOURCE) == "09edb7f366273b1abc46e98db90639726dd6da8fe36709d7dae1ef4d42d209ee"


def test_the_code_digest_depends_on_engine_and_own_method_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "engine"
    for name in (
        "data/a.py",
        "model/deep/b.py",
        "train/c.py",
        "core/task_kinds.py",
        "core/layer_scores.py",
        "core/metrics.py",
        "core/seeds.py",
        "runner.py",
    ):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(SOURCE)
    for name in ("one", "two"):
        (tmp_path / f"plug_{name}.py").write_text(SOURCE)
    monkeypatch.setattr(code_digest_module, "PACKAGE", package)
    monkeypatch.syspath_prepend(tmp_path)

    def digest(*modules: str) -> str:
        code_digest_module._engine.cache_clear()
        code_digest_module._file_digest.cache_clear()
        return code_digest(modules)

    first = digest("plug_one")
    assert digest("plug_one", "plug_one") == first
    assert digest("plug_one", "plug_two") == digest("plug_two", "plug_one") != first
    assert digest("plug_two") != first
    for untouched in (package / "runner.py", tmp_path / "plug_two.py"):
        untouched.write_text("RATE = 3\n")
        assert digest("plug_one") == first
    (tmp_path / "plug_one.py").write_text("# said better\n" + SOURCE)
    assert digest("plug_one") == first
    seen = {first}
    for touched in (
        "data/a.py",
        "model/deep/b.py",
        "train/c.py",
        "core/task_kinds.py",
        "core/layer_scores.py",
        "core/metrics.py",
        "core/seeds.py",
    ):
        (package / touched).write_text("RATE = 3\n")
        seen.add(digest("plug_one"))
    (tmp_path / "plug_one.py").write_text("RATE = 3\n")
    seen.add(digest("plug_one"))
    assert len(seen) == 9
    assert digest("no_such_module") == digest("no_such_module")
    code_digest_module._engine.cache_clear()
    code_digest_module._file_digest.cache_clear()


def test_the_engine_is_found() -> None:
    names = {name for name, _ in code_digest_module._engine()}
    assert {"core/metrics.py", "core/seeds.py", "data/task.py"} <= names
    assert any(name.startswith("model/") for name in names)
    assert any(name.startswith("train/") for name in names)
    assert code_digest(["benchmark.core.cell"]) != code_digest([])
    assert len(code_digest([])) == 64
