"""Look into the networks of a run: filters, activations, and what their units look for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from belamy.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from belamy.data import Dataset

PAGE = "index.html"
BACKGROUND = 2000
"""Training images whose mean units' images tend to."""


@dataclass(frozen=True)
class Form:
    """Look into the networks of a run: the filters that meet pixels, what an image does in each layer, and images that
    make units answer as strongly as they can. Writes PNG sheets and a page of them."""

    run: str
    """The run's directory."""
    network: str | None = None
    """One network alone, e.g. discriminator; by default all."""
    layer: str | None = None
    """Only what the units of this layer look for, as `belamy inspect` names layers."""
    image: int = 0
    """Number of the held-out image that is followed through the layers."""
    units: int = 16
    """Units, or maps, of a layer that are shown, at most."""
    steps: int = 160
    """Steps of gradient ascent."""
    smoothness: float = 1.0
    """Weight of the prior of smooth images; 0 shows what the unit alone makes of noise."""
    seed: int = 0
    """Decides the latent that is followed and where the ascents begin."""
    out: str | None = None
    """Folder of the pictures; by default visualised in the run's directory."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, cuda:1 or mps."""
    offline: bool = False
    """Never fetch data from the network."""
    overwrite: bool = False
    """Replace files that are there."""
    json: str | None = None
    """Write the facts as JSON to this file; - is standard output."""


def run(words: list[str]) -> int:
    """Make the pictures and the page."""
    from belamy.cli.output import deliver
    from belamy.cli.parsing import parse
    from belamy.cli.pictures import picture_folder

    form = parse(Form, words, "belamy visualise")
    from belamy.device import choose_device
    from belamy.evaluation.visualisation import Ascent, VisualisationOptions, visualise
    from belamy.pages import page
    from belamy.runs.files import save_png, write_bytes
    from belamy.runs.run import Run
    from belamy.training.setup import open_recipe_data

    run = Run.open(form.run)
    chosen = run.path / "visualised" if form.out is None else Path(form.out).expanduser()
    out = picture_folder(chosen, form.overwrite)
    request = VisualisationOptions(
        form.network, form.layer, form.units, form.seed, Ascent(form.steps, smoothness=form.smoothness)
    )
    data = open_recipe_data(run.recipe, form.offline)
    image, label, background = shown(data, form.image)
    method = run.method().to(choose_device(form.device))
    pictures = list(visualise(method, image, label, background, request))
    if not pictures:
        raise UsageError("These networks have no layers to show. `belamy inspect` lists what they are made of.")
    for picture in pictures:
        save_png(picture.pixels, out / f"{picture.name}.png")
    what = f"image {form.image} held out of {data.name}" + (f", a {data.classes[label]!r}" if label is not None else "")
    lead = f"{run.recipe_name} after {run.samples_seen:,} training samples; followed through it: {what}."
    made = page("visualisation", run.path.name or run.recipe_name, lead_text=lead, pictures=pictures)
    write_bytes(out / PAGE, made.encode())
    facts: dict[str, Any] = {"run": str(run.path), "image": form.image, "seed": form.seed, "page": str(out / PAGE)}
    listed = [
        {"file": f"{each.name}.png", "network": each.network, "kind": each.kind, "layer": each.layer, **each.facts}
        for each in pictures
    ]
    deliver({**facts, "pictures": listed}, form.json, f"{len(pictures)} pictures and a page of them, {out / PAGE}")
    return 0


def shown(data: Dataset, number: int) -> tuple[Tensor, int | None, Tensor]:
    """A held-out image in [-1, 1], its class, and the mean of training images.

    Raises:
        UsageError: There is no such image.
    """
    from belamy.data import to_float

    held = data.splits.get("test", data.splits["train"])
    if not 0 <= number < len(held):
        raise UsageError(f"--image is {number}, but it must be in 0..{len(held) - 1}.")
    index = held[number : number + 1]
    label = None if data.labels is None else int(data.labels[index])
    background = to_float(data.images(data.indices("train")[:BACKGROUND])).mean(0)
    return to_float(data.images(index))[0], label, background
