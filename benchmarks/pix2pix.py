"""pix2pix on line art to colour, in CPU-minutes of one thread, against the nearest training drawing's colours.

Held-out drawings are translated. The baselines copy from the training drawing whose lines are nearest, pixel by pixel:
its colours under the drawing's own lines, or its whole picture, which is another drawing. Measured are the perceptual
distance of each pair and the Fréchet distance of all, in features of the embedded EfficientNet, and the absolute error.

The file holds ``lines`` [n, 64, 64] and ``images`` [n, 64, 64, 3]. Pictures without colour are dropped, and drawings
that are nearly alike stay on one side.

    python benchmarks/pix2pix.py openmoji64.npz [--recipe pairs] [--minutes 20] [--seed 0] [--split 0]
        [--precision P] [--folder DIR] [-- OPTIONS]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from minutes import trained
from rich.console import Console
from torch import Tensor

from belamy import recipes
from belamy.cli.recipe_form import read
from belamy.data.dataset import Column, Dataset, Memory
from belamy.evaluation.features.efficientnet import LAYERS, efficientnet_features
from belamy.evaluation.metrics.frechet import Metric as Frechet
from belamy.losses.perceptual.content import mean_relative
from belamy.methods.perception import seen
from belamy.methods.pix2pix import Recipe
from belamy.modalities.fields import Field
from belamy.modalities.grid import grid
from belamy.modalities.image import to_float, to_uint8
from belamy.networks.efficientnet_lite import EfficientNetLite
from belamy.registry import Part
from belamy.runs.files import save_png
from belamy.seeds import SampleDraws, generator
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer
from belamy.training.trainer import Trainer

MOMENTS = (1, 2, 5, 10, 15, 30, 45)
"""CPU-minutes of training after which the translations are judged."""
HELD = 0.2
ALIKE = 0.9
"""Drawings whose ink correlates more than this stay on one side."""
SHOWN = 12


def pairs(path: Path, seed: int) -> Dataset:
    """The coloured drawings, a fifth held out in groups; each seed holds out others."""
    with np.load(path, allow_pickle=False) as held:
        images, lines = held["images"], held["lines"]
    coloured = (images.max(3).astype(int) - images.min(3)).max((1, 2)) > 4
    images, lines = images[coloured], lines[coloured]
    source, target = torch.from_numpy(lines).unsqueeze(1), torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    extra = {"target": Column(Field("image", tuple(target.shape[1:])), Memory(target))}
    return Dataset(
        path.stem, Memory(source), extra=extra, official=split(source, seed), rule="a fifth held out, by groups"
    )


def split(lines: Tensor, seed: int) -> dict[str, Tensor]:
    """Whole groups of drawings that are alike, in a random order, until a fifth of them is held out."""
    ink = 255 - lines.flatten(1).double()
    ink = ink - ink.mean(1, keepdim=True)
    ink = ink / ink.norm(dim=1, keepdim=True)
    alike = ink @ ink.T > ALIKE
    group = torch.arange(len(lines))
    for _ in range(len(lines)):
        least = torch.where(alike, group, len(lines)).amin(1)
        if torch.equal(least, group):
            break
        group = least
    order = torch.randperm(len(lines), generator=generator(seed, "groups"))
    place = torch.empty(len(lines), dtype=torch.long)
    place[order] = torch.arange(len(lines))
    ranked = sorted(range(len(lines)), key=lambda index: (int(place[group[index]]), index))
    count = round(HELD * len(lines))
    while group[ranked[count]] == group[ranked[count - 1]]:
        count += 1
    return {"train": torch.tensor(sorted(ranked[count:])), "test": torch.tensor(sorted(ranked[:count]))}


def nearest(data: Dataset) -> Tensor:
    """For each held-out drawing the training drawing with the nearest lines."""
    train, test = (data.raw(data.indices(name))["image"].flatten(1).float() for name in ("train", "test"))
    return data.indices("train")[torch.cdist(test, train).argmin(1)]


class Judge:
    """Tells how far pictures are from their targets, all in uint8."""

    def __init__(self, target: Tensor) -> None:
        self.target, self.network = target, EfficientNetLite.pretrained()
        self.extractor = efficientnet_features(tuple(target.shape[1:]))

    @torch.no_grad()
    def __call__(self, made: Tensor) -> dict[str, float]:
        """Perceptual distance, Fréchet distance and absolute error of 0..1."""
        distances = []
        for mine, wanted in zip(made.split(64), self.target.split(64), strict=True):
            mine, wanted = (seen(self.network, to_float(pictures), LAYERS) for pictures in (mine, wanted))
            distances.append(mean_relative(mine, wanted))
        metric = Frechet()
        metric.update(real=self.extractor.extract(self.target))
        metric.update(fake=self.extractor.extract(made))
        error = (made.float() - self.target.float()).abs().mean() / 255
        return {"perceptual": float(torch.cat(distances).mean()), **metric.compute(), "l1": float(error)}


@torch.no_grad()
def translated(trainer: Trainer, data: Dataset) -> Tensor:
    """What the method makes of the held-out drawings.  # uint8 [n, 3, H, W]"""
    method: Any = trainer.method
    indices = data.indices("test")
    with trainer.averages.in_place(method):
        method.eval()
        made = [
            method.translate(data.batch(some).main, SampleDraws(0, some.tolist())) for some in indices.split(64)
        ]  # fmt: skip
        method.train()
    return to_uint8(torch.cat(made))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--recipe", help="a recipe by name, in place of the usual networks in settings found here")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", type=int, default=0, help="number of the choice of what is held out")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--folder", type=Path, help="for figures and sheets")
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    chosen = parser.parse_args(sys.argv[1:end])
    console = Console()
    torch.set_num_threads(1)
    usual = recipes.get(chosen.recipe) if chosen.recipe else Recipe(
        generator=Part(name="u-net", width=32, upsampling="transposed", dropped=3),
        discriminator=Part(name="patch-gan", width=32, receptive_field=70),
        batch=4, ema_half_life=4000, train_samples=1_000_000,
    )  # fmt: skip
    fields, _ = read(usual, sys.argv[end + 1 :], "pix2pix.py")
    recipe = usual.changed(**fields, seed=chosen.seed)
    data = pairs(chosen.file, chosen.split)
    trainer = make_trainer(recipe, data.spec, data, Options(device="cpu", precision=chosen.precision), World())
    held = data.raw(data.indices("test"))
    source, target = held["image"], held["target"]
    whole = data.extra["target"].store.read(nearest(data))
    copied = torch.minimum(whole, source)
    judge = Judge(target)
    rows = [
        {"what": name, **judge(made)}
        for name, made in (
            ("the nearest's colours", copied),
            ("the nearest's picture", whole),
            ("the lines alone", source.expand_as(target)),
        )
    ]
    for row in rows:
        console.print(row)
    for moment, spent in trained(trainer, MOMENTS, chosen.minutes):
        made = translated(trainer, data)
        rows.append(
            {"what": chosen.recipe or "pix2pix", "cpu_minutes": spent, "samples": trainer.clock.samples, **judge(made)}
        )
        console.print(rows[-1])
        if chosen.folder:
            shown = torch.linspace(0, len(made) - 1, 4 * SHOWN).round().long()
            parts = [
                part[some] for some in shown.split(SHOWN) for part in (source.expand_as(target), copied, made, target)
            ]
            chosen.folder.mkdir(parents=True, exist_ok=True)
            save_png(grid(torch.cat(parts), SHOWN), chosen.folder / f"sheet-{moment:g}.png")
            text = json.dumps({"recipe": recipe.model_dump(mode="json"), "train": len(data.indices("train")),
                               "test": len(target), "rows": rows}, indent=2)  # fmt: skip
            (chosen.folder / "figures.json").write_text(text)


if __name__ == "__main__":
    main()
