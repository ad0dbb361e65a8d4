"""What is wrong with the words of a command line, in one sentence: what was given, what is allowed, what to type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from itertools import pairwise
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from tyro.conf import Positional

from belamy.cli.method_options import LEARNED
from belamy.cli.options import VerbOptions, Within, negation
from belamy.errors import nearest, one_of

_FRAME = re.compile(r"\x1b\[[0-9;]*m|[╭╮╰╯│─]|^\+?-{8,}\+?$|^\||\|$", flags=re.MULTILINE)
"""Colours and the lines of boxes, which are ASCII where the terminal knows no other."""
KINDS: Mapping[Any, tuple[str, str]] = {int: ("a whole number", "whole numbers"), float: ("a number", "numbers")}
"""One and many of what a type allows."""


class Option(NamedTuple):
    """An option of a form.

    Args:
        name: As it is typed, without dashes.
        kind: Its type, without what annotates it.
        bounds: Of numbers.
        default: Its value where it is not typed; ``MISSING`` for a word that has none.
        own: Whether it is an option of a verb, not a field of a recipe or a word that stands for itself.
    """

    name: str
    kind: Any
    bounds: tuple[Within, ...]
    default: Any
    own: bool

    @property
    def many(self) -> bool:
        """Whether several values may follow."""
        return get_origin(self.kind) is tuple

    @property
    def allowed(self) -> str:
        """What its value must be, in words."""
        bounds = "".join(f" {'of ' * bound.words.startswith('at least')}{bound.words}" for bound in self.bounds)
        if get_origin(self.kind) is Literal:
            return one_of([str(each) for each in get_args(self.kind)])
        if not self.many:
            return f"{KINDS.get(self.kind, ('', ''))[0]}{bounds}"
        inner = [each for each in get_args(self.kind) if each is not Ellipsis]
        count = f"{len(inner)} " if Ellipsis not in get_args(self.kind) else ""
        return f"{count}{KINDS.get(plain(inner[0])[0], ('', ''))[1]}{bounds}"

    @property
    def wanting(self) -> str:
        """What to say where it stands without a value."""
        return f"needs a value{': ' * bool(self.allowed)}{self.allowed}."

    def refuses(self, word: str) -> bool:
        """Whether a word cannot be read as (one of) its values."""
        kind = plain(get_args(self.kind)[0])[0] if self.many else self.kind
        if get_origin(kind) is Literal:
            return word not in map(str, get_args(kind))
        try:
            kind(word) if kind in KINDS else None
        except ValueError:
            return True
        return False


def plain(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without ``Annotated`` and ``None``, and what annotated it."""
    told: tuple[Any, ...] = ()
    while get_origin(hint) in (Annotated, Union, UnionType):
        told += getattr(hint, "__metadata__", ())
        kinds = [each for each in get_args(hint) if each is not type(None)]
        hint = kinds[0] if get_origin(hint) is Annotated or len(kinds) == 1 else str
    return hint, told


def described(form: Any, prefix: str = "") -> Iterator[Option]:
    """The options and words that a form's fields make, those of forms within it included."""
    hints = get_type_hints(form, include_extras=True)
    for each in fields(form):
        kind, told = plain(hints[each.name])
        if is_dataclass(kind):
            named = next((note.name for note in told if getattr(note, "name", None)), None)
            yield from described(kind, f"{named}." if named else prefix)
            continue
        bounds = [*told, *(note for inner in get_args(kind) for note in plain(inner)[1])]
        name = f"{prefix}{each.name.replace('_', '-')}"
        own = issubclass(form, VerbOptions) and Positional not in told
        yield Option(name, kind, tuple(note for note in bounds if isinstance(note, Within)), _default(each), own)


def _default(each: Field[Any]) -> Any:
    return each.default if each.default_factory is MISSING else each.default_factory()


def given(option: str, words: Sequence[str]) -> list[str]:
    """The words that were typed for an option, at its last place."""
    found: list[str] = []
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name.replace("_", "-") != f"--{option}":
            continue
        following = words[place + 1 :]
        end = next((number for number, each in enumerate(following) if each.startswith("--")), len(following))
        found = [value] if equals else list(following[:end])
    return found


def misused(form: Any, words: Sequence[str], typed: Mapping[str, str]) -> str | None:
    """What to say of an option that got no value where it takes some, or one where it takes none.

    The parser would take the one for an empty list, the other's value for a word of its own.
    """
    options = {option.name: option for option in described(form)}
    for word in words if any(word.startswith("--") for word in words) else ():
        name, equals, value = word.partition("=")
        name = name.replace("_", "-")
        switch = options.get(_affirmed(name.removeprefix("--")))
        if word.startswith("--") and equals and switch is not None and switch.kind is bool:
            return _valued(typed.get(f"--{switch.name}", f"--{switch.name}"), value)
        option = options.get(name.removeprefix("--"))
        if (
            word.startswith("--")
            and option is not None
            and option.own
            and option.many
            and not given(option.name, words)
        ):
            return f"{typed.get(name, name)} {option.wanting}"
    return None


def _valued(switch: str, value: str) -> str:
    name = switch.removeprefix("--")
    return f"{switch} takes no value, but is given '{value}': type {switch} or --{negation(name)} alone."


def _affirmed(name: str) -> str:
    """The name of an option without the no before it, or before its last part."""
    of, dot, last = name.removeprefix("no-").rpartition(".")
    return f"{of}{dot}{last.removeprefix('no-')}"


def complaint(form: Any, words: Sequence[str], said: str, typed: Mapping[str, str], command: str) -> str:
    """What the parser refused, in our words.

    Args:
        form: The form that was to be filled in.
        words: What was typed for it.
        said: What the parser wrote.
        typed: Options by their names today, as they were typed.
        command: What was typed before the words.
    """
    text = _text(said)
    options = {option.name: option for option in described(form)}
    if match := re.match(r"Missing from .*?: (\w+)", text):
        needed = [name.upper().replace("-", "_") for name, each in options.items() if each.default is MISSING]
        return f"{match[1]} is missing: type {command} {' '.join(needed)}."
    named = [options[name] for name in re.findall(r"--([\w.-]+)", text) if name in options]
    if not named:
        return f"{text}."
    option, dashed = named[0], f"--{named[0].name}"
    dashed = typed.get(dashed, dashed)
    values = given(option.name, words)
    if not values:
        return f"{dashed} {option.wanting}"
    wrong = next((word for word in values if option.refuses(word)), None)
    if option.many:
        return f"{dashed} holds '{wrong or ' '.join(values)}', but it takes {option.allowed}."
    return f"{dashed} is '{wrong or values[0]}', but it must be {option.allowed}."


def unexpected(
    form: Any, word: str, words: Sequence[str], known: Sequence[str], typed: Mapping[str, str], command: str
) -> str:
    """What to say of an option or a word that has no place."""
    switches = {option.name for option in described(form) if option.kind is bool}
    if word.startswith("-"):
        name = word.lstrip("-").partition("=")[0].replace("_", "-")
        negated = [negation(option) for option in known if option in switches] if _affirmed(name) != name else []
        hint = nearest(name, [*known, *negated])
        learned = getattr(form, LEARNED, {}).get(name.replace("-", "_"))
        if isinstance(learned, bool | int | float | str):
            return (
                f"--{name} is a matter of training, and this run was trained with {learned}. Leave it out, or train "
                "another run with it."
            )
        of = f" {words[0]}" if hasattr(form, LEARNED) and not words[0].startswith("-") else ""
        return f"There is no option '--{name}'. {_dashed(hint)}`{command}{of} --help` lists the options."
    for before, each in pairwise(words):
        name = _affirmed(before.removeprefix("--").replace("_", "-"))
        if before.startswith("--") and each == word and name in switches:
            return _valued(typed.get(f"--{name}", f"--{name}"), word)
    return f"'{word}' is not expected there. `{command} --help` shows what is."


def _dashed(hint: str) -> str:
    """A suggestion with the dashes to type; a list of everything would be too long here."""
    return re.sub(r"'([^']+)'", r"'--\1'", hint) + " " if hint.startswith("Did") else ""


def _text(said: str) -> str:
    """What tyro wrote into its box, without the repeated help."""
    lines = [_FRAME.sub("", _FRAME.sub("", line).strip()).strip() for line in said.splitlines()]
    body = [line for line in lines[1:] if line]  # the first is the box's title
    ends = ("Argument helptext", "For full helptext")
    end = next((number for number, line in enumerate(body) if line.startswith(ends)), None)
    return " ".join(body[:end]).removesuffix(".")
