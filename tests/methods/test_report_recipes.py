"""Every row of the five reports as a command: planned as it is written, and trained, on tiny data and encoders.

Where a report leaves something open, the project's default stands; where it contradicts itself, its methods section.
Data and encoders of the reports' suites are replaced by tiny ones, and their commands are otherwise run word by word.
"""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from benchmark.cli.main import main

GAG = (
    "--suite massive-scenario --epochs 10 --batch-size 16 --set schedule.shape=cosine --set schedule.stepped=epoch "
    "--set schedule.period=10 --set schedule.floor=0.01 --set schedule.optimizer=adam --set schedule.weight_decay=0 "
    "--set schedule.gradient_clip=none --set schedule.head_projection=256"
)
GAG_SWA = "--set swa.swa_start=0.75 --set swa.swa_lr=3 --set swa.swa_anneal_epochs=10 --set swa.snapshots=3"
GAG_CONTRASTIVE = "--set {0}.contrastive_batch_size=128 --set {0}.projection=linear --set {0}.normalise=input"
ISAYAMA = (
    "--suite massive-scenario --epochs 10 --batch-size 16 --max-length 20 --set {0}.hidden=10 --set {0}.dropout=0.9 "
    "--set {0}.gradient_clip=none"
)
ISAYAMA_SWA = "--set swa.swa_start=0.75 --set swa.swa_lr=0.1 --set swa.swa_anneal_epochs=5 --set swa.snapshots=3"
YANG = "--suite massive-scenario --epochs 10 --batch-size 16 --max-length 128 --set {0}.gradient_clip=none"
YANG_TWO = (
    "--set {0}.projection=linear --set {0}.lr=1e-4 --set {0}.contrastive_epochs=10 --set {0}.freeze=false "
    "--set {0}.classifier_epochs=10 --set {0}.classifier_lr=5e-5"
)
ZHENG = "--suite massive-intent --epochs 10 --set {0}.hidden=10 --set {0}.dropout=0.9 --set {0}.gradient_clip=none"
ZHENG_LLRD = "--set llrd.decay=0.9 --set llrd.head_lr=0.01 --set llrd.head_decay=0.9"
VELA = "--suite cs224n --set {0}.optimizer=adam --set {0}.weight_decay=0 --set {0}.gradient_clip=none"
VELA_LINEAR = "--set {0}.head=linear --set {0}.representation=pooler --set {0}.select_by=loss"
VELA_HEADS = "--set layer-heads.heads=sst=layer:8,model:2;quora=layer:2,model:2;sts=layer:12"

RECIPES: dict[str, str] = {
    # gag-2025 (the widths of projection and hidden layer, the dropout and LoRA's alpha aren't reported)
    "gag-2025 before fine-tuning": "--methods zero-shot --suite massive-scenario --set zero-shot.head_projection=256",
    "gag-2025 baseline": f"--methods schedule {GAG}",
    "gag-2025 baseline, step schedule": "--methods schedule --suite massive-scenario --set schedule.shape=step "
    "--set schedule.stepped=step --set schedule.period=3 --set schedule.optimizer=adam",
    "gag-2025 baseline, batch size 32": f"--methods schedule {GAG} --batch-size 32",
    "gag-2025 swa": f"--methods schedule+swa {GAG} {GAG_SWA}",
    "gag-2025 reinit": f"--methods schedule+reinit {GAG} --set reinit.layers=2,4,6,8 --set reinit.std=0.2",
    "gag-2025 swa + reinit": f"--methods schedule+swa+reinit {GAG} {GAG_SWA} --set reinit.std=0.2",
    "gag-2025 lora": f"--methods schedule+lora {GAG} --set lora.rank=2,8,16,32 --set schedule+lora.lr=1e-4",
    "gag-2025 supcon": f"--methods schedule+supcon {GAG} {GAG_CONTRASTIVE.format('supcon')} "
    "--set supcon.contrastive_epochs=5 --set supcon.lr=1e-4 --set supcon.classifier_epochs=20 "
    "--set supcon.classifier_lr=1e-4",
    "gag-2025 simclr": f"--methods schedule+simclr {GAG} {GAG_CONTRASTIVE.format('simclr')} "
    "--set simclr.contrastive_epochs=3 --set simclr.lr=1e-5 --set simclr.classifier_epochs=20 "
    "--set simclr.classifier_lr=1e-3",
    # isayama-2025 (its baseline has no schedule)
    "isayama-2025 before fine-tuning": "--methods zero-shot --suite massive-scenario --max-length 20 "
    "--set zero-shot.hidden=10",
    "isayama-2025 baseline": f"--methods schedule {ISAYAMA.format('schedule')} --set schedule.shape=constant",
    "isayama-2025 schedule": f"--methods schedule {ISAYAMA.format('schedule')} --set schedule.warmup_steps=0",
    "isayama-2025 swa": f"--methods schedule+swa {ISAYAMA.format('schedule')} --set schedule.shape=constant "
    f"{ISAYAMA_SWA}",
    "isayama-2025 schedule + swa": f"--methods schedule+swa {ISAYAMA.format('schedule')} {ISAYAMA_SWA}",
    "isayama-2025 lora": f"--methods schedule+lora {ISAYAMA.format('lora')} --set schedule.shape=constant "
    "--set lora.rank=20,30 --set lora.lr=1e-4",
    "isayama-2025 supcon": f"--methods supcon {ISAYAMA.format('supcon')} --set supcon.temperature=0.07",
    "isayama-2025 simclr": f"--methods simclr {ISAYAMA.format('simclr')} --set simclr.temperature=0.07 "
    "--set simclr.lr=1e-4",
    # yang-2025 (left truncation: --encoder FOLDER, whose tokenizer_config.json has "truncation_side": "left")
    "yang-2025 before fine-tuning": "--methods zero-shot --suite massive-scenario --max-length 128",
    "yang-2025 baseline": f"--methods schedule {YANG.format('schedule')} --set schedule.lr=2e-5 "
    "--set schedule.epsilon=1e-8",
    "yang-2025 llrd": f"--methods llrd+schedule {YANG.format('llrd')} --set llrd.decay=0.8 --set llrd.lr=0.5e-4",
    "yang-2025 warmup": f"--methods warmup {YANG.format('warmup')} --set warmup.warmup_fraction=0.1 "
    "--set warmup.lr=0.5e-4",
    "yang-2025 llrd + warmup": f"--methods llrd+warmup {YANG.format('llrd')} --set llrd.decay=0.8 --set llrd.lr=0.5e-4",
    "yang-2025 supcon": f"--methods schedule+supcon {YANG.format('supcon')} {YANG_TWO.format('supcon')} "
    "--set supcon.temperature=0.07 --set supcon.contrastive_dropout=0.3 --set supcon.contrastive_batch_size=16,32",
    "yang-2025 simclr": f"--methods schedule+simclr {YANG.format('simclr')} {YANG_TWO.format('simclr')} "
    "--set simclr.temperature=0.1 --set simclr.contrastive_dropout=0.2 --set simclr.contrastive_batch_size=32",
    "yang-2025 lora": f"--methods schedule+lora {YANG.format('lora')} --set lora.targets=all-linear "
    "--set lora.rank=4,8,16 --set lora.lr=2e-5",
    # zheng-2024
    "zheng-2024 before fine-tuning": "--methods zero-shot --suite massive-intent --set zero-shot.hidden=10",
    "zheng-2024 baseline": f"--methods schedule {ZHENG.format('schedule')} --batch-size 16 --set schedule.shape=cosine "
    "--set schedule.stepped=epoch --set schedule.period=10 --set schedule.floor=0.01",
    "zheng-2024 llrd": f"--methods llrd+schedule {ZHENG.format('llrd')} --batch-size 16 --set schedule.shape=constant "
    f"{ZHENG_LLRD}",
    "zheng-2024 warmup": f"--methods warmup {ZHENG.format('warmup')} --batch-size 16 --set warmup.warmup_fraction=0.2",
    "zheng-2024 llrd + warmup": f"--methods llrd+warmup {ZHENG.format('llrd')} --batch-size 16 {ZHENG_LLRD} "
    "--set warmup.warmup_fraction=0.2",
    "zheng-2024 supcon": f"--methods llrd+supcon+warmup {ZHENG.format('supcon')} --batch-size 64 {ZHENG_LLRD} "
    "--set warmup.warmup_fraction=0.2 --set supcon.lr=1e-4 --set supcon.classifier_lr=1e-4 "
    "--set supcon.classifier_epochs=10",
    "zheng-2024 simclr": f"--methods llrd+simclr+warmup {ZHENG.format('simclr')} --batch-size 256 "
    "--set simclr.optimizer=sgd --set simclr.momentum=0.99 --set simclr.lr=1e-5 --set simclr.contrastive_epochs=13 "
    "--set simclr.classifier_lr=1e-2 --set simclr.classifier_epochs=20 --set warmup.warmup_fraction=0.2 "
    "--set llrd.head_lr=1e-5 --set llrd.head_decay=0.9",
    "cosine that rises again": f"--methods schedule+supcon {ZHENG.format('supcon')} --set schedule.shape=cosine "
    "--set schedule.stepped=epoch --set schedule.period=10 --set schedule.floor=0.01 --set supcon.classifier_epochs=20",
    "warm-up of 2 of 10 epochs, then a cosine": f"--methods warmup {ZHENG.format('warmup')} "
    "--set warmup.warmup_fraction=0.2 --set warmup.after_warmup=cosine",
    # vela-2024
    "vela-2024 table 2": f"--methods multitask {VELA.format('multitask')} {VELA_LINEAR.format('multitask')} --epochs 1 "
    "--set multitask.dropout=0.3,0.5,0.7 --set multitask.lr=1e-3,1e-5,1e-7,1e-9",
    "vela-2024 table 3": f"--methods multitask {VELA.format('multitask')} {VELA_LINEAR.format('multitask')} --epochs 3 "
    "--set multitask.lr=0.01,0.001,1e-5",
    "vela-2024 table 4": f"--methods pcgrad {VELA.format('pcgrad')} {VELA_LINEAR.format('pcgrad')} --epochs 10 "
    "--set pcgrad.surgery_epochs=3",
    "vela-2024 simcse": f"--methods simcse {VELA.format('simcse')} {VELA_LINEAR.format('simcse')}",
    "vela-2024 layer utility": "--methods probe --suite cs224n --epochs 10 --set probe.probe_lr=1e-5",
    **{
        f"vela-2024 layer utility, {blocks}": "--methods probe --suite cs224n --epochs 10 --set probe.probe_lr=1e-5 "
        f"--set probe.blocks={blocks}"
        for blocks in ("random:1", "model:1", "model:1,random:1", "model:2", "model:2,random:1")
    },
    "vela-2024 table 5, full model": f"--methods layer-heads+multitask {VELA.format('layer-heads')} --epochs 1 "
    f"{VELA_HEADS} --set layer-heads.select_by=loss --set layer-heads.lr=1e-5 --set layer-heads.dropout=0.3",
    "vela-2024 table 5, last layer": f"--methods layer-heads+multitask {VELA.format('layer-heads')} --epochs 10 "
    f"{VELA_HEADS} --set layer-heads.select_by=loss --set layer-heads.freeze=true --set layer-heads.lr=1e-5",
    # beyond the reports: phases of one technique after another's
    "simcse, then reinit": "--methods simcse+reinit --suite massive-scenario",
    "simcse, then simclr": "--methods simcse+simclr --suite massive-scenario --set simcse.temperature=0.05 "
    "--set simclr.temperature=0.1 --set simcse+simclr.simcse.projection=none",
}
TINY_TASKS = {"sst": "sentiment", "quora": "paraphrase", "sts": "similarity"}


@pytest.fixture(scope="module")
def replaced(lab: Any, tiny_encoder: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Puts tiny data and an encoder of twelve layers in the place of a command's own."""
    folder, store = tmp_path_factory.mktemp("rows"), f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"
    task = lab.task(train=20, validation=8, test=8)
    for split in task.splits:
        lines = [
            json.dumps({"id": name, "text": text, "label": task.head.classes[label]})
            for name, (text,), label in zip(split.ids, split.texts, split.labels, strict=True)
        ]
        (folder / f"{split.name}.jsonl").write_text("\n".join(lines), encoding="utf-8")

    def words(command: str) -> list[str]:
        given = shlex.split(command.replace(";", r"\;"))
        if "cs224n" in given:
            given[given.index("cs224n")] = "quick-tasks"
            for name, tiny in TINY_TASKS.items():
                given = [word.replace(f"{name}=", f"{tiny}=") for word in given]
        else:
            given += ["--data", str(folder)]
        return [*given, "--encoder", str(tiny_encoder(layers=12)), "--limit-train", "16", "--device", "cpu",
                "--tracking-uri", store]  # fmt: skip

    return words


def test_all_five_reports_are_there() -> None:
    reports = {name.split(" ")[0] for name in RECIPES}
    assert {"gag-2025", "isayama-2025", "yang-2025", "zheng-2024", "vela-2024"} <= reports
    assert len(RECIPES) >= 45


@pytest.mark.parametrize("name", RECIPES)
def test_it_is_planned_as_written(replaced: Any, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", *replaced(RECIPES[name]), "--dry-run"]) == 0, capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_it_is_trained(replaced: Any, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", *_one_value(replaced(RECIPES[name])), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {record["status"] for record in found["records"]} == {"done"}


def _one_value(words: list[str]) -> list[str]:
    """`words` with the first of several numbers alone: one cell of each command is trained."""
    shortened = []
    for word in words:
        target, equals, values = word.partition("=")
        numbers = equals and "." in target and all(part.strip()[:1].isdigit() for part in values.split(","))
        shortened.append(f"{target}={values.split(',')[0]}" if numbers else word)
    return shortened
