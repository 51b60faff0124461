"""The command that measures a recorded cell again: what ``bench show`` prints and the page of a run lets one copy."""

from __future__ import annotations

import argparse
import dataclasses
import shlex

from benchmark.cli.request_options import add_request, request_of
from benchmark.cli.request_options import command as line_of
from benchmark.core.errors import UsageError
from benchmark.core.parameters import typed
from benchmark.core.record import Record
from benchmark.experiment.request import Assignment, Request


def command(record: Record) -> str:
    """Return the command that measures `record`'s cell alone: the one that made it, narrowed to this cell.

    Of a trial it is the sweep's; "" where that was not recorded.
    """
    cell, protocol = record.cell, record.cell.protocol
    if record.trial:
        return record.environment.command if record.environment else ""
    settings = tuple(
        Assignment(cell.method, name, typed(value)) for name, value in cell.parameters if cell.origin != "default"
    )
    request = Request(suite=protocol.suite, encoder=protocol.encoder, limit_train=protocol.limit_train)
    if record.environment and record.environment.command:
        request = parsed(record.environment.command) or request
    request = dataclasses.replace(
        request,
        methods=(cell.method,),
        seeds=(cell.seed,),
        assignments=settings,
        epochs=protocol.epochs if request.epochs else None,
        batch_size=protocol.batch_size if request.batch_size else None,
        max_length=protocol.max_length if request.max_length else None,
        selection=protocol.selection if request.selection else None,
        device=cell.device if request.device == "auto" else request.device,
        precision=cell.precision,
        threads=cell.threads or request.threads,
        forward=cell.forward,
    )
    return line_of(request)


def again(record: Record) -> str:
    """Return `command` so that the cell is run although its result is stored."""
    return command(record) if record.trial else f"{command(record)} --rerun"


def parsed(line: str) -> Request | None:
    """Return the request that the recorded command `line` made; None where it can't be read any more."""
    parser = argparse.ArgumentParser(exit_on_error=False, add_help=False, allow_abbrev=False)
    add_request(parser)
    try:
        arguments, _ = parser.parse_known_args(shlex.split(line)[2:])
        return request_of(arguments)
    except (UsageError, argparse.ArgumentError, SystemExit, ValueError):  # ValueError: quotes that don't close
        return None
