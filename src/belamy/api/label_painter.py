"""The application behind ``belamy paint``: a browser paints label maps, and a trained method makes pictures of them."""

import base64
import io
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from belamy.api.local_page import decoded, local_page
from belamy.api.translate import translator, unknown_label
from belamy.data.one_file import read_named, read_sample
from belamy.data.pictures import opened_picture, strict_pillow
from belamy.device import choose_device
from belamy.errors import DataError, Unreadable, UsageError
from belamy.methods.base import given_field
from belamy.modalities import modality
from belamy.modalities.label_map import Modality as LabelMap
from belamy.modalities.label_map import classes_in, palette
from belamy.modalities.sizes import SizeOption, parse_size
from belamy.runs.run import Run
from belamy.sampling.draw import placement
from belamy.seeds import SampleDraws
from belamy.survey.guard import Guard

ASSETS = {
    "report.css": ("style.css", "text/css"),
    "paint.css": ("paint/paint.css", "text/css"),
    "paint.js": ("paint/paint.js", "text/javascript"),
    "server.js": ("server.js", "text/javascript"),
    "icon.svg": ("survey/icon.svg", "image/svg+xml"),
}
"""What the page loads, by name: file and type. A name that is not here is not served."""
MOST_SIDE = 1024
"""Pixels of a side that can be painted."""
LARGEST_BODY = 4 << 20
"""Bytes of a request's body: a map of the largest size, in base64, with room."""


class PaintedMap(BaseModel):
    """A label map as the browser sends it: a byte for each pixel, row by row, in base64."""

    model_config = ConfigDict(extra="forbid", strict=True)
    width: Annotated[int, Field(ge=1, le=MOST_SIDE)]
    height: Annotated[int, Field(ge=1, le=MOST_SIDE)]
    classes: Annotated[str, Field(max_length=2 * MOST_SIDE**2)]
    seed: Annotated[int, Field(ge=0, le=2**53)] = 0


class UploadedMap(BaseModel):
    """A file of a label map, in base64."""

    model_config = ConfigDict(extra="forbid", strict=True)
    file: Annotated[str, Field(max_length=LARGEST_BODY)]


class MapPainter:
    """Makes pictures of painted label maps.

    Args:
        run: Of a method that translates label maps.
        weights: The ``newest``, or the ``best`` that ``--keep-best`` kept.
        device: Where to compute.
        size: Of the map to begin with; by default that of the run's maps.
        start: A file of the map to begin with; without it all pixels are of the first class.

    Raises:
        UsageError: The method translates no label maps, or the map is too large.
        DataError: The file cannot be read.
    """

    def __init__(
        self, run: str | Path | Run, *, weights: str = "newest", device: str = "auto", size: SizeOption = None,
        start: str | Path | None = None,
    ) -> None:  # fmt: skip
        opened = run if isinstance(run, Run) else Run.open(run)
        self.method: Any = translator(opened, weights)
        self.field = given_field(self.method)
        if self.field.modality != "label_map":
            words = modality(self.field.modality).words[1]
            raise UsageError(
                f"{opened.path} translates {words}, which are not painted by classes. Take a run that learned from "
                "label maps, e.g. of `belamy train spade-small`."
            )
        self.name, self.unknown = opened.path.name, unknown_label(opened.recipe.modality)
        self.method.to(choose_device(device)).eval()
        sides = parse_size(size)
        height, width = self.field.shape[-2:] if sides is None or isinstance(sides, str) else sides
        self.start = torch.zeros(height, width, dtype=torch.uint8)
        if start is not None:
            wanted = sides if isinstance(sides, tuple) else None
            self.start = read_named(
                start, lambda path: read_sample(path, self.field, wanted, unknown=self.unknown)
            ).to(torch.uint8)  # fmt: skip
        if max(self.start.shape) > MOST_SIDE:
            height, width = self.start.shape
            raise UsageError(f"The map is {width}x{height}, but at most {MOST_SIDE} pixels a side are painted.")
        self.picture(self.start, 0)  # refuses a size that the network does not take, before anything is served

    def facts(self) -> dict[str, Any]:
        """What the page needs to begin with."""
        height, width = self.start.shape
        count = len(self.field.classes)
        return {"run": self.name, "classes": self.field.classes, "colours": palette(count).tolist(), "width": width,
                "height": height, "map": _packed(self.start)}  # fmt: skip

    @torch.no_grad()
    def picture(self, classes: Tensor, seed: int) -> bytes:
        """A PNG of what the method makes of a map ``[H, W]``."""
        device, _ = placement(self.method)
        made = self.method.translate(classes.long().unsqueeze(0).to(device), SampleDraws(seed, [0]))
        target = self.method.output
        own = target._replace(shape=tuple(made.shape[1:]))
        kind = modality(target.modality)
        return kind.encode(kind.to_raw(made, own)[0].cpu(), own)

    def file(self, classes: Tensor) -> bytes:
        """The map ``[H, W]`` as a PNG whose palette index is the class."""
        return LabelMap().encode(classes, self.field._replace(shape=tuple(classes.shape)))

    def unpacked(self, given: PaintedMap) -> Tensor:
        """The map that a browser sent.  # uint8 [H, W]

        Raises:
            UsageError: It is not what its size says, or holds classes that are not known.
        """
        values = np.frombuffer(decoded(given.classes), np.uint8)
        if len(values) != given.width * given.height:
            raise UsageError(f"The map holds {len(values):,} pixels, not {given.width}x{given.height}.")
        if len(values) and int(values.max()) >= len(self.field.classes):
            raise UsageError(
                f"The map holds the class {values.max()}, beyond the {len(self.field.classes)} known ones."
            )
        return torch.from_numpy(values.reshape(given.height, given.width).copy())

    def opened(self, data: bytes) -> Tensor:
        """The map in a file's bytes.  # uint8 [H, W]

        Raises:
            DataError: It holds none, or one that is too large.
        """
        try:
            with strict_pillow(), opened_picture(io.BytesIO(data)) as image:
                if max(image.size) > MOST_SIDE:
                    raise DataError(f"The map is {image.width}x{image.height}, but at most {MOST_SIDE} pixels a side.")
                image.load()
                found = LabelMap(unknown=self.unknown).known(classes_in(image))
        except Unreadable as error:
            raise DataError(f"This is no label map: {error}.") from error
        if found.max() >= len(self.field.classes):
            raise DataError(
                f"It holds the class {found.max()}, but the known ones are 0..{len(self.field.classes) - 1}."
            )
        return torch.from_numpy(found.astype(np.uint8))


def painting(painter: MapPainter) -> tuple[Guard, str]:
    """The guarded application, and the token that its page needs.

    Raises:
        MissingExtra: FastAPI is not installed.
    """
    return local_page("paint", ASSETS, lambda answers: _answers(answers, painter), largest=LARGEST_BODY)


def _answers(answers: Any, painter: MapPainter) -> None:
    """What the page asks for."""
    from fastapi import Response

    @answers.get("/start")
    def start() -> dict[str, Any]:
        return painter.facts()

    @answers.post("/picture")
    def picture(given: PaintedMap) -> Response:
        return Response(painter.picture(painter.unpacked(given), given.seed), media_type="image/png")

    @answers.post("/file")
    def file(given: PaintedMap) -> Response:
        return Response(painter.file(painter.unpacked(given)), media_type="image/png")

    @answers.post("/map")
    def upload(given: UploadedMap) -> dict[str, Any]:
        found = painter.opened(decoded(given.file))
        return {"width": found.shape[1], "height": found.shape[0], "map": _packed(found)}


def _packed(classes: Tensor) -> str:
    return base64.b64encode(classes.to(torch.uint8).numpy().tobytes()).decode()
