"""What verbs write: text for people on standard output, JSON where ``--json`` says."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from belamy.errors import UsageError

STANDARD_OUTPUT = "-"


def say(text: str = "") -> None:
    """A line for the user; of several processes under torchrun only the first speaks."""
    if os.environ.get("RANK", "0") == "0":
        sys.stdout.write(f"{text}\n")


def tell_lost(lost: Mapping[str, str]) -> None:
    """What of a run was damaged and is left out, a line each on standard error."""
    for damaged in lost.values():
        sys.stderr.write(f"belamy: {damaged}\n")


def named_file(text: str, option: str) -> Path:
    """The file that an option names.

    Raises:
        UsageError: Nothing is named, or a device or a pipe, which a whole file written aside would replace.
    """
    path = Path(text).expanduser()
    if not text or (path.exists() and not path.is_file() and not path.is_dir()):
        raise UsageError(f"{option} is '{text}', which is no file. Name one, new or old.")
    return path


def deliver(facts: Any, json_file: str | None, text: str) -> None:
    """The facts as JSON in the file that the user named, and the text for people.

    Args:
        facts: Plain data.
        json_file: Where the JSON goes; ``-`` is standard output, which then holds nothing else; None for nowhere.
        text: The same for people.
    """
    if json_file == STANDARD_OUTPUT:
        from belamy.runs.files import strict

        say(json.dumps(strict(facts), indent=2, ensure_ascii=False, allow_nan=False))
        return
    if json_file is not None:
        from belamy.runs.files import write_json

        write_json(named_file(json_file, "--json"), facts)
    say(text)
