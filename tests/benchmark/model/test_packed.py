"""The padding-free pass against transformers' own: states, loss, every gradient; and what it may depend on."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor, nn

from benchmark.core.seeds import Streams
from benchmark.data.tokens import Tokens
from benchmark.model.architecture import obstacle
from benchmark.model.dropout import Dropout
from benchmark.model.packed import packed_states
from benchmark.model.packing import pack

SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "vocab_size": 60,
    "max_position_embeddings": 40,
}
DISTILBERT: dict[str, Any] = {
    "dim": 32,
    "n_layers": 3,
    "n_heads": 4,
    "hidden_dim": 64,
    "vocab_size": 60,
    "max_position_embeddings": 40,
}
MODELS: dict[str, Callable[..., Any]] = {
    "bert": lambda **more: transformers.BertModel(transformers.BertConfig(**SIZES, **more)),
    "roberta": lambda **more: transformers.RobertaModel(transformers.RobertaConfig(**SIZES, **more)),
    "xlm-roberta": lambda **more: transformers.XLMRobertaModel(transformers.XLMRobertaConfig(**SIZES, **more)),
    "camembert": lambda **more: transformers.CamembertModel(transformers.CamembertConfig(**SIZES, **more)),
    "electra": lambda **more: transformers.ElectraModel(transformers.ElectraConfig(**SIZES, **more)),
    "electra, narrow": lambda **more: transformers.ElectraModel(
        transformers.ElectraConfig(**SIZES, embedding_size=16, **more)
    ),
    "distilbert": lambda **more: transformers.DistilBertModel(transformers.DistilBertConfig(**DISTILBERT, **more)),
}
LENGTHS = (3, 9, 1, 5, 9, 2, 17)


@pytest.fixture(params=sorted(MODELS))
def backbone(request: pytest.FixtureRequest) -> Any:
    return made(request.param)


def made(name: str, **more: object) -> Any:
    torch.manual_seed(7)
    model = MODELS[name](**more).eval()
    with torch.no_grad():
        for weight in model.parameters():  # biases start at 0 and norms at 1, where faults hide
            weight.add_(0.05 * torch.randn_like(weight))
    return model


def texts(lengths: Sequence[int] = LENGTHS) -> Tokens:
    rng = np.random.default_rng(3)
    return Tokens.of([rng.integers(5, 60, length).tolist() for length in lengths])


def padded(backbone: Any, tokens: Tokens) -> list[Tensor]:
    """Return transformers' hidden states at all layers, (texts, longest, hidden) each."""
    ids, mask = tokens.padded(backbone.config.pad_token_id or 0)
    output = backbone(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask), output_hidden_states=True)
    return list(output.hidden_states)


def real(states: Tensor, tokens: Tokens) -> Tensor:
    """(texts, longest, hidden) → (tokens, hidden)."""
    return states[torch.from_numpy(tokens.padded(0)[1]).bool()]


def gradients(backbone: nn.Module, loss: Tensor) -> dict[str, Tensor]:
    backbone.zero_grad(set_to_none=True)
    loss.backward()
    return {name: weight.grad for name, weight in backbone.named_parameters() if weight.grad is not None}


def named(name: str) -> Callable[[str], str]:
    return lambda text: f"{name}: {text}"


def assert_alike(backbone: nn.Module, ours: Callable[[], Tensor], theirs: Callable[[], Tensor]) -> None:
    """Loss and every gradient within 1e-5 of each other; the same weights have one."""
    loss, expected = ours(), theirs()
    torch.testing.assert_close(loss, expected, rtol=0, atol=1e-5)
    mine, others = gradients(backbone, loss), gradients(backbone, expected)
    assert set(mine) == set(others)
    assert len(mine) > 0
    for name, gradient in mine.items():
        torch.testing.assert_close(gradient, others[name], rtol=0, atol=1e-5, msg=named(name))


def test_states_of_all_layers(backbone: Any) -> None:
    assert obstacle(backbone) == ""
    tokens = texts()
    expected = padded(backbone, tokens)
    found, packing = packed_states(backbone, tokens, range(4), whole=True)
    assert sorted(found) == [0, 1, 2, 3]
    for layer, states in found.items():
        torch.testing.assert_close(states, real(expected[layer], tokens), rtol=0, atol=1e-5)
    firsts, _ = packed_states(backbone, tokens, range(4), whole=False)
    for layer, states in firsts.items():
        torch.testing.assert_close(states, expected[layer][:, 0], rtol=0, atol=1e-5)
    assert packing.longest == 17


@pytest.mark.parametrize("lengths", [LENGTHS, (6, 6, 6), (4,), (1, 1)])
def test_loss_and_gradients(backbone: Any, lengths: tuple[int, ...]) -> None:
    """Of first tokens alone, where the last layer is computed for them only, and of all tokens."""
    tokens = texts(lengths)
    target = torch.randn(len(tokens), 32)
    of_all = torch.randn(len(tokens.flat), 32)
    assert_alike(
        backbone,
        lambda: nn.functional.mse_loss(packed_states(backbone, tokens, (3,), whole=False)[0][3], target),
        lambda: nn.functional.mse_loss(padded(backbone, tokens)[3][:, 0], target),
    )
    assert_alike(
        backbone,
        lambda: nn.functional.mse_loss(packed_states(backbone, tokens, (3,), whole=True)[0][3], of_all),
        lambda: nn.functional.mse_loss(real(padded(backbone, tokens)[3], tokens), of_all),
    )
    # Heads at several layers at once; nothing above the highest is run, so that it gets no gradient.
    assert_alike(
        backbone,
        lambda: sum((s - target).square().mean() for s in packed_states(backbone, tokens, (0, 2), False)[0].values()),  # type: ignore[arg-type, return-value]
        lambda: sum((padded(backbone, tokens)[layer][:, 0] - target).square().mean() for layer in (0, 2)),  # type: ignore[arg-type, return-value]
    )


def test_the_same_function_in_fp64(backbone: Any) -> None:
    """What differs in fp32 is rounding: with 53 bits both passes agree to twelve digits."""
    backbone.double()
    tokens, target = texts(), torch.randn(7, 32, dtype=torch.float64)
    ours = nn.functional.mse_loss(packed_states(backbone, tokens, (3,), whole=False)[0][3], target)
    theirs = nn.functional.mse_loss(padded(backbone, tokens)[3][:, 0], target)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)
    mine, others = gradients(backbone, ours), gradients(backbone, theirs)
    assert set(mine) == set(others)
    for name, gradient in mine.items():
        torch.testing.assert_close(gradient, others[name], rtol=1e-10, atol=1e-13)


def test_train_mode_without_dropout() -> None:
    model = made("bert", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0).train()
    tokens, target = texts(), torch.randn(7, 32)
    assert_alike(
        model,
        lambda: nn.functional.mse_loss(packed_states(model, tokens, (3,), whole=False)[0][3], target),
        lambda: nn.functional.mse_loss(padded(model, tokens)[3][:, 0], target),
    )


@pytest.mark.parametrize("name", ["bert", "roberta", "electra, narrow", "distilbert"])
@pytest.mark.parametrize("lengths", [LENGTHS, (6, 6, 6)])
def test_loss_and_gradients_under_the_same_masks(
    name: str, lengths: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Transformers' eager pass, whose every call of dropout is given the padding-free pass's mask, put into padding."""
    more = {"dropout": 0.3, "attention_dropout": 0.2} if name == "distilbert" else {
        "hidden_dropout_prob": 0.3, "attention_probs_dropout_prob": 0.2,
    }  # fmt: skip
    model = made(name, **more).train()
    tokens, target = texts(lengths), torch.randn(len(lengths), 32)
    seed = Streams(5)

    def ours() -> Tensor:
        seed.reseed("dropout")
        return nn.functional.mse_loss(packed_states(model, tokens, (3,), whole=False)[0][3], target)

    loss = ours()
    mine = gradients(model, loss)
    seed.reseed("dropout")
    queue = masks_in_order(name, tokens)
    plain = nn.functional.dropout

    def given(states: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if p == 0.0:
            return plain(states, p, training)
        mask = queue.pop(0)
        assert mask.shape == states.shape
        return states * mask

    model.config._attn_implementation = "eager"
    monkeypatch.setattr(nn.functional, "dropout", given)
    expected = nn.functional.mse_loss(padded(model, tokens)[3][:, 0], target)
    assert queue == []
    torch.testing.assert_close(loss, expected, rtol=0, atol=1e-5)
    for key, gradient in gradients(model, expected).items():
        torch.testing.assert_close(mine[key], gradient, rtol=0, atol=1e-5)


def masks_in_order(name: str, tokens: Tokens) -> list[Tensor]:
    """Return what transformers multiplies by, in the order of its calls."""
    packing = pack(tokens, torch.device("cpu"))
    dropout = Dropout.drawn(packing)
    mask = torch.from_numpy(tokens.padded(0)[1]).bool()
    hidden, weights = nn.Dropout(0.3), nn.Dropout(0.2)

    def spread(flat: Tensor) -> Tensor:
        wide = torch.zeros(*mask.shape, flat.shape[1])
        wide[mask] = flat
        return wide

    def of(place: tuple[int, str]) -> Tensor:
        ones = torch.ones(len(tokens.flat), 32)
        return spread(dropout.add(ones, torch.zeros_like(ones), hidden, place, first=False))

    width = 16 if "narrow" in name else 32
    found = [spread(dropout.embeddings(torch.ones(len(tokens.flat), width), hidden))]
    for layer in (1, 2, 3):
        kept = dropout.attention(weights, layer, 4, first=False)
        assert kept is not None
        found += [kept] + ([] if name == "distilbert" else [of((layer, "attention"))]) + [of((layer, "output"))]
    return found


def test_first_tokens_meet_the_same_masks_whether_or_not_the_others_are_asked_for() -> None:
    model = made("bert").train()
    tokens = texts()
    Streams(1).reseed("x")
    whole, packing = packed_states(model, tokens, (3,), whole=True)
    Streams(1).reseed("x")
    first, _ = packed_states(model, tokens, (3,), whole=False)
    torch.testing.assert_close(packing.firsts(whole[3]), first[3], rtol=0, atol=1e-6)
    Streams(2).reseed("x")
    other, _ = packed_states(model, tokens, (3,), whole=False)
    assert (other[3] - first[3]).abs().max() > 0.1


def test_same_batch_same_bits(backbone: Any) -> None:
    backbone.train()
    tokens = texts()

    def once() -> dict[str, Tensor]:
        Streams(4).reseed("dropout", 0, 3)
        states, _ = packed_states(backbone, tokens, (3,), whole=False)
        return {"states": states[3], **gradients(backbone, states[3].square().mean())}

    first, second = once(), once()
    assert len(first) > 10
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_neighbours_change_nothing_but_rounding(backbone: Any) -> None:
    tokens = texts()
    together, _ = packed_states(backbone, tokens, (3,), whole=False)
    for number in range(len(tokens)):
        alone, _ = packed_states(backbone, tokens.take(np.array([number])), (3,), whole=False)
        torch.testing.assert_close(alone[3][0], together[3][number], rtol=0, atol=2e-6)
    order = np.array([6, 2, 0, 5])
    others, _ = packed_states(backbone, tokens.take(order), (3,), whole=False)
    torch.testing.assert_close(others[3], together[3][order], rtol=0, atol=2e-6)


def test_padding_inside_a_text() -> None:
    """RoBERTa's tokenizer makes the padding token of the word ``<pad>``: it has no position of its own."""
    model = made("roberta")
    tokens = Tokens.of([[0, 9, 1, 8, 2], [0, 1, 1, 7, 6, 5, 2], [0, 2]])
    expected = padded(model, tokens)[3]
    found, _ = packed_states(model, tokens, (3,), whole=True)
    torch.testing.assert_close(found[3], real(expected, tokens), rtol=0, atol=1e-5)


@pytest.mark.parametrize("targets", ["query,value", "all-linear"])
def test_adapters_take_part(targets: str) -> None:
    model = made("bert").requires_grad_(False)
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    wanted = linear if targets == "all-linear" else [name for name in linear if name.endswith(("query", "value"))]
    inject_adapter_in_model(LoraConfig(r=4, lora_alpha=8, lora_dropout=0.0, target_modules=wanted), model)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.requires_grad_("lora_" in name)
            if "lora_B" in name:
                weight.normal_(0, 0.1)
    assert obstacle(model) == ""
    tokens, target = texts(), torch.randn(7, 32)
    assert_alike(
        model,
        lambda: nn.functional.mse_loss(packed_states(model, tokens, (3,), whole=False)[0][3], target),
        lambda: nn.functional.mse_loss(padded(model, tokens)[3][:, 0], target),
    )


def test_parametrised_weights_take_part() -> None:
    model = made("bert")
    for layer in model.encoder.layer:
        nn.utils.parametrizations.weight_norm(layer.attention.self.query)
        nn.utils.parametrizations.orthogonal(layer.attention.output.dense)
    assert obstacle(model) == ""
    tokens, target = texts(), torch.randn(7, 32)
    assert_alike(
        model,
        lambda: nn.functional.mse_loss(packed_states(model, tokens, (3,), whole=False)[0][3], target),
        lambda: nn.functional.mse_loss(padded(model, tokens)[3][:, 0], target),
    )


def test_no_graph_below_the_lowest_trainable_layer() -> None:
    """Where only upper layers are trained, nothing is kept for the backward pass of the lower ones."""
    model = made("bert").train().requires_grad_(False)
    model.encoder.layer[2].requires_grad_(True)
    states, _ = packed_states(model, texts(), (0, 1, 2, 3), whole=True)
    assert [states[layer].requires_grad for layer in range(4)] == [False, False, False, True]
    assert set(gradients(model, states[3].sum())) == {
        f"encoder.layer.2.{name}" for name, _ in model.encoder.layer[2].named_parameters()
    }


def test_autocast() -> None:
    """bf16 has 8 bits: the two passes agree as far as that goes."""
    model = made("bert").train()
    tokens = texts()
    with torch.autocast("cpu", torch.bfloat16):
        found, _ = packed_states(model.eval(), tokens, (3,), whole=True)
        expected = padded(model, tokens)[3]
        torch.testing.assert_close(found[3].float(), real(expected, tokens).float(), rtol=0, atol=0.1)
        packed_states(model.train(), tokens, (3,), whole=False)[0][3].float().sum().backward()
    assert all(torch.isfinite(weight.grad).all() for weight in model.encoder.parameters() if weight.grad is not None)


@pytest.mark.parametrize("layers", [(4,), (-1, 2)])
def test_no_such_layer(layers: tuple[int, ...]) -> None:
    with pytest.raises(IndexError, match="there are layers 0 to 3"):
        packed_states(made("bert"), texts(), layers, whole=True)


def test_weights_are_read_anew_in_every_pass() -> None:
    model = made("bert")
    before, _ = packed_states(model, texts(), (3,), whole=False)
    copied = copy.deepcopy(model)
    with torch.no_grad():
        model.encoder.layer[1].intermediate.dense.weight.mul_(2.0)
    after, _ = packed_states(model, texts(), (3,), whole=False)
    kept, _ = packed_states(copied, texts(), (3,), whole=False)
    assert not torch.equal(before[3], after[3])
    assert torch.equal(before[3], kept[3])
