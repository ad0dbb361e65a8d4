"""Map a run's latent space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from belamy.cli.options import InSpace, Json, Offline, ProgressOption, ToFile, Within, options
from belamy.cli.output import telling
from belamy.cli.parsing import verb
from belamy.errors import UsageError

if TYPE_CHECKING:
    from belamy.methods.base import BaseMethod
    from belamy.runs.run import Run
    from belamy.sampling.picture import Picture

ROWS = 32
"""Axes that are traversed where none are named, at most."""


@options
class Form(InSpace, Offline, ProgressOption, ToFile, Json):
    """Map a run's latent space: a plane of it as a sheet of images, a row of images along each axis, or where the data
    lie in it."""

    makes = "image"
    axes: tuple[int, ...] = ()
    """Latent axes, counted from 0. The plane takes two, 0 1 by default; the scatter two, by default
    those along which the data vary most; --traverse any number."""
    count: Annotated[int, Within(2, 64)] = 15
    """Images in a row."""
    traverse: bool = False
    """A row for each axis instead of a plane."""
    scatter: bool = False
    """Dots where held-out data are, coloured by class; for methods with an encoder."""
    base: Annotated[int | None, Within(0)] = None
    """The other axes are those of the first image of this seed; by default 0."""
    label: str | None = None
    """The class, where labels matter; by default the first."""
    points: Annotated[int, Within(1)] = 5000
    """Dots in the scatter, at most."""
    out: str = "manifold.png"
    """The PNG file to write."""

    def refuse(self) -> None:
        """Refuse two kinds of map at once, and a number of axes that they do not take."""
        super().refuse()
        if self.traverse and self.scatter:
            raise UsageError("--traverse and --scatter are two pictures. Leave one out.")
        if not self.traverse and len(self.axes) not in (0, 2):
            raise UsageError(f"--axes names {len(self.axes)}, but a plane has 2. For a row for each, type --traverse.")


@verb(Form)
def run(form: Form) -> int:
    """Map and write."""
    from belamy.runs.files import write_bytes

    run, method = form.opened()
    with form.reporting() as told:
        picture, facts = (scattered if form.scatter else mapped)(form, run, method, told)
    write_bytes(form.file, picture.png)
    height, width = picture.pixels.shape[:2]
    facts = {"run": str(run.path), **facts, "width": width, "height": height, "files": [form.out]}
    return form.deliver(facts, f"{form.out}: {facts['what']}, {width}x{height} pixels")


def mapped(form: Form, run: Run, method: BaseMethod, told: Any) -> tuple[Picture, dict[str, Any]]:
    """The plane, or a row for each axis."""
    from belamy.cli.images import chosen_class, heeds_labels
    from belamy.sampling.manifold import axis_coordinates, plane, sheet, traversals
    from belamy.sampling.points import drawn, sampler

    size = len(sampler(method).latents(0, [0])[0])
    base = None if form.base is None else drawn(method, form.base)
    number = chosen_class(method, form.label, form.say())
    number = 0 if number is None and heeds_labels(method) else number
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
    from belamy.sampling.points import encoded, encoder
    from belamy.sampling.scatter import scatter

    encoder(method)
    data = form.run_data(run)
    held = data.splits.get("test", data.splits["train"])[: form.points]
    codes = encoded(method, data.images(held))
    liveliest = sorted(codes.var(0, correction=0).argsort(descending=True, stable=True)[:2].tolist())
    axes = form.axes or (liveliest[0], liveliest[-1])
    checked(axes, codes.shape[1])
    labels = None if data.labels is None else data.labels[held]
    picture = scatter(codes[:, list(axes)], labels, data.classes, (axes[0], axes[1]))
    return picture, {"what": f"{len(held):,} held-out images of {data.name}", "axes": list(axes), "points": len(held)}
