"""Packed tokens by hand, and a cache that may be absent, torn or unwritable but never wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.data.tokens import TokenCache, Tokens, cache_folder


def lists_of(tokens: Tokens) -> list[list[int]]:
    return [tokens.flat[a:b].tolist() for a, b in zip(tokens.offsets, tokens.offsets[1:], strict=False)]


class Letters:
    """One token per letter, cut at three; counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, texts: Sequence[str]) -> tuple[list[list[int]], int]:
        self.calls += 1
        return [[ord(letter) for letter in text[:3]] for text in texts], sum(len(text) > 3 for text in texts)


class TestTokens:
    def test_packs(self) -> None:
        tokens = Tokens.of([[5, 6], [7], [], [8, 9, 10]], truncated=1)
        assert tokens.flat.tolist() == [5, 6, 7, 8, 9, 10]
        assert tokens.offsets.tolist() == [0, 2, 3, 3, 6]
        assert tokens.lengths.tolist() == [2, 1, 0, 3]
        assert len(tokens) == 4
        assert tokens.truncated == 1

    def test_takes_rows_in_the_order_asked_and_more_than_once(self) -> None:
        tokens = Tokens.of([[5, 6], [7], [8, 9, 10]])
        assert lists_of(tokens.take(np.array([2, 0, 2]))) == [[8, 9, 10], [5, 6], [8, 9, 10]]
        assert lists_of(tokens.take(np.array([1]))) == [[7]]
        assert lists_of(tokens.take(np.array([], dtype=np.int64))) == []

    def test_pads_on_the_right_no_further_than_the_longest(self) -> None:
        ids, mask = Tokens.of([[5, 6], [7], [8, 9, 10]]).padded(pad=0)
        assert ids.tolist() == [[5, 6, 0], [7, 0, 0], [8, 9, 10]]
        assert mask.tolist() == [[1, 1, 0], [1, 0, 0], [1, 1, 1]]
        assert ids.dtype == mask.dtype == np.int64

    def test_pads_with_the_id_it_is_given(self) -> None:
        ids, mask = Tokens.of([[1], [1, 1]]).padded(pad=1)  # the mask comes from lengths: a token may look like padding
        assert ids.tolist() == [[1, 1], [1, 1]]
        assert mask.tolist() == [[1, 0], [1, 1]]

    def test_a_batch_is_padded_by_its_own_longest_row(self) -> None:
        tokens = Tokens.of([[5, 6], [7], [8, 9, 10]])
        assert tokens.take(np.array([1, 0])).padded(0)[0].shape == (2, 2)

    @given(st.lists(st.lists(st.integers(1, 99), max_size=6), min_size=1, max_size=8), st.data())
    def test_taking_and_padding_lose_nothing(self, lists: list[list[int]], data: st.DataObject) -> None:
        rows = data.draw(st.lists(st.integers(0, len(lists) - 1), max_size=10))
        taken = Tokens.of(lists).take(np.array(rows, dtype=np.int64))
        ids, mask = taken.padded(0)
        assert lists_of(taken) == [lists[row] for row in rows]
        assert [ids[i, mask[i] == 1].tolist() for i in range(len(rows))] == [lists[row] for row in rows]
        assert not ids[mask == 0].any()


class TestCache:
    TEXTS = ("one", "three", "five")

    def get(
        self, cache: TokenCache, encode: Any, texts: Sequence[str] = TEXTS, name: str = "t", length: int = 3
    ) -> Tokens:
        return cache.get(texts, name, length, encode)

    def files(self, folder: Path) -> list[Path]:
        return sorted(path for path in folder.rglob("*") if path.is_file())

    def test_tokenises_once_in_a_process_and_once_on_disk(self, tmp_path: Path) -> None:
        encode = Letters()
        cache = TokenCache(tmp_path)
        first = self.get(cache, encode)
        assert self.get(cache, encode) is first
        stored = self.get(TokenCache(tmp_path), encode)
        assert encode.calls == 1
        assert (
            lists_of(stored) == lists_of(first) == [[ord(letter) for letter in text] for text in ("one", "thr", "fiv")]
        )
        assert stored.truncated == first.truncated == 2
        assert (stored.flat.dtype, stored.offsets.dtype) == (np.int32, np.int64)

    @pytest.mark.parametrize(
        ("texts", "name", "length"),
        [
            (("one", "three", "fivE"), "t", 3),
            (("one", "five", "three"), "t", 3),
            (("one", "threefive"), "t", 3),
            (("onet", "hree", "five"), "t", 3),
            (TEXTS, "other tokenizer", 3),
            (TEXTS, "t", 2),
        ],
    )
    def test_other_texts_tokenizer_or_length_are_other_entries(
        self, tmp_path: Path, texts: Sequence[str], name: str, length: int
    ) -> None:
        encode = Letters()
        self.get(TokenCache(tmp_path), encode)
        self.get(TokenCache(tmp_path), encode, texts, name, length)
        assert encode.calls == 2
        assert len(self.files(tmp_path)) == 2

    @pytest.mark.parametrize("keep", [0, 1, 100, -30])
    def test_a_torn_file_is_made_again(self, tmp_path: Path, keep: int) -> None:
        encode = Letters()
        whole = lists_of(self.get(TokenCache(tmp_path), encode))
        (file,) = self.files(tmp_path)
        bytes_of = file.read_bytes()
        file.write_bytes(bytes_of[:keep])
        assert lists_of(self.get(TokenCache(tmp_path), encode)) == whole
        assert encode.calls == 2
        assert self.files(tmp_path) == [file]
        assert lists_of(self.get(TokenCache(tmp_path), encode)) == whole
        assert encode.calls == 2

    @pytest.mark.parametrize("place", range(0, 900, 25))
    def test_a_flipped_bit_anywhere_is_noticed(self, tmp_path: Path, place: int) -> None:
        encode = Letters()
        whole = lists_of(self.get(TokenCache(tmp_path), encode))
        (file,) = self.files(tmp_path)
        content = bytearray(file.read_bytes())
        content[place % len(content)] ^= 1
        file.write_bytes(content)
        assert lists_of(self.get(TokenCache(tmp_path), encode)) == whole
        assert encode.calls == 2

    def test_a_foreign_file_under_its_name_is_made_again(self, tmp_path: Path) -> None:
        """Whole, and of as many texts, but of others; an archive of something else; a folder; a pipe."""
        encode = Letters()
        whole = lists_of(self.get(TokenCache(tmp_path), encode))
        (file,) = self.files(tmp_path)
        self.get(TokenCache(tmp_path), encode, ("two", "four", "six"))
        (other,) = set(self.files(tmp_path)) - {file}
        other.replace(file)
        assert lists_of(self.get(TokenCache(tmp_path), encode)) == whole
        with file.open("wb") as stream:
            np.savez(stream, flat=np.ones(3), offsets=np.arange(4), truncated=np.int64(0))
        assert lists_of(self.get(TokenCache(tmp_path), encode)) == whole
        file.unlink()
        os.mkfifo(file)
        assert lists_of(self.get(TokenCache(tmp_path), encode)) == whole
        file.unlink()
        file.mkdir()
        with pytest.warns(UserWarning, match="tokens are not cached"):
            assert lists_of(self.get(TokenCache(tmp_path), encode)) == whole
        assert encode.calls == 6

    def test_what_is_handed_out_can_not_be_written_to(self, tmp_path: Path) -> None:
        for _ in range(2):  # made, then read
            tokens = self.get(TokenCache(tmp_path), Letters())
            for array in (tokens.flat, tokens.offsets):
                with pytest.raises(ValueError, match="read-only"):
                    array[0] = 1
            tokens.take(np.array([0, 1])).flat[0] = 1  # a copy
            assert tokens.flat[0] == ord("o")

    def test_texts_with_broken_characters_have_a_key(self, tmp_path: Path) -> None:
        assert len(self.get(TokenCache(tmp_path), lambda texts: ([[1] for _ in texts], 0), ("\ud800", "x"))) == 2

    def test_leaves_no_half_file(self, tmp_path: Path) -> None:
        self.get(TokenCache(tmp_path), Letters())
        assert [file.suffix for file in self.files(tmp_path)] == [".tokens"]

    def test_an_unwritable_folder_costs_time_and_not_the_result(self, tmp_path: Path) -> None:
        (tmp_path / "tokens").write_text("a file where the folder should be")
        encode = Letters()
        with pytest.warns(UserWarning, match="tokens are not cached"):
            tokens = self.get(TokenCache(tmp_path), encode)
        assert lists_of(tokens)[0] == [ord(letter) for letter in "one"]
        with pytest.warns(UserWarning, match="tokens are not cached"):
            self.get(TokenCache(tmp_path), encode)
        assert encode.calls == 2

    def test_a_full_disk_leaves_no_half_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(file: Path, content: bytes) -> int:
            with file.open("wb") as stream:
                stream.write(content[:4])
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_bytes", full)
        with pytest.warns(UserWarning, match="No space left"):
            assert len(self.get(TokenCache(tmp_path), Letters())) == 3
        assert self.files(tmp_path) == []

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
    def test_a_read_only_folder_is_no_error(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.warns(UserWarning, match="tokens are not cached"):
            assert len(self.get(TokenCache(tmp_path), Letters())) == 3

    def test_the_key_does_not_depend_on_the_process(self, tmp_path: Path) -> None:
        self.get(TokenCache(tmp_path), Letters())
        code = (
            "import sys; from pathlib import Path; from benchmark.data.tokens import TokenCache\n"
            "def encode(texts): raise SystemExit('not found in the cache')\n"
            f"print(TokenCache(Path(sys.argv[1])).get({self.TEXTS!r}, 't', 3, encode).flat.sum())"
        )
        found = subprocess.run([sys.executable, "-c", code, tmp_path], check=True, capture_output=True, text=True)
        assert int(found.stdout) == sum(map(ord, "onethrfiv"))


class TestFolder:
    def test_given(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
        assert cache_folder() == tmp_path

    def test_xdg(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv("BENCH_CACHE", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert cache_folder() == tmp_path / "finetuning-benchmark"

    @pytest.mark.parametrize("xdg", [None, ""])
    def test_home(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, xdg: str | None) -> None:
        monkeypatch.delenv("BENCH_CACHE", raising=False)
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        if xdg is not None:
            monkeypatch.setenv("XDG_CACHE_HOME", xdg)
        monkeypatch.setattr(Path, "home", lambda: tmp_path)
        assert cache_folder() == tmp_path / ".cache" / "finetuning-benchmark"
