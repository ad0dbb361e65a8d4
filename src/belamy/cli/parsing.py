"""From words to a form: tyro reads the options, and whatever is wrong becomes one message."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar

from belamy.errors import UsageError, nearest

Form = TypeVar("Form")

_FRAME = re.compile(r"\x1b\[[0-9;]*m|[╭╮╰╯│─]|^\+?-{8,}\+?$|^\||\|$", flags=re.MULTILINE)
"""Colours and the lines of boxes, which are ASCII where the terminal knows no other."""
_NOT_A_NUMBER = re.compile(r"(?:invalid literal for int\(\) with base 10|could not convert string to float): (.*)")


def parse(form: type[Form], words: Sequence[str], command: str, options: Sequence[str] = ()) -> Form:
    """The form that the words fill in.

    Args:
        form: A dataclass; a field without default is a positional word.
        words: The command line after the verb.
        command: What was typed so far, for messages, e.g. ``belamy sample``.
        options: The names of all options, where they are not those of the form's fields.

    Raises:
        UsageError: An unknown option, a missing or an impossible value.
        SystemExit: Help was asked for and shown.
    """
    if not words and all(field.default is not MISSING for field in fields(form)):  # type: ignore[arg-type]
        return form()
    import tyro

    said = io.StringIO()
    try:
        with redirect_stderr(said):
            filled, unknown = tyro.cli(
                form,
                prog=command,
                args=list(words),
                return_unknown_args=True,
                config=(tyro.conf.PositionalRequiredArgs, tyro.conf.PositionalMetavarFromFieldName),
            )
    except SystemExit as end:
        if not end.code:
            raise
        raise UsageError(f"{_sentence(said.getvalue())} `{command} --help` lists the options.") from None
    if unknown:
        raise UsageError(_unknown(unknown[0], options or list(option_names(form)), command))
    made: Form = filled
    return made


def option_names(form: Any) -> Iterator[str]:
    """The options that a form's fields make, without their dashes."""
    for field in fields(form):
        if is_dataclass(field.type):
            yield from option_names(field.type)
        else:
            yield field.name.replace("_", "-")


def _unknown(word: str, known: Sequence[str], command: str) -> str:
    if not word.startswith("-"):
        return f"'{word}' is not expected there. `{command} --help` shows what is."
    name = word.lstrip("-").partition("=")[0].replace("_", "-")
    negated = [f"no-{option}" for option in known] if name.startswith("no-") else []
    hint = nearest(name, [*known, *negated])
    return f"There is no option '--{name}'. {_dashed(hint)}`{command} --help` lists the options."


def _dashed(hint: str) -> str:
    """A suggestion with the dashes to type; a list of everything would be too long here."""
    return re.sub(r"'([^']+)'", r"'--\1'", hint) + " " if hint.startswith("Did") else ""


def _sentence(said: str) -> str:
    """What tyro wrote into its box, as one sentence without the repeated help."""
    lines = [_FRAME.sub("", _FRAME.sub("", line).strip()).strip() for line in said.splitlines()]
    lines = [line for line in lines[1:] if line]  # the first is the box's title
    helped = next((number for number, line in enumerate(lines) if line.startswith("Argument helptext")), None)
    body = lines[:helped] if helped is not None else lines
    end = next((number for number, line in enumerate(body) if line.startswith("For full helptext")), None)
    text = " ".join(body[:end]).removesuffix(".")
    if match := re.match(r"Missing from .*?: (\w+)", text):
        return f"{match[1]} is missing."
    if (match := re.match(r"Error parsing (\S+): (.*)", text)) and helped is not None:
        got = _NOT_A_NUMBER.search(match[2])
        wanted = lines[helped + 1]
        return f"{wanted} cannot be {got[1]}." if got else f"{wanted}: {match[2]}."
    return f"{text}."
