"""Frozen dataclasses ↔ plain JSON data, so that cells and records can be stored and sent to another process.

Only what the nouns are made of: dataclasses, tuples, optionals, unions of scalars. No registry of types, no
versioning: a field that the stored data lacks takes its default, a field that the class lacks is ignored.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import types
import typing
from typing import Any, TypeVar

T = TypeVar("T")
ADDED_LATER = "added_later"
"""Key of a field's metadata: see `added_later`."""


def to_plain(value: Any) -> Any:
    """Return `value` as dictionaries, lists and scalars. Raises TypeError for anything JSON can't hold.

    A float that is not finite becomes its name (``"nan"``, ``"inf"``, ``"-inf"``): JSON has no such numbers.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(float(value))
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{type(value).__name__} has no plain form")


def from_plain(kind: type[T], data: Any) -> T:
    """Rebuild an instance of the dataclass `kind` from what `to_plain` returned."""
    built: T = _build(kind, data)
    return built


def added_later(default: Any) -> Any:
    """Return a dataclass field that was added after digests were stored: at its `default` it is left out of them.

    So what was measured before keeps its id, and what uses the field gets another one.
    """
    return dataclasses.field(default=default, metadata={ADDED_LATER: True})


def digest(value: Any) -> str:
    """Return the sha256 (64 hex digits) of `value`'s plain form, independent of field order and process."""
    text = json.dumps(_digested(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _digested(value: Any) -> Any:
    """Return the plain form of `value` without the later fields that are at their defaults."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [(field, getattr(value, field.name)) for field in dataclasses.fields(value)]
        return {f.name: _digested(held) for f, held in fields if not (ADDED_LATER in f.metadata and held == f.default)}
    if isinstance(value, list | tuple):
        return [_digested(item) for item in value]
    return to_plain(value)


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _build(kind: Any, data: Any) -> Any:
    origin = typing.get_origin(kind)
    if data is None or kind is Any:
        return data
    if origin in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(kind) if member is not type(None)]
        if len(members) == 1:
            return _build(members[0], data)
        nested = [member for member in members if dataclasses.is_dataclass(member) or typing.get_origin(member)]
        return _build(nested[0], data) if len(nested) == 1 and isinstance(data, dict | list) else data
    if origin is tuple:
        item, *rest = typing.get_args(kind)
        if rest == [Ellipsis]:
            return tuple(_build(item, entry) for entry in data)
        return tuple(_build(member, entry) for member, entry in zip((item, *rest), data, strict=True))
    if dataclasses.is_dataclass(kind):
        hints = _hints(typing.cast(type, kind))
        known = {f.name: _build(hints[f.name], data[f.name]) for f in dataclasses.fields(kind) if f.name in data}
        return typing.cast(Any, kind)(**known)
    return float(data) if kind is float and not isinstance(data, bool) else data
