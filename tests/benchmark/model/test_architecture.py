"""What may run without padding, and that everything else is refused, whoever put it there and whenever."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn

from benchmark.model.architecture import FAMILIES, KNOWN, obstacle

SIZES: dict[str, Any] = {
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "vocab_size": 9,
}


def bert(**more: Any) -> Any:
    return transformers.BertModel(transformers.BertConfig(**SIZES, **more))


def test_known_classes_are_those_of_transformers() -> None:
    for module, name in KNOWN:
        assert hasattr(importlib.import_module(module), name), f"{module}.{name}"
    assert len(KNOWN) == 9 * len(FAMILIES) + 6


def test_plain_models_are_known() -> None:
    assert obstacle(bert()) == ""
    assert obstacle(bert(hidden_act="gelu_new")) == ""
    assert obstacle(transformers.BertModel(transformers.BertConfig(**SIZES), add_pooling_layer=False)) == ""


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"is_decoder": True}, "decoder"),
        ({"is_decoder": True, "add_cross_attention": True}, "decoder"),
        ({"chunk_size_feed_forward": 4}, "chunks"),
        ({"position_embedding_type": "relative_key"}, "relative_key"),
        ({"attn_implementation": "eager"}, "attention by eager"),
    ],
)
def test_configurations(config: dict[str, object], words: str) -> None:
    assert words in obstacle(bert(**config))


def test_unknown_architecture() -> None:
    model = transformers.DebertaV2Model(transformers.DebertaV2Config(**SIZES, relative_attention=True))
    assert obstacle(model) == "DebertaV2Model is no architecture that is known"
    albert = transformers.AlbertModel(transformers.AlbertConfig(**SIZES, embedding_size=8))
    assert "AlbertModel" in obstacle(albert)
    assert "Linear" in obstacle(nn.Linear(2, 2))


class Mixes(nn.Module):
    """Looks at all tokens of a text, which a list of tokens doesn't have."""

    def forward(self, states: Tensor) -> Tensor:
        return states - states.mean(dim=1, keepdim=True)


class OwnLayer(transformers.models.bert.modeling_bert.BertLayer):
    def forward(self, hidden_states: Tensor, *args: object, **kwargs: object) -> Tensor:
        return hidden_states


def own_layer(model: Any) -> None:
    model.encoder.layer[1] = OwnLayer(model.config)


def mixing_norm(model: Any) -> None:
    model.encoder.layer[0].output.LayerNorm = nn.Sequential(nn.LayerNorm(8), Mixes())


def other_dense(model: Any) -> None:
    model.encoder.layer[0].intermediate.dense = Mixes()


def hook(model: Any) -> None:
    model.encoder.layer[1].output.register_forward_hook(lambda *_: None)


def early_hook(model: Any) -> None:
    model.encoder.register_forward_pre_hook(lambda *_: None)


def hook_of_gradients(model: Any) -> None:
    model.encoder.layer[0].register_full_backward_hook(lambda *_: None)


def hook_before_gradients(model: Any) -> None:
    model.encoder.layer[0].output.register_full_backward_pre_hook(lambda *_: None)


def patched(model: Any) -> None:
    model.encoder.layer[0].attention.forward = lambda states, *_args, **_named: (states, None)


def checkpointing(model: Any) -> None:
    model.train()
    model.gradient_checkpointing_enable()


def drops_all(model: Any) -> None:
    model.embeddings.dropout.p = 1.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (own_layer, "encoder.layer.1 is a OwnLayer"),
        (mixing_norm, "output.LayerNorm is a Sequential"),
        (other_dense, "intermediate.dense is a Mixes"),
        (hook, "encoder.layer.1.output has a hook"),
        (early_hook, "encoder has a hook"),
        (hook_of_gradients, "encoder.layer.0 has a hook"),
        (hook_before_gradients, "encoder.layer.0.output has a hook"),
        (patched, "encoder.layer.0.attention has a forward of its own"),
        (checkpointing, "gradient checkpointing"),
        (drops_all, "embeddings.dropout drops everything"),
    ],
)
def test_what_somebody_put_in_is_seen(change: Callable[[Any], None], words: str) -> None:
    model = bert()
    assert obstacle(model) == ""
    change(model)
    assert words in obstacle(model)


def test_hooks_that_are_gone_are_forgotten() -> None:
    model = bert()
    handle = model.encoder.register_forward_hook(lambda *_: None)
    assert obstacle(model) != ""
    handle.remove()
    assert obstacle(model) == ""


def test_the_pooler_is_not_run_and_has_no_say() -> None:
    model = bert()
    model.pooler = Mixes()
    assert obstacle(model) == ""


def test_a_module_may_say_that_it_acts_on_each_token_alone() -> None:
    class Doubles(nn.Module):
        tokenwise = True

        def forward(self, states: Tensor) -> Tensor:
            return 2 * states

    class Heir(Doubles):
        def forward(self, states: Tensor) -> Tensor:
            return states - states.mean(dim=-2, keepdim=True)

    model = bert()
    model.encoder.layer[0].intermediate.dense = Doubles()
    assert obstacle(model) == ""
    model.encoder.layer[0].intermediate.dense = Heir()  # an heir may do something else
    assert "Heir" in obstacle(model)


def test_subclass_of_linear_with_a_forward_of_its_own() -> None:
    class Scaled(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            return super().forward(input) * torch.arange(input.shape[1])[:, None]

    model = bert()
    model.encoder.layer[0].attention.self.query = Scaled(8, 8)
    assert "Scaled" in obstacle(model)
