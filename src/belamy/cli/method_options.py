"""Forms that grow by the options of a run's method: a temperature of a sampler, the blend of two networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, fields, make_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from belamy.cli.options import Within

OWN = "_of_the_method"
"""What a form calls the fields that the run's method added to it."""
LEARNED = "_of_the_recipe"
"""What a form calls the settings that the run was trained by, which are no options any more."""

Form = TypeVar("Form")


def named_run(words: Sequence[str]) -> str | None:
    """The run that is named in what a user typed; None where there is none."""
    return next((word for word in words if (Path(word).expanduser() / "recipe.json").is_file()), None)


def extended(form: type[Form], run: str | None, translating: bool = False) -> type[Form]:
    """A form with the options of a run's method; as it is where no run is named.

    Args:
        form: What it is made of.
        run: Whose method.
        translating: Whether the options are those of what the method translates by, if that is another.
    """
    if run is None:
        return form
    from tyro.conf import arg

    from belamy.methods.base import METHODS
    from belamy.runs.run import Run

    opened = Run.open(run)
    method: Any = METHODS.load(opened.method_name)
    known = ((method.translating if translating else None) or method).sampling_options
    own = [
        (name, Annotated[Literal[each.choices], arg(help=each.help)], field(default=each.choices[int(each.default)]))
        if each.choices
        else (
            name,
            Annotated[int if each.whole else float, Within(each.least, each.most), arg(help=each.help)],
            field(default=int(each.default) if each.whole else float(each.default)),
        )
        for name, each in known.items()
    ]
    made: type[Form] = make_dataclass(
        form.__name__,
        own,
        bases=(form,),
        frozen=True,
        kw_only=True,
        namespace={OWN: tuple(known), LEARNED: opened.recipe.model_dump()},
    )
    made.__doc__ = form.__doc__
    return made


def chosen(form: object) -> dict[str, Any]:
    """The options of the method by name, numbers and names, as a user chose them."""
    return {name: getattr(form, name) for name in getattr(form, OWN, ())}


def changed(form: Any) -> dict[str, Any]:
    """Of these, what is not as it would be unasked."""
    usual = {each.name: each.default for each in fields(form)}
    return {name: value for name, value in chosen(form).items() if value != usual[name]}
