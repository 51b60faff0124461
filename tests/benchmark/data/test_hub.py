"""Datasets of the hub, without the hub: `datasets` and `huggingface_hub` run as they are against made-up answers."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from benchmark.core.errors import UsageError
from benchmark.data import hub
from benchmark.data.columns import ColumnSpec
from benchmark.data.task import Example, RawData

NAME = "me/ToySet"
FIRST, SECOND = "1" * 40, "2" * 40
WANTED = ColumnSpec("topic")

CARD = """---
configs:
- config_name: de
  data_files:
  - split: train
    path: de/train.jsonl
- config_name: en
  data_files:
  - split: train
    path: en/train.jsonl
  - split: dev
    path: en/dev.jsonl
  - split: test
    path: en/test.jsonl
---
"""


def line(key: str, text: str, label: str) -> str:
    return json.dumps({"id": key, "text": text, "label": label}) + "\n"


class Hub:
    """Answers requests as the hub does; a `fault` answers all of them."""

    def __init__(self) -> None:
        self.fault: object = None
        self.good = 0  # requests that are answered before the fault shows
        self.requests: list[httpx2.Request] = []
        self.commits = {
            FIRST: {
                "README.md": CARD,
                "de/train.jsonl": line("1", "weck mich", "alarm"),
                "en/train.jsonl": line("1", "wake me", "alarm") + line("2", "play", "music"),
                "en/dev.jsonl": line("3", "wake up", "alarm"),
                "en/test.jsonl": line("4", "play on", "music"),
            }
        }
        self.newest = FIRST

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if path == "/api/agent-harnesses":  # the library's own, once a day
            return httpx2.Response(404)
        self.requests.append(request)
        if len(self.requests) > self.good:
            if isinstance(self.fault, Exception):
                raise self.fault
            if isinstance(self.fault, httpx2.Response):
                return self.fault
        return self.info(path) or self.tree(path) or self.file(request.method, path) or self.missing()

    def missing(self) -> httpx2.Response:
        return httpx2.Response(404, headers={"X-Error-Code": "EntryNotFound", "X-Repo-Commit": self.newest})

    def info(self, path: str) -> httpx2.Response | None:
        base = f"/api/datasets/{NAME}"
        if path == base:
            return httpx2.Response(200, json={"id": NAME, "sha": self.newest})
        if not path.startswith(f"{base}/revision/"):
            return None
        commit = path.rpartition("/")[2]
        if commit in self.commits:
            return httpx2.Response(200, json={"id": NAME, "sha": commit})
        return httpx2.Response(404, headers={"X-Error-Code": "RevisionNotFound"})

    def tree(self, path: str) -> httpx2.Response | None:
        for commit, files in self.commits.items():
            if path.startswith(f"/api/datasets/{NAME}/tree/{commit}"):
                entries = [
                    {"type": "file", "path": name, "size": len(text), "oid": oid(text)} for name, text in files.items()
                ]
                return httpx2.Response(200, json=entries)
        return None

    def file(self, method: str, path: str) -> httpx2.Response | None:
        _, _, rest = path.partition(f"/datasets/{NAME}/resolve/")
        commit, _, name = rest.partition("/")
        text = self.commits.get(commit, {}).get(name)
        if text is None:
            return None
        headers = {"X-Repo-Commit": commit, "ETag": f'"{oid(text)}"', "Content-Length": str(len(text))}
        return httpx2.Response(200, headers=headers, text=text if method == "GET" else "")


def oid(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A made-up hub with empty caches before it."""
    import datasets
    import huggingface_hub
    from huggingface_hub import constants
    from huggingface_hub.utils._http import default_client_factory

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    made = Hub()
    huggingface_hub.set_client_factory(
        lambda: httpx2.Client(transport=httpx2.MockTransport(made), follow_redirects=True)
    )
    yield made
    huggingface_hub.set_client_factory(default_client_factory)


def load(config: str | None = "en", revision: str | None = None) -> RawData:
    return hub.load(NAME, config, revision, WANTED)


def error_of(config: str | None = "en", revision: str | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        load(config, revision)
    message = str(caught.value)
    assert "\n" not in message
    return message


def place_download(cache: Path, commit: str, files: dict[str, str]) -> None:
    """Leave what `hf download --repo-type dataset` leaves."""
    folder = cache / "hub" / f"datasets--{NAME.replace('/', '--')}"
    for name, text in {f"snapshots/{commit}/{n}": t for n, t in files.items()}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs/main").write_text(commit)


UNREACHABLE = [
    httpx2.ConnectError("Name or service not known"),
    httpx2.ConnectTimeout("timed out"),
    httpx2.ProxyError("403 Forbidden"),
    httpx2.Response(503),
]


class TestOnline:
    def test_rows_of_one_configuration(self, site: Hub) -> None:
        found = load()
        assert found == RawData(
            train=(Example("1", ("wake me",), "alarm"), Example("2", ("play",), "music")),
            validation=(Example("3", ("wake up",), "alarm"),),
            test=(Example("4", ("play on",), "music"),),
            source="me/ToySet (en) @ 1111111",
            notes=("text from column 'text', label from column 'label'",),
        )

    def test_waits_ten_seconds_for_the_hub(self, site: Hub) -> None:
        load()
        assert site.requests[0].extensions["timeout"]["connect"] == 10.0

    def test_a_second_call_asks_for_the_commit_alone(self, site: Hub) -> None:
        first = load()
        site.requests.clear()
        assert load() == first
        assert [request.url.path for request in site.requests] == [f"/api/datasets/{NAME}"]

    def test_the_newest_commit_or_the_one_that_was_asked_for(self, site: Hub) -> None:
        load()
        site.commits[SECOND] = {**site.commits[FIRST], "en/test.jsonl": line("9", "wake", "alarm")}
        site.newest = SECOND
        assert (load().source, load().test[0].id) == ("me/ToySet (en) @ 2222222", "9")
        pinned = load(revision=FIRST)
        assert (pinned.source, pinned.test[0].id) == ("me/ToySet (en) @ 1111111", "4")

    def test_an_older_commit_does_not_stand_in_for_one_that_failed_to_load(
        self, site: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(time, "sleep", lambda _: None)  # the library waits between its tries
        load()
        site.commits[SECOND] = site.commits[FIRST]
        site.newest = SECOND
        site.requests.clear()
        site.good, site.fault = 1, httpx2.ConnectError("Connection reset by peer")
        assert "me/ToySet @ 2222222 can't be loaded (the Hugging Face Hub stopped answering" in error_of()

    def test_a_folder_of_the_same_name_is_not_the_dataset(
        self, site: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place = tmp_path / "here"
        (place / NAME).mkdir(parents=True)
        for split in ("train", "test"):
            (place / NAME / f"{split}.jsonl").write_text(line("1", "other", "other"))
        monkeypatch.chdir(place)
        assert load().train[0].label == "alarm"

    def test_no_test_split(self, site: Hub) -> None:
        assert error_of("de") == ("me/ToySet (de) has no test split (there: train): give the rows with --data FOLDER")

    def test_two_validation_splits(self, site: Hub) -> None:
        extra = "  - split: validation\n    path: en/dev.jsonl\n  - split: test\n    path: en/test"
        site.commits[FIRST]["README.md"] = CARD.replace("  - split: test\n    path: en/test", extra)
        assert "has several validation splits (validation, dev)" in error_of()

    def test_unknown_configuration(self, site: Hub) -> None:
        message = error_of("fr")
        assert message.startswith("me/ToySet @ 1111111 can't be loaded (BuilderConfig 'fr' not found")
        assert message.endswith("check dataset and config of the suite, or give the rows with --data FOLDER")

    def test_a_configuration_must_be_named(self, site: Hub) -> None:
        assert "can't be loaded (Config name is missing" in error_of(None)

    def test_unknown_revision(self, site: Hub) -> None:
        assert error_of(revision=SECOND) == (
            f"me/ToySet has no revision '{SECOND}' on the Hugging Face Hub: give a commit"
        )

    @pytest.mark.parametrize(
        ("code", "message"),
        [("RepoNotFound", "has no dataset 'me/ToySet', or it is private"), ("GatedRepo", "me/ToySet is gated")],
    )
    def test_what_the_hub_refuses(self, site: Hub, code: str, message: str) -> None:
        site.fault = httpx2.Response(401 if code == "RepoNotFound" else 403, headers={"X-Error-Code": code})
        found = error_of()
        assert message in found
        assert "--data FOLDER" in found

    @pytest.mark.parametrize("name", ["", "a/b/c", "me/two words"])
    def test_what_is_no_name(self, site: Hub, name: str) -> None:
        with pytest.raises(UsageError, match="is no dataset of the Hugging Face Hub: write it as owner/name"):
            hub.load(name, None, None, WANTED)
        assert site.requests == []


class TestWithoutNetwork:
    @pytest.mark.parametrize("fault", UNREACHABLE, ids=lambda fault: type(fault).__name__)
    def test_not_cached(self, site: Hub, fault: object) -> None:
        site.fault = fault
        assert error_of() == (
            "dataset me/ToySet: the Hugging Face Hub can't be reached and the cache doesn't hold it: give the rows "
            "with --data FOLDER, or use --suite quick, or run 'hf download --repo-type dataset me/ToySet' on a "
            "connected machine and copy its HF_HOME folder here"
        )
        assert len(site.requests) == 1  # nothing is asked again

    @pytest.mark.parametrize("fault", UNREACHABLE, ids=lambda fault: type(fault).__name__)
    def test_prepared_earlier(self, site: Hub, fault: object) -> None:
        first = load()
        site.fault = fault
        site.requests.clear()
        assert load() == first
        assert load(revision=FIRST) == first
        assert len(site.requests) == 2

    def test_another_commit_is_not_given_for_the_one_that_was_asked_for(self, site: Hub) -> None:
        load()
        site.fault = UNREACHABLE[0]
        message = error_of(revision=SECOND)
        assert f"'hf download --repo-type dataset --revision {SECOND} me/ToySet'" in message

    def test_another_configuration_is_not_given_either(self, site: Hub) -> None:
        load()
        site.fault = UNREACHABLE[0]
        assert "the cache doesn't hold it" in error_of("de")

    @pytest.mark.parametrize("revision", [None, FIRST])
    def test_downloaded_elsewhere(self, site: Hub, tmp_path: Path, revision: str | None) -> None:
        online = load()
        elsewhere = tmp_path / "hub"
        elsewhere.rename(tmp_path / "gone")
        (tmp_path / "datasets").rename(tmp_path / "gone too")
        place_download(tmp_path, FIRST, site.commits[FIRST])
        site.fault = UNREACHABLE[0]
        site.requests.clear()
        assert load(revision=revision) == online
        assert len(site.requests) == 1

    def test_hub_offline_asks_nothing(self, site: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        import huggingface_hub
        from huggingface_hub import constants
        from huggingface_hub.utils._http import hf_request_event_hook

        first = load()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        hooks = {"request": [hf_request_event_hook]}  # as the library's own client has them
        huggingface_hub.set_client_factory(
            lambda: httpx2.Client(transport=httpx2.MockTransport(site), event_hooks=hooks)
        )
        site.requests.clear()
        assert load() == first
        assert site.requests == []


def test_classes_come_back_as_names() -> None:
    from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

    features = Features({"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
    split = Dataset.from_dict({"text": ["good", "bad", "?"], "label": [1, 0, -1]}, features=features)
    table = hub._tables(DatasetDict(train=split, test=split), "toy")["train"]
    assert (table.origin, table.columns, table.count) == ("toy, train", ("text", "label"), 3)
    assert table.read("label") == ["pos", "neg", None]
    assert table.read("text") == ["good", "bad", "?"]
