"""A recipe as a form: its typed fields are the options, and the parts it holds bring theirs.

``--generator dcgan-geron`` puts another part into a field, ``--generator dcgan-geron:activation=selu`` sets its options
as well, and ``--generator.activation selu`` sets one option of the part that is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, fields, make_dataclass
from typing import Annotated, Any

from pydantic.fields import FieldInfo

from belamy.cli.parsing import checked, option_of, parse, present
from belamy.docstrings import docstring, plain
from belamy.errors import UsageError
from belamy.methods.recipe import RENAMED, BaseRecipe
from belamy.registry import Part, PartField, Registry, part_fields

OPTIONS = "_options"
_BOUNDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}


def read(
    recipe: BaseRecipe, words: Sequence[str], command: str, extra: type | None = None
) -> tuple[dict[str, Any], Any]:
    """The fields that a command line changes in a recipe, and the verb's own options.

    Args:
        recipe: What is changed.
        words: The command line after the recipe's name.
        command: What was typed so far, for messages.
        extra: A dataclass of the verb's own options, all with defaults.

    Raises:
        UsageError: An unknown option or part, or an impossible value.
    """
    renamed, typed = _renamed(recipe), words
    words = present(words, renamed)
    held = part_fields(type(recipe))
    chosen = {
        name: part for name, slot in held.items() if not slot.many for part in [_chosen(recipe, name, slot, words)]
    }
    form = _form(recipe, held, chosen, extra)
    filled = parse(form, typed, command, list(_names(recipe, chosen, held, extra)), renamed)
    changed: dict[str, Any] = {}
    for name in type(recipe).model_fields:
        value = getattr(filled.recipe, name)
        if name in chosen:
            value = _with_options(chosen[name], getattr(filled, name + OPTIONS, None))
            before: Any = getattr(recipe, name)
        else:
            before = _plain(recipe, name, held)
        if value != before:
            changed[name] = value
    return changed, checked(getattr(filled, "session", None))


def general(extra: type, command: str) -> int:
    """Show the help of a verb without a recipe: its own options, and the fields that every recipe has."""
    from belamy import recipes

    shared = BaseRecipe()
    held = part_fields(BaseRecipe)
    made = _form(shared, held, {}, extra)
    made.__doc__ = (
        f"A recipe is named first: {command} RECIPE, by default digits. Shown are the options of all recipes; "
        f"`{command} digits --help` shows the others that a recipe has, and its own defaults. Recipes: "
        f"{', '.join(recipes.known())}."
    )
    parse(made, ["--help"], command)
    return 0


def _renamed(recipe: BaseRecipe) -> dict[str, str]:
    """The options of a recipe by the names that their fields had before: ``--samples`` is ``--train-samples``."""
    known = type(recipe).model_fields
    return {
        f"--{old.replace('_', '-')}": f"--{new.replace('_', '-')}"
        for old, new in RENAMED.items()
        if new in known and old not in known
    }


def changed(recipe: BaseRecipe, fields: Mapping[str, Any], words: Sequence[str] = ()) -> BaseRecipe:
    """The recipe with fields replaced; what is refused is named as the option that was typed.

    Args:
        recipe: What is changed.
        fields: The fields that :func:`read` found.
        words: What it found them in.
    """
    try:
        return recipe.changed(**fields) if fields else recipe
    except UsageError as error:
        name, equals, rest = str(error).partition(" = ")
        if not equals or name.partition(".")[0] not in fields:
            raise
        option = f"--{name.replace('_', '-')}"
        typed = [old for old, new in _renamed(recipe).items() if new == option and old in map(option_of, words)]
        raise UsageError(f"{typed[0] if typed else option} = {rest}") from None


def _chosen(recipe: BaseRecipe, name: str, slot: PartField, words: Sequence[str]) -> Part:
    """The part that a field holds after the words: the last one named, or the recipe's."""
    part: Part = getattr(recipe, name)
    for number, word in enumerate(words):
        option, equals, value = word.partition("=")
        if not option.startswith("--") or option[2:].replace("-", "_") != name:
            continue
        if not equals:
            value = words[number + 1] if number + 1 < len(words) else "--"  # no value at all is told by the parser
        if not value.startswith("--"):
            part = slot.registry.check(Part.parse(value))
    return part


def _form(recipe: BaseRecipe, held: Mapping[str, PartField], chosen: Mapping[str, Part], extra: type | None) -> Any:
    from tyro.conf import OmitArgPrefixes, arg

    made: list[Any] = []
    for name, info in type(recipe).model_fields.items():
        slot = held.get(name)
        text = _help(info, slot)
        kind: Any = info.annotation
        if slot is not None:
            kind = Annotated[tuple[str, ...] if slot.many else str, arg(help=text, metavar="NAME[:OPTION=VALUE,…]")]
        else:
            kind = Annotated[kind, arg(help=text)]
        made.append((name, kind, field(default=_plain(recipe, name, held))))
    flat = make_dataclass("RecipeOptions", made)
    flat.__doc__ = "What decides the outcome."
    whole: list[Any] = [("recipe", OmitArgPrefixes[flat], field(default_factory=flat))]  # type: ignore[valid-type, misc]
    for name, part in chosen.items():
        options = _options_form(held[name].registry, part)
        if options is not None:
            kind = Annotated[options, arg(name=name.replace("_", "-"))]
            whole.append((name + OPTIONS, kind, field(default_factory=options)))
    if extra is not None:
        whole.append(("session", OmitArgPrefixes[extra], field(default_factory=extra)))  # type: ignore[valid-type, misc]
    form = make_dataclass("Form", whole)
    form.__doc__ = " ".join(plain(docstring(type(recipe))).split())
    return form


def _options_form(registry: Registry, part: Part) -> Any:
    """A dataclass of a part's options, with the part's own values as defaults; None where it has none."""
    from tyro.conf import arg

    known = registry.options(part.name)
    if not known:
        return None
    told = argument_help(registry.load(part.name))
    made = [
        (
            key,
            Annotated[option.annotation, arg(help=told.get(key, ""))],
            field(default=part.options.get(key, option.default)),
        )
        for key, option in known.items()
    ]
    form = make_dataclass("PartOptions", made)
    form.__doc__ = f"Of the {registry.kind} '{part.name}'."
    return form


def _with_options(part: Part, filled: Any) -> Part:
    """The part with the options that were set one by one; what is left at its default is not written down."""
    if filled is None:
        return part
    default = type(filled)()
    set_ = {
        each.name: getattr(filled, each.name)
        for each in fields(filled)
        if getattr(filled, each.name) != getattr(default, each.name)
    }
    return Part(name=part.name, **{**part.options, **set_})


def _plain(recipe: BaseRecipe, name: str, held: Mapping[str, PartField]) -> Any:
    """A field's value as the form shows it: parts as text."""
    value = getattr(recipe, name)
    if name not in held:
        return value
    return tuple(str(part) for part in value) if held[name].many else str(value)


def _help(info: FieldInfo, slot: PartField | None) -> str:
    text = plain(" ".join((info.description or "").split()))
    if slot is not None:
        return f"{text} Known: {', '.join(slot.registry.names())}."
    bounds = [
        f"{word} {getattr(limit, key)}"
        for limit in info.metadata
        for key, word in _BOUNDS.items()
        if hasattr(limit, key)
    ]
    return f"{text} ({', '.join(bounds)})" if bounds else text


def _names(
    recipe: BaseRecipe, chosen: Mapping[str, Part], held: Mapping[str, PartField], extra: type | None
) -> Iterator[str]:
    """All options without their dashes, for suggestions."""
    for name in type(recipe).model_fields:
        yield name.replace("_", "-")
    for name, part in chosen.items():
        for key in held[name].registry.options(part.name):
            yield f"{name}.{key}".replace("_", "-")
    for each in fields(extra) if extra is not None else ():
        yield each.name.replace("_", "-")


def argument_help(described: type) -> dict[str, str]:
    """The texts of a docstring's section ``Args``, by name.

    Example:
        >>> class Penalty:
        ...     '''A penalty.
        ...
        ...     Args:
        ...         weight: Factor in the
        ...             discriminator's loss.
        ...     '''
        >>> argument_help(Penalty)
        {'weight': "Factor in the discriminator's loss."}
    """
    section = re.search(r"^Args:\n((?:[ \t]+.*\n?|\n)*)", docstring(described), flags=re.MULTILINE)
    found: dict[str, str] = {}
    last = ""
    for line in section[1].splitlines() if section else ():
        entry = re.match(r" {4}(\w+): (.*)", line)
        if entry:
            last = entry[1]
            found[last] = entry[2].strip()
        elif last and line.strip():
            found[last] += f" {line.strip()}"
    return {name: plain(text) for name, text in found.items()}
