"""Low-rank adapters: the numbers of the reports, and a base that stays as it was."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
import transformers

from benchmark.core.errors import UsageError
from benchmark.core.record import PhaseStarted
from benchmark.core.seeds import Streams
from benchmark.experiment.collector import Collector
from benchmark.model.encoder import Encoder
from benchmark.model.model import Model, count
from benchmark.train.baseline import Baseline
from benchmark.train.loop import train
from benchmark.train.method_handle import build_method
from benchmark.train.recipe import Budget
from methods.lora import ALL_LINEAR, QUERY_VALUE, LoRA, LowRankAdapters, SeparateDropout

KINDS = ("bert", "distilbert", "roberta")


def adapters(rank: int = 2, targets: str = QUERY_VALUE, alpha: float = 4.0) -> LowRankAdapters:
    return LowRankAdapters(rank, alpha, 0.0, targets)


def bert_base() -> Model:
    """The architecture of bert-base-uncased without memory for its weights."""
    with torch.device("meta"):
        return Model(Encoder(transformers.BertModel(transformers.BertConfig()), pad=0))


@pytest.mark.parametrize(
    ("rank", "targets", "trainable"),
    [
        (20, QUERY_VALUE, 737_280),  # isayama-2025
        (30, QUERY_VALUE, 1_105_920),
        (2, QUERY_VALUE, 73_728),
        (4, ALL_LINEAR, 669_696),  # yang-2025, the pooler included
        (8, ALL_LINEAR, 1_339_392),
        (16, ALL_LINEAR, 2_678_784),
    ],
)
def test_numbers_of_the_reports_on_bert_base(rank: int, targets: str, trainable: int) -> None:
    model = bert_base()
    assert count(model).total == 109_482_240
    adapters(rank, targets).apply(model, Streams(0))
    found = count(model)
    assert (found.trainable_encoder, found.total) == (trainable, 109_482_240 + trainable)


@pytest.mark.parametrize(
    ("kind", "names"),
    [("bert", {"query", "value"}), ("roberta", {"query", "value"}), ("distilbert", {"q_lin", "v_lin"})],
)
def test_query_and_value_are_found_by_their_names(lab: Any, kind: str, names: set[str]) -> None:
    model = lab.model(kind, 3)
    adapters().apply(model, Streams(0))
    moving = [name for name, weight in model.named_parameters() if weight.requires_grad]
    assert {name.split(".lora_")[0].rsplit(".", 1)[-1] for name in moving} == names
    assert len(moving) == 3 * 2 * 2  # layers, projections, A and B


@pytest.mark.parametrize(("kind", "linear"), [("bert", 13), ("roberta", 13), ("distilbert", 12)])
def test_all_linear_layers_are_adapted_the_pooler_included(lab: Any, kind: str, linear: int) -> None:
    model = lab.model(kind)
    expected = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    assert len(expected) == linear
    adapters(targets=ALL_LINEAR).apply(model, Streams(0))
    moving = {name.split(".lora_")[0] for name, weight in model.named_parameters() if weight.requires_grad}
    assert moving == set(expected)


def test_an_encoder_without_such_names_is_refused() -> None:
    class Odd(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mix = torch.nn.Linear(2, 2)

    with pytest.raises(UsageError, match=r"Odd has no query and value layers: use --set lora.targets=all-linear"):
        adapters().modules(Odd())
    assert adapters(targets=ALL_LINEAR).modules(Odd()) == ["mix"]


@pytest.mark.parametrize("targets", [QUERY_VALUE, ALL_LINEAR])
def test_adapters_begin_as_nothing(lab: Any, targets: str) -> None:
    run, task = lab.run(), lab.task()
    model = lab.model()
    model.eval()
    (tokens,) = run.encode(task.validation).sentences
    before = model.encoder(tokens)
    adapters(targets=targets).apply(model, Streams(0))
    model.eval()
    assert torch.equal(model.encoder(tokens), before)


def test_an_update_is_alpha_over_rank_times_b_a(lab: Any) -> None:
    model = lab.model()
    plain = model.encoder.layers[0].attention.self.query
    weight, bias = plain.weight.detach().clone(), plain.bias.detach().clone()
    adapters(rank=2, alpha=5.0).apply(model, Streams(0))
    layer = model.encoder.layers[0].attention.self.query
    named = dict(layer.named_parameters())
    (a,), (b,) = ([value for name, value in named.items() if f"lora_{letter}" in name] for letter in "AB")
    assert (a.shape, b.shape) == ((2, 32), (32, 2))
    torch.nn.init.normal_(b, generator=torch.Generator().manual_seed(0))
    x = torch.randn(3, 32)
    assert torch.allclose(layer(x), x @ (weight + 5.0 / 2 * b @ a).T + bias, atol=1e-5)


def test_a_second_application_changes_nothing(lab: Any) -> None:
    model = lab.model()
    rule = adapters(targets=ALL_LINEAR)
    rule.apply(model, Streams(0))
    before = {name: (value.clone(), value.requires_grad) for name, value in model.named_parameters()}
    model.encoder.requires_grad_(True)
    rule.apply(model, Streams(0))
    after = dict(model.named_parameters())
    assert set(after) == set(before)
    for name, (value, moves) in before.items():
        assert torch.equal(after[name], value)
        assert after[name].requires_grad is moves is ("lora_" in name)


def test_adapters_are_a_function_of_the_seed(lab: Any) -> None:
    found = []
    for seed in (0, 0, 1):
        model = lab.model()
        state = torch.get_rng_state()
        adapters().apply(model, Streams(seed))
        assert torch.equal(state, torch.get_rng_state())
        found.append(torch.cat([weight.detach().flatten() for weight in model.trainable()]))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


@pytest.mark.parametrize("name", ["lora", "llrd+lora", "lora+swa", "lora+supcon"])
def test_training_moves_adapters_and_leaves_the_base(lab: Any, name: str) -> None:
    budget = Budget(2, 8, "last")
    given: dict[str, Any] = {"freeze": False, "classifier_epochs": 1} if "supcon" in name else {}
    run = lab.run()
    model = Model(run.load_encoder())
    train(build_method(name, budget, given).phases, model, [lab.task().without_test()], run)  # type: ignore[attr-defined]
    base = dict(lab.model().encoder.backbone.named_parameters())
    trained = dict(model.encoder.backbone.named_parameters())
    frozen = {key.replace(".base_layer", ""): value for key, value in trained.items() if "lora_" not in key}
    assert set(frozen) == set(base)
    for key, value in frozen.items():
        assert torch.equal(value, base[key])
        assert not value.requires_grad
    seconds = [value for key, value in trained.items() if "lora_B" in key]
    assert len(seconds) == 4
    assert all(value.abs().max() > 0 for value in seconds)
    assert count(model).trainable_encoder == 2 * 2 * 8 * (32 + 32)


def test_settings_reach_the_answer() -> None:
    answers = LoRA(rank=4, alpha=2.0, lora_dropout=0.3, targets=ALL_LINEAR).answers(Baseline(), Budget(1, 1, "best"))
    assert answers.given() == {"trainable": LowRankAdapters(4, 2.0, 0.3, ALL_LINEAR)}


def masks_of(lab: Any, name: str, **given: Any) -> list[torch.Tensor]:
    """What every dropout of the encoder and the head zeroed, in order; adapters' own are left out."""
    run = lab.run()
    method: Any = build_method(name, run.budget, given)
    model = Model(run.load_encoder())
    masks: list[torch.Tensor] = []

    def record(module: torch.nn.Module, given: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        if module.training:
            masks.append((output == 0) & (given[0] != 0))

    class Recorder(Collector):
        def phase_started(self, event: PhaseStarted) -> None:
            super().phase_started(event)
            for module in model.modules():
                if type(module) is torch.nn.Dropout:
                    module.register_forward_hook(record)

    train(method.phases, model, [lab.task().without_test()], dataclasses.replace(run, watcher=Recorder()))
    return masks


def test_all_other_masks_are_those_of_full_fine_tuning(lab: Any) -> None:
    """Law 2: adapters have a stream of their own, and so leave every other module's masks as they are."""
    plain, adapted = masks_of(lab, "finetune"), masks_of(lab, "lora", lora_dropout=0.5)
    # Per step: embeddings, two outputs in each of two layers, and the head; 2 epochs of 5 steps.
    assert len(plain) == len(adapted) == 10 * (1 + 2 * 2 + 1)
    assert all(mask.any() for mask in plain)
    assert all(torch.equal(one, other) for one, other in zip(plain, adapted, strict=True))


def test_adapters_have_masks_of_their_own_that_are_a_function_of_seed_step_and_layer() -> None:
    x = torch.ones(4, 1000)

    def mask(name: str, seed: int, step: int) -> torch.Tensor:
        module = SeparateDropout(0.25, name).train()
        with Streams(seed).scope("training"):
            Streams(seed).reseed("dropout", 0, step)
            before = torch.get_rng_state()
            first: torch.Tensor = module(x)
            second: torch.Tensor = module(x)
            assert torch.equal(before, torch.get_rng_state())  # nothing is drawn from the others' generator
        assert not torch.equal(first, second)
        return first

    one = mask("query", 0, 0)
    assert torch.equal(one, mask("query", 0, 0))
    for other in (mask("value", 0, 0), mask("query", 1, 0), mask("query", 0, 1)):
        assert not torch.equal(one, other)
    assert sorted(one.unique().tolist()) == pytest.approx([0.0, 1 / 0.75])
    assert float((one == 0).float().mean()) == pytest.approx(0.25, abs=0.03)
    assert SeparateDropout(0.25, "query").eval()(x) is x
