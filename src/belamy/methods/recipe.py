"""What every recipe has; nothing here imports PyTorch, so that help is quick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from belamy.errors import UsageError, must_be, nearest
from belamy.modalities import MODALITIES
from belamy.modalities.sizes import parse_size, text_of
from belamy.registry import Part, Registry

if TYPE_CHECKING:
    from belamy.data import Dataset

SCHEDULES = Registry("belamy.training.schedules", "schedule", "Schedule")
RAMPS = Registry("belamy.training.ramps", "ramp", "Ramp")


RENAMED = {"samples": "train_samples", "average": "ema_half_life", "latent_law": "prior"}
"""Recipe fields by the names that older runs know them by; they are understood wherever a field is named."""


class BaseRecipe(BaseModel):
    """Everything that decides the outcome of a training run, as plain data.

    The fields are the options of ``belamy train``, the JSON in the run directory and, later, the studio's form.
    Loading a recipe runs no code.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    starts_from: ClassVar[str] = ""
    """The method, if it is another, whose run this one starts from where it starts from any."""

    data: str = "mnist"
    """A named data set, a folder or a file of pictures, sounds, texts …, an archive or an array file."""
    modality: str | None = None
    """What kind the data are, where they do not say it themselves: image, audio, text … with the options of its reader,
    e.g. text:unit=words."""
    other: str | None = None
    """Data of a second side that is not aligned with the first."""
    size: int | str | None = None
    """Of pictures, in pixels: the side of squares, 64, or width x height, 96x64, or native where all are alike; by
    default the data's own."""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    """How a picture of another aspect ratio is brought to its size."""
    channels: int | None = Field(default=None, ge=1, le=64)
    """Of pictures: 1 for grey, 3 for colour, 2 and 4 for the same with opacity; by default what the data have."""
    alpha: Literal["white", "keep"] = "white"
    """Of pictures: whether transparency lies on white or stays a channel."""
    rate: int | None = Field(default=None, ge=1, le=10**7)
    """Of sound and films: samples or frames per second."""
    length: int | None = Field(default=None, ge=1, le=1 << 24)
    """Samples of a clip of sound, symbols of a text, frames of a film, steps of a series."""
    labels: str | None = None
    """A CSV file with file names and labels, or the attribute of the data set that serves as label."""
    levels: int | None = Field(default=None, gt=0, le=1 << 24)
    """The value that is white in pictures of more than 8 bits, e.g. 4095 of a 12-bit camera; by default 65535."""
    only: str | None = None
    """Train on the images of this class alone."""
    train_samples: int = Field(default=1_000_000, gt=0, le=10**12)
    """Training samples to see, repetitions counted: the length of the run."""
    batch: int = Field(default=64, gt=0, le=65536)
    """Samples per step, over all processes together."""
    seed: int = Field(default=0, ge=0)
    """Decides every random draw of the run."""
    ema_half_life: int = Field(default=0, ge=0)
    """Half-life, in samples, of the exponential average of the weights; 0 for none."""
    schedule: Annotated[Part, SCHEDULES] = Part(name="constant")
    """How the learning rates change over the run."""
    ramps: tuple[Annotated[Part, RAMPS], ...] = ()
    """Numbers of parts that begin elsewhere and reach their own value during the run, e.g.
    cosine:of=penalties.r1.weight,start=2,over=100000 or linear:of=ema_half_life,start=0."""
    freeze: tuple[str, ...] = ()
    """Parts of networks that do not learn: discriminator:4 for the four layers next to the pixels, discriminator:-4 for
    the last four, generator.mapping for a part by its name."""
    clip_value: float | None = Field(default=None, gt=0)
    """Clip every element of the gradients to this magnitude."""
    clip_norm: float | None = Field(default=None, gt=0)
    """Scale each player's gradient down to this Euclidean norm."""

    @field_validator("size")
    @classmethod
    def _size(cls, given: int | str | None) -> int | str | None:
        try:
            wanted = parse_size(given)
        except UsageError as error:
            raise ValueError(str(error)) from None
        if wanted is None or isinstance(wanted, str):
            return wanted
        return wanted[0] if wanted[0] == wanted[1] else text_of(wanted)

    @field_validator("modality")
    @classmethod
    def _kind(cls, given: str | None) -> str | None:
        try:
            if given is None:
                return None
            part = MODALITIES.check(Part.parse(given))
            MODALITIES.build(part)  # refuses options out of range
            return str(part)
        except UsageError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="before")
    @classmethod
    def _present_names(cls, fields: Any) -> Any:
        return {cls.present_name(name): value for name, value in fields.items()} if isinstance(fields, dict) else fields

    @classmethod
    def present_name(cls, name: str) -> str:
        """What a field is called now; a name of today, or of no field, stays as it is."""
        return name if name in cls.model_fields else RENAMED.get(name, name)

    def arranged(self, data: Dataset) -> Dataset:
        """What is learned from of the data that the recipe names: one class of them, where ``only`` says so.

        Raises:
            UsageError: They have no such class.
        """
        return data if self.only is None else data.only(self.only)

    def check_sides(self, fields: Mapping[str, Any]) -> None:
        """Refuse a change of the first side alone: the second is the usual one of the usual first.

        Args:
            fields: What is changed of this recipe.

        Raises:
            UsageError: What to type.
        """
        data = fields.get("data", self.data)
        if self.other is None or data == self.data or fields.get("against") or "other" in fields:
            return
        raise UsageError(
            f"This recipe learns between two sides, by default {self.data} and {self.other}. {data} would be one of "
            f"them, and {self.other} stay the other. Type the second side too, --other FOLDER, or --other {self.other} "
            "to keep it."
        )

    def sides(self, shape: tuple[int, ...]) -> dict[str, dict[str, Any]]:
        """Data that a method needs beside the main ones: the options of ``open_data`` for each, by the field's name.

        They are not aligned with the main data: each batch draws from them with replacement.

        Args:
            shape: Of a sample of the main field.
        """
        return {}

    def check_start(self, recipe: Any) -> None:
        """Refuse a run of the method ``starts_from`` that this recipe cannot start from.

        Args:
            recipe: Of that run.

        Raises:
            UsageError: What to type instead.
        """

    @classmethod
    def tiny(cls) -> Self:
        """The smallest recipe of the method that still trains: seconds on a CPU."""
        raise UsageError(f"{cls.__module__} gives no tiny recipe; every method needs one.")

    def changed(self, **fields: Any) -> Self:
        """The same recipe with some fields replaced.

        Raises:
            UsageError: An unknown field or a value that the field does not allow.
        """
        known = type(self).model_fields
        fields = {self.present_name(name): value for name, value in fields.items()}
        for name in fields:
            if name not in known:
                raise UsageError(f"This recipe has no field '{name}'. {nearest(name, known)}")
        return type(self).parse({**self.model_dump(), **fields})

    @classmethod
    def parse(cls, fields: Mapping[str, Any]) -> Self:
        """A recipe from plain data, as ``recipe.json`` holds it."""
        try:
            return cls.model_validate(dict(fields))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the recipe"
            said = f"{must_be(first['msg']).rstrip('.')}."
            hint = nearest(where, cls.model_fields) if first["type"] == "extra_forbidden" else said
            raise UsageError(f"{where} = {first['input']!r} is not allowed: {hint}") from None
