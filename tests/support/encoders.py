"""Tiny random encoders with tokenizers of their own, saved as folders.

torch and transformers are imported in the functions: `tests/conftest.py`, which imports this, sets their threads first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol


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


def save_encoder(folder: Path, kind: str, layers: int, texts: tuple[str, ...] | None, seed: int) -> Path:
    """Make and save the encoder of `TinyEncoder`, and return its folder."""
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
