"""`bench run --forward`: what is asked for reaches the encoder, the record and the cell's id."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli.main import main
from benchmark.model.encoder import Encoder
from tests.support.encoders import TinyEncoder


@pytest.mark.parametrize("forward", ["packed", "stock"])
def test_forward(
    forward: str,
    tiny_encoder: TinyEncoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen: set[bool] = set()
    packs: Any = Encoder.packs

    def noted(encoder: Encoder) -> bool:
        seen.add(found := packs.fget(encoder))
        return bool(found)

    monkeypatch.setattr(Encoder, "packs", property(noted))
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    words = ["run", "--methods", "zero-shot", "--limit-train", "40", "--encoder", str(tiny_encoder())]
    given = [] if forward == "packed" else ["--forward", forward]
    assert main([*words, *given, "--tracking-uri", uri]) == 0
    assert seen == {forward == "packed"}
    capsys.readouterr()
    assert main(["list", "runs", "--json", "--tracking-uri", uri]) == 0
    (run,) = json.loads(capsys.readouterr().out)
    assert main(["show", run["run"], "--json", "--tracking-uri", uri]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["cell"]["forward"] == forward
    assert ("--forward stock" in shown["command"]) is (forward == "stock")


def test_other_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--forward", "stok"]) == 2
    assert (
        capsys.readouterr().err == "bench: error: --forward takes packed or stock, not 'stok': did you mean 'stock'?\n"
    )
