"""Change pictures through a run's latent space: thicker, slanted, smiling."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from belamy.errors import StorageError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from belamy.editing.directions import Directions
    from belamy.training.steering import Steering

SHEET = "sheet.png"
MOST_SEEDS = 1024
_SEEDS = re.compile(r"seed:(\d{1,15})(?:\.\.(\d{1,15}))?")


@dataclass(frozen=True)
class Form:
    """Change a picture through a run's latent space: invert it, add directions, and make the picture anew. Writes the
    changed pictures and a sheet of given, inverted and changed ones."""

    run: str
    """The run's directory."""
    picture: str
    """A picture file, a folder of them, or seed:3 (seed:0..7) for images that the run itself makes."""
    add: tuple[str, ...] = ()
    """What to add, in standard deviations: thickness=1.5 smile=-2."""
    directions: str | None = None
    """Folder or file that `belamy directions` wrote; by default the run's own, and what is not there is found anew."""
    method: str = "mean-difference"
    """How directions are found anew."""
    invert: Literal["auto", "encoder", "optimisation", "hybrid"] = "auto"
    """How the latent of a picture is found; auto is the encoder where there is one, and otherwise optimisation."""
    steps: int = 200
    """Steps of the optimisation."""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    """How a picture of another aspect ratio is made square."""
    seed: int = 0
    """Decides where optimisation begins, and the latents that directions are found from."""
    out: str = "edited"
    """Folder of the pictures."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, cuda:1 or mps."""
    offline: bool = False
    """Never fetch data from the network."""
    overwrite: bool = False
    """Replace files that are there."""
    json: str | None = None
    """Write the facts as JSON to this file; - is standard output."""


def run(words: list[str]) -> int:
    """Invert, add, draw."""
    from belamy.cli.output import STANDARD_OUTPUT, deliver, say
    from belamy.cli.parsing import parse

    form = parse(Form, words, "belamy edit")
    wanted = additions(form.add)
    out = destination(form)
    import torch

    from belamy.editing.inversion import psnr
    from belamy.runs.files import save_png
    from belamy.runs.run import Run
    from belamy.sampling.grid import grid
    from belamy.sampling.points import pixels_at
    from belamy.training.steering import Steering

    run = Run.open(form.run)
    steering = Steering.open(run, form.device, form.offline, None if form.json == STANDARD_OUTPUT else say)
    names, given, latents, weights, way = points(form, steering)
    found = known(form, steering, list(wanted))
    inverted = pixels_at(steering.method, latents, weights)
    change = torch.stack([step * found[name] for name, step in wanted.items()]).sum(0)
    changed = pixels_at(steering.method, latents + change, weights)
    for name, image in zip(names, changed, strict=True):
        save_png(grid(image[None], pad=0), out / f"{name}.png")
    shown = {"given": given, "changed": changed} if way == "seed" else {
        "given": given, "inverted": inverted, "changed": changed
    }  # fmt: skip
    images = torch.stack(list(shown.values()), 1).flatten(0, 1)
    save_png(grid(images, columns=len(shown), scale=None, captions=[*shown] * len(names)), out / SHEET)
    decibels = [] if way == "seed" else [round(float(value), 2) for value in psnr(inverted, given)]
    facts: dict[str, Any] = {
        "run": str(run.path), "added": wanted, "inversion": way, "psnr": decibels, "seed": form.seed,
        "files": [str(out / f"{name}.png") for name in names], "sheet": str(out / SHEET),
    }  # fmt: skip
    quality = f", inverted by {way} at {sum(decibels) / len(decibels):.1f} dB" if decibels else ""
    deliver(facts, form.json, f"{len(names)} changed picture(s){quality}, and a sheet of them, {out / SHEET}")
    return 0


def additions(words: tuple[str, ...]) -> dict[str, float]:
    """Steps by the name of the direction.

    Raises:
        UsageError: Nothing is added, or a step is no number.
    """
    found: dict[str, float] = {}
    for word in words:
        name, equals, step = word.rpartition("=")
        try:
            found[name] = float(step) if equals and name else float("nan")
        except ValueError:
            found[name] = float("nan")
        if not isfinite(found[name]):
            raise UsageError(f"'{word}' is not NAME=STEP, e.g. --add thickness=1.5.")
    if not found:
        raise UsageError("Nothing is added. Type e.g. --add thickness=1.5.")
    return found


def destination(form: Form) -> Path:
    """The folder of the results.

    Raises:
        StorageError: There is something in it already, or it is a file.
    """
    out = Path(form.out).expanduser()
    if out.exists() and not out.is_dir():
        raise StorageError(f"{out} is a file. Name a folder with --out.")
    if out.is_dir() and any(out.iterdir()) and not form.overwrite:
        raise StorageError(f"{out} is a folder with files in it. Give another --out, or type --overwrite.")
    return out


def points(form: Form, steering: Steering) -> tuple[list[str], Tensor, Tensor, Tensor | None, str]:
    """Names, given images, latents, weights of classes, and how the latents were found."""
    import torch

    from belamy.editing.evidence import turns
    from belamy.editing.inversion import invert
    from belamy.sampling.points import pixels_at, sampler

    if match := _SEEDS.fullmatch(form.picture):
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last < first + MOST_SEEDS:
            raise UsageError(f"'{form.picture}' must be seed:FIRST..LAST of at most {MOST_SEEDS} images.")
        count = last - first + 1
        latents: Tensor = torch.cat(
            [sampler(steering.method).latents(number, [0]) for number in range(first, last + 1)]
        )
        weights = turns(steering.method, count)
        images = pixels_at(steering.method, latents, weights)
        return [f"seed-{number}" for number in range(first, last + 1)], images, latents, weights, "seed"
    names, images = pictures(form, steering.data.shape)
    found = invert(steering.method, images, form.invert, steps=form.steps, seed=form.seed)
    return names, images, found.latents, found.weights, found.way


def pictures(form: Form, shape: tuple[int, int, int]) -> tuple[list[str], Tensor]:
    """The files' names without their endings, and the pictures in the run's shape.

    Raises:
        UsageError: There is no such file.
        DataError: It cannot be read.
    """
    import torch

    from belamy.data import open_data
    from belamy.data.pictures import Unreadable, read_picture, strict_pillow
    from belamy.errors import DataError

    path = Path(form.picture).expanduser()
    if path.is_dir():
        data = open_data(path, size=shape[1], channels=1 if shape[0] == 1 else 3, fit=form.fit)
        names = [re.sub(r"[^\w-]+", "-", name.rpartition(".")[0] or name) for name in data.names or ()]
        return names, data.images(torch.arange(len(data)))
    if not path.is_file():
        raise UsageError(f"There is no picture {path}. Give a file, a folder, or seed:3 for an image of the run.")
    try:
        with strict_pillow(), path.open("rb") as file:
            pixels = read_picture(file, shape[1], form.fit, shape[0])
    except Unreadable as finding:
        raise DataError(f"{path} is no picture that can be read: {finding}.") from None
    return [path.stem], torch.from_numpy(pixels.copy())[None]


def known(form: Form, steering: Steering, names: list[str]) -> Directions:
    """The directions that a file holds, and those found anew.

    Raises:
        UsageError: The file does not fit the run.
    """
    import torch

    from belamy.editing.directions import Directions
    from belamy.shelf import Part
    from belamy.training.steering import FILE, load

    own = steering.run.path / "directions" / FILE
    where = Path(form.directions).expanduser() if form.directions else own if own.is_file() else None
    held = load(where) if where else Directions(torch.zeros(0, 0), ())
    missing = [name for name in names if name not in held.names]
    anew = steering.find(Part.parse(form.method), missing, form.seed) if missing else held
    vectors = [(anew if name in missing else held)[name] for name in names]
    if len({len(vector) for vector in vectors}) > 1:
        raise UsageError(f"The directions in {where} are of another run: their length differs. Name others.")
    return Directions(torch.stack(vectors), tuple(names))
