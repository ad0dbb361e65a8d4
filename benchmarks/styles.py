"""What the space W of a run is worth: path length, mixing as attribute classifiers see it, and projection.

    belamy train stylegan2-ada --data avatars --size 32 --out runs/styles
    python benchmarks/styles.py runs/styles [--json facts.json] [--picture sheet.png]

The path length is the mean perceptual distance of two pictures that lie ε apart on the way between two drawn ones,
over ε² (Karras et al. 2018, section 4.1; features of the embedded EfficientNet instead of VGG's, no cropping): great
circles in Z, straight lines in W. Mixing: pairs of samples in which a classifier sees different values of an attribute;
the share in which the picture with the other's styles in a third of the layers shows the other's value. Projection: the
run's held-out pictures are found in W and in W+; decibels, perceptual distance and seconds of the processor for each.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from belamy.editing.inversion import invert
from belamy.evaluation.features.efficientnet import LAYERS
from belamy.evaluation.intervals import mean
from belamy.judges.attribute_predictors import attribute_predictors
from belamy.losses.perceptual.content import mean_relative
from belamy.methods.perception import seen
from belamy.modalities.grid import grid
from belamy.modalities.image import to_float
from belamy.networks.efficientnet_lite import EfficientNetLite
from belamy.runs.files import save_png
from belamy.runs.run import Run
from belamy.sampling.styles import exchanged, in_space, pixels_of, styles_of, thirds
from belamy.seeds import generator
from belamy.training.setup import open_recipe_data

STEP = 1e-2
"""ε: of 1e-4, the paper's, little is left in single precision after the small network here."""
BATCH = 50


class Perception:
    """The perceptual distance of pictures, in features of the embedded EfficientNet."""

    def __init__(self) -> None:
        self.network = EfficientNetLite.pretrained()

    @torch.no_grad()
    def __call__(self, some: Tensor, others: Tensor) -> Tensor:
        """Of pictures in [-1, 1], one by one.  # [n]"""
        ours, theirs = (seen(self.network, pictures, LAYERS) for pictures in (some, others))
        return mean_relative(ours, theirs)


@torch.no_grad()
def path_length(method: Any, space: Any, count: int, distance: Perception) -> dict[str, float]:
    """Mean with its interval."""
    held = in_space(method, space)
    classes, found = len(method.spec.classes), []
    for start in range(0, count, BATCH):
        numbers = range(start, start + BATCH)
        ends = [held.latents(seed, numbers) for seed in (1, 2)]
        labels = torch.tensor(numbers) % classes if classes else None
        at = torch.rand(BATCH, 1, generator=generator(0, "path", start)) * (1 - STEP)
        made = [held.generate(held.prior.interpolate(*ends, moment), labels) for moment in (at, at + STEP)]
        found.append(distance(*made) / STEP**2)
    told = mean(torch.cat(found).double())
    return {"mean": told.value, "low": told.low, "high": told.high}


def mixing(method: Any, data: Any, count: int) -> dict[str, dict[str, float]]:
    """By attribute, how many pairs tell it apart, and the share that takes the other's value with each third."""
    styles, others = styles_of(method, range(count)), styles_of(method, range(count, 2 * count))
    own, theirs = pixels_of(method, styles), pixels_of(method, others)
    mixed = {name: pixels_of(method, exchanged(styles, others, layers))
             for name, layers in thirds(styles.shape[1]).items()}  # fmt: skip
    table = {}
    for predictor in attribute_predictors(data):
        mine, wanted = predictor.predict(own).verdict, predictor.predict(theirs).verdict
        differ = mine != wanted
        if not differ.any():
            continue
        shares = {name: float((predictor.predict(made).verdict == wanted)[differ].double().mean())
                  for name, made in mixed.items()}  # fmt: skip
        table[predictor.name] = {"pairs": int(differ.sum()), **shares}
    return table


def projection(method: Any, images: Tensor, space: Any, distance: Perception) -> tuple[dict[str, float], Tensor]:
    """What is lost of pictures, and how long it takes."""
    began = time.process_time()
    found = invert(in_space(method, space), images, "optimisation")
    seconds = (time.process_time() - began) / len(images)
    far = distance(to_float(found.images), to_float(images)).mean()
    return {"psnr": float(found.psnr.mean()), "perceptual": float(far), "seconds": seconds}, found.images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--pairs", type=int, default=1_000)
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    form = parser.parse_args()
    torch.set_num_threads(1)
    run = Run.open(form.run)
    method, data = run.method(), open_recipe_data(run.recipe)
    distance, console = Perception(), Console()
    lengths = {space: path_length(method, space, form.pairs, distance) for space in ("z", "w")}
    console.print("path length", lengths)
    mixes = mixing(method, data, form.pairs)
    for name, row in mixes.items():
        console.print(name, row)
    images = data.images(data.held_out[: form.pictures])
    found, shown = {}, [images]
    for space in ("z", "w", "w+"):
        found[space], made = projection(method, images, space, distance)
        shown.append(made)
        console.print("projection", space, found[space])
    if form.picture:
        save_png(grid(torch.cat([part[:16] for part in shown]), columns=16), form.picture)
    if form.json:
        form.json.write_text(json.dumps({"path length": lengths, "mixing": mixes, "projection": found}, indent=2))


if __name__ == "__main__":
    main()
