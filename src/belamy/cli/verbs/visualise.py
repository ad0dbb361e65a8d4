"""Look into the networks of a run: filters, activations, and what their units look for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from belamy.cli.options import Json, Offline, OfRun, Seed, ToFolder, options
from belamy.cli.parsing import verb
from belamy.errors import UsageError
from belamy.ranges import Within

if TYPE_CHECKING:
    from torch import Tensor

    from belamy.data import Dataset

PAGE = "index.html"
BACKGROUND = 2000
"""Training images whose mean units' images tend to."""


@options
class Form(OfRun, Offline, ToFolder, Json):
    """Look into the networks of a run: the filters that meet pixels, what an image does in each layer, and images that
    make units answer as strongly as they can. Writes PNG sheets and a page of them."""

    makes = "image"
    network: str | None = None
    """One network alone, e.g. discriminator; by default all."""
    layer: str | None = None
    """Only what the units of this layer look for, as `belamy inspect` names layers."""
    image: Annotated[int, Within(0)] = 0
    """Number of the held-out image that is followed through the layers."""
    units: Annotated[int, Within(1)] = 16
    """Units, or maps, of a layer that are shown, at most."""
    steps: Annotated[int, Within(1)] = 160
    """Steps of gradient ascent."""
    smoothness: Annotated[float, Within(0)] = 1.0
    """Weight of the prior of smooth images; 0 shows what the unit alone makes of noise."""
    seed: Seed = 0
    """Decides the latent that is followed and where the ascents begin."""
    out: str | None = None
    """Folder of the pictures; by default visualised in the run's directory."""


@verb(Form)
def run(form: Form) -> int:
    """Make the pictures and the page."""
    from belamy.evaluation.visualisation import Ascent, VisualisationOptions, visualise
    from belamy.pages import page
    from belamy.runs.files import filling, save_png, write_bytes
    from belamy.runs.run import Run

    out = form.folder(Run.open(form.run).path / "visualised")
    run, method = form.opened()
    request = VisualisationOptions(
        form.network, form.layer, form.units, form.seed, Ascent(form.steps, smoothness=form.smoothness)
    )
    data = form.run_data(run)
    image, label, background = shown(data, form.image)
    pictures = list(visualise(method, image, label, background, request))
    if not pictures:
        raise UsageError("These networks have no layers to show. `belamy inspect` lists what they are made of.")
    what = f"image {form.image} held out of {data.name}" + (f", a {data.classes[label]!r}" if label is not None else "")
    lead = f"{run.recipe_name} after {run.samples_seen:,} training samples; followed through it: {what}."
    made = page("visualisation", run.path.name or run.recipe_name, lead_text=lead, pictures=pictures)
    with filling(out) as folder:
        for picture in pictures:
            save_png(picture.pixels, folder / f"{picture.name}.png")
        write_bytes(folder / PAGE, made.encode())
    facts: dict[str, Any] = {"run": str(run.path), "image": form.image, "seed": form.seed, "page": str(out / PAGE)}
    listed = [
        {"file": f"{each.name}.png", "network": each.network, "kind": each.kind, "layer": each.layer, **each.facts}
        for each in pictures
    ]
    return form.deliver({**facts, "pictures": listed}, f"{len(pictures)} pictures and a page of them, {out / PAGE}")


def shown(data: Dataset, number: int) -> tuple[Tensor, int | None, Tensor]:
    """A held-out image in [-1, 1], its class, and the mean of training images.

    Raises:
        UsageError: There is no such image.
    """
    from belamy.data import to_float

    held = data.splits.get("test", data.splits["train"])
    Within(0, len(held) - 1).check("--image", number)
    index = held[number : number + 1]
    label = None if data.labels is None else int(data.labels[index])
    background = to_float(data.images(data.indices("train")[:BACKGROUND])).mean(0)
    return to_float(data.images(index))[0], label, background
