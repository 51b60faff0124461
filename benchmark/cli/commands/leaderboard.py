"""``bench leaderboard``: the results in a browser."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys

from benchmark.cli.options import add_tracking, filled, whole
from benchmark.core.errors import UsageError

NAME = "leaderboard"
HELP = "show the results in a browser, live"
ORDER = 40
PACKAGE = "leaderboard"
"""Stands on a higher floor, so that it is started by name and not imported."""
DESCRIPTION = """\
Serve the leaderboard: tables, trade-offs, curves, errors and runs of the MLflow store, live. Ctrl-C ends it.
"""
EPILOG = """\
examples:
  bench leaderboard
  bench leaderboard --port 8600 --tracking-uri sqlite:///elsewhere/mlflow.db

It listens on this machine alone. --host 0.0.0.0 lets everybody in who can reach the port: there is no password.
"""
SECONDS_TO_END = 10
"""How long the server may take to end before it is killed."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``bench leaderboard``."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.add_argument(
        "--host", type=filled("--host"), default="127.0.0.1", metavar="ADDRESS", help="where to listen (127.0.0.1)"
    )
    parser.add_argument(
        "--port", type=whole("--port", 1, 65_535), default=8501, metavar="N", help="port to listen on (8501)"
    )
    add_tracking(parser.add_argument)


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted and return 0, or the server's own status. Raises UsageError."""
    from benchmark.tracking.store import VARIABLE, resolve_uri

    uri = resolve_uri(arguments.tracking_uri)
    if importlib.util.find_spec(PACKAGE) is None or importlib.util.find_spec("streamlit") is None:
        raise UsageError("the leaderboard or streamlit is not installed: install the project whole (make setup)")
    _check_free(arguments.host, arguments.port)
    command = [sys.executable, "-m", PACKAGE, "--server.address", arguments.host, "--server.port", str(arguments.port)]
    command += ["--server.headless", "true", "--browser.gatherUsageStats", "false"]
    print(f"bench: the leaderboard will be at http://{_shown(arguments.host)}:{arguments.port}", file=sys.stderr)
    return _serve(command, os.environ | {VARIABLE: uri})  # the environment, because a URI may hold a password


def _serve(command: list[str], environment: dict[str, str]) -> int:
    """Run `command` until it ends, is interrupted or told to end (SIGTERM); it never outlives this process."""
    server = subprocess.Popen(command, env=environment)
    before = signal.signal(signal.SIGTERM, _interrupt)  # which would end this process at once, and not the server
    try:
        return server.wait()
    except KeyboardInterrupt:  # a terminal has sent it to the server as well
        return 0
    finally:
        signal.signal(signal.SIGTERM, before)
        if server.poll() is None:
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
                server.wait(SECONDS_TO_END)
            if server.poll() is None:
                server.kill()
                server.wait()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _check_free(host: str, port: int) -> None:
    """Raise UsageError unless something can listen there."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found[:1]:
            with socket.socket(family, kind, protocol) as probe:
                if os.name == "posix":
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left is free
                probe.bind(address)
    except OSError as error:
        if isinstance(error, socket.gaierror):
            raise UsageError(f"--host {host!r} is no address of this machine: give 127.0.0.1, or 0.0.0.0") from error
        raise UsageError(f"port {port} of {host} can't be used ({error.strerror}): give another --port") from error


def _shown(host: str) -> str:
    """Return the host as one types it into a browser on this machine."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
