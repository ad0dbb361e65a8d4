"""Map a run's latent space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from belamy.errors import UsageError

if TYPE_CHECKING:
    from belamy.methods.base import BaseMethod
    from belamy.runs.run import Run
    from belamy.sampling.picture import Picture

ROWS = 32
"""Axes that are traversed where none are named, at most."""


@dataclass(frozen=True)
class Form:
    """Map a run's latent space: a plane of it as a sheet of images, a row of images along each axis, or where the data
    lie in it."""

    run: str
    """The run's directory."""
    axes: tuple[int, ...] = ()
    """Latent axes, counted from 0. The plane takes two, 0 1 by default; the scatter two, by default
    those along which the data vary most; --traverse any number."""
    count: int = 15
    """Images in a row."""
    traverse: bool = False
    """A row for each axis instead of a plane."""
    scatter: bool = False
    """Dots where held-out data are, coloured by class; for methods with an encoder."""
    base: int | None = None
    """The other axes are those of the first image of this seed; by default 0."""
    label: str | None = None
    """The class, where labels matter; by default the first."""
    points: int = 5000
    """Dots in the scatter, at most."""
    out: str = "manifold.png"
    """The PNG file to write."""
    weights: Literal["newest", "best"] = "newest"
    """Which weights draw: the newest, or the best that `train --keep-best` kept."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, cuda:1 or mps."""
    offline: bool = False
    """Never fetch data from the network."""
    progress: bool = True
    """Show progress."""
    overwrite: bool = False
    """Replace files that are there."""
    json: str | None = None
    """Write the facts as JSON to this file; - is standard output."""


def run(words: list[str]) -> int:
    """Map and write."""
    from belamy.cli.output import STANDARD_OUTPUT, deliver
    from belamy.cli.parsing import parse

    form = parse(Form, words, "belamy manifold")
    from belamy.cli.pictures import picture_file

    out = picture_file(form.out, form.overwrite)
    check(form)
    from belamy.device import choose_device
    from belamy.progress import reporter
    from belamy.runs.files import write_bytes
    from belamy.runs.run import Run

    run = Run.open(form.run)
    method = run.method(best=form.weights == "best").to(choose_device(form.device))
    told = reporter(form.progress and form.json != STANDARD_OUTPUT)
    try:
        picture, facts = (scattered if form.scatter else mapped)(form, run, method, told)
    finally:
        told.close()
    write_bytes(out, picture.png)
    height, width = picture.pixels.shape[:2]
    facts = {"run": str(run.path), **facts, "width": width, "height": height, "files": [str(out)]}
    deliver(facts, form.json, f"{out}: {facts['what']}, {width}x{height} pixels")
    return 0


def check(form: Form) -> None:
    """Refuse what cannot work before anything is loaded.

    Raises:
        UsageError: Two kinds of map at once, or a number of axes that they do not take.
    """
    if form.traverse and form.scatter:
        raise UsageError("--traverse and --scatter are two pictures. Leave one out.")
    if not form.traverse and len(form.axes) not in (0, 2):
        raise UsageError(f"--axes names {len(form.axes)}, but a plane has 2. For a row for each, type --traverse.")
    if form.points < 1:
        raise UsageError(f"--points is {form.points}, but it must be at least 1.")


def mapped(form: Form, run: Run, method: BaseMethod, told: Any) -> tuple[Picture, dict[str, Any]]:
    """The plane, or a row for each axis."""
    from belamy.cli.verbs.sample import class_number, heeds_labels
    from belamy.cli.verbs.walk import telling
    from belamy.sampling.manifold import axis_coordinates, plane, sheet, traversals
    from belamy.sampling.points import drawn, sampler

    size = len(sampler(method).latents(0, [0])[0])
    base, matter = None if form.base is None else drawn(method, form.base), heeds_labels(method)
    if form.label is not None and not matter:
        raise UsageError("This run's networks do not use labels, so no class can be chosen. Leave --label out.")
    number = class_number(form.label, run.spec.classes) if form.label is not None else (0 if matter else None)
    if form.traverse:
        axes = form.axes or tuple(range(min(size, ROWS)))
        latents, what = traversals(method, axes, form.count, base), f"a row for each of {len(axes)} axes"
        shown: dict[str, Any] = {"pad": 2, "rows": [f"axis {axis}" for axis in axes]}
    else:
        axes = form.axes or ((0, 1) if size > 1 else (0,))
        if len(axes) < 2:
            raise UsageError("This run's latents have one axis, which makes no plane. Type --traverse.")
        latents = plane(method, (axes[0], axes[1]), form.count, base)
        what, shown = f"axis {axes[0]} to the right, axis {axes[1]} down", {}
    picture = sheet(method, latents, form.count, number, progress=telling(told), **shown)
    coordinates = {str(axis): axis_coordinates(method, axis, form.count).tolist() for axis in axes}
    label = None if number is None else run.spec.classes[number]
    facts = {"axes": list(axes), "coordinates": coordinates, "base": form.base, "label": label}
    return picture, {"what": what, **facts}


def scattered(form: Form, run: Run, method: BaseMethod, told: Any) -> tuple[Picture, dict[str, Any]]:
    """Held-out data as dots."""
    from belamy.sampling.manifold import checked
    from belamy.sampling.points import encoded
    from belamy.sampling.scatter import scatter
    from belamy.training.setup import open_recipe_data

    data = open_recipe_data(run.recipe, form.offline)
    held = data.splits.get("test", data.splits["train"])[: form.points]
    codes = encoded(method, data.images(held))
    liveliest = sorted(codes.var(0, correction=0).argsort(descending=True, stable=True)[:2].tolist())
    axes = form.axes or (liveliest[0], liveliest[-1])
    checked(axes, codes.shape[1])
    labels = None if data.labels is None else data.labels[held]
    picture = scatter(codes[:, list(axes)], labels, data.classes, (axes[0], axes[1]))
    return picture, {"what": f"{len(held):,} held-out images of {data.name}", "axes": list(axes), "points": len(held)}
