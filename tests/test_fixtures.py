"""The shared fixtures themselves: a test that stands on a wrong tiny encoder proves nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.encoders import TinyEncoder

KINDS = ("bert", "distilbert", "roberta")


@pytest.mark.parametrize("kind", KINDS)
def test_tiny_encoder_is_loadable_and_has_a_vocabulary_of_its_own(tiny_encoder: TinyEncoder, kind: str) -> None:
    import torch
    import transformers

    folder = tiny_encoder(kind, layers=3)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert model.config.model_type == kind
    assert model.config.num_hidden_layers == 3
    batch = tokenizer(["wake me up at seven", "what is the weather"], padding=True, return_tensors="pt")
    assert tokenizer.unk_token_id not in batch["input_ids"]
    assert (batch["input_ids"][:, 0] == tokenizer.cls_token_id).all()
    assert int(batch["input_ids"].max()) < model.config.vocab_size
    with torch.no_grad():
        hidden = model(**{name: batch[name] for name in ("input_ids", "attention_mask")}).last_hidden_state
    assert hidden.shape == (2, batch["input_ids"].shape[1], 32)
    assert not torch.allclose(hidden[0, 0], hidden[1, 0])


@pytest.mark.parametrize("kind", KINDS)
def test_tiny_encoder_has_the_same_bytes_each_time(tiny_encoder: TinyEncoder, tmp_path: Path, kind: str) -> None:
    first, again, other = (
        {file.name: file.read_bytes() for file in tiny_encoder(kind, seed=seed, folder=tmp_path / name).iterdir()}
        for name, seed in (("first", 0), ("again", 0), ("other", 1))
    )
    assert "model.safetensors" in first
    assert first == again
    assert first["model.safetensors"] != other["model.safetensors"]


def test_tiny_encoder_leaves_the_global_generator_alone(tiny_encoder: TinyEncoder, tmp_path: Path) -> None:
    import torch

    before = torch.get_rng_state()
    tiny_encoder(folder=tmp_path)
    assert torch.equal(before, torch.get_rng_state())


def test_no_network_and_one_thread() -> None:
    import huggingface_hub.constants
    import torch

    assert huggingface_hub.constants.HF_HUB_OFFLINE
    assert os.environ["HF_HOME"] == huggingface_hub.constants.HF_HOME
    assert torch.get_num_threads() == 1
