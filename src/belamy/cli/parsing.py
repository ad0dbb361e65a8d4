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

from belamy.cli.options import VerbOptions, negation
from belamy.errors import UsageError

Form = TypeVar("Form")

RENAMED = {"--floor": "--real-baseline", "--no-floor": "--no-real-baseline"}
"""Options by the names that they had before, which still work; those of recipes are ``methods.base.RENAMED``."""
VALUES_RENAMED = {("--path", "law"): "prior", "--path=law": "--path=prior"}
"""Values by their earlier names, after their options."""


def verb(form: type[Form]) -> Callable[[Callable[[Form], int]], Callable[[Sequence[str]], int]]:
    """Makes of a function of a form the ``run`` of a verb, which takes the words after the verb; its module's name."""

    def make(work: Callable[[Form], int]) -> Callable[[Sequence[str]], int]:
        name = work.__module__.rpartition(".")[2].replace("_", "-")

        @wraps(work)
        def run(words: Sequence[str]) -> int:
            return work(parse(form, words, f"belamy {name}"))

        return run

    return make


def parse(
    form: type[Form],
    words: Sequence[str],
    command: str,
    options: Sequence[str] = (),
    renamed: Mapping[str, str] = RENAMED,
) -> Form:
    """The form that the words fill in.

    Args:
        form: A dataclass; a field without default is a positional word.
        words: The command line after the verb.
        command: What was typed so far, for messages, e.g. ``belamy sample``.
        options: The names of all options, where they are not those of the form's fields.
        renamed: Options by their earlier names, with those of today.

    Raises:
        BelamyError: An unknown option, a missing or an impossible value, or what the form's own check refuses.
        SystemExit: Help was asked for and shown.
    """
    if not words and all(field.default is not MISSING for field in fields(form)):  # type: ignore[arg-type]
        return checked(form())
    import tyro

    from belamy.cli import wrong_words

    typed = {renamed[name]: name for name in map(option_of, words) if name in renamed}
    words, said = present(words, renamed), io.StringIO()
    if told := wrong_words.misused(form, words, typed):
        raise UsageError(f"{told} `{command} --help` lists the options.")
    try:
        with redirect_stderr(said):
            filled, unknown = tyro.cli(
                form,
                prog=command,
                args=words,
                return_unknown_args=True,
                config=(tyro.conf.PositionalRequiredArgs, tyro.conf.PositionalMetavarFromFieldName),
            )
    except SystemExit as end:
        if not end.code:
            raise
        told = wrong_words.complaint(form, words, said.getvalue(), typed, command)
        raise UsageError(f"{told} `{command} --help` lists the options.") from None
    if unknown:
        known = options or list(option_names(form))
        raise UsageError(wrong_words.unexpected(form, unknown[0], words, known, typed, command))
    return checked(filled)


def option_of(word: str) -> str:
    """The option that a word names, its dashes included; empty if it is none."""
    return word.partition("=")[0].replace("_", "-") if word.startswith("--") else ""


def present(words: Sequence[str], renamed: Mapping[str, str]) -> list[str]:
    """The words with options by their names of today: also before ``=``, and before the option of a part."""
    made: list[str] = []
    for word in words:
        name = re.match(r"--[\w-]*", word)
        now = renamed.get(name[0].replace("_", "-")) if name else None
        made.append(word if name is None or now is None else f"{now}{word[name.end() :]}")
    before = ["", *made]
    return [VALUES_RENAMED.get((option, word), VALUES_RENAMED.get(word, word))
            for option, word in zip(before, made, strict=False)]  # fmt: skip


def checked(form: Form) -> Form:
    """The form, once everything in it that can be refused now has passed."""
    if isinstance(form, VerbOptions):
        form.refuse()
    return form


def configured(words: Sequence[str], verb: str) -> list[str]:
    """The words of a command line, with those that ``--config FILE`` stands for before all other options.

    Args:
        words: What was typed after the verb.
        verb: For ``train``, the ``recipe.json`` of a run stands for ``--like RUN``.

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
    facts = _read_config(value)
    meant = _of_run(Path(value).expanduser(), verb) if "method" in facts and "fields" in facts else _spelled(facts, "")
    return [*rest[:leading], *meant, *configured(rest[leading:], verb)]


def _of_run(path: Path, verb: str) -> list[str]:
    """What the ``recipe.json`` of a run stands for.

    Raises:
        UsageError: The verb trains no recipe, or the file is a copy that lies in no run.
    """
    run = path.parent if path.name == "recipe.json" and (path.parent / "provenance.json").is_file() else None
    if verb == "train" and run is not None:
        return ["--like", str(run)]
    raise UsageError(
        f"--config {path} is the recipe of a run, not options of `belamy {verb}`. To train the same, type: "
        f"belamy train --like {run or 'RUN'}, with the run's directory."
    )


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
            yield f"--{option if value else negation(option)}"
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
