"""Frozen dataclasses ↔ plain JSON data, so that cells and records can be stored and sent to another process.

Only what the nouns are made of: dataclasses, tuples, optionals, unions of scalars. No registry of types, no
versioning: a field that the stored data lacks takes its default, a field that the class lacks is ignored. pydantic
reads (and checks types, 20 times as fast as a walk in Python); the way out is written here, because digests depend on
every character of it.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter

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
    """Rebuild an instance of the dataclass `kind` from what `to_plain` returned.

    Raises ValueError where a field is missing or of another type.
    """
    rebuilt: T = _adapter(kind).validate_python(data)  # type: ignore[arg-type]  # mypy: no type[T] is Hashable
    return rebuilt


def added_later(default: Any) -> Any:
    """Return a dataclass field that was added after digests were stored: at its `default` it is left out of them.

    So what was measured before keeps its id, and what uses the field gets another one.
    """
    return dataclasses.field(default=default, metadata={ADDED_LATER: True})


def digest(value: Any) -> str:
    """Return the sha256 (64 hex digits) of `value`'s plain form, independent of field order and process."""
    text = json.dumps(_digested(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter  # here, because `bench --help` has no use for it

    return TypeAdapter(kind)


def _digested(value: Any) -> Any:
    """Return the plain form of `value` without the later fields that are at their defaults."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [(field, getattr(value, field.name)) for field in dataclasses.fields(value)]
        return {f.name: _digested(held) for f, held in fields if not (ADDED_LATER in f.metadata and held == f.default)}
    if isinstance(value, list | tuple):
        return [_digested(item) for item in value]
    return to_plain(value)
