"""JSON as a run holds it: strict in its numbers, and able to name every file.

A number that is not finite is the string "NaN", "Infinity" or "-Infinity", which ``float()`` reads back. A file's name
that is no UTF-8 is written with escapes, and comes back as Python knows it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")


def strict(value: Any) -> Any:
    """The same value without numbers that JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, Mapping):
        return {key: strict(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [strict(entry) for entry in value]
    return value


def encoded(text: str) -> bytes:
    """JSON as bytes; bytes of names that are no UTF-8 become escapes that JSON reads back."""
    return text.encode(errors="backslashreplace")


def parsed(kind: TypeAdapter[T], data: bytes) -> T:
    """What JSON holds; names of files that are no UTF-8 come back as Python knows them."""
    if b"\\udc" not in data:
        return kind.validate_json(data)
    try:
        return kind.validate_python(json.loads(data))
    except ValueError:
        return kind.validate_json(data)  # which says what is wrong


def why(error: ValidationError) -> str:
    """The first thing that is wrong with plain data, with its place."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(step) for step in first["loc"])
    text = first["msg"][:1].lower() + first["msg"][1:]
    return f"{place}: {text}" if place else text
