"""The built-in corpus must be exactly reproducible and its test split must really be unseen."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import re
import subprocess
import sys
import tomllib
from collections import Counter
from importlib.resources import files
from typing import Any

import pytest

from benchmark.data import builtin
from benchmark.data.builtin import CORPUS_VERSION, Corpus, Utterance, corpus

SIZES = {"train": 1000, "validation": 300, "test": 600}
SPLITS = tuple(SIZES)

# One digest per published version: when the rows change, bump CORPUS_VERSION and add the new digest here.
DIGESTS = {1: "300ad916db4f4af3c8485937edc34a025728fe280ee13f306a2777fe193671f0"}


def rows_of(split: str) -> tuple[Utterance, ...]:
    rows: tuple[Utterance, ...] = getattr(corpus(), split)
    return rows


def digest_of(generated: Corpus) -> str:
    rows = (*generated.train, *generated.validation, *generated.test)
    lines = "".join(f"{row.id}\t{row.text}\t{row.scenario}\t{row.intent}\n" for row in rows)
    return hashlib.sha256(lines.encode()).hexdigest()


def read_toml(*path: str) -> dict[str, Any]:
    return tomllib.loads(files(builtin).joinpath(*path).read_text(encoding="utf-8"))


def read_intents() -> dict[str, dict[str, Any]]:
    tables = (read_toml("scenarios", f"{name}.toml") for name in read_toml("grammar.toml")["scenarios"])
    return {intent: entry for table in tables for intent, entry in table.items()}


def templates_of(split: str) -> set[str]:
    """The templates with their slot names blanked: "wake me {day}" and "wake me {when}" are one wording."""
    return {re.sub(r"\{\w+\}", "{}", template) for entry in read_intents().values() for template in entry[split]}


def test_rows_are_those_of_the_declared_version() -> None:
    assert digest_of(corpus()) == DIGESTS[CORPUS_VERSION]


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_rows_do_not_depend_on_hash_randomisation(hash_seed: str) -> None:
    program = "from benchmark.data.builtin import corpus; print(*(row.text for row in corpus().test), sep='\\n')"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines() == [row.text for row in rows_of("test")]


def test_generation_neither_reads_nor_moves_the_global_random_state() -> None:
    before = random.getstate()
    assert corpus.__wrapped__() == corpus()
    assert random.getstate() == before


def test_corpus_is_generated_once() -> None:
    assert corpus() is corpus()


@pytest.mark.parametrize("split", SPLITS)
def test_split_has_its_size_and_numbered_ids(split: str) -> None:
    assert [row.id for row in rows_of(split)] == [f"{split}-{n:04d}" for n in range(1, SIZES[split] + 1)]


@pytest.mark.parametrize("split", SPLITS)
def test_every_split_has_all_labels(split: str) -> None:
    rows = rows_of(split)
    assert {row.intent for row in rows} == set(read_intents())
    assert len({row.intent for row in rows}) == 60
    assert {row.scenario for row in rows} == set(read_toml("grammar.toml")["scenarios"])
    assert len({row.scenario for row in rows}) == 18
    assert all(row.intent.startswith(f"{row.scenario}_") for row in rows)


def test_classes_are_imbalanced_like_real_requests() -> None:
    counts = Counter(row.intent for row in rows_of("train"))
    assert min(counts.values()) == 5
    assert max(counts.values()) == 34


@pytest.mark.parametrize("split", SPLITS)
def test_rows_are_shuffled(split: str) -> None:
    intents = [row.intent for row in rows_of(split)]
    same_as_next = sum(one == other for one, other in itertools.pairwise(intents))
    assert same_as_next < len(intents) / 10


@pytest.mark.parametrize("split", SPLITS)
def test_texts_look_like_transcribed_speech(split: str) -> None:
    for row in rows_of(split):
        assert re.fullmatch(r"[a-z]+( [a-z]+){2,13}", row.text), row


def test_no_text_occurs_twice() -> None:
    counts = Counter(row.text for split in SPLITS for row in rows_of(split))
    assert [text for text, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("split", ["train", "validation"])
def test_templates_of_the_test_split_are_its_own(split: str) -> None:
    assert templates_of("test").isdisjoint(templates_of(split))


def test_templates_of_the_validation_split_are_its_own() -> None:
    assert templates_of("validation").isdisjoint(templates_of("train"))


def test_every_slot_is_used_and_keeps_values_back_for_the_test_split() -> None:
    slots = read_toml("grammar.toml")["slots"]
    templates = [text for entry in read_intents().values() for split in SPLITS for text in entry[split]]
    assert {name for text in templates for name in re.findall(r"\{(\w+)\}", text)} == set(slots)
    for name, values in slots.items():
        assert values["test_only"], name
        assert set(values["shared"]).isdisjoint(values["test_only"]), name


@pytest.mark.parametrize("split", ["train", "validation"])
def test_values_kept_for_the_test_split_stay_out_of_the_others(split: str) -> None:
    texts = " | ".join(row.text for row in rows_of(split))
    for value in ("nina simone", "manic monday", "coffee filters", "lisbon", "filibuster"):
        assert value not in texts
