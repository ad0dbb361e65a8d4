"""From words to a form: tyro reads the options, and whatever is wrong becomes one message."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from belamy.cli.options import VerbOptions
from belamy.errors import UsageError, nearest

Form = TypeVar("Form")

_FRAME = re.compile(r"\x1b\[[0-9;]*m|[╭╮╰╯│─]|^\+?-{8,}\+?$|^\||\|$", flags=re.MULTILINE)
"""Colours and the lines of boxes, which are ASCII where the terminal knows no other."""
RENAMED = {"--floor": "--real-baseline", "--no-floor": "--no-real-baseline"}
"""Options by the names that they had before, which still work; those of recipes are ``methods.base.RENAMED``."""
_NOT_A_NUMBER = re.compile(r"(?:invalid literal for int\(\) with base 10|could not convert string to float): (.*)")


def verb(form: type[Form]) -> Callable[[Callable[[Form], int]], Callable[[Sequence[str]], int]]:
    """Makes of a function of a form the ``run`` of a verb, which takes the words after the verb; its module's name."""

    def make(work: Callable[[Form], int]) -> Callable[[Sequence[str]], int]:
        name = work.__module__.rpartition(".")[2].replace("_", "-")

        @wraps(work)
        def run(words: Sequence[str]) -> int:
            return work(parse(form, words, f"belamy {name}"))

        return run

    return make


def parse(form: type[Form], words: Sequence[str], command: str, options: Sequence[str] = ()) -> Form:
    """The form that the words fill in.

    Args:
        form: A dataclass; a field without default is a positional word.
        words: The command line after the verb.
        command: What was typed so far, for messages, e.g. ``belamy sample``.
        options: The names of all options, where they are not those of the form's fields.

    Raises:
        BelamyError: An unknown option, a missing or an impossible value, or what the form's own check refuses.
        SystemExit: Help was asked for and shown.
    """
    if not words and all(field.default is not MISSING for field in fields(form)):  # type: ignore[arg-type]
        return checked(form())
    import tyro

    said = io.StringIO()
    try:
        with redirect_stderr(said):
            filled, unknown = tyro.cli(
                form,
                prog=command,
                args=[RENAMED.get(word, word) for word in words],
                return_unknown_args=True,
                config=(tyro.conf.PositionalRequiredArgs, tyro.conf.PositionalMetavarFromFieldName),
            )
    except SystemExit as end:
        if not end.code:
            raise
        raise UsageError(f"{_sentence(said.getvalue())} `{command} --help` lists the options.") from None
    if unknown:
        raise UsageError(_unknown(unknown[0], options or list(option_names(form)), command))
    return checked(filled)


def checked(form: Form) -> Form:
    """The form, once everything in it that can be refused now has passed."""
    if isinstance(form, VerbOptions):
        form.refuse()
    return form


def configured(words: Sequence[str]) -> list[str]:
    """The words of a command line, with those that ``--config FILE`` stands for before all other options.

    Raises:
        UsageError: There is no such file, or it holds no options.
    """
    first = next((number for number, word in enumerate(words) if word.partition("=")[0] == "--config"), None)
    if first is None:
        return list(words)
    _, equals, value = words[first].partition("=")
    rest = [*words[:first], *words[first + (1 if equals else 2) :]]
    if not equals:
        value = words[first + 1] if first + 1 < len(words) else ""
    leading = next((number for number, word in enumerate(rest) if word.startswith("-")), len(rest))
    return [*rest[:leading], *_spelled(_read_config(value), ""), *configured(rest[leading:])]


def _read_config(name: str) -> Mapping[str, Any]:
    import json
    import tomllib

    path = Path(name).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
        facts = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--config '{name}' cannot be read ({reason}). Name a file of JSON, or of TOML.") from None
    if not isinstance(facts, Mapping):
        raise UsageError(f'--config {name} holds no options. Write e.g. {{"count": 8, "seed": 1}}.')
    return facts


def _spelled(facts: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Option values as words: switches, lists, and the options of parts in tables of their own."""
    for key, value in facts.items():
        option = f"{prefix}{key.replace('_', '-')}"
        if isinstance(value, Mapping):
            yield from _spelled(value, f"{option}.")
        elif isinstance(value, bool):
            last = option.rpartition(".")
            yield f"--{option if value else f'{last[0]}{last[1]}no-{last[2]}'}"
        elif isinstance(value, list):
            yield from (f"--{option}", *map(str, value))
        else:
            yield f"--{option}={value}"


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
