"""Facts in words: numbers, settings, nested dictionaries as rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def said(value: Any) -> str:
    """A setting as one would type it; a part with options as ``name:option=value``.

    Example:
        >>> said({"name": "adam", "lr": 0.0002, "betas": [0.5, 0.999]})
        'adam:lr=0.0002,betas=[0.5, 0.999]'
    """
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping) and "name" in value:
        options = ",".join(f"{key}={said(entry)}" for key, entry in value.items() if key != "name")
        return f"{value['name']}:{options}" if options else str(value["name"])
    if isinstance(value, str):
        return value
    if isinstance(value, int) and abs(value) >= 10_000:
        return f"{value:,}"
    return json.dumps(value, ensure_ascii=False, default=str)


def rows(facts: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries as one level with dotted names; a part (it has a ``name``) stays whole.

    Example:
        >>> rows({"git": {"commit": "b28bb42", "dirty": False}})
        {'git.commit': 'b28bb42', 'git.dirty': False}
    """
    flat: dict[str, Any] = {}
    for key, value in facts.items():
        if isinstance(value, Mapping) and value and "name" not in value:
            flat.update(rows(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def found(facts: Mapping[str, Any], word: str) -> str | None:
    """The first fact of this name at any depth, in words; of a list, the last entry that has it."""
    for name, value in facts.items():
        if name == word and value is not None:
            return said(value)
        for inner in reversed(value) if isinstance(value, list) else [value]:
            deeper = found(inner, word) if isinstance(inner, Mapping) else None
            if deeper is not None:
                return deeper
    return None
