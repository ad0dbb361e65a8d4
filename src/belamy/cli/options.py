"""The options that several verbs share: each is stated once, with its default, its help, and what it refuses.

A verb's form is a class of options: it takes the groups that it needs as bases and adds its own. Before the verb
begins, ``refuse`` refuses whatever can be refused without its data: the one stage of checks of every verb.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields
from math import isfinite
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    TypeVar,
    dataclass_transform,
    get_args,
    get_type_hints,
)

from belamy.cli.output import STANDARD_OUTPUT, deliver, named_file, picture_file, picture_folder
from belamy.docstrings import docstring
from belamy.errors import UsageError
from belamy.ranges import Within as Within

if TYPE_CHECKING:
    from belamy.data import Dataset
    from belamy.methods.base import BaseMethod
    from belamy.progress import Reporter
    from belamy.runs.run import Run

Form = TypeVar("Form")


class NewFile(NamedTuple):
    """A file or folder to write, in the annotation of its option: ``Annotated[str | None, NewFile(("csv",))]``.

    What is there is refused where the verb has an ``--overwrite`` that is not typed.

    Args:
        kinds: The endings that a file may have; none for a folder.
    """

    kinds: tuple[str, ...] = ()

    def check(self, option: str, value: str, overwrite: bool) -> None:
        """Refuse what cannot be written.

        Raises:
            BelamyError: It cannot.
        """
        if self.kinds:
            picture_file(value, overwrite, self.kinds, option)
        else:
            named_file(value, option)


Seed = Annotated[int, Within(0)]
Share = Annotated[float, Within(0, 1)]


@dataclass_transform(frozen_default=True, kw_only_default=True)
def options(described: type[Form]) -> type[Form]:
    """A class as a group of options: its annotated fields are the options, the docstrings below them their help.

    A field without a default is a word of the command line. Words come in the order of the bases, and a class's own
    options before those of its bases.
    """
    made = dataclass(frozen=True, kw_only=True)(described)
    made.__doc__ = docstring(described)
    own = inspect.get_annotations(described)
    found: dict[str, Any] = made.__dataclass_fields__  # type: ignore[attr-defined]
    words = {name: field for name, field in found.items() if field.default is MISSING}
    new = {name: field for name, field in found.items() if name in own}
    made.__dataclass_fields__ = {**words, **new, **found}  # type: ignore[attr-defined]
    return made


@options
class VerbOptions:
    """What every verb understands."""

    config: str | None = None
    """A JSON or TOML file of option values; what is typed goes before what it says."""

    def refuse(self) -> None:
        """Refuse what cannot work, before anything is loaded, trained or written.

        Raises:
            BelamyError: A number out of range or not finite, or a file that cannot be written.
        """
        hints = get_type_hints(type(self), include_extras=True)
        for field in fields(self):
            value, option = getattr(self, field.name), f"--{field.name.replace('_', '-')}"
            rules = list(_rules(hints[field.name]))
            for each in value if isinstance(value, tuple) else (value,):
                self._refuse_value(option, each, rules)

    def _refuse_value(self, option: str, value: Any, rules: Sequence[Within | NewFile]) -> None:
        if isinstance(value, float) and not isfinite(value):
            raise UsageError(f"{option} is {value}, but it must be a finite number.")
        for rule in rules:
            if isinstance(rule, Within) and isinstance(value, int | float):
                rule.check(option, value)
            elif isinstance(rule, NewFile) and value is not None:
                rule.check(option, value, getattr(self, "overwrite", True))

    def given(self, *besides: str) -> dict[str, Any]:
        """What is asked for, by name, but for what is named."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name not in (*besides, "config")}

    @property
    def quiet(self) -> bool:
        """Whether standard output belongs to the JSON alone."""
        return False


def _rules(hint: Any) -> Iterator[Within | NewFile]:
    """Those that an annotation states, for itself or for what it holds."""
    yield from (each for each in getattr(hint, "__metadata__", ()) if isinstance(each, Within | NewFile))
    for inner in get_args(hint):
        yield from _rules(inner)


@options
class Json(VerbOptions):
    """Facts for programs."""

    json: str | None = None
    """Write the facts as JSON to this file; - is standard output."""

    def refuse(self) -> None:
        """Refuse a file that cannot be."""
        super().refuse()
        if self.json is not None and not self.quiet:
            named_file(self.json, "--json")

    @property
    def quiet(self) -> bool:
        """Whether standard output belongs to the JSON alone."""
        return self.json == STANDARD_OUTPUT

    def deliver(self, facts: Any, text: str) -> int:
        """Write the facts where ``--json`` says, and the text for people; returns the exit code of a success."""
        deliver(facts, self.json, text)
        return 0

    def say(self) -> Callable[[str], None] | None:
        """Where messages go on the way; nowhere if standard output belongs to the JSON."""
        from belamy.cli.output import say

        return None if self.quiet else say


@options
class ProgressOption(VerbOptions):
    """How far it is."""

    progress: bool = True
    """Show how far it is."""

    @contextmanager
    def reporting(self) -> Iterator[Reporter]:
        """Shows progress as the terminal allows, as long as the context lasts."""
        from belamy.progress import reporter

        told = reporter(self.progress and not self.quiet)
        try:
            yield told
        finally:
            told.close()


@options
class Offline(VerbOptions):
    """Data that are not at hand."""

    offline: bool = False
    """Never fetch anything from the network."""

    def run_data(self, run: Run) -> Dataset:
        """What a run was trained on."""
        from belamy.training.setup import open_recipe_data

        return open_recipe_data(run.recipe, self.offline)


@options
class SizeOfPictures(VerbOptions):
    """How large pictures are to be."""

    size: str | None = None
    """Of pictures, in pixels: the side of squares, 64, or width x height, 96x64; by default their own."""

    def refuse(self) -> None:
        """Refuse what is no size."""
        super().refuse()
        if self.size is not None:
            from belamy.modalities.sizes import parse_size

            parse_size(self.size)


@options
class Pictures(SizeOfPictures):
    """How pictures are read."""

    size: str | None = None
    """Of pictures, in pixels: the side of squares, 64, or width x height, 96x64, or native where all are alike; by
    default the data's own."""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    """How a picture of another aspect ratio is brought to its size."""
    channels: Annotated[int | None, Within(1, 64)] = None
    """Of pictures: 1 for grey, 3 for colour, 2 and 4 for the same with opacity; by default what the data have."""
    alpha: Literal["white", "keep"] = "white"
    """Of pictures: whether transparency lies on white or stays a channel."""
    levels: Annotated[int | None, Within(1, 1 << 24)] = None
    """The value that is white in pictures of more than 8 bits, e.g. 4095 of a 12-bit camera; by default 65535."""

    def refuse(self) -> None:
        """Refuse channels that pictures cannot have."""
        super().refuse()
        if self.channels is not None:
            from belamy.data.load_options import check_channels

            check_channels(self.channels, self.alpha)


@options
class Device(VerbOptions):
    """Where to compute."""

    device: str = "auto"
    """Where to compute: auto, cpu, cuda, cuda:1 or mps."""

    def refuse(self) -> None:
        """Refuse what is no device."""
        super().refuse()
        if self.device not in ("auto", "cpu"):  # which every machine has
            from belamy.device import choose_device

            choose_device(self.device)


@options
class Training(Device, Offline, ProgressOption):
    """How training goes about it."""

    checkpoint_seconds: Annotated[float, Within(0)] = 60.0
    """Save the state at least this often, in seconds."""
    verbose: bool = False
    """Show losses and gradient norms beside the progress."""


@options
class OfRun(Device):
    """The weights of a run."""

    makes: ClassVar[str] = ""
    """The kind of what a run must make, for a verb that knows no other, ``a/b`` for either; empty for any."""

    run: str
    """The run's directory."""
    weights: Literal["newest", "best"] = "newest"
    """Which weights: the newest, or the best that `train --keep-best` kept."""

    def opened(self) -> tuple[Run, BaseMethod]:
        """The run, and its trained method on the device.

        Raises:
            UsageError: It makes another kind of thing than the verb knows.
        """
        from belamy.device import choose_device
        from belamy.modalities import modality
        from belamy.runs.run import Run

        run = Run.open(self.run)
        if self.makes and (made := run.build().output.modality) not in self.makes.split("/"):
            wanted = " or ".join(modality(kind).words[1] for kind in self.makes.split("/"))
            held = modality(made).words[1]
            raise UsageError(f"This works on {wanted}, but {run.path} makes {held}. Take a run of {wanted}.")
        return run, run.method(best=self.weights == "best").to(choose_device(self.device))


@options
class InSpace(OfRun):
    """Which latents of a run are meant."""

    space: Literal["z", "w", "w+"] = "z"
    """z: the latents that are drawn; w: the styles that a style-based generator makes of them, one for all layers; w+:
    one for each layer."""

    def opened(self) -> tuple[Run, BaseMethod]:
        """The run, and its trained method with latents of the space.

        Raises:
            UsageError: Its generator has no styles.
        """
        from belamy.sampling.styles import in_space

        run, method = super().opened()
        return run, in_space(method, self.space)


@options
class Overwrite(VerbOptions):
    """What is there already."""

    overwrite: bool = False
    """Replace what is there."""


@options
class ToFile(Overwrite):
    """A file of results; the verb says which by its default of ``out``."""

    kinds: ClassVar[Sequence[str]] = ("png",)
    """The endings that it may have."""

    out: str
    """The PNG file to write."""

    def refuse(self) -> None:
        """Refuse a file that cannot be written."""
        super().refuse()
        picture_file(self.out, self.overwrite, self.kinds)

    @property
    def file(self) -> Path:
        """The file to write."""
        return picture_file(self.out, self.overwrite, self.kinds)


@options
class ToFolder(Overwrite):
    """A folder of results."""

    out: str | None = None
    """The folder to write."""

    def refuse(self) -> None:
        """Refuse a folder that cannot be written."""
        super().refuse()
        if self.out is not None:
            self.folder()

    def folder(self, usual: Path = Path()) -> Path:
        """The folder to write; ``usual`` where none is named."""
        return picture_folder(usual if self.out is None else named_file(self.out, "--out"), self.overwrite)


@options
class ToPage(Overwrite):
    """A page of results, which a run keeps in its directory where no other is named."""

    name: ClassVar[str]
    """What the page is called in a run's directory."""

    out: str | None = None
    """The page to write, NAME.html; by default one in a run's directory."""

    def page(self, source: str) -> Path | None:
        """Where the page goes: the file named, or into the directory of a run that is looked at; None for nowhere.

        Raises:
            UsageError: It is no page.
            StorageError: It is there already.
        """
        folder = Path(source).expanduser()
        if self.out is not None:
            return picture_file(self.out, self.overwrite, ("html", "htm"))
        return folder / self.name if (folder / "recipe.json").is_file() else None


def negation(option: str) -> str:
    """The option that says no.

    Example:
        >>> negation("generator.fresh-latents")
        'generator.no-fresh-latents'
    """
    of, dot, name = option.rpartition(".")
    return f"{of}{dot}no-{name}"
