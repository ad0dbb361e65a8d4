"""Change pictures through a run's latent space: thicker, slanted, smiling, a 7 in the same hand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from belamy.cli.images import chosen_class, heeds_labels
from belamy.cli.options import InSpace, Json, Offline, ProgressOption, Seed, ToFolder, Within, options
from belamy.cli.output import stems, telling
from belamy.cli.parsing import verb
from belamy.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from belamy.api.steering import Steering
    from belamy.editing.directions import Directions

SHEET = "sheet.png"
MOST_SEEDS = 1024
_SEEDS = re.compile(r"seed:(\d{1,15})(?:\.\.(\d{1,15}))?")


@options
class Form(InSpace, Offline, ProgressOption, ToFolder, Json):
    """Change a picture through a run's latent space: invert it, add directions or tell another class, and make the
    picture anew. Without either it is only inverted. Writes the pictures made, and a sheet of given, inverted and
    changed ones."""

    makes = "image"
    picture: str
    """A picture file, a folder of them, or seed:3 (seed:0..7) for images that the run itself makes."""
    add: tuple[str, ...] = ()
    """What to add, in standard deviations: thickness=1.5 smile=-2."""
    layers: str | None = None
    """Layers whose styles are changed, of --space w+: FIRST..LAST, counted from 0, coarse first."""
    label: str | None = None
    """Make the picture anew as this class, for generators that heed labels."""
    from_label: str | None = None
    """The class that the pictures show; otherwise it is searched for."""
    directions: str | None = None
    """Folder or file that `belamy directions` wrote; by default the run's own, and what is not there is found anew."""
    method: str = "mean-difference"
    """How directions are found anew."""
    invert: Literal["auto", "encoder", "optimisation", "hybrid"] = "auto"
    """How the latent of a picture is found; auto is the encoder where there is one, and otherwise optimisation."""
    steps: Annotated[int, Within(1)] = 200
    """Steps of the optimisation."""
    tries: Annotated[int, Within(1, 64)] = 4
    """Starts of the optimisation, of which the best goes on."""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    """How a picture of another aspect ratio is made square."""
    seed: Seed = 0
    """Decides where optimisation begins, and the latents that directions are found from."""
    out: str | None = "edited"
    """Folder of the pictures."""

    def refuse(self) -> None:
        """Refuse a change of nothing, and a picture or directions that are not there."""
        from belamy.editing.directions import DIRECTIONS
        from belamy.registry import Part

        super().refuse()
        additions(self.add)
        if layers_of(self.layers) and self.space != "w+":
            raise UsageError("--layers names layers of styles. Type --space w+ beside it.")
        if seeds_of(self.picture) is not None and not self.add and self.label is None:
            raise UsageError("Nothing is added. Type e.g. --add thickness=1.5.")
        if seeds_of(self.picture) is None and not Path(self.picture).expanduser().exists():
            raise UsageError(
                f"There is no picture {self.picture}. Give a file, a folder, or seed:3 for an image of the run."
            )
        DIRECTIONS.check(Part.parse(self.method))
        if self.directions is not None:
            if not self.add:
                raise UsageError("--directions holds what --add adds, but nothing is added. Leave one out, or add.")
            held_in(self.directions)


@dataclass(frozen=True, eq=False)
class Points:
    """Pictures and where they are.

    Args:
        names: Of the pictures.
        given: uint8.  # [n, C, H, W]
        latents: ``[n, latent]``.
        weights: Of the classes, where there are any.  # [n, classes]
        way: How the latents were found; ``seed`` where they were drawn.
    """

    names: list[str]
    given: Tensor
    latents: Tensor
    weights: Tensor | None
    way: str


@verb(Form)
def run(form: Form) -> int:
    """Invert, change, draw."""
    from belamy.api.steering import Steering
    from belamy.modalities.grid import grid
    from belamy.runs.files import filling, save_png, write_bytes
    from belamy.runs.run import Run
    from belamy.sampling.points import pixels_at

    out, wanted, run = form.folder(), additions(form.add), Run.open(form.run)
    steering = Steering.open(run, form.device, form.offline, form.say(), best=form.weights == "best", space=form.space)
    source = chosen_class(steering.method, form.from_label, form.say(), "--from-label")
    target = chosen_class(steering.method, form.label, form.say())
    at = points(form, steering, source)
    inverted = pixels_at(steering.method, at.latents, at.weights)
    changed = changes(form, steering, at, wanted, target)
    made = inverted if changed is None else changed
    picture, decibels = sheet(at, inverted, changed)
    with filling(out) as folder:
        for name, image in zip(at.names, made, strict=True):
            save_png(grid(image[None], pad=0), folder / f"{name}.png")
        write_bytes(folder / SHEET, picture)
    facts: dict[str, Any] = {
        "run": str(run.path), "added": wanted, "label": form.label, "labels": labels_of(steering, at),
        "inversion": at.way, "psnr": [round(each, 2) if isfinite(each) else None for each in decibels],
        "seed": form.seed, "files": [str(out / f"{name}.png") for name in at.names], "sheet": str(out / SHEET),
    }  # fmt: skip
    quality = f", inverted by {at.way} at {sum(decibels) / len(decibels):.1f} dB" if decibels else ""
    what = "changed" if changed is not None else "inverted"
    return form.deliver(facts, f"{len(at.names)} {what} picture(s){quality}, and a sheet of them, {out / SHEET}")


def changes(form: Form, steering: Steering, at: Points, wanted: dict[str, float], target: int | None) -> Tensor | None:
    """The pictures with what was added, as what they were told to be; None where neither was asked for."""
    import torch

    from belamy.sampling.points import class_weights, pixels_at

    if not wanted and target is None:
        return None
    latents, weights = at.latents, at.weights
    if wanted:
        change = known(form, steering, list(wanted)).total(wanted)
        layers, method = layers_of(form.layers), cast(Any, steering.method)
        latents = latents + (method.within(change, layers) if layers else change)
    if target is not None:
        weights = class_weights(torch.full((len(latents),), target), len(steering.method.spec.classes))
    return pixels_at(steering.method, latents, weights)


def sheet(at: Points, inverted: Tensor, changed: Tensor | None) -> tuple[bytes, list[float]]:
    """The PNG of what was given and what was made of it, and how well it was inverted."""
    from belamy.editing.inversion import compared, differences, psnr

    if changed is not None and at.way == "seed":
        return compared({"given": at.given, "changed": changed}).png, []
    decibels = psnr(inverted, at.given)
    last = {"error": differences(inverted, at.given)} if changed is None else {"changed": changed}
    return compared({"given": at.given, "inverted": inverted, **last}, decibels).png, decibels.tolist()


def labels_of(steering: Steering, at: Points) -> list[str] | None:
    """The classes that pictures were inverted as, where labels matter."""
    if at.weights is None or not heeds_labels(steering.method):
        return None
    return [steering.method.spec.classes[number] for number in at.weights.argmax(1).tolist()]


def additions(words: tuple[str, ...]) -> dict[str, float]:
    """Steps by the name of the direction.

    Raises:
        UsageError: A step is no number.
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
    return found


def layers_of(text: str | None) -> range | None:
    """The layers that ``0..3`` names.

    Raises:
        UsageError: It is no range.
    """
    match = None if text is None else re.fullmatch(r"(\d{1,3})(?:\.\.(\d{1,3}))?", text)
    if text is not None and (match is None or int(match[1]) > int(match[2] or match[1])):
        raise UsageError(f"--layers is '{text}', but it must be FIRST..LAST, e.g. 0..3.")
    return None if match is None else range(int(match[1]), int(match[2] or match[1]) + 1)


def seeds_of(text: str) -> range | None:
    """The seeds that ``seed:3`` or ``seed:0..7`` names, None where no seeds are named.

    Raises:
        UsageError: They are too many.
    """
    match = _SEEDS.fullmatch(text)
    if match is None:
        return None
    first, last = int(match[1]), int(match[2] or match[1])
    if not first <= last < first + MOST_SEEDS:
        raise UsageError(f"'{text}' must be seed:FIRST..LAST of at most {MOST_SEEDS} images.")
    return range(first, last + 1)


def points(form: Form, steering: Steering, label: int | None) -> Points:
    """The pictures in the run's latent space."""
    import torch

    from belamy.editing.evidence import turns
    from belamy.editing.inversion import invert
    from belamy.sampling.points import class_weights, pixels_at, sampler

    if (seeds := seeds_of(form.picture)) is not None:
        latents: Tensor = torch.cat([sampler(steering.method).latents(number, [0]) for number in seeds])
        weights = turns(steering.method, len(seeds))
        if label is not None:
            weights = class_weights(torch.full((len(seeds),), label), len(steering.method.spec.classes))
        images = pixels_at(steering.method, latents, weights)
        return Points([f"seed-{number}" for number in seeds], images, latents, weights, "seed")
    names, images = pictures(form, steering.data.shape)
    labels = None if label is None else torch.full((len(images),), label)
    with form.reporting() as told:
        found = invert(
            steering.method, images, form.invert, labels=labels, steps=form.steps, tries=form.tries, seed=form.seed,
            progress=telling(told, "steps of the optimisation"),
        )  # fmt: skip
    return Points(names, images, found.latents, found.weights, found.way)


def pictures(form: Form, shape: tuple[int, ...]) -> tuple[list[str], Tensor]:
    """What to call the pictures, and the pictures in the run's shape.

    Raises:
        UsageError: There is no such file.
        DataError: It cannot be read.
    """
    import torch

    from belamy.data import open_data
    from belamy.editing.arithmetic import read
    from belamy.modalities.colours import has_opacity

    path = Path(form.picture).expanduser()
    if path.is_dir():
        alpha = "keep" if has_opacity(shape[0]) else "white"
        data = open_data(path, size=(shape[1], shape[2]), channels=shape[0], alpha=alpha, fit=form.fit)
        return stems(data.names or (), (SHEET,)), data.images(torch.arange(len(data)))
    return stems([path.name], (SHEET,)), read(form.picture, shape, form.fit)[None]


def held_in(where: str | Path) -> Path:
    """The file of directions that is meant.

    Raises:
        UsageError: There is none.
    """
    from belamy.api.steering import FILE

    path = Path(where).expanduser()
    if not (path / FILE if path.is_dir() else path).is_file():
        raise UsageError(f"There are no directions in {path}. Write them with `belamy directions`.")
    return path


def known(form: Form, steering: Steering, names: list[str]) -> Directions:
    """The directions that a file holds, and those found anew.

    Raises:
        UsageError: The file does not fit the run.
    """
    import torch

    from belamy.api.steering import FILE, load
    from belamy.cli.verbs.directions import kept_in
    from belamy.editing.directions import Directions
    from belamy.registry import Part
    from belamy.sampling.points import sampler

    own = steering.run.path / kept_in(form.space) / FILE
    where = held_in(form.directions) if form.directions is not None else own if own.is_file() else None
    held = load(where) if where else Directions(torch.zeros(0, 0), ())
    missing = [name for name in names if name not in held.names]
    anew = steering.find(Part.parse(form.method), missing, form.seed) if missing else held
    vectors = [(anew if name in missing else held)[name] for name in names]
    if {len(vector) for vector in vectors} != {sampler(steering.method).latents(0, [0]).shape[1]}:
        raise UsageError(f"The directions in {where} are of another run: their length differs. Name others.")
    return Directions(torch.stack(vectors), tuple(names))
