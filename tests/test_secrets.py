"""A password given in any place where a URI can stand is found nowhere afterwards: not in a store, not on a screen."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.cli.commands import run
from benchmark.cli.main import Parser, main
from benchmark.core.errors import UsageError
from benchmark.tracking import Tracking

ROOT = Path(__file__).resolve().parents[1]

SECRET = "S3CR3T"
URIS = (
    f"postgresql://ann:{SECRET}@127.0.0.1:9/db",
    f"postgresql+psycopg2://ann:x@{SECRET}@127.0.0.1:9/db",
    f"mysql+pymysql://ann:x/{SECRET}@127.0.0.1:9/db",
    f"mssql+pyodbc://127.0.0.1:9/db?password={SECRET}",
    f"http://ann:{SECRET}@127.0.0.1:9",
    f"http://ann:'{SECRET} \"@127.0.0.1:9",
    f"https://{SECRET}@127.0.0.1:9",
    f"http://127.0.0.1:9?token={SECRET}",
    f"http://ann:x?{SECRET}@127.0.0.1:9",
    f"ann:{SECRET}@127.0.0.1/db",
    f"ftp://ann:{SECRET}@127.0.0.1",
    f"journal://ann:{SECRET}@host/x",
    f"sqlite:///x.db?key={SECRET}",
)
PLACES = (
    ("list", "runs", "--tracking-uri"),
    ("list", "studies", "--storage"),
    ("run", "--tuned", "--storage"),
    ("run", "--suite"),
    ("run", "--data"),
    ("run", "--encoder"),
    ("show",),
    ("list", "runs"),  # an argument too many
)


@pytest.mark.parametrize("uri", URIS)
def test_no_error_repeats_a_password(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in PLACES if "://" in uri else PLACES[:3]:
        status = main([*words, uri])
        said = "".join(capsys.readouterr())
        assert status == 2, (words, said)
        assert said.startswith("bench: error: ")
        assert said.count("\n") == 1
        assert SECRET not in said, words
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert main(["list", "runs"]) == 2
    assert SECRET not in "".join(capsys.readouterr())


@pytest.mark.parametrize("uri", URIS[:5])
def test_what_is_recorded_of_a_tuned_run_holds_no_password(uri: str) -> None:
    parser = Parser(prog="bench run")
    run.configure(parser)
    words = run._tuning_words(parser.parse_args(["--tuned", "--storage", uri]))
    assert words.startswith(" --tuned --storage ")
    assert SECRET not in words


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a real tracking server whose files lie below `tmp_path`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    store = f"sqlite:///{tmp_path}/server.db"
    Tracking(store).prepare()
    words = ["server", "--backend-store-uri", store, "--artifacts-destination", str(tmp_path / "files")]
    words += ["--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--workers", "1"]
    with subprocess.Popen(
        [sys.executable, "-m", "mlflow", *words], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            for _ in range(200):
                time.sleep(0.3)
                with contextlib.suppress(UsageError):
                    if Tracking(f"http://{address}").exists():
                        break
            yield address
        finally:
            process.terminate()


@pytest.mark.slow
def test_a_run_on_a_server_leaves_no_password_behind(server: str, tmp_path: Path) -> None:
    uri = f"http://ann:{SECRET}/@x@{server}"
    here = tmp_path / "here"
    here.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": uri, "HOME": str(here)}
    small = ("run", "--methods", "zero-shot", "--limit-train", "20", "--epochs", "1")
    said = b""
    for words in ((*small, "--tracking-uri", uri), (*small, "--json"), ("list", "runs"), ("report",)):
        done = subprocess.run(
            [sys.executable, "-m", "benchmark", *words], cwd=here, env=environment, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        said += done.stdout + done.stderr
    assert f"http://ann:***@{server}".encode() in said
    assert SECRET.encode() not in said
    (record,) = Tracking(uri).records()
    assert record.status == "done"
    assert record.environment
    assert record.environment.command.startswith("bench run --methods zero-shot")
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {"record.json", "cell.json", "scenario.parquet", "server.db"} <= {file.name for file in files}
    assert [str(file) for file in files if SECRET.encode() in file.read_bytes()] == []
