"""Stdout holds one document, whatever a library, a C function or a subprocess writes meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.support.encoders import TinyEncoder

NOISE = """
    import ctypes, os, subprocess, sys

    def noise():
        print("noise of Python")
        os.write(1, b"noise of a descriptor\\n")
        subprocess.run([sys.executable, "-c", "print('noise of a subprocess')"])
        if os.name == "posix":
            ctypes.CDLL(None).puts(b"noise of C")  # kept in C's own buffer until something flushes it
"""


def ran(code: str, *words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `code` with pipes for stdout and stderr."""
    source = textwrap.dedent(NOISE) + textwrap.dedent(code)
    search = os.pathsep.join(path for path in sys.path if path)
    return subprocess.run(
        [sys.executable, "-c", source, *words],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": search},
    )


def test_nothing_but_the_document_reaches_stdout() -> None:
    done = ran("""
        from benchmark.cli.console import stdout_kept, write_json
        print("before")
        with stdout_kept() as stream:
            noise()
            write_json({"a": 1}, stream)
            noise()
        print("after")
        os.write(1, b"and after\\n")
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout.replace("and after\n", "") == 'before\n{\n  "a": 1\n}\nafter\n'
    assert done.stderr.count("noise of") == (8 if os.name == "posix" else 6)


def test_stdout_comes_back_after_an_error() -> None:
    done = ran("""
        from benchmark.cli.console import stdout_kept
        try:
            with stdout_kept() as stream:
                stream.write("begun, ")
                raise KeyError
        except KeyError:
            print("and over")
    """)
    assert (done.stdout, done.stderr) == ("begun, and over\n", "")


def test_a_reader_that_has_gone_is_no_error() -> None:
    code = textwrap.dedent("""
        from benchmark.cli.main import main
        import sys
        sys.exit(main(["list", "methods", "--json"]))
    """)
    shell = f"{sys.executable} -c '{code}' | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.slow
def test_a_method_that_writes_to_the_descriptor_and_exits_with_0(tmp_path: Path, tiny_encoder: TinyEncoder) -> None:
    code = """
        from dataclasses import dataclass
        from benchmark.cli.main import main
        from benchmark.core import registry

        @registry.method("noisy", source="this test")
        @dataclass(frozen=True)
        class Noisy:
            '''Writes where it shouldn't, and ends the process.'''

            def check(self, layers, heads): ...

            def fit(self, tasks, run):
                noise()
                raise SystemExit(0)

        sys.exit(main(sys.argv[1:]))
    """
    words = ["run", "--methods", "noisy,zero-shot", "--limit-train", "64", "--encoder", str(tiny_encoder()), "--json"]
    done = ran(code, *words, folder=tmp_path)
    found = json.loads(done.stdout)
    assert {record["cell"]["method"]: record["status"] for record in found["records"]} == {
        "noisy": "failed",
        "zero-shot": "done",
    }
    assert done.returncode == found["exit_status"] == 1
    assert "noise of a subprocess" in done.stderr
