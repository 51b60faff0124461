"""From a request to cells: names, values, overrides, order, and what a cell's id depends on."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark.core import registry
from benchmark.core.cell import Cell
from benchmark.core.errors import UsageError
from benchmark.core.parameters import Value
from benchmark.experiment import plan as planning
from benchmark.experiment.plan import Plan, plan
from benchmark.experiment.request import Assignment, Request
from benchmark.model import catalogue
from tests.support.encoders import TinyEncoder

ROOT = Path(__file__).resolve().parents[3]

Planned = Callable[..., Plan]


@pytest.fixture(scope="module")
def planned(tiny_encoder: TinyEncoder) -> Planned:
    """Plans the baseline on the built-in data with a tiny encoder, but for what the caller changes."""
    request = Request(methods=("finetune",), encoder=str(tiny_encoder()), device="cpu")
    return lambda **changes: plan(dataclasses.replace(request, **changes))


@pytest.fixture(scope="module")
def base(planned: Planned) -> Plan:
    return planned()


def given(target: str, *values: str) -> Assignment:
    method, _, parameter = target.rpartition(".")
    return Assignment(method, parameter, ",".join(values))


def settings(made: Plan, *names: str) -> list[tuple[Value, ...]]:
    """The parameters `names` of every cell."""
    return [tuple(dict(cell.parameters)[name] for name in names) for cell in made.cells]


def only(made: Plan) -> Cell:
    (cell,) = made.cells
    return cell


# Names, values and order.


def test_a_suite_says_everything_that_the_request_does_not(base: Plan) -> None:
    suite, cell = base.suite, only(base)
    protocol = cell.protocol
    assert (protocol.suite, protocol.epochs, protocol.batch_size) == ("quick", suite.epochs, suite.batch_size)
    assert (protocol.max_length, protocol.selection, protocol.limit_train) == (32, "best", None)
    assert (cell.seed, cell.origin, cell.device, cell.precision) == (0, "default", "cpu", "fp32")
    assert protocol.tasks == tuple(task.identity for task in base.tasks)
    assert protocol.encoder_sha256 == base.encoder.sha256
    assert dict(cell.parameters)["lr"] == dict(suite.defaults)["lr"]


def test_the_request_overrides_the_suite(planned: Planned) -> None:
    made = planned(epochs=3, batch_size=7, limit_train=50, precision="bf16", max_length=9, selection="last")
    protocol = only(made).protocol
    assert (protocol.epochs, protocol.batch_size, protocol.limit_train) == (3, 7, 50)
    assert (made.budget.epochs, made.budget.batch_size) == (3, 7)
    assert (made.suite.epochs, made.suite.limit_train) == (3, 50)
    assert (protocol.max_length, protocol.selection, made.budget.selection) == (9, "last", "last")
    assert len(made.tasks[0].train) == 50
    assert only(made).precision == "bf16"


def test_all_is_every_registered_name_once_also_when_one_is_named_again(planned: Planned) -> None:
    made = planned(methods=("all", "finetune", "reinit+swa"))
    assert [cell.method for cell in made.cells] == list(registry.names())
    assert len(made.cells) == 18


def test_a_combination_has_one_spelling(planned: Planned) -> None:
    made = planned(methods=("reinit+swa", "swa+reinit", "swa + reinit"))
    assert [cell.method for cell in made.cells] == ["swa+reinit"]
    assert only(planned(methods=("swa+llrd",))).method == "llrd+swa"  # nobody registered it: sorted


def test_seeds_are_outermost_and_methods_keep_their_order(planned: Planned) -> None:
    made = planned(methods=("swa", "finetune"), seeds=(3, 0), assignments=(given("swa.snapshots", "4", "2"),))
    cells = [(cell.seed, cell.method, dict(cell.parameters).get("snapshots")) for cell in made.cells]
    once = [("swa", 4), ("swa", 2), ("finetune", None)]
    assert cells == [(seed, *rest) for seed in (3, 0) for rest in once]
    assert len({cell.id for cell in made.cells}) == 6
    assert len({cell.group for cell in made.cells}) == 3


def test_several_values_are_every_combination(planned: Planned) -> None:
    assignments = (given("lora.rank", "4", "8", "4"), given("lora.lr", "1e-3", "2e-3"))
    made = planned(methods=("lora",), assignments=assignments)
    assert settings(made, "rank", "lr") == list(itertools.product((4, 8), (1e-3, 2e-3)))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("query,value", ["query,value"]),
        ("query,value,all-linear", ["query,value", "all-linear"]),
        ("all-linear,query,value", ["all-linear", "query,value"]),
    ],
)
def test_a_value_may_contain_commas(typed: str, expected: list[str], planned: Planned) -> None:
    made = planned(methods=("lora",), assignments=(given("lora.targets", *typed.split(",")),))
    assert [targets for (targets,) in settings(made, "targets")] == expected


def test_a_value_for_a_part_is_for_every_combination_with_it(planned: Planned) -> None:
    made = planned(methods=("reinit", "swa+reinit", "finetune"), assignments=(given("reinit.layers", "1"),))
    assert [dict(cell.parameters).get("layers") for cell in made.cells] == [1, 1, None]
    assert [cell.origin for cell in made.cells] == ["set", "set", "default"]


@pytest.mark.parametrize("whole", ["swa+reinit", "reinit+swa"])
@pytest.mark.parametrize("last", [True, False], ids=["last", "first"])
def test_a_full_name_outranks_a_part(whole: str, last: bool, planned: Planned) -> None:
    assignments = [given("reinit.std", "0.2"), given(f"{whole}.std", "0.1")]
    made = planned(methods=("reinit", "swa+reinit"), assignments=tuple(assignments if last else assignments[::-1]))
    assert settings(made, "std") == [(0.2,), (0.1,)]


def test_a_full_name_settles_what_its_parts_disagree_on(planned: Planned) -> None:
    assignments = (given("swa.lr", "0.1"), given("reinit.lr", "0.2"), given("swa+reinit.lr", "0.3"))
    made = planned(methods=("swa", "reinit", "swa+reinit"), assignments=assignments)
    assert settings(made, "lr") == [(0.1,), (0.2,), (0.3,)]
    agreed = planned(methods=("swa+reinit",), assignments=(given("swa.lr", "0.1"), given("reinit.lr", "1e-1")))
    assert settings(agreed, "lr") == [(0.1,)]


def test_a_value_that_is_the_default_makes_no_other_cell(planned: Planned, base: Plan) -> None:
    made = planned(assignments=(given("finetune.lr", "5e-4", "0.0005", "1e-4"),))
    assert [cell.id == only(base).id for cell in made.cells] == [True, False]
    assert [cell.origin for cell in made.cells] == ["default", "set"]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"methods": ()}, "no methods: give --methods all"),
    ({"methods": ("finetune", "swp")}, "unknown method 'swp': did you mean 'swa'?"),
    ({"seeds": ()}, "no seeds: give --seeds N"),
    ({"seeds": (0, -1)}, "no seeds: give --seeds N"),
    ({"precision": "fp16"}, "--precision 'fp16': choose one of fp32, bf16"),
    ({"epochs": 0}, "--epochs must be at least 1, not 0"),
    ({"batch_size": 1}, "--batch-size must be at least 2, not 1"),
    ({"limit_train": 0}, "--limit-train must be at least 1, not 0"),
    ({"max_length": 3}, "--max-length must be at least 4, not 3"),
    ({"max_length": 10**6}, "reads at most 128 tokens: give fewer"),
    ({"selection": "first"}, "--selection 'first': choose one of best, last"),
    ({"assignments": (given("finetune.lr", "1e-4", "", "2e-4"),)}, "lr=1e-4,,2e-4 has an empty value"),
    ({"limit_train": 17}, "raise --limit-train to at least 18"),
    ({"device": "tpu"}, "--device 'tpu'"),
    ({"assignments": (given("swa.snapshots", "2"),)}, "--set swa.snapshots: no method of this run contains 'swa'"),
    ({"assignments": (given("finetnue.lr", "1"),)}, "unknown method 'finetnue': did you mean 'finetune'?"),
    ({"assignments": (given("finetune.rank", "2"),)}, "--set finetune.rank: 'finetune' has no such parameter; it has"),
    ({"assignments": (given("finetune.lr", "2"),)}, "--set finetune.lr takes a number above 0 up to 1, not 2.0"),
    (
        {"methods": ("swa+reinit",), "assignments": (given("reinit.nothing", "2"),)},
        "--set reinit.nothing: 'swa+reinit' has no such parameter",
    ),
    (
        {"methods": ("swa+reinit",), "assignments": (given("swa.lr", "0.1"), given("reinit.lr", "0.2"))},
        "--set swa.lr and --set reinit.lr both are about 'swa+reinit': choose, with --set swa+reinit.lr=…",
    ),
    (
        {"methods": ("lora",), "assignments": (given("lora.targets", "query"),)},
        "--set lora.targets takes query,value or all-linear, not 'query'",
    ),
    (
        {"methods": ("reinit",), "assignments": (given("reinit.layers", "3"),)},
        "reinit.layers=3, but the encoder has 2 layers",
    ),
    ({"methods": ("finetune", "schedule+warmup")}, "'schedule' and 'warmup' both say what 'schedule' is to be"),
]


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[message[:50] for _, message in BAD])
def test_what_can_not_be_planned_says_what_to_do(changes: dict[str, Any], message: str, planned: Planned) -> None:
    with pytest.raises(UsageError) as caught:
        planned(**changes)
    assert message in str(caught.value)


def test_a_clash_is_found_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: Any, **__: Any) -> Any:
        pytest.fail("data or encoder were looked for")

    monkeypatch.setattr(planning, "load_task", read)
    monkeypatch.setattr(planning, "resolve", read)
    with pytest.raises(UsageError, match="choose one of them"):
        plan(Request(methods=("finetune", "reinit+lora"), device="cpu"))


# What an id depends on.

CHANGES: dict[str, dict[str, Any]] = {
    "seed": {"seeds": (1,)},
    "method": {"methods": ("swa",)},
    "parameter": {"assignments": (given("finetune.dropout", "0.2"),)},
    "epochs": {"epochs": 2},
    "batch size": {"batch_size": 8},
    "precision": {"precision": "bf16"},
    "length": {"max_length": 9},
    "selection": {"selection": "last"},
    "limit": {"limit_train": 100},
    "smaller limit": {"limit_train": 99},
}


def test_an_id_depends_on_all_that_was_asked(planned: Planned, base: Plan) -> None:
    ids = {"nothing": only(base).id} | {name: only(planned(**changes)).id for name, changes in CHANGES.items()}
    assert len(set(ids.values())) == len(CHANGES) + 1
    assert all(len(found) == 16 for found in ids.values())
    assert only(planned()).id == ids["nothing"]


def test_an_id_depends_on_the_kind_of_device_only(
    planned: Planned, monkeypatch: pytest.MonkeyPatch, base: Plan
) -> None:
    ids = set()
    for device in ("cuda:0", "cuda:1", "cuda"):
        monkeypatch.setattr(planning, "choose_device", lambda _, device=device: device)
        made = planned()
        assert (made.device, only(made).device) == (device, "cuda")
        ids.add(only(made).id)
    assert len(ids) == 1
    assert only(base).id not in ids


def test_an_id_depends_on_versions(planned: Planned, monkeypatch: pytest.MonkeyPatch, base: Plan) -> None:
    monkeypatch.setattr(planning, "versions", lambda: (("torch", "99"),))
    assert only(planned()).id != only(base).id


def test_an_id_depends_on_the_weights_and_not_on_when_they_were_saved(
    planned: Planned, tiny_encoder: TinyEncoder, tmp_path: Path
) -> None:
    def saved(seed: int) -> str:
        shutil.rmtree(tmp_path / "encoder", ignore_errors=True)
        catalogue.file_sha256.cache_clear()  # a process reads a file once: this one stands for several
        return only(planned(encoder=str(tiny_encoder(seed=seed, folder=tmp_path / "encoder")))).id

    assert saved(0) == saved(0) != saved(1)


ROWS = [(f"word {number} of {label}", label) for number in range(6) for label in ("red", "green", "blue")]
SPLITS = {"train": ROWS[:9], "validation": ROWS[9:12], "test": ROWS[12:]}


def write(folder: Path, kind: str, splits: dict[str, list[tuple[str, str]]]) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in splits.items():
        with (folder / f"{name}.{kind}").open("w", encoding="utf-8", newline="") as stream:
            if kind == "csv":
                csv.writer(stream).writerows([("number", "label", "text"), *((7, label, text) for text, label in rows)])
            else:
                stream.writelines(json.dumps({"utterance": text, "intent": label}) + "\n" for text, label in rows)
    return str(folder)


def test_an_id_does_not_depend_on_where_the_same_rows_come_from(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = only(planned(data=write(tmp_path / "lines", "jsonl", SPLITS)))
    table = only(planned(data=write(tmp_path / "elsewhere" / "table", "csv", SPLITS)))
    assert table == lines
    assert table.id == lines.id
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert only(planned(data="table")).id == lines.id


@pytest.mark.parametrize("split", list(SPLITS))
def test_an_id_depends_on_every_row_of_every_split(split: str, planned: Planned, tmp_path: Path) -> None:
    rows = SPLITS[split]
    text, label = rows[0]
    other = "red" if label != "red" else "blue"
    ids = {only(planned(data=write(tmp_path / "same", "jsonl", SPLITS))).id}
    for number, changed in enumerate(([(f"{text}!", label)], [(text, other)], [rows[0], rows[0]])):
        splits = SPLITS | {split: [*changed, *rows[1:]]}
        ids.add(only(planned(data=write(tmp_path / str(number), "jsonl", splits))).id)
    assert len(ids) == 4


IDS = """\
import json, sys
from benchmark.experiment.plan import plan
from benchmark.experiment.request import Request
made = plan(Request(methods=tuple(sys.argv[2:]), encoder=sys.argv[1], device="cpu"))
print(json.dumps({cell.method: cell.id for cell in made.cells}))
"""


@pytest.mark.slow
def test_another_process_has_the_same_ids_but_for_methods_whose_file_was_edited(
    planned: Planned, base: Plan, tmp_path: Path
) -> None:
    """In another folder, with another hash seed, with a copy of the project in which one technique's file differs."""
    names = ("finetune", "llrd+warmup", "swa", "swa+reinit", "zero-shot")
    here = {cell.method: cell.id for cell in planned(methods=names).cells}
    copy, away = tmp_path / "copy", tmp_path / "away"
    away.mkdir()
    for package in ("benchmark", "methods"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    edited = copy / "methods" / "swa.py"
    edited.write_text(edited.read_text(encoding="utf-8") + "\nNEW = 1\n", encoding="utf-8")
    explained = copy / "methods" / "llrd.py"
    text = explained.read_text(encoding="utf-8")
    assert text.startswith('"""')
    explained.write_text('# A remark.\n"""Another word. ' + text[3:], encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-c", IDS, str(base.encoder.folder), *names],
        cwd=away,
        env={**os.environ, "PYTHONPATH": str(copy), "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    )
    there = json.loads(done.stdout)
    assert there.keys() == here.keys()
    assert {name for name in here if there[name] != here[name]} == {"swa", "swa+reinit"}
    assert list(away.iterdir()) == []
