"""What all tests share: no network, one thread, tiny encoders made on the spot, the way to real data.

The environment is set when this file is imported, which is before any test imports torch or transformers, and the
processes that tests start inherit it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from benchmark.core.record import Watcher
    from benchmark.data.task import Task
    from benchmark.model.model import Model
    from benchmark.train.run import Run

os.environ.update(
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_OFFLINE="1",
    MKL_NUM_THREADS="1",
    OMP_NUM_THREADS="1",
    TOKENIZERS_PARALLELISM="false",
)
os.environ.pop("MLFLOW_TRACKING_URI", None)  # a test that writes records says where

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure(config: pytest.Config) -> None:
    """Give the session an empty Hugging Face cache, so that no test depends on what was downloaded before.

    And let Ctrl-C work: a shell starts background commands with SIGINT ignored, and what they start inherits that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):  # the first process; its workers inherit the variable
        cache = tempfile.TemporaryDirectory(prefix="bench-tests-")
        config.add_cleanup(cache.cleanup)
        os.environ["HF_HOME"] = cache.name


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Say so when torch was imported before the environment could limit its threads, or a test raised the limit."""
    yield
    if torch := sys.modules.get("torch"):
        assert torch.get_num_threads() == 1


@pytest.fixture
def own_registry() -> Iterator[None]:
    """What the test registers is forgotten after it."""
    from benchmark.core import registry

    with registry.isolated():
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data beside the checkout; a test that needs it is skipped where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs ../shared/data (real data is not part of the project)")
    return folder


class TinyEncoder(Protocol):
    """Makes a folder as `save_pretrained` leaves it: a random encoder of hidden size 32, and its tokenizer."""

    def __call__(
        self,
        kind: str = "bert",
        *,
        layers: int = 2,
        texts: Iterable[str] | None = None,
        seed: int = 0,
        folder: Path | None = None,
    ) -> Path:
        """Return the folder of a `kind` (bert, distilbert, roberta) with `layers` layers.

        Its vocabulary holds the words of `texts` (none: of the built-in corpus). The same arguments give the same
        bytes. Without `folder` it is made once per session, to be read only.
        """


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> TinyEncoder:
    """A factory of tiny random encoders."""
    made: dict[Any, Path] = {}

    def make(
        kind: str = "bert",
        *,
        layers: int = 2,
        texts: Iterable[str] | None = None,
        seed: int = 0,
        folder: Path | None = None,
    ) -> Path:
        lines = None if texts is None else tuple(texts)
        if folder is not None:
            return _save_encoder(folder, kind, layers, lines, seed)
        key = (kind, layers, lines, seed)
        if key not in made:
            made[key] = _save_encoder(tmp_path_factory.mktemp(f"tiny-{kind}"), kind, layers, lines, seed)
        return made[key]

    return make


def _save_encoder(folder: Path, kind: str, layers: int, texts: tuple[str, ...] | None, seed: int) -> Path:
    import torch
    import transformers

    lines = _corpus_texts() if texts is None else texts
    tokenizer = _byte_pairs(lines) if kind == "roberta" else _word_pieces(kind, lines)
    size: dict[str, Any] = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    wide: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
    }
    config = {
        "bert": lambda: transformers.BertConfig(**size, **wide, max_position_embeddings=128),
        "distilbert": lambda: transformers.DistilBertConfig(
            **size, dim=32, hidden_dim=64, n_layers=layers, n_heads=4, max_position_embeddings=128
        ),
        # Positions start behind the padding id, 1: two more than can be used.
        "roberta": lambda: transformers.RobertaConfig(**size, **wide, max_position_embeddings=130, type_vocab_size=1),
    }[kind]()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.AutoModel.from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _corpus_texts() -> tuple[str, ...]:
    from benchmark.data.builtin import corpus

    return tuple(row.text for row in (*corpus().train, *corpus().validation))


def _word_pieces(kind: str, texts: tuple[str, ...]) -> Any:
    """A WordPiece tokenizer that knows every word of `texts`, and letters and digits to spell any other."""
    import transformers

    words = {word for text in texts for word in re.findall(r"\w+|[^\w\s]", text.lower())}
    letters = {letter for word in words for letter in word} | set("abcdefghijklmnopqrstuvwxyz0123456789")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*special, *sorted(letters | words), *sorted(f"##{letter}" for letter in letters)]
    kinds = {"bert": transformers.BertTokenizer, "distilbert": transformers.DistilBertTokenizer}
    return kinds[kind](vocab={piece: number for number, piece in enumerate(pieces)}, model_max_length=128)


def _byte_pairs(texts: tuple[str, ...]) -> Any:
    """A byte-level BPE tokenizer with the pairs that occur most often in `texts`."""
    import tokenizers
    import transformers

    trained = tokenizers.ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trained.train_from_iterator(texts, vocab_size=800, min_frequency=2, special_tokens=special, show_progress=False)
    model = json.loads(trained.to_str())["model"]
    merges: Any = [tuple(pair) for pair in model["merges"]]
    return transformers.RobertaTokenizer(vocab=model["vocab"], merges=merges, model_max_length=128)


@dataclass(frozen=True)
class Lab:
    """All that a method needs to be fitted within a second: four scenarios of the built-in corpus, a tiny encoder."""

    encoders: TinyEncoder
    cache: Path

    def task(self, train: int = 40, validation: int = 20, test: int = 20) -> Task:
        """Return a task with so many rows of four classes."""
        from benchmark.data.builtin import corpus
        from benchmark.data.task import Example, RawData, make_task

        def rows(name: str, count: int) -> tuple[Example, ...]:
            classes = ("alarm", "calendar", "play", "weather")
            found = [row for row in getattr(corpus(), name) if row.scenario in classes][:count]
            assert len(found) == count
            return tuple(Example(row.id, (row.text,), row.scenario) for row in found)

        splits = (rows("train", train), rows("validation", validation), rows("test", test))
        return make_task("scenario", "classes", "accuracy", RawData(*splits, source="built-in", synthetic=True))

    def tasks(self, train: int = 24) -> tuple[Task, ...]:
        """Return the tasks of the suite quick-tasks, `train` training rows each: a sentence, pairs, similarity."""
        from benchmark.core.suite import load
        from benchmark.data.sources import load_task

        return tuple(load_task(spec, limit_train=train) for spec in load("quick-tasks").tasks)

    def run(
        self,
        seed: int = 0,
        *,
        kind: str = "bert",
        layers: int = 2,
        epochs: int = 2,
        batch_size: int = 8,
        selection: str = "last",
        precision: str = "fp32",
        forward: str = "packed",
        watcher: Watcher | None = None,
    ) -> Run:
        """Return surroundings with a tiny encoder; without a `watcher`, a collector of their own watches."""
        from benchmark.core.seeds import Streams
        from benchmark.data.tokens import TokenCache
        from benchmark.experiment.collector import Collector
        from benchmark.model.catalogue import resolve
        from benchmark.train.recipe import Budget
        from benchmark.train.run import Run

        return Run(
            streams=Streams(seed),
            encoder=resolve(str(self.encoders(kind, layers=layers))),
            budget=Budget(epochs, batch_size, selection),
            max_length=32,
            device="cpu",
            precision=precision,
            cache=TokenCache(self.cache),
            watcher=watcher or Collector(),
            forward=forward,
        )

    def model(self, kind: str = "bert", layers: int = 2) -> Model:
        """Return a fresh tiny encoder without heads."""
        from benchmark.model.model import Model

        return Model(self.run(kind=kind, layers=layers).load_encoder())


@pytest.fixture(scope="session")
def lab(tiny_encoder: TinyEncoder, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Where methods are tried on forty rows."""
    return Lab(tiny_encoder, tmp_path_factory.mktemp("cache"))
