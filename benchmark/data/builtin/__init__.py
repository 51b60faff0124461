"""A small assistant-utterance corpus that the project generates itself, so that it runs without a download.

The corpus has the shape of Amazon MASSIVE (18 scenarios, 60 intents, imbalanced, short lower-case utterances)
but none of its text: ``grammar.toml`` and ``scenarios/*.toml`` hold our own templates and slot values. Each
intent has separate templates for train, validation and test, and the test split also draws slot values that
training never shows. A score on this corpus therefore measures generalisation to other wordings; rows that
merely refill training templates would be solved perfectly by every method and could rank none of them.

Generation is a pure function of the grammar files: the same rows on every machine, Python and hash seed.
"""

from __future__ import annotations

import functools
import itertools
import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal, get_args

from benchmark.data.builtin.draw import pick, rng_for, shuffled

__all__ = ["CORPUS_VERSION", "Corpus", "Utterance", "corpus"]

# Bump this with every change to the rows (grammar, sizes, seed or generator): scores obtained on different
# versions are not comparable. tests/benchmark/data/test_builtin.py asserts a digest of the rows per version.
CORPUS_VERSION = 1

_MIN_WORDS, _MAX_WORDS = 3, 14
_ATTEMPTS_PER_ROW = 50
_PLACEHOLDER = re.compile(r"\{(\w+)\}")

_Split = Literal["train", "validation", "test"]
_SPLITS: tuple[_Split, ...] = get_args(_Split)


@dataclass(frozen=True)
class Utterance:
    """One labelled request to the assistant; ``scenario`` is the part of ``intent`` before the first ``_``."""

    id: str
    text: str
    scenario: str
    intent: str


@dataclass(frozen=True)
class Corpus:
    """The three splits, each in a fixed shuffled order."""

    train: tuple[Utterance, ...]
    validation: tuple[Utterance, ...]
    test: tuple[Utterance, ...]


@functools.cache
def corpus() -> Corpus:
    """Generate the corpus; cached, because every caller gets the same immutable rows."""
    grammar = _load_grammar()
    # Shared by all splits: no text may occur twice, neither within a split nor across two of them.
    seen: set[str] = set()
    return Corpus(**{split: _generate_split(grammar, split, seen) for split in _SPLITS})


@dataclass(frozen=True)
class _Noise:
    """What a speech recogniser adds to or swallows from an utterance, and how often in each split."""

    rate: Mapping[_Split, float]
    openers: tuple[str, ...]
    closers: tuple[str, ...]
    articles: frozenset[str]


@dataclass(frozen=True)
class _Intent:
    name: str
    rows: Mapping[_Split, int]
    templates: Mapping[_Split, tuple[str, ...]]


@dataclass(frozen=True)
class _Grammar:
    intents: tuple[_Intent, ...]
    slots: Mapping[_Split, Mapping[str, tuple[str, ...]]]
    noise: _Noise


def _load_grammar() -> _Grammar:
    shared = _read_toml("grammar.toml")
    intents = tuple(
        _Intent(name, shared["sizes"][entry["size"]], {split: tuple(entry[split]) for split in _SPLITS})
        for scenario in shared["scenarios"]
        for name, entry in _read_toml("scenarios", f"{scenario}.toml").items()
    )
    noise = shared["noise"]
    return _Grammar(
        intents=intents,
        slots={split: _slot_values(shared["slots"], split) for split in _SPLITS},
        noise=_Noise(
            rate=noise["rate"],
            openers=tuple(noise["openers"]),
            closers=tuple(noise["closers"]),
            articles=frozenset(noise["articles"]),
        ),
    )


def _read_toml(*path: str) -> dict[str, Any]:
    return tomllib.loads(files(__name__).joinpath(*path).read_text(encoding="utf-8"))


def _slot_values(slots: Mapping[str, Mapping[str, list[str]]], split: _Split) -> dict[str, tuple[str, ...]]:
    """The values each slot may take in ``split``: only test rows see the ``test_only`` ones."""
    return {
        name: (*values["shared"], *(values["test_only"] if split == "test" else ())) for name, values in slots.items()
    }


def _generate_split(grammar: _Grammar, split: _Split, seen: set[str]) -> tuple[Utterance, ...]:
    rows = [
        (text, intent.name)
        for intent in grammar.intents
        for text in itertools.islice(_texts(grammar, intent, split, seen), intent.rows[split])
    ]
    ordered = shuffled(rng_for(split), rows)
    return tuple(
        Utterance(id=f"{split}-{number:04d}", text=text, scenario=intent.partition("_")[0], intent=intent)
        for number, (text, intent) in enumerate(ordered, start=1)
    )


def _texts(grammar: _Grammar, intent: _Intent, split: _Split, seen: set[str]) -> Iterator[str]:
    """Yield new texts of ``intent``, visiting its templates in turn so that each gets a fair share of the rows.

    Both the clean and the noisy text count as seen: two rows that differ by an "uh" would be one row twice.
    """
    rng = rng_for(split, intent.name)
    templates = itertools.cycle(shuffled(rng, intent.templates[split]))
    for template in itertools.islice(templates, intent.rows[split] * _ATTEMPTS_PER_ROW):
        clean = _fill(template, grammar.slots[split], rng)
        noisy = _add_noise(clean, grammar.noise, grammar.noise.rate[split], rng)
        if seen.isdisjoint((clean, noisy)) and _MIN_WORDS <= len(noisy.split()) <= _MAX_WORDS:
            seen.update((clean, noisy))
            yield noisy
    raise ValueError(f"the {split} templates of {intent.name} are too few for {intent.rows[split]} distinct rows")


def _fill(template: str, slots: Mapping[str, Sequence[str]], rng: random.Random) -> str:
    """Replace the placeholders; one that occurs twice gets two values ("convert euros to euros" is no request)."""
    used: set[str] = set()

    def value(placeholder: re.Match[str]) -> str:
        chosen = pick(rng, [value for value in slots[placeholder[1]] if value not in used])
        used.add(chosen)
        return chosen

    return _PLACEHOLDER.sub(value, template)


def _add_noise(text: str, noise: _Noise, rate: float, rng: random.Random) -> str:
    words = text.split()
    if rng.random() < rate:
        article = next((index for index, word in enumerate(words) if word in noise.articles), len(words))
        del words[article : article + 1]
    # A filler that repeats a word of the utterance ("hey hey how is it going") would read as a stutter.
    if rng.random() < rate and words[0] not in (opener := pick(rng, noise.openers).split()):
        words = opener + words
    if rng.random() < rate and words[-1] not in (closer := pick(rng, noise.closers).split()):
        words = words + closer
    return " ".join(words)
