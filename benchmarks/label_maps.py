"""Painters of label maps in CPU-minutes of one thread: does a segmenter find on their pictures what was asked for?

The segmenter of ``belamy translate --measures labels`` has learned from real pictures of other scenes. Its mean
intersection over union on held-out real pictures is the ceiling; on what the methods paint of the same label maps it is
the score, and beside it stand two rivals: the picture of the training scene whose label map is nearest, and each class
in its mean colour. Fréchet distances are in features of the embedded EfficientNet.

The same maps are painted with two seeds. ``style`` is the mean absolute difference of two pictures of a map (of 0..1);
``agree`` the share of pixels at which the segmenter sees one class in both. The lights of the drawn streets are told
apart by the nearest mean thumbnail: ``lights`` is how many of the four are painted.

A run is as long as the minutes are, as a few steps tell, and goes on where its folder holds a state.

    python benchmarks/label_maps.py [--method pix2pix|pix2pix-hd|spade …] [--minutes 20] [--seed 0] [--folder DIR]
                                    [-- OPTIONS]
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from minutes import lasting, trained_through
from notes import Notes
from torch import Tensor
from torch.nn.functional import interpolate, one_hot

from belamy import recipes
from belamy.cli.recipe_form import read
from belamy.data import open_data
from belamy.data.dataset import Dataset
from belamy.evaluation.features.efficientnet import efficientnet_features
from belamy.evaluation.intervals import bootstrap, mean
from belamy.evaluation.label_agreement import LabelCounts
from belamy.evaluation.metrics.frechet import Metric as Frechet
from belamy.judges.segmenter import STEPS, PixelJudge, segmenter
from belamy.methods.base import BaseRecipe
from belamy.methods.pix2pix import Recipe as Pix2Pix
from belamy.modalities.grid import grid
from belamy.modalities.image import to_uint8
from belamy.modalities.label_map import palette
from belamy.registry import Part
from belamy.seeds import SampleDraws
from belamy.training.setup import Options
from belamy.training.trainer import Trainer

SHOWN = 10


def usual(method: str) -> BaseRecipe:
    """The recipe of a method for 64 pixels."""
    if method == "pix2pix":
        return Pix2Pix(
            data="streets", generator=Part(name="u-net", width=32, upsampling="transposed", dropped=3),
            discriminator=Part(name="patch-gan", width=32, receptive_field=16), batch=4, ema_half_life=2000,
        )  # fmt: skip
    return recipes.get({"pix2pix-hd": "pix2pix-hd-small", "spade": "spade-small"}[method])


def nearest(data: Dataset) -> Tensor:
    """For each held-out label map the training one that agrees with it at most pixels."""
    train, test = (data.raw(data.indices(name))["label_map"].long() for name in ("train", "test"))
    small = [one_hot(maps[:, ::2, ::2], len(data.field.classes)).flatten(1).float() for maps in (train, test)]
    return data.indices("train")[(small[1] @ small[0].T).argmax(1)]


def mean_colours(data: Dataset, maps: Tensor) -> Tensor:
    """Each class in its mean colour over the training pictures.  # uint8 [n, 3, H, W]"""
    held = data.raw(data.indices("train"))
    flat, colours = held["label_map"].long().flatten(), held["target"].movedim(1, 3).reshape(-1, 3).double()
    sums = torch.zeros(len(data.field.classes), 3, dtype=torch.double).index_add(0, flat, colours)
    counts = torch.bincount(flat, minlength=len(sums)).clamp_min(1)
    return (sums / counts.unsqueeze(1)).round().to(torch.uint8)[maps.long()].movedim(3, 1)


class Judge:
    """Compares pictures of the held-out label maps with the real ones."""

    def __init__(self, data: Dataset, segmenter: PixelJudge) -> None:
        held = data.raw(data.indices("test"))
        self.maps, self.real, self.segmenter = held["label_map"].long(), held["target"], segmenter
        self.extractor = efficientnet_features(tuple(self.real.shape[1:]))
        self.lights = _light_colours(data)
        self.ceiling = LabelCounts.of(segmenter(self.real), self.maps, segmenter.classes)

    def __call__(self, made: Tensor) -> dict[str, Any]:
        """Mean intersection over union, its share of that on real pictures, accuracy, Fréchet distance and lights."""
        counts = LabelCounts.of(self.segmenter(made), self.maps, self.segmenter.classes)
        metric = Frechet()
        metric.update(real=self.extractor.extract(self.real))
        metric.update(fake=self.extractor.extract(made))
        share = bootstrap(lambda some: miou(counts, some) / miou(self.ceiling, some), len(made), seed=0)
        near = {"miou": mean(counts.iou), "share of real": share, "accuracy": mean(counts.accuracy)}
        scores: dict[str, Any] = {**near, **metric.compute()}
        if self.lights is not None:
            distance = torch.cdist(_thumbs(made), self.lights)
            scores["lights"] = len(distance.argmin(1).unique())
        return scores

    def styles(self, one: Tensor, other: Tensor) -> dict[str, Any]:
        """How far two pictures of each map differ, and at how many pixels the same class is seen in both."""
        agreed = (self.segmenter(one) == self.segmenter(other)).double().flatten(1).mean(1)
        apart = (one.double() - other.double()).abs().flatten(1).mean(1) / 255
        return {"style": mean(apart), "agree": mean(agreed)}


def miou(counts: LabelCounts, some: Tensor) -> float:
    """Intersection over union of all pixels of some pictures, averaged over the classes that occur."""
    shared, either = counts.shared[some].sum(0), counts.either[some].sum(0)
    return float((shared / either)[either > 0].mean())


def _thumbs(pictures: Tensor) -> Tensor:
    return interpolate(pictures.float(), (4, 4), mode="area").flatten(1)


def _light_colours(data: Dataset) -> Tensor | None:
    """The mean thumbnail of the training pictures in each light, where the data know lights."""
    if "light" not in data.attributes:
        return None
    train = data.indices("train")
    thumbs, codes = _thumbs(data.raw(train)["target"]), data.attributes["light"].codes[train]
    return torch.stack([thumbs[codes == code].mean(0) for code in codes.unique()])


@torch.no_grad()
def painted(trainer: Trainer, data: Dataset, seed: int) -> Tensor:
    """What the method makes of the held-out label maps.  # uint8 [n, 3, H, W]"""
    method: Any = trainer.method
    with trainer.averages.in_place(method):
        method.eval()
        made = [method.translate(data.batch(some).main, SampleDraws(seed, some.tolist()))
                for some in data.indices("test").split(16)]  # fmt: skip
        method.train()
    return to_uint8(torch.cat(made))


def sheet(judge: Judge, columns: list[Tensor]) -> Any:
    """Label maps, pictures of them and the real ones, a column a scene."""
    some = torch.linspace(0, len(judge.maps) - 1, SHOWN).round().long()
    coloured = torch.from_numpy(palette())[judge.maps[some]].movedim(3, 1)
    return grid(torch.cat([coloured, *(made[some] for made in columns), judge.real[some]]), SHOWN)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", nargs="+", default=["pix2pix", "pix2pix-hd", "spade"])
    parser.add_argument("--data", default="streets:count=600")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--segmenter-steps", type=int, default=STEPS)
    parser.add_argument("--folder", type=Path, help="for figures and sheets")
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    chosen = parser.parse_args(sys.argv[1:end])
    torch.set_num_threads(1)
    data, options = open_data(chosen.data), Options(device="cpu", progress=False)
    notes = Notes(chosen.folder, data=chosen.data)
    say = notes.console.print
    judge = Judge(data, segmenter(data, "label_map", "target", say=say, steps=chosen.segmenter_steps))
    copies = data.extra["target"].store.read(nearest(data))
    rivals = {"real pictures": judge.real, "nearest": copies, "mean colours": mean_colours(data, judge.maps)}
    for name, made in rivals.items():
        notes.once(name, partial(judge, made))
    for name in chosen.method:
        base = usual(name)
        fields, _ = read(base, sys.argv[end + 1 :], "label_maps.py")
        trainer, before = notes.trainer(
            name, base.changed(**fields, seed=chosen.seed),
            lambda recipe: lasting(recipe, data, options, chosen.minutes), data, options,
        )  # fmt: skip
        for share, spent in trained_through(trainer, before):
            one, other = painted(trainer, data, 0), painted(trainer, data, 1)
            figures = {**judge(one), **judge.styles(one, other)}
            notes.keep(name, trainer, share, spent, figures, sheet(judge, [copies, one, other]))


if __name__ == "__main__":
    main()
