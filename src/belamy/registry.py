"""Parts found by their file names.

A registry is a folder whose modules each hold one part: ``losses/adversarial/least_squares.py`` holds the adversarial
loss ``least-squares`` as its class ``Adversarial``. Adding a part is adding a file; other packages add theirs by an
entry point in the group that is named like the folder's package (``belamy.losses.adversarial``).

What every part of a kind must have is written once, as the protocol of the role's name in the folder's ``__init__.py``.
It is held against each part that is loaded and built, so that a part that lacks something is named before it is used.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, TypeAdapter, ValidationError
from pydantic_core import CoreSchema, core_schema

from belamy.errors import UsageError, must_be, nearest


class Part(BaseModel):
    """The name of a part and the options that differ from its defaults.

    Example:
        >>> Part.parse("r1:weight=5,every=16")
        Part(name='r1', weight='5', every='16')
        >>> str(Part(name="r1", weight=5))
        'r1:weight=5'
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str

    if TYPE_CHECKING:

        def __init__(self, *, name: str, **options: Any) -> None: ...

    @property
    def options(self) -> dict[str, Any]:
        """The options given, by name."""
        return dict(self.__pydantic_extra__ or {})

    @classmethod
    def parse(cls, text: str) -> Part:
        """A part from ``name`` or ``name:option=value,option=value``."""
        name, _, rest = text.partition(":")
        options: dict[str, Any] = {}
        for item in filter(None, rest.split(",")):
            key, equals, value = item.partition("=")
            if not equals:
                raise UsageError(f"'{text}' is not a part: write {name}:option=value,option=value.")
            key = key.strip().replace("-", "_")
            if key in options:
                raise UsageError(
                    f"'{text}' gives {key} twice: as {options[key]} and as {value.strip()}. Leave one out."
                )
            options[key] = value.strip()
        return cls(name=name.strip(), **options)

    def __str__(self) -> str:
        settings = ",".join(
            f"{key}={'x'.join(map(str, value)) if isinstance(value, tuple) else value}"
            for key, value in self.options.items()
        )
        return f"{self.name}:{settings}" if settings else self.name


_ANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Module(Protocol):
    """What a contract inherits whose parts are ``torch.nn.Module``, so that their state is saved with the run."""


class Registry:
    """The parts of one kind.

    As the annotation of a recipe's field (``Annotated[Part, REGISTRY]``) it checks the field when the recipe is made
    and writes it as JSON: the plain name where no option is set.

    Args:
        package: Dotted name of the folder, e.g. ``belamy.losses.adversarial``; also the entry-point group.
        kind: What a user calls such a part, e.g. ``adversarial loss``.
        role: The class that each module holds, e.g. ``Adversarial``.
        spoken: Other words that users know parts by; they are suggested where a name is unknown.
    """

    def __init__(self, package: str, kind: str, role: str, spoken: Iterable[str] = ()) -> None:
        self.package, self.kind, self.role, self.spoken = package, kind, role, tuple(spoken)

    def __repr__(self) -> str:
        return f"Registry({self.package!r}, {self.kind!r}, {self.role!r})"

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: self.check(_as_part(value)),
            serialization=core_schema.plain_serializer_function_ser_schema(_as_json),
        )

    def modules(self) -> dict[str, str]:
        """Public name → dotted module, found without importing any of them."""
        folders = _folders(self.package, tuple(sys.path))
        changed = tuple(folder.stat().st_mtime_ns for folder in folders)  # when a file came or went
        return _modules(self.package, self.role, folders, changed, tuple(sys.path))

    def names(self) -> list[str]:
        """Public names, sorted."""
        return list(self.modules())

    def load(self, name: str) -> type:
        """The class that ``name`` stands for.

        Raises:
            UsageError: There is no such part; the message names the nearest ones. Or it is another package's and cannot
                be imported, or a method of it takes other arguments than the contract says.
        """
        modules = self.modules()
        name = name.replace("_", "-")
        if name not in modules:
            raise UsageError(f"There is no {self.kind} '{name}'. {nearest(name, [*modules, *self.spoken])}")
        part: type = getattr(self._imported(name, modules[name]), self.role)
        self._refuse(name, part, breach(part, self.contract))
        return part

    @property
    def contract(self) -> type:
        """The protocol that says what each part must have."""
        found: type = getattr(import_module(self.package), self.role)
        return found

    def _imported(self, name: str, module: str) -> ModuleType:
        try:
            return import_module(module)
        except Exception as error:
            if module.startswith(f"{self.package}."):
                raise
            what = f"{type(error).__name__}: {error}"
            raise UsageError(f"The {self.kind} '{name}' cannot be loaded from {module}: {what}.") from error

    def _refuse(self, name: str, part: type, breach: str | None) -> None:
        if breach:
            raise UsageError(
                f"The {self.kind} '{name}' ({part.__module__}.{part.__name__}) {breach}. What each must have is "
                f"written in {self.package}, class {self.role}."
            )

    def options(self, name: str) -> dict[str, inspect.Parameter]:
        """The options of a part: its constructor's keyword-only parameters, with resolved annotations."""
        return dict(_options(self.load(name).__init__))  # type: ignore[misc]

    def check(self, part: Part) -> Part:
        """The same part with its options typed as its constructor declares them.

        Raises:
            UsageError: An unknown part, an unknown option, or a value of the wrong type.
        """
        known = self.options(part.name)
        typed: dict[str, Any] = {}
        for key, value in part.options.items():
            if key not in known:
                raise UsageError(f"The {self.kind} '{part.name}' has no option '{key}'. {nearest(key, known)}")
            typed[key] = _typed(value, known[key].annotation, f"{part.name}.{key}")
        return Part(name=part.name.replace("_", "-"), **typed)

    def build(self, part: Part, **given: Any) -> Any:
        """An instance of a part.

        Args:
            part: Name and options.
            given: What the data or the run decides (``shape``, ``latent``, ``classes`` …). A constructor receives
                those that it declares as ordinary parameters.

        Raises:
            UsageError: An unknown part, a wrong option, or a part that does not keep the contract.
        """
        made = self.load(part.name)
        options = self.check(part).options
        for name, parameter in list(inspect.signature(made.__init__).parameters.items())[1:]:  # type: ignore[misc]
            if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and name in given:
                options[name] = given[name]
            elif parameter.default is parameter.empty and parameter.kind not in _ANY and name not in options:
                self._refuse(part.name, made, _unmet(part.name, parameter, given))
        built = made(**options)
        self._refuse(part.name, made, breach(built, self.contract))
        return built


def breach(part: Any, contract: type) -> str | None:
    """What a part lacks of a contract, in words to follow its name; None if it keeps it.

    Args:
        part: A part, or its class, of which only what must be there before it is built is asked.
        contract: A protocol.
    """
    made = part if isinstance(part, type) else type(part)
    if Module in contract.__mro__ and not hasattr(made, "named_parameters"):
        return "is no torch.nn.Module"
    for name, member in _promised(contract).items():
        found = next((vars(base)[name] for base in made.__mro__ if name in vars(base)), None)
        empty = getattr(found, "__name__", "") == "_forward_unimplemented"  # that of torch.nn.Module
        if found is None and part is made and not member.of_class:
            continue  # it may be there once the part is built
        if empty or (found is None and (part is made or not hasattr(part, name))):
            return f"lacks {name}{member.arguments}"
        own = getattr(part, name) if found is None else found
        if member.signature and not _takes(own, member.signature, bound=found is None):
            return f"has a {name} that does not take {member.arguments}"
    return None


class _Member(NamedTuple):
    """What a contract asks for: a method with its signature, or an attribute; and whether the class itself has it."""

    signature: inspect.Signature | None
    of_class: bool

    @property
    def arguments(self) -> str:
        return f"({', '.join(list(self.signature.parameters)[1:])})" if self.signature else ""


@cache
def _promised(contract: type) -> dict[str, _Member]:
    """The members of a protocol by name."""
    found = {}
    for base in (each for each in reversed(contract.__mro__) if each.__module__ not in ("typing", "builtins")):
        found.update(dict.fromkeys(inspect.get_annotations(base), _Member(None, False)))
        for name, value in vars(base).items():
            function = value.__func__ if isinstance(value, classmethod) else value
            if isinstance(value, property):
                found[name] = _Member(None, False)
            elif inspect.isfunction(function) and (name[0] != "_" or name == "__call__"):
                found[name] = _Member(inspect.signature(function), function is not value)
    return found


def _takes(method: Any, wanted: inspect.Signature, bound: bool) -> bool:
    """Whether a method, of a class or bound to an instance, can be called as the contract calls it."""
    function = method.__func__ if isinstance(method, classmethod | staticmethod) else method
    parameters = list(wanted.parameters.values())[bound or isinstance(method, staticmethod) :]
    positional = [each.name for each in parameters if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    named = {each.name: None for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY}
    try:
        inspect.signature(function).bind(*positional, **named)
    except TypeError:
        return False
    return True


def _unmet(part: str, parameter: inspect.Parameter, given: Mapping[str, Any]) -> str:
    """What a constructor asks for in vain, in words."""
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
        return f"needs {parameter.name}, which is not guessed: type {part}:{parameter.name}=…"
    known = ", ".join(given) or "nothing"
    return f"asks for '{parameter.name}', but is given {known}; a user's option stands after * and has a default"


class PartField(NamedTuple):
    """A field that holds parts: of which registry, and whether several."""

    registry: Registry
    many: bool


def part_fields(model: type[BaseModel]) -> dict[str, PartField]:
    """The fields of a model, annotated with their registries, that hold parts."""
    found = {}
    for name, info in model.model_fields.items():
        inner = [word for each in get_args(info.annotation) for word in get_args(each)]
        for words, many in ((info.metadata, False), (inner, True)):
            for registry in (word for word in words if isinstance(word, Registry)):
                found[name] = PartField(registry, many)
    return found


def _options(constructor: Callable[..., None]) -> dict[str, inspect.Parameter]:
    hints = get_type_hints(constructor)
    return {
        parameter.name: parameter.replace(annotation=hints.get(parameter.name, str))
        for parameter in inspect.signature(constructor).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation, config=ConfigDict(allow_inf_nan=False))


@cache
def _folders(package: str, _path: tuple[str, ...]) -> tuple[Path, ...]:
    spec = find_spec(package)
    return tuple(Path(folder) for folder in (spec.submodule_search_locations if spec else None) or ())


@cache
def _modules(
    package: str, role: str, folders: tuple[Path, ...], _changed: tuple[int, ...], _path: tuple[str, ...]
) -> dict[str, str]:
    entries = [(entry.name.replace("_", "-"), entry.module) for entry in entry_points(group=package)]
    found = {name: module for name, module in entries if _defines(_source(module), role)}
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            if not path.stem.startswith("_") and _defines(path, role):
                found[path.stem.replace("_", "-")] = f"{package}.{path.stem}"
    return dict(sorted(found.items()))


def _source(module: str) -> Path | None:
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):  # its package has gone or fails: that must not hide the other parts
        return None
    return Path(spec.origin) if spec and spec.origin else None


def _defines(path: Path | None, role: str) -> bool:
    return path is not None and bool(re.search(rf"^class {role}\b", path.read_text(encoding="utf-8"), re.MULTILINE))


def _typed(value: Any, annotation: Any, where: str) -> Any:
    if isinstance(value, str) and (get_origin(annotation) is tuple or _allows_tuple(annotation)):
        value = tuple(value.split("x")) if "x" in value else (value,)
    if isinstance(value, str) and value.lower() == "none" and type(None) in get_args(annotation):
        return None
    try:
        return _adapter(annotation).validate_python(value)
    except ValidationError as error:
        raise UsageError(f"{where} is {value!r}, but {must_be(error.errors()[0]['msg'])}.") from None


def _allows_tuple(annotation: Any) -> bool:
    return any(get_origin(choice) is tuple for choice in get_args(annotation))


def _as_part(value: Any) -> Any:
    if isinstance(value, Part):
        return value
    return Part.parse(value) if isinstance(value, str) else Part.model_validate(value)


def _as_json(part: Part) -> Any:
    return {"name": part.name, **part.options} if part.options else part.name
