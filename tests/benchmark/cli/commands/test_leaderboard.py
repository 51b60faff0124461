"""``bench leaderboard``: what it refuses, and that it ends when it is told to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.cli.main import main


@pytest.fixture
def taken() -> socket.socket:
    found = socket.socket()
    found.bind(("127.0.0.1", 0))
    found.listen()
    return found


def test_a_taken_port_is_one_line(taken: socket.socket, capsys: pytest.CaptureFixture[str]) -> None:
    port = taken.getsockname()[1]
    assert main(["leaderboard", "--port", str(port)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"port {port} of 127.0.0.1 can't be used" in said
    taken.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "0"], "--port takes a whole number from 1 to 65,535"),
        (["--host", "no such host"], "--host 'no such host' is no address of this machine"),
        (["--tracking-uri", "./mlruns"], "legacy file store"),
    ],
)
def test_what_it_refuses(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends the signal of Ctrl-C")
@pytest.mark.parametrize(
    ("send", "number"),
    [(os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM)],  # a terminal's Ctrl-C goes to the whole group
    ids=["ctrl-c", "terminate"],
)
def test_it_ends_and_its_server_with_it(tmp_path: Path, send: Callable[[int, int], None], number: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["leaderboard", "--port", str(port), "--tracking-uri", f"sqlite:///{tmp_path}/mlflow.db"]
    started = subprocess.Popen(
        [sys.executable, "-m", "benchmark", *words], start_new_session=True, stderr=subprocess.PIPE, text=True
    )
    for _ in range(240):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5).close()
            break
        except OSError:
            time.sleep(0.5)
    send(started.pid, number)
    _, said = started.communicate(timeout=60)
    assert started.returncode == 0
    assert "Traceback" not in said
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert list(tmp_path.iterdir()) == []
