"""What a cell's id depends on, and that ids of cells measured before stay theirs."""

from __future__ import annotations

import dataclasses

from benchmark.core.cell import Cell, Protocol, TaskIdentity
from benchmark.core.serialization import from_plain, to_plain
from benchmark.core.suite import load
from benchmark.data.sources import load_task

TASK = TaskIdentity("scenario", "classes", "accuracy", "f1", "f2", "f3")
PROTOCOL = Protocol("quick", (TASK,), "tiny", "r1", "e1", 1, 32, 32, "best", None)
CELL = Cell(
    protocol=dataclasses.replace(
        PROTOCOL,
        tasks=(load_task(load("quick").tasks[0]).identity,),
        encoder="all-MiniLM-L6-v2",
        encoder_revision="c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
        encoder_sha256="f96559288741c32ca117af3b44b3bfcad526b1d1ed45dff44d84be5cefed5d90",
    ),
    method="finetune",
    parameters=(
        ("dropout", 0.1),
        ("gradient_clip", 1.0),
        ("hidden", 256),
        ("lr", 0.0005),
        ("lr_floor", 0.01),
        ("weight_decay", 0.01),
    ),
    seed=0,
    origin="default",
    device="cpu",
    precision="fp32",
    code="c0de",
    versions=(("torch", "2.13.0"),),
)


def test_the_id_of_a_cell_of_one_task_is_what_it_was_before_there_were_several() -> None:
    # Computed before kinds other than classes existed. A new field of cell, protocol or task must not change it.
    assert (CELL.id, CELL.group, CELL.protocol.id) == ("e94bdac82f1bc709", "7c75982f75fa", "83b501d19143")


def test_the_range_of_numbers_is_part_of_the_id() -> None:
    def id_of(low: float | None, high: float | None) -> str:
        task = TaskIdentity("sts", "pair-regression", "pearson", "f1", "f2", "f3", low, high)
        return dataclasses.replace(PROTOCOL, tasks=(task,)).id

    assert len({id_of(None, None), id_of(0.0, 5.0), id_of(0.0, 4.0), id_of(1.0, 5.0)}) == 4


def test_the_group_leaves_out_the_seed_alone() -> None:
    other = dataclasses.replace(CELL, seed=1)
    assert other.group == CELL.group
    assert other.id != CELL.id
    assert dataclasses.replace(CELL, precision="bf16").group != CELL.group


def test_a_record_with_a_kinds_former_name_belongs_to_the_protocol_of_today() -> None:
    task = TaskIdentity("sts", "pair-regression", "pearson", "a", "b", "c", 0.0, 5.0)
    stored = {**to_plain(task), "kind": "pair-number"}
    assert from_plain(TaskIdentity, stored).kind == "pair-regression"
