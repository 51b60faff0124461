"""The encoder gives what the Hugging Face model gives, row by row, whatever stands beside a row in its batch."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor

from benchmark.core.errors import UsageError
from benchmark.data.tokens import Tokens
from benchmark.model.catalogue import EncoderSource, resolve
from benchmark.model.encoder import Encoder, Tokenizer, load_encoder
from tests.support.encoders import TinyEncoder

KINDS = ("bert", "distilbert", "roberta")
TEXTS = ("wake me up at seven", "rain", "what is the weather like in the north on friday evening", "play a song")


@pytest.fixture(params=KINDS)
def source(request: pytest.FixtureRequest, tiny_encoder: TinyEncoder) -> EncoderSource:
    return resolve(str(tiny_encoder(request.param, layers=3)))


@pytest.fixture
def bert(tiny_encoder: TinyEncoder) -> EncoderSource:
    return resolve(str(tiny_encoder()))


def load(source: EncoderSource, precision: str = "fp32", max_length: int = 32) -> tuple[Encoder, Tokens]:
    """The encoder without dropout, and the tokens of `TEXTS`."""
    tokenizer = Tokenizer(source, max_length)
    encoder = load_encoder(source, tokenizer, "cpu", precision)
    return encoder.eval(), Tokens.of(*tokenizer.encode(TEXTS))


def name_layers(file: Path) -> None:
    """Add the key that BART's configurations on the hub have."""
    file.write_text(json.dumps({**json.loads(file.read_text()), "num_hidden_layers": 2}))


@torch.no_grad()
def reference(source: EncoderSource) -> Tensor:
    """The first token's vector of each text by itself, by `transformers` alone: (texts, hidden)."""
    model = transformers.AutoModel.from_pretrained(source.folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(source.folder)
    rows = [model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0, 0] for text in TEXTS]
    return torch.stack(rows)


class TestVectors:
    def test_are_those_of_the_hugging_face_model(self, source: EncoderSource) -> None:
        encoder, tokens = load(source)
        with torch.no_grad():
            vectors = encoder(tokens)
        assert vectors.shape == (4, encoder.hidden) == (4, 32)
        assert vectors.dtype == torch.float32
        assert torch.allclose(vectors, reference(source), atol=1e-5)
        assert not torch.allclose(vectors[0], vectors[1], atol=1e-3)

    @torch.no_grad()
    def test_do_not_depend_on_the_batch(self, source: EncoderSource) -> None:
        encoder, tokens = load(source)
        together = encoder(tokens)
        for row in range(4):
            alone = encoder(tokens.take(np.array([row])))
            assert torch.allclose(alone, together[row : row + 1], atol=1e-5)
        turned = np.array([3, 1, 0, 2, 1])
        assert torch.allclose(encoder(tokens.take(turned)), together[turned], atol=1e-5)

    def test_are_trained_through(self, source: EncoderSource) -> None:
        encoder, tokens = load(source)
        encoder(tokens).square().sum().backward()
        unused = {name.split(".")[0] for name, weight in encoder.backbone.named_parameters() if weight.grad is None}
        assert unused <= {"pooler"}

    @torch.no_grad()
    def test_bf16_is_autocast_and_gives_fp32_near_fp32(self, source: EncoderSource) -> None:
        (encoder, tokens), (narrow, _) = load(source), load(source, "bf16")
        exact, rounded = encoder(tokens), narrow(tokens)
        assert rounded.dtype == torch.float32
        assert {weight.dtype for weight in narrow.parameters()} == {torch.float32}
        assert not torch.equal(exact, rounded)
        assert torch.allclose(exact, rounded, atol=0.05)  # vectors are layer-normalised: entries are of the order of 1

    @torch.no_grad()
    def test_dropout_is_on_in_training_only(self, bert: EncoderSource) -> None:
        encoder, tokens = load(bert)
        assert torch.equal(encoder(tokens), encoder(tokens))
        encoder.train()
        assert not torch.equal(encoder(tokens), encoder(tokens))


class TestLayers:
    def test_are_found_bottom_first(self, source: EncoderSource) -> None:
        backbone = load(source)[0].backbone
        found = Encoder(backbone, 0).layers
        expected: Any = backbone.transformer.layer if hasattr(backbone, "transformer") else backbone.encoder.layer  # type: ignore[union-attr]
        assert found is expected
        assert len(found) == 3

    def test_a_model_without_a_list_of_layers_is_refused(self, bert: EncoderSource) -> None:
        backbone = load(bert)[0].backbone
        backbone.config.num_hidden_layers = 5  # type: ignore[union-attr]
        with pytest.raises(UsageError, match="has no list of 5 layers"):
            _ = Encoder(backbone, 0).layers


class TestTokenizer:
    def test_gives_the_ids_of_the_encoders_own(self, source: EncoderSource) -> None:
        ids, cut = Tokenizer(source, 32).encode(TEXTS)
        assert ids == transformers.AutoTokenizer.from_pretrained(source.folder)(list(TEXTS))["input_ids"]
        assert cut == 0

    def test_cuts_on_the_right_and_counts(self, source: EncoderSource) -> None:
        whole, _ = Tokenizer(source, 32).encode(TEXTS)
        longest = len(whole[0])  # "wake me up at seven" just fits
        ids, cut = Tokenizer(source, longest).encode(TEXTS)
        assert cut == sum(len(one) > longest for one in whole) > 0
        for short, long in zip(ids, whole, strict=True):
            kept = long if len(long) <= longest else [*long[: longest - 1], long[-1]]  # the closing token stays
            assert short == kept

    def test_knows_the_padding_token(self, source: EncoderSource) -> None:
        assert Tokenizer(source, 8).pad == transformers.AutoTokenizer.from_pretrained(source.folder).pad_token_id

    def test_its_identity_is_that_of_files_libraries_and_state(
        self, bert: EncoderSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = Tokenizer(bert, 8).identity
        assert Tokenizer(bert, 8).identity == first
        assert Tokenizer(dataclasses.replace(bert, sha256="other"), 8).identity != first
        monkeypatch.setattr(importlib.metadata, "version", lambda _: "5.99")  # an upgrade may cut words differently
        assert Tokenizer(bert, 8).identity != first

    def test_without_a_first_token_it_is_refused(self, tmp_path: Path, bert: EncoderSource) -> None:
        folder = shutil.copytree(bert.folder, tmp_path / "encoder")
        inner = transformers.AutoTokenizer.from_pretrained(folder)._tokenizer
        transformers.PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="[PAD]").save_pretrained(folder)
        with pytest.raises(UsageError, match=r"no \[CLS\] or padding token"):
            Tokenizer(resolve(str(folder)), 8)


class TestLoading:
    def test_gives_a_fresh_copy_each_time(self, bert: EncoderSource) -> None:
        first, tokens = load(bert)
        with torch.no_grad():
            before = first(tokens)
            for weight in first.parameters():
                weight.zero_()
            assert torch.equal(load(bert)[0](tokens), before)

    def test_weights_that_the_files_lack_are_the_same_each_time(self, tmp_path: Path, bert: EncoderSource) -> None:
        folder = tmp_path / "encoder"
        shutil.copytree(bert.folder, folder)
        transformers.BertModel.from_pretrained(folder, add_pooling_layer=False).save_pretrained(folder)
        other = Path(shutil.copytree(folder, tmp_path / "other"))
        torch.rand(7)
        (first, _), (second, _) = (load(resolve(str(one))) for one in (folder, other))
        pooler: Any = first.backbone.pooler
        assert pooler.dense.weight.std() > 0
        for one, two in zip(first.parameters(), second.parameters(), strict=True):
            assert torch.equal(one, two)

    def test_leaves_the_global_generator_alone(self, tmp_path: Path, bert: EncoderSource) -> None:
        before = torch.get_rng_state()
        load(resolve(str(shutil.copytree(bert.folder, tmp_path / "encoder"))))
        assert torch.equal(before, torch.get_rng_state())

    @pytest.mark.parametrize("kind", ["gpt2", "t5", "bart"])
    def test_what_is_no_encoder_is_refused(self, tmp_path: Path, bert: EncoderSource, kind: str) -> None:
        tiny = {
            "gpt2": lambda: transformers.GPT2Config(vocab_size=64, n_embd=8, n_layer=2, n_head=2),
            "t5": lambda: transformers.T5Config(vocab_size=64, d_model=8, d_kv=4, d_ff=8, num_layers=2, num_heads=2),
            "bart": lambda: transformers.BartConfig(
                vocab_size=64, d_model=8, encoder_layers=2, decoder_layers=2, encoder_ffn_dim=8, decoder_ffn_dim=8,
                encoder_attention_heads=2, decoder_attention_heads=2,
            ),
        }[kind]()  # fmt: skip
        transformers.AutoModel.from_config(tiny).save_pretrained(tmp_path)
        if kind == "bart":
            name_layers(tmp_path / "config.json")
        for file in bert.folder.glob("*tok*"):
            shutil.copy(file, tmp_path)
        with pytest.raises(UsageError, match="choose a BERT-like"):
            load(resolve(str(tmp_path)))

    def test_an_encoder_with_a_decoder_is_refused_before_any_cell_runs(
        self, tmp_path: Path, bert: EncoderSource
    ) -> None:
        folder = Path(shutil.copytree(bert.folder, tmp_path / "bart"))
        transformers.BartConfig().save_pretrained(folder)
        name_layers(folder / "config.json")
        with pytest.raises(UsageError, match="choose a BERT-like"):
            resolve(str(folder))
