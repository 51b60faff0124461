"""Arguments that nobody should give: whatever the words, ``bench run`` plans, or says in one line what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.cli.main import main
from tests.support.encoders import TinyEncoder

OPTIONS = [
    f"--{name}"
    for name in (
        *("suite", "data", "text-column", "label-column", "limit-train", "epochs", "batch-size", "max-length"),
        *("selection", "seeds", "seed", "set", "methods", "device", "precision", "nonsense"),
    )
]
PATHS = ["quick", "quick.toml", ".", "..", "/", "~", "~nosuchuser/x", "/dev/zero", "a/b", "-", "--"]
NUMBERS = ["1e3", "0x1", "1_0", "\u0661", "+1", "1.0", "nan", "inf", "9" * 5000]
NAMES = ["all", "finetune", "finetun", "lora", "lora+swa", "+", "a+b", "all,all", "cuda:99", "mps", "bf16", "last"]
VALUES = ["lora.rank=4", "lora.rank=1e9", "finetune.lr=nan", ".=1", "a.b=,", "swa.start_epoch=99", "="]
MARKS = ["", " ", "a" * 5000, "\udcff", "a\nb", "\x1b[2J", "\U0001f642"]
WORDS = st.one_of(
    st.text(max_size=10),
    st.integers().map(str),
    st.integers(-2, 40).map(str),
    st.floats().map(str),
    st.sampled_from([*PATHS, *NUMBERS, *NAMES, *VALUES, *MARKS]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_words=st.lists(st.tuples(st.sampled_from(OPTIONS), WORDS), min_size=1, max_size=3))
def test_any_arguments(
    tiny_encoder: TinyEncoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given_words: list[tuple[str, str]],
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    words = ["run", "--dry-run", "--encoder", str(tiny_encoder())]
    if not any(option == "--methods" for option, _ in given_words):
        words += ["--methods", "finetune"]
    capsys.readouterr()  # what making an encoder prints
    status = main([*words, *(f"{option}={word}" for option, word in given_words)])
    output = capsys.readouterr()
    if status == 0:
        assert "nothing was trained or written" in output.out
    else:
        assert status == 2
        assert output.out == ""
        assert output.err.startswith("bench: error: ")
        assert output.err.count("\n") == 1
    assert set(tmp_path.iterdir()) == before
