"""Paint a label map object by object, by a run of a method that knows looks, such as pix2pix-hd.

    belamy repaint RUN map.png --objects objects.png
    belamy repaint RUN map.png --objects objects.png --picture photo.png --look 502=3 701=0 --out edited.png

Without --look the objects are listed, with the looks that each may take.
"""

from __future__ import annotations

from typing import Any

from belamy.cli.options import Json, OfRun, Overwrite, Seed, options
from belamy.cli.output import picture_file
from belamy.cli.parsing import verb
from belamy.errors import UsageError


@options
class Form(OfRun, Overwrite, Json):
    """Paint a label map and choose how single objects look: each takes one of the looks that its class had in training,
    drawn by --seed, or that of a --picture; --look changes those of single objects."""

    map: str
    """The label map: a PNG file whose palette index, or grey value, is the class."""
    objects: str | None = None
    """A PNG file of the objects' numbers, of the same size; without it each class is one object."""
    picture: str | None = None
    """A picture of the map whose looks the objects take at first."""
    look: tuple[str, ...] = ()
    """OBJECT=LOOK: the number of an object, and of its looks, counted from 0."""
    out: str | None = None
    """The PNG file to write; without it nothing is written."""
    seed: Seed = 0
    """Decides drawn looks."""

    def refuse(self) -> None:
        """Refuse what cannot be read as a change, or be written."""
        super().refuse()
        self.changes()
        if self.out is not None:
            picture_file(self.out, self.overwrite)
        elif self.look:
            raise UsageError("Looks are chosen, but no picture is to be written. Type --out FILE.png.")

    def changes(self) -> dict[int, int]:
        """The look of each object that takes another.

        Raises:
            UsageError: A word is no change, or two are of one object.
        """
        found: dict[int, int] = {}
        for word in self.look:
            number, equals, look = word.partition("=")
            if not equals or not number.isdecimal() or not look.isdecimal():
                raise UsageError(f"--look has '{word}', but a change is OBJECT=LOOK, e.g. 502=3.")
            if int(number) in found:
                raise UsageError(f"--look names the object {number} twice. Name it once.")
            found[int(number)] = int(look)
        return found


@verb(Form)
def run(form: Form) -> int:
    """Open the scene, change it, and write the picture or tell what may be changed."""
    from belamy.api.objects import described, open_scene
    from belamy.modalities import modality
    from belamy.runs.files import write_bytes

    scene = open_scene(
        form.run, form.map, objects=form.objects, picture=form.picture, seed=form.seed, weights=form.weights,
        device=form.device,
    )  # fmt: skip
    for number, look in form.changes().items():
        scene = scene.change(number, look)
    objects = described(scene)
    facts: dict[str, Any] = {"run": form.run, "objects": objects, "changes": form.changes(), "out": form.out}
    lines = [f"object {number}: class {each['class']}, {each['pixels']:,} pixels, {each['looks']} looks"
             for number, each in objects.items()]  # fmt: skip
    if form.out is not None:
        raw = scene.picture()
        field = scene.method.output._replace(shape=tuple(raw.shape))
        path = picture_file(form.out, form.overwrite)
        write_bytes(path, modality(field.modality).encode(raw, field))
        lines = [f"{len(objects)} object(s), {len(form.look)} changed: {path}"]
    return form.deliver(facts, "\n".join(lines))
