"""Hidden states: those of the Hugging Face model, by layer, live or encoded once, in memory or on disk."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor

from benchmark.core.errors import UsageError
from benchmark.data.tokens import Tokens
from benchmark.model import states as states_module
from benchmark.model.blocks import Blocks, make_blocks, parse_blocks
from benchmark.model.encoder import Encoder, Tap
from benchmark.model.states import StateCache
from tests.support.lab import Lab

KINDS = ("bert", "distilbert", "roberta")
TEXTS = ("wake me up at seven", "rain", "what is the weather like in the north on friday", "rain", "play a song")
LAYERS = 3


def load(lab: Lab, kind: str, texts: tuple[str, ...] = TEXTS, forward: str = "packed") -> tuple[Encoder, Tokens]:
    run = lab.run(kind=kind, layers=LAYERS, forward=forward)
    return run.load_encoder().eval(), run.tokens(texts)


@torch.no_grad()
def reference(encoder: Encoder, tokens: Tokens) -> tuple[Tensor, ...]:
    """What transformers itself says, given the mask of two dimensions."""
    ids, mask = (torch.from_numpy(array) for array in tokens.padded(encoder.pad))
    found: tuple[Tensor, ...] = encoder.backbone(ids, attention_mask=mask, output_hidden_states=True).hidden_states
    return found


@pytest.mark.parametrize("forward", ["stock", "packed"])
@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_states_of_every_layer_are_those_of_transformers(lab: Lab, kind: str, forward: str) -> None:
    """To the bit by its own forward; without padding to rounding, because products have other numbers of rows."""
    encoder, tokens = load(lab, kind, forward=forward)
    assert encoder.packs is (forward == "packed")
    tolerance = 0.0 if forward == "stock" else 1e-6

    def alike(found: Tensor, expected: Tensor) -> bool:
        return torch.allclose(found, expected, rtol=0, atol=tolerance)

    wanted = reference(encoder, tokens)
    there = torch.from_numpy(tokens.padded(encoder.pad)[1]).bool()
    assert len(wanted) == LAYERS + 1
    found = encoder.states(tokens, range(LAYERS + 1), whole=True)
    firsts = encoder.states(tokens, range(LAYERS + 1), whole=False)
    for layer in range(LAYERS + 1):
        assert alike(found[layer], wanted[layer][there])
        assert alike(firsts[layer], wanted[layer][:, 0])
        alone = encoder.read(tokens, Tap(layer, whole=True))
        assert alike(alone.states[there], wanted[layer][there])
        assert alone.mask is not None
        assert torch.equal(alone.mask[:, 0, 0], there)
        assert alike(encoder.read(tokens, Tap(layer)).first, wanted[layer][:, 0])
    assert alike(encoder(tokens), wanted[-1][:, 0])


@pytest.mark.parametrize("kind", KINDS)
def test_the_device_is_never_asked_about_padding(lab: Lab, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, tokens = load(lab, kind, forward="stock")
    asked: list[str] = []
    plain = Tensor.all

    def watched(tensor: Tensor, *given: Any, **named: Any) -> Any:
        asked.append("all")
        return plain(tensor, *given, **named)

    monkeypatch.setattr(Tensor, "all", watched)
    encoder(tokens)
    load(lab, kind)[0](tokens)
    assert asked == []
    reference(encoder, tokens)
    assert asked  # transformers itself does, so that the test would notice


def test_texts_of_one_length_need_no_mask(lab: Lab) -> None:
    encoder, tokens = load(lab, "bert", ("rain", "play"))
    assert encoder.mask(tokens) is None
    assert encoder.mask(load(lab, "bert")[1]) is not None


def test_what_stands_above_a_head_does_not_run(lab: Lab) -> None:
    encoder, tokens = load(lab, "bert", forward="stock")
    ran: list[int] = []
    for number, layer in enumerate(encoder.layers, start=1):
        layer.register_forward_hook(lambda *_, number=number: ran.append(number))
    encoder.read(tokens, Tap(1))
    assert ran == [1]
    assert all(not layer._forward_pre_hooks for layer in encoder.layers)
    with pytest.raises(IndexError, match="layers 0 to 3"):
        encoder.read(tokens, Tap(4))


def equal_readings(one: Any, other: Any) -> bool:
    there = slice(None) if one.mask is None else one.mask[:, 0, 0]
    return torch.equal(one.states[there], other.states[there])


@pytest.mark.parametrize("whole", [False, True])
@torch.no_grad()
def test_states_encoded_once_are_the_live_ones(lab: Lab, whole: bool, tmp_path: Path) -> None:
    encoder, tokens = load(lab, "bert")
    taps = [Tap(layer, whole) for layer in (0, 2, 3)]
    memory = StateCache(tmp_path).get(encoder, tokens, taps)
    disk = StateCache(tmp_path, memory=0).get(encoder, tokens, taps)
    assert isinstance(memory.values, Tensor)
    assert isinstance(disk.values, np.memmap)
    rows = np.array([3, 0, 0, 4])
    for layer in (0, 2, 3):
        live = encoder.read(tokens.take(rows), Tap(layer, whole))
        assert equal_readings(memory.at(rows, layer), disk.at(rows, layer))
        kept = memory.at(rows, layer).states
        there = slice(None) if live.mask is None else live.mask[:, 0, 0]
        assert torch.allclose(kept[there], live.states[there], atol=1e-6)  # another batch: other rounding


def test_files_are_kept_by_what_they_depend_on(lab: Lab, tmp_path: Path) -> None:
    encoder, tokens = load(lab, "bert")
    cache = StateCache(tmp_path, memory=0)

    def files() -> set[Path]:
        return set((tmp_path / "states").iterdir())

    cache.get(encoder, tokens, [Tap(1)])
    first = files()
    cache.get(encoder, tokens, [Tap(1)])
    assert files() == first
    cache.get(encoder, tokens, [Tap(2)])
    cache.get(encoder, tokens, [Tap(1, whole=True)])
    cache.get(encoder, tokens.take(np.array([0, 1])), [Tap(1)])
    with torch.no_grad():
        next(encoder.backbone.parameters())[0, 0] += 1.0
    cache.get(encoder, tokens, [Tap(1)])
    assert len(files()) == 5
    assert first < files()
    StateCache(tmp_path, memory=0, disk=1).get(encoder, tokens, [Tap(3)])
    assert len(files()) == 1  # the others made room
    assert not first & files()


@pytest.fixture
def stored(lab: Lab, tmp_path: Path) -> tuple[Path, Callable[[], Any], Any]:
    """A file of states, what reads it (or makes it again), and the values that it holds."""
    encoder, tokens = load(lab, "bert")

    def get() -> Any:
        return np.array(StateCache(tmp_path, memory=0).get(encoder, tokens, [Tap(1), Tap(2)]).values)

    values = get()
    (file,) = (tmp_path / "states").iterdir()
    return file, get, values


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "a bit of the values": lambda content: content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
    "a bit of the header": lambda content: content[:20] + bytes([content[20] ^ 1]) + content[21:],
    "a bit of the checksum": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    "cut off": lambda content: content[: len(content) // 2],
    "empty": lambda _: b"",
    "longer": lambda content: content + b"\0",
    "something else": lambda _: b"{}" * 999,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_made_again(stored: tuple[Path, Callable[[], Any], Any], damage: str) -> None:
    file, get, values = stored
    whole = file.read_bytes()
    file.write_bytes(DAMAGE[damage](whole))
    assert np.array_equal(get(), values)
    assert file.read_bytes() == whole
    assert list(file.parent.iterdir()) == [file]


def test_what_is_no_file_of_this_key_is_made_again(
    stored: tuple[Path, Callable[[], Any], Any], lab: Lab, tmp_path: Path
) -> None:
    file, get, values = stored
    encoder, tokens = load(lab, "bert")
    StateCache(tmp_path, memory=0).get(encoder, tokens, [Tap(2), Tap(3)])  # as large, and whole
    (other,) = set(file.parent.iterdir()) - {file}
    other.replace(file)
    assert np.array_equal(get(), values)
    for put in (os.mkfifo, Path.mkdir):
        file.unlink()
        put(file)
        assert np.array_equal(get(), values)


def test_a_whole_file_is_not_computed_again(
    stored: tuple[Path, Callable[[], Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, get, values = stored
    before = file.stat().st_ino
    read: list[int] = []
    checksum = states_module._checksum

    def counted(file: Path, key: str, size: int) -> bytes:
        read.append(1)
        return checksum(file, key, size)

    monkeypatch.setattr(states_module, "_checksum", counted)
    assert np.array_equal(get(), values)
    assert read == []  # this process has written it
    os.utime(file, (1, 1))  # somebody else has used it
    assert np.array_equal(get(), values)
    assert read == [1]
    assert file.stat().st_ino == before


def test_states_can_not_be_written_to(lab: Lab, tmp_path: Path) -> None:
    encoder, tokens = load(lab, "bert")
    values: Any = StateCache(tmp_path, memory=0).get(encoder, tokens, [Tap(1)]).values
    with pytest.raises(ValueError, match="read-only"):
        values[0, 0, 0] = 1.0


def test_what_killed_processes_left_is_removed(lab: Lab, tmp_path: Path) -> None:
    encoder, tokens = load(lab, "bert")
    for name, age in (("part-old", 2 * 86_400), ("part-new", 60)):
        (tmp_path / "states" / name).mkdir(parents=True)
        os.utime(tmp_path / "states" / name, (time.time() - age,) * 2)
    StateCache(tmp_path, memory=0).get(encoder, tokens, [Tap(1)])
    names = {file.name for file in (tmp_path / "states").iterdir() if not file.suffix}
    assert names == {"part-new"}


class TestBlocks:
    @pytest.mark.parametrize(
        ("text", "blocks"),
        [
            ("none", Blocks()),
            ("0", Blocks()),
            ("model:2", Blocks(model=2)),
            ("random:1,model:2", Blocks(model=2, random=1)),
            (" model:2 , random:1 ", Blocks(model=2, random=1)),
        ],
    )
    def test_as_written(self, text: str, blocks: Blocks) -> None:
        assert parse_blocks(text, "blocks") == blocks

    @pytest.mark.parametrize("kind", KINDS)
    @torch.no_grad()
    def test_copies_continue_the_encoder_to_the_bit(self, lab: Lab, kind: str) -> None:
        encoder, tokens = load(lab, kind, forward="stock")
        reading = encoder.read(tokens, Tap(1, whole=True))
        states = reading.states
        for block in make_blocks(encoder, 1, Blocks(model=2), torch.Generator()):
            states = block(states, reading.mask)
        assert torch.equal(states[:, 0], encoder(tokens))

    def test_other_encoders_are_refused(self, lab: Lab) -> None:
        encoder, _ = load(lab, "bert")
        config: Any = transformers.BertConfig()
        config.model_type, config._attn_implementation = "modernbert", "eager"
        encoder.backbone.config = config
        with pytest.raises(UsageError, match="blocks=none"):
            make_blocks(encoder, 0, Blocks(random=1), torch.Generator())
