"""What the shared parameters make of a recipe: optimizers, heads, dropout and representation, against torch itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import nn

from benchmark.core.errors import UsageError
from benchmark.core.seeds import Streams
from benchmark.model.encoder import Tap
from benchmark.train.baseline import Baseline
from benchmark.train.heads import KeptHeads
from benchmark.train.loop import train
from benchmark.train.method_handle import build_method
from benchmark.train.recipe import Budget
from benchmark.train.vectors import cache_states, encode_all, head_vectors

BUDGET = Budget(2, 8, "best")
RULES: dict[str, tuple[Baseline, Any]] = {
    "adamw": (
        Baseline(weight_decay=0.1, beta1=0.8, beta2=0.9, epsilon=1e-6),
        lambda weights: torch.optim.AdamW(weights, lr=0.1, weight_decay=0.1, betas=(0.8, 0.9), eps=1e-6),
    ),
    "adam": (
        Baseline(optimizer="adam", weight_decay=0.1, beta1=0.8, beta2=0.9, epsilon=1e-6),
        lambda weights: torch.optim.Adam(weights, lr=0.1, weight_decay=0.1, betas=(0.8, 0.9), eps=1e-6),
    ),
    "sgd": (
        Baseline(optimizer="sgd", weight_decay=0.1, momentum=0.99),
        lambda weights: torch.optim.SGD(weights, lr=0.1, weight_decay=0.1, momentum=0.99),
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_an_optimizer_is_torchs(name: str) -> None:
    baseline, reference = RULES[name]
    draw = torch.Generator().manual_seed(0)
    one, other = (nn.Parameter(torch.ones(5)) for _ in range(2))
    own = baseline.recipe(BUDGET).optimizer.build([{"params": [one], "lr": 0.1}])
    plain = reference([other])
    for _ in range(4):
        gradient = torch.randn(5, generator=draw)
        one.grad, other.grad = gradient.clone(), gradient.clone()
        own.step()
        plain.step()
    assert torch.allclose(one, other, atol=1e-7)
    assert not torch.equal(one, torch.ones(5))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"momentum": 0.5}, "momentum=0.5"),
        ({"optimizer": "sgd", "beta1": 0.5}, "beta1=0.5"),
        ({"optimizer": "sgd", "epsilon": 0.5}, "epsilon=0.5"),
        ({"head": "linear", "hidden": 5}, "hidden=5"),
    ],
)
def test_what_belongs_to_another_choice_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=f"{words} changes nothing"):
        build_method("finetune", BUDGET, given)


def test_the_last_epoch_has_no_best() -> None:
    with pytest.raises(UsageError, match="select_by=loss changes nothing"):
        build_method("finetune", Budget(2, 8, "last"), {"select_by": "loss"})
    build_method("finetune", BUDGET, {"select_by": "loss"})


class TestEncoderDropout:
    @pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta"])
    def test_reaches_every_dropout_and_attention(self, lab: Any, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        model = lab.model(kind)
        published = {name: module.p for name, module in model.named_modules() if isinstance(module, nn.Dropout)}
        assert len(published) >= 5
        assert set(published.values()) == {0.1}
        used: list[float] = []
        attention = nn.functional.scaled_dot_product_attention

        def watched(*given: Any, **named: Any) -> Any:
            used.append(named["dropout_p"])
            return attention(*given, **named)

        monkeypatch.setattr(nn.functional, "scaled_dot_product_attention", watched)
        model.encoder.backbone.register_forward_hook(lambda *_: None)  # transformers' own forward, whose calls are seen
        model.encoder.train()
        (tokens,) = lab.run(kind=kind).encode(lab.task().validation).sentences
        for p in (0.37, None, 0.0):
            model.encoder.set_dropout(p)
            found = {module.p for module in model.modules() if isinstance(module, nn.Dropout)}
            assert found == {0.1 if p is None else p}
            model.encoder(tokens)
        assert used == [0.37] * 2 + [0.1] * 2 + [0.0] * 2

    @pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta"])
    def test_is_what_the_encoder_drops_without_padding_too(self, lab: Any, kind: str) -> None:
        model = lab.model(kind)
        (tokens,) = lab.run(kind=kind).encode(lab.task().validation).sentences
        still = model.encoder.eval()(tokens)
        model.encoder.train()
        with Streams(0).scope("dropout"):
            published = model.encoder(tokens)
            model.encoder.set_dropout(0.0)
            assert torch.allclose(model.encoder(tokens), still, atol=1e-5)
            model.encoder.set_dropout(0.6)
            more = model.encoder(tokens)
        assert (more - still).abs().mean() > 1.5 * (published - still).abs().mean() > 0

    def test_a_phase_has_its_own(self, lab: Any) -> None:
        run = lab.run()
        model, task = build_model(lab, run), lab.task().without_test()
        recipe = Baseline(encoder_dropout=0.5).recipe(run.budget)
        train([recipe], model, [task], run)
        assert {module.p for module in model.encoder.modules() if isinstance(module, nn.Dropout)} == {0.5}
        train([dataclasses.replace(recipe, encoder_dropout=None, number=1)], model, [task], run)
        assert {module.p for module in model.encoder.modules() if isinstance(module, nn.Dropout)} == {0.1}


def build_model(lab: Any, run: Any) -> Any:
    from benchmark.model.model import Model

    return Model(run.load_encoder())


class TestPooler:
    def test_vectors_are_the_pretrained_poolers(self, lab: Any, tmp_path: Any) -> None:
        run, task = lab.run(), lab.task()
        model = build_model(lab, run)
        baseline = Baseline(representation="pooler")
        model.set_heads(baseline.heads().attach(model, [task.head], Streams(0)))
        head, split = model.head(task.name), run.encode(task.validation)
        assert head.tap == Tap(pooled=True)
        model.eval()
        ids, mask = (torch.from_numpy(array) for array in split.texts.padded(model.encoder.pad))
        with torch.no_grad():
            expected = model.encoder.backbone(ids, attention_mask=mask).pooler_output
            fly = head_vectors(head, model.encoder, model.encoder.read(split.texts, head.tap))
        assert torch.allclose(fly, expected, atol=1e-6)
        assert torch.allclose(encode_all(model.encoder, split.texts, head), expected, atol=1e-5)
        import numpy as np

        from benchmark.model.states import StateCache

        (cached,) = cache_states(StateCache(tmp_path), model.encoder, split, [head])
        assert torch.allclose(cached.of(np.arange(len(task.validation))), expected, atol=1e-5)

    def test_the_pooler_is_trained_then(self, lab: Any) -> None:
        run = lab.run()
        predictor: Any = build_method("finetune", run.budget, {"representation": "pooler"}).fit(
            [lab.task().without_test()], run
        )
        before = run.load_encoder().backbone.pooler.dense.weight
        assert not torch.equal(predictor.model.encoder.backbone.pooler.dense.weight, before)

    def test_an_encoder_without_one_is_refused(self, lab: Any) -> None:
        run = lab.run(kind="distilbert")
        with pytest.raises(UsageError, match="DistilBertModel has no pooler: use representation=cls"):
            build_method("finetune", run.budget, {"representation": "pooler"}).fit([lab.task().without_test()], run)


def test_kept_heads_are_those_of_the_phase_before(lab: Any) -> None:
    run, task = lab.run(), lab.task().without_test()
    model = build_model(lab, run)
    recipe = dataclasses.replace(Baseline().recipe(run.budget), peak=1e-30)
    train([recipe], model, [task], run)
    head = model.head(task.head.name)
    train([dataclasses.replace(recipe, heads=KeptHeads(), number=1)], model, [task], run)
    assert model.head(task.head.name) is head
