"""Training only the embeddings that occur, against training all of them, step by step."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor, nn

from benchmark.model.vocabulary import OccurringRows, occurring_rows, only_scales

WORDS = 50
OCCUR = np.array([[7, 3, 9], [3, 12, 31]])
OPTIMIZERS: dict[str, Callable[[list[nn.Parameter]], torch.optim.Optimizer]] = {
    "adamw": lambda weights: torch.optim.AdamW(weights, lr=0.05, weight_decay=0.2, fused=True),
    "adamw, amsgrad": lambda weights: torch.optim.AdamW(weights, lr=0.05, weight_decay=0.2, amsgrad=True),
    "adam": lambda weights: torch.optim.Adam(weights, lr=0.05),
    "adam, decoupled": lambda weights: torch.optim.Adam(
        weights, lr=0.05, weight_decay=0.1, decoupled_weight_decay=True
    ),
    "sgd": lambda weights: torch.optim.SGD(weights, lr=0.01, weight_decay=0.5),
    "sgd, momentum": lambda weights: torch.optim.SGD(weights, lr=0.003, weight_decay=0.5, momentum=0.9, dampening=0.1),
    "sgd, nesterov": lambda weights: torch.optim.SGD(weights, lr=0.003, weight_decay=0.5, momentum=0.9, nesterov=True),
}


def named(key: str) -> Callable[[str], str]:
    return lambda text: f"{key}: {text}"


def bert() -> Any:
    torch.manual_seed(1)
    config = transformers.BertConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vocab_size=WORDS
    )
    return transformers.BertModel(config).eval()


def weights_of(model: nn.Module) -> list[nn.Parameter]:
    return [weight for weight in model.parameters() if weight.requires_grad]


def steps(model: Any, optimizer: torch.optim.Optimizer, count: int, clip: float | None = None) -> list[float]:
    """Train on batches of words that occur, padding among them; return the gradients' norms."""
    rng, norms = np.random.default_rng(2), []
    for _ in range(count):
        words = rng.choice(OCCUR.ravel(), size=(4, 5))
        words[1, 3:] = 0
        mask = torch.from_numpy((words != 0).astype(np.int64))
        states = model(input_ids=torch.from_numpy(words), attention_mask=mask).last_hidden_state
        optimizer.zero_grad(set_to_none=True)
        (states[:, 0] * torch.linspace(-1, 1, 16)).square().sum().backward()
        norms.append(float(nn.utils.clip_grad_norm_(weights_of(model), clip or float("inf"))))
        optimizer.step()
    return norms


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
@pytest.mark.parametrize("clip", [None, 0.5])
def test_equal_to_training_all_rows(name: str, clip: float | None) -> None:
    """Weights and norms after 25 steps, rows that never occur among them, to fp32 rounding."""
    dense, sparse = bert(), bert()
    expected = steps(dense, OPTIMIZERS[name](weights_of(dense)), 25, clip)
    table = sparse.embeddings.word_embeddings
    before = table.weight.detach().clone()
    with occurring_rows(sparse, sparse, OCCUR, 0) as done:
        assert done
        optimizer = OPTIMIZERS[name](weights_of(sparse))
        assert only_scales(optimizer)
        found = steps(sparse, optimizer, 25, clip)
    assert sparse.embeddings.word_embeddings is table
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    for (key, ours), theirs in zip(sparse.named_parameters(), dense.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=2e-5, msg=named(key))
    absent = [word for word in range(WORDS) if word not in {0, *OCCUR.ravel().tolist()}]
    torch.testing.assert_close(table.weight[absent], dense.embeddings.word_embeddings.weight[absent], rtol=2e-6, atol=0)
    decays = name not in ("adam",)
    assert torch.equal(table.weight[absent], before[absent]) is not decays
    assert not torch.equal(table.weight[3], before[3])


def test_any_word_can_be_read_on_the_way() -> None:
    """Validation sees words that training doesn't, in the midst of a phase."""
    dense, sparse = bert(), bert()
    everything = torch.arange(WORDS)[None]
    steps(dense, OPTIMIZERS["adamw"](weights_of(dense)), 5)
    with occurring_rows(sparse, sparse, OCCUR, 0), torch.no_grad():
        with torch.enable_grad():
            steps(sparse, OPTIMIZERS["adamw"](weights_of(sparse)), 5)
        found = sparse.embeddings.word_embeddings(everything)
        torch.testing.assert_close(found, dense.embeddings.word_embeddings(everything), rtol=1e-4, atol=1e-5)


def test_what_is_saved_on_the_way_is_whole() -> None:
    dense, sparse = bert(), bert()
    steps(dense, OPTIMIZERS["adamw"](weights_of(dense)), 5)
    with occurring_rows(sparse, sparse, OCCUR, 0):
        steps(sparse, OPTIMIZERS["adamw"](weights_of(sparse)), 5)
        found = sparse.state_dict()
    assert list(found) == list(dense.state_dict())
    for name, value in dense.state_dict().items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5)
    other = bert()
    other.load_state_dict(found)
    assert torch.equal(other.embeddings.word_embeddings.weight, sparse.embeddings.word_embeddings.weight)


def test_a_word_that_doesnt_occur_is_not_trained_by_accident() -> None:
    model = bert()
    with occurring_rows(model, model, OCCUR, 0), pytest.raises(IndexError):
        model.embeddings.word_embeddings(torch.tensor([[4]]))


def test_averages_and_best_weights_of_all_rows() -> None:
    """The mean of snapshots, and weights that are put back: what is linear in a row is right for absent ones."""
    dense, sparse = bert(), bert()

    def run(model: Any) -> tuple[list[Tensor], list[Tensor]]:
        optimizer = OPTIMIZERS["adamw"](weights_of(model))
        taken = []
        for _ in range(3):
            steps(model, optimizer, 4)
            taken.append([weight.detach().clone() for weight in weights_of(model)])
        return taken[1], [torch.stack(values).mean(dim=0) for values in zip(*taken, strict=True)]

    def put(model: Any, values: list[Tensor]) -> None:
        with torch.no_grad():
            for weight, value in zip(weights_of(model), values, strict=True):
                weight.copy_(value)

    for choice in (0, 1):
        one, other = copy.deepcopy(dense), copy.deepcopy(sparse)
        put(one, run(one)[choice])
        with occurring_rows(other, other, OCCUR, 0):
            put(other, run(other)[choice])
        torch.testing.assert_close(
            other.embeddings.word_embeddings.weight, one.embeddings.word_embeddings.weight, rtol=1e-4, atol=1e-5
        )


def test_several_phases_and_saving(tmp_path: Path) -> None:
    """Each phase has words of its own; what is saved afterwards is whole."""
    model = bert()
    weight = model.embeddings.word_embeddings.weight
    for words in ([3, 7, 9, 12, 31], OCCUR.ravel()):
        with occurring_rows(model, model, np.asarray(words), 0):
            steps(model, OPTIMIZERS["adamw"](weights_of(model)), 3)
    assert model.embeddings.word_embeddings.weight is weight
    model.save_pretrained(tmp_path)
    loaded = transformers.BertModel.from_pretrained(tmp_path)
    state = model.state_dict()
    assert set(loaded.state_dict()) == set(state)
    assert all(torch.equal(value, state[name]) for name, value in loaded.state_dict().items())


def test_restored_after_an_error() -> None:
    model = bert()
    table = model.embeddings.word_embeddings

    def broken() -> None:
        with occurring_rows(model, model, OCCUR, 0):
            assert isinstance(model.embeddings.word_embeddings, OccurringRows)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert model.embeddings.word_embeddings is table
    assert [name for name, _ in model.named_parameters()] == [name for name, _ in bert().named_parameters()]


def frozen(model: Any) -> None:
    model.embeddings.word_embeddings.requires_grad_(False)


def shared(model: Any) -> None:
    model.decoder = nn.Linear(16, WORDS, bias=False)
    model.decoder.weight = model.embeddings.word_embeddings.weight


def hooked(model: Any) -> None:
    model.embeddings.word_embeddings.register_forward_hook(lambda *_: None)


def sparse_gradient(model: Any) -> None:
    model.embeddings.word_embeddings.sparse = True


def bounded(model: Any) -> None:
    model.embeddings.word_embeddings.max_norm = 1.0


def other_class(model: Any) -> None:
    model.embeddings.word_embeddings = type("Own", (nn.Embedding,), {})(WORDS, 16)


def watched_gradient(model: Any) -> None:
    model.embeddings.word_embeddings.weight.register_hook(lambda gradient: gradient * 2)


@pytest.mark.parametrize("change", [watched_gradient, frozen, shared, hooked, sparse_gradient, bounded, other_class])
def test_left_alone_where_it_would_be_wrong(change: Callable[[Any], None]) -> None:
    model = bert()
    change(model)
    table = model.embeddings.word_embeddings
    with occurring_rows(model, model, OCCUR, 0) as done:
        assert not done
        assert model.embeddings.word_embeddings is table


def test_left_alone_where_most_words_occur_or_there_is_no_embedding() -> None:
    model = bert()
    with occurring_rows(model, model, np.arange(40), 0) as done:
        assert not done
    with occurring_rows(nn.Linear(2, 2), nn.Linear(2, 2), OCCUR, 0) as done:
        assert not done


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda weights: torch.optim.Adam(weights, weight_decay=0.1),
        lambda weights: torch.optim.RMSprop(weights),
        lambda weights: torch.optim.Adagrad(weights),
        lambda weights: type("Own", (torch.optim.SGD,), {})(weights, lr=0.1),
    ],
)
def test_optimizers_of_which_it_isnt_true(optimizer: Callable[[list[nn.Parameter]], torch.optim.Optimizer]) -> None:
    assert not only_scales(optimizer([nn.Parameter(torch.ones(2))]))
