"""From a name and settings to a method: defaults, preferences, rivals, ranges."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass

import pytest

from benchmark.core import registry
from benchmark.core.errors import UsageError
from benchmark.core.parameters import Settings, Value, describe, parameter
from benchmark.core.registry import technique
from benchmark.data.task import Head
from benchmark.train.baseline import Baseline
from benchmark.train.method_handle import RecipeMethod, build_method, resolve_method
from benchmark.train.recipe import Answers, Budget
from benchmark.train.techniques import Technique
from benchmark.train.techniques import technique as checked

BUDGET = Budget(2, 8, "best")
HEADS = (Head("scenario", "classes", "accuracy", ("a", "b")),)
BASELINE = {found.name: found.default for found in describe(Baseline)}


def resolved(name: str, given: dict[str, Value], defaults: Settings = ()) -> Settings:
    return resolve_method(name).resolve_parameters(given, BUDGET, defaults)


def refused(name: str, given: dict[str, Value], defaults: Settings = ()) -> str:
    with pytest.raises(UsageError) as caught:
        resolved(name, given, defaults)
    return str(caught.value)


class TestResolveParameters:
    def test_without_settings_the_baseline_has_its_defaults(self) -> None:
        settings = resolved("finetune", {})
        assert dict(settings) == BASELINE
        assert settings == tuple(sorted(settings))
        assert hash(settings)

    def test_given_values_win(self) -> None:
        assert dict(resolved("finetune", {"lr": 0.5, "gradient_clip": None})) == {
            **BASELINE,
            "lr": 0.5,
            "gradient_clip": None,
        }

    def test_a_whole_number_will_do_for_a_number(self) -> None:
        value = dict(resolved("finetune", {"lr": 1}))["lr"]
        assert isinstance(value, float)
        assert resolved("finetune", {"lr": 1}) == resolved("finetune", {"lr": 1.0})

    def test_a_technique_has_its_own_parameters_and_the_shared_ones(self) -> None:
        assert set(dict(resolved("reinit", {}))) == {*BASELINE, "layers", "std"}
        assert set(dict(resolved("llrd+warmup", {}))) == {
            *BASELINE,
            "decay",
            "head_lr",
            "head_decay",
            "warmup_fraction",
            "after_warmup",
        }
        assert set(dict(resolved("zero-shot", {}))) == {"head", "head_projection", "hidden", "join", "representation"}

    @pytest.mark.parametrize(("name", "lr"), [("lora", 1e-3), ("simclr", 1e-5), ("lora+swa", 1e-3), ("swa", 1e-4)])
    def test_a_preferred_default(self, name: str, lr: float) -> None:
        assert dict(resolved(name, {}))["lr"] == lr
        assert {found.name: found.default for found in resolve_method(name).parameters}["lr"] == lr

    def test_rivals_leave_no_default(self) -> None:
        for name in ("lora+simclr", "simclr+lora"):
            line = refused(name, {})
            assert "lora prefers 0.001" in line
            assert "simclr prefers 1e-05" in line
            assert "--set lora+simclr.lr=" in line
            assert dict(resolved(name, {"lr": 3e-4}))["lr"] == 3e-4

    def test_the_suite_comes_before_the_baseline_and_after_everything_else(self) -> None:
        suite: Settings = (("lr", 3e-4), ("dropout", 0.3))
        assert dict(resolved("finetune", {}, suite)) == {
            **BASELINE,
            "lr": 3e-4,
            "dropout": 0.3,
        }
        assert dict(resolved("lora", {}, suite))["lr"] == 1e-3
        assert dict(resolved("lora", {}, suite))["dropout"] == 0.3
        assert dict(resolved("finetune", {"lr": 0.5}, suite))["lr"] == 0.5
        assert dict(resolved("zero-shot", {}, (("hidden", 32), ("lr", 3e-4))))["hidden"] == 32

    def test_a_suite_may_set_what_is_shared_and_nothing_else(self) -> None:
        assert "the suite's [defaults] name 'rank'" in refused("lora", {}, (("rank", 4),))
        assert "dropout takes" in refused("finetune", {}, (("dropout", 1.5),))

    def test_an_unknown_parameter(self) -> None:
        line = refused("reinit", {"layer": 2})
        assert line.startswith("method 'reinit' has no parameter 'layer': it has ")
        assert "layers" in line
        assert "lr" in line

    @pytest.mark.parametrize(
        ("name", "parameter", "value"),
        [
            ("finetune", "lr", 0.0),
            ("finetune", "lr", -1e-3),
            ("finetune", "lr", 1.5),
            ("finetune", "lr", float("nan")),
            ("finetune", "lr", float("inf")),
            ("finetune", "lr", None),
            ("finetune", "lr", "fast"),
            ("finetune", "lr", True),
            ("finetune", "gradient_clip", 0.0),
            ("finetune", "hidden", 0),
            ("finetune", "hidden", 2.5),
            ("reinit", "layers", 0),
            ("reinit", "std", 0.0),
            ("lora", "rank", 0),
            ("lora", "targets", "key"),
            ("supcon", "temperature", 0.0),
            ("supcon", "projection", "deep"),
            ("supcon", "freeze", 1),
            ("supcon", "contrastive_batch_size", 1),
            ("swa", "swa_start", 1.0),
            ("swa", "snapshots", 0),
            ("warmup", "warmup_fraction", 0.95),
            ("llrd", "decay", 1.1),
        ],
    )
    def test_a_value_out_of_range(self, name: str, parameter: str, value: Value) -> None:
        line = refused(name, {parameter: value})
        assert line.startswith(f"{parameter} takes ")
        assert line.endswith(f"not {value!r}")

    @pytest.mark.parametrize(
        ("name", "given", "words"),
        [
            ("schedule", {"lr_floor": 0.5}, "lr_floor=0.5"),
            ("layer-heads", {"hidden": 3}, "hidden=3"),
            ("multitask", {"mixing_temperature": 3.0}, "mixing_temperature=3.0"),
            ("swa", {"swa_anneal": 0.5, "swa_anneal_epochs": 3}, "swa_anneal=0.5"),
        ],
    )
    def test_what_changes_nothing_is_refused(self, name: str, given: dict[str, Value], words: str) -> None:
        assert refused(name, given) == (f"method {name!r}: {words} changes nothing, with these settings: leave it out")

    def test_what_changes_nothing_may_stand_in_a_suite(self) -> None:
        """A suite's defaults are for all methods; one that doesn't use them has no second identity for it."""
        assert resolved("schedule", {}, (("lr_floor", 0.5),)) == resolved("schedule", {})
        assert dict(resolved("finetune", {}, (("lr_floor", 0.5),)))["lr_floor"] == 0.5

    @pytest.mark.parametrize(
        ("name", "given", "other"),
        [
            ("supcon", {"contrastive_epochs": 2}, {}),  # the budget's
            ("supcon", {"contrastive_batch_size": 8}, {}),
            ("multitask", {"weights": "b=2, a=1.0"}, {"weights": "b=2.0"}),
            ("layer-heads", {"heads": "b=layer:2,random:1; a=layer:0"}, {"heads": "a=layer:0;b=layer:2,random:1"}),
            ("probe", {"blocks": "random:1, model:1", "epochs": 2}, {"blocks": "model:1,random:1"}),
            ("probe", {"blocks": "0"}, {}),
        ],
    )  # fmt: skip
    def test_one_result_has_one_spelling(self, name: str, given: dict[str, Value], other: dict[str, Value]) -> None:
        assert resolved(name, given) == resolved(name, other)

    def test_a_parameter_that_counts_with_others_is_accepted(self) -> None:
        settings = resolved("multitask", {"mode": "temperature", "mixing_temperature": 3.0})
        assert dict(settings)["mixing_temperature"] == 3.0

    def test_a_join_needs_pairs(self) -> None:
        for name in ("finetune", "zero-shot", "probe", "supcon"):
            built = build_method(name, BUDGET, {"join": "difference"})
            with pytest.raises(UsageError, match="join=difference: no task of this suite is about pairs"):
                built.check(2, HEADS)
        pair = Head("pair", "pair-binary", "accuracy", ("0", "1"))
        build_method("finetune", BUDGET, {"join": "difference"}).check(2, (*HEADS, pair))

    def test_every_default_is_within_its_own_range(self) -> None:
        assert len(registry.names()) >= 13
        for name in registry.names():
            settings = resolved(name, {})
            assert resolved(name, dict(settings)) == settings

    @pytest.mark.usefixtures("own_registry")
    def test_one_name_for_two_parameters(self) -> None:
        @technique("again", source="a test")
        @dataclass(frozen=True)
        class Again(Technique):
            """Calls a parameter as another technique does."""

            rank: int = parameter(3, "a rank", low=1, high=9)

            def answers(self, baseline: Baseline, budget: Budget) -> Answers:
                return Answers(peak=self.rank / 10)

        settings = dict(resolved("again+lora", {"again.rank": 5}))
        assert (settings["again.rank"], settings["lora.rank"]) == (5, 8)
        assert "rank" not in settings
        handle = resolve_method("again+lora")
        for owner in ("again", "lora"):
            found = handle.parameter("rank", owner)
            assert found is not None
            assert found.name == f"{owner}.rank"
        assert handle.parameter("rank", "again+lora") is None
        built = handle.build(tuple(sorted(settings.items())), BUDGET)
        assert isinstance(built, RecipeMethod)
        assert {type(one).__name__: one.rank for one in built.techniques} == {"Again": 5, "LoRA": 8}  # type: ignore[attr-defined]


class TestBuild:
    def of(self, name: str, **given: Value) -> RecipeMethod:
        found = build_method(name, BUDGET, given)
        assert isinstance(found, RecipeMethod)
        return found

    def test_settings_reach_the_recipe(self) -> None:
        recipe = self.of("finetune", lr=0.5, lr_floor=0.25, weight_decay=0.125, hidden=7, gradient_clip=None).phases[0]
        assert recipe.peak == 0.5
        assert recipe.schedule.factor(10, 10) == 0.25
        assert dataclasses.asdict(recipe.optimizer)["weight_decay"] == 0.125  # type: ignore[call-overload]
        assert dataclasses.asdict(recipe.heads)["hidden"] == 7  # type: ignore[call-overload]
        assert dataclasses.asdict(recipe.gradients)["clip"] is None  # type: ignore[call-overload]

    @pytest.mark.parametrize("name", [name for name in registry.names() if "+" in name])
    def test_a_combination_is_the_same_in_any_order(self, name: str) -> None:
        found = {self.of("+".join(words)) for words in itertools.permutations(name.split("+"))}
        assert len(found) == 1

    def test_a_clash_is_found_without_data(self) -> None:
        with pytest.raises(UsageError, match="both say what 'schedule' is to be"):
            self.of("schedule+warmup")

    def test_layers_are_checked(self) -> None:
        self.of("reinit", layers=6).check(6, HEADS)
        self.of("swa+reinit", layers=6).check(6, HEADS)
        with pytest.raises(UsageError, match=r"reinit.layers=7, but the encoder has 6 layers: choose at most 6"):
            self.of("swa+reinit", layers=7).check(6, HEADS)

    @pytest.mark.usefixtures("own_registry")
    def test_a_technique_that_is_none(self) -> None:
        @technique("no-technique", source="a test")
        @dataclass(frozen=True)
        class NoTechnique:
            """Does not derive from Technique."""

        with pytest.raises(TypeError, match="does not derive from Technique"):
            self.of("no-technique")


class TestFaultyTechniques:
    def test_another_class_is_refused_in_one_line(self) -> None:
        @dataclass(frozen=True)
        class Duck:
            """No technique."""

        with pytest.raises(ValueError, match=r"technique 'duck': Duck must derive from benchmark\.train\.Technique"):
            checked("duck", source="a paper")(Duck)

    @pytest.mark.parametrize("wish", ["learning_rate", "smoothing"])
    def test_it_can_only_prefer_what_the_baseline_has(self, wish: str) -> None:
        @dataclass(frozen=True)
        class Wishful(Technique):
            """Prefers what there isn't."""

            prefers = {wish: 0.1}  # noqa: RUF012 — as plug-ins write it

        with pytest.raises(ValueError, match=f"technique 'wishful' prefers '{wish}': the baseline has "):
            checked("wishful", source="a paper")(Wishful)

    @pytest.mark.parametrize("fault", [RuntimeError("boom"), SystemExit(0)])
    def test_what_its_code_raises_is_left_to_its_cells(self, fault: BaseException) -> None:
        @dataclass(frozen=True)
        class Faulty(Technique):
            """Raises."""

            level: float = parameter(0.5, "a level", low=0.0, high=1.0)

            def canonical(self) -> Faulty:
                raise fault

        with registry.isolated():
            checked("faulty", source="a paper")(Faulty)
            assert dict(resolved("faulty", {"level": 0.25}))["level"] == 0.25
            assert "takes a number" in refused("faulty", {"level": 2.0})
            with pytest.raises(type(fault)):
                build_method("faulty", BUDGET)
