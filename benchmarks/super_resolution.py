"""Super-resolution in CPU-minutes of one thread, against bicubic enlargement, on held-out pictures.

One run in two stages: true to the pixels, then sharp to the eye. Reported are the peak signal-to-noise ratio and the
structural similarity, and the perceptual distance (LPIPS) and the Fréchet distance in features of the embedded
EfficientNet, of bicubic enlargement, of the network on its way, and of the blends of both stages at the end, of which 0
is the first stage. Gains are over bicubic enlargement, picture by picture. The curve is drawn.

With ``--unknown`` small pictures are made by two rounds of random blur, resizing, noise and JPEG, and a second run,
whose small pictures were made by the bicubic filter alone, stands beside the first; each has the minutes.

The data are a folder of photographs, a named set, an .npz file with ``images``, or ``photographs``: squares of those
that come with scikit-learn and scikit-image (``pip install scikit-image``), of which three are held out whole;
``photographs:FOLDER`` adds those of a folder, of which every sixth is held out. A run is as long as the minutes are, as
a few steps tell, and goes on where its folder holds a state.

    python benchmarks/super_resolution.py DATA [--size 128] [--crop 64] [--scale 4] [--minutes 20] [--seed 0]
        [--unknown] [--folder DIR] [-- OPTIONS]
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from minutes import LOOKS, lasting, trained_through
from notes import Notes
from photographs import photographs
from torch import Tensor

from belamy import recipes
from belamy.cli.recipe_form import read
from belamy.data import Dataset, open_data
from belamy.evaluation.features.efficientnet import efficientnet_features
from belamy.evaluation.intervals import mean
from belamy.evaluation.metrics.frechet import Metric as Frechet
from belamy.evaluation.pairs.usual import UsualMeasures
from belamy.modalities.fields import Field
from belamy.modalities.grid import grid
from belamy.modalities.image import to_float, to_uint8
from belamy.pages.charts import line_chart
from belamy.registry import Part
from belamy.runs.files import save_png, write_bytes
from belamy.seeds import SampleDraws
from belamy.training.setup import Options
from belamy.training.trainer import Trainer

BLENDS = (0.0, 0.25, 0.5, 0.75, 1.0)
SHOWN = 10


class Judge:
    """Tells how far pictures are from the sharp ones, all in uint8.

    Args:
        target: The sharp ones.  # [n, C, H, W]
        rival: Gains are over these.
    """

    def __init__(self, target: Tensor, rival: Tensor) -> None:
        self.target, shape = target, tuple(target.shape[1:])
        self.extractor, self.measures = efficientnet_features(shape), UsualMeasures().of(Field("image", shape))
        self.beside = self.near(rival)

    @torch.no_grad()
    def near(self, made: Tensor) -> dict[str, Tensor]:
        """All measures of each picture."""
        found: dict[str, list[Tensor]] = {name: [] for name in self.measures}
        for mine, wanted in zip(made.split(32), self.target.split(32), strict=True):
            for name, measure in self.measures.items():
                found[name].append(measure(to_float(wanted), to_float(mine)))
        return {name: torch.cat(values).double() for name, values in found.items()}

    def __call__(self, made: Tensor) -> dict[str, Any]:
        """Means of all measures and of the gains, and the distance of the sets."""
        near, metric = self.near(made), Frechet()
        metric.update(real=self.extractor.extract(self.target))
        metric.update(fake=self.extractor.extract(made))
        gains = {f"{name} over bicubic": mean(values - self.beside[name]) for name, values in near.items()}
        return {**{name: mean(values) for name, values in near.items()}, **gains, **metric.compute()}


@torch.no_grad()
def enlarged(trainer: Trainer, small: Tensor, blend: float) -> Tensor:
    """What the averaged networks make of small pictures.  # uint8 [n, C, H, W]"""
    method: Any = trainer.method
    with trainer.averages.in_place(method):
        method.eval()
        made = [method.translate(some, SampleDraws(0, range(len(some))), {"blend": blend}) for some in small.split(16)]
        method.train()
    return to_uint8(torch.cat(made))


def lengthened(recipe: Any, data: Dataset, minutes: float) -> Any:
    """The recipe as long as fits into CPU-minutes, by the time of a few steps of each stage."""
    share = recipe.first_stage
    parts = [(share, {"first_stage": 1.0}), (1 - share, {"first_stage": 0.0})]
    return lasting(recipe, data, OPTIONS, minutes, [part for part in parts if part[0]])


OPTIONS = Options(device="cpu", progress=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--crop", type=int, default=64)
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--unknown", action="store_true")
    parser.add_argument("--folder", type=Path, help="for figures and sheets")
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    chosen = parser.parse_args(sys.argv[1:end])
    torch.set_num_threads(1)
    usual = recipes.get("esrgan-small").changed(size=chosen.size, crop=chosen.crop, scale=chosen.scale)
    fields, _ = read(usual, sys.argv[end + 1 :], "super_resolution.py")
    recipe: Any = usual.changed(**fields, seed=chosen.seed)
    own, _, folder = chosen.data.partition(":")
    data = (
        photographs(chosen.size, Path(folder) if folder else None)
        if own == "photographs"
        else open_data(chosen.data, size=chosen.size, channels=3)
    )
    kinds = {"bicubic": recipe}
    if chosen.unknown:
        kinds = {"two-rounds": recipe.changed(degradation=Part(name="two-rounds")), **kinds}
    target = data.raw(data.held_out)[data.named]
    notes = Notes(chosen.folder, held_out=len(target), degradation=next(iter(kinds)))
    parts: dict[str, Tensor] = {}
    for kind, each in kinds.items():
        name = f"learned from {kind}"
        trainer, before = notes.trainer(name, each, lambda one: lengthened(one, data, chosen.minutes), data, OPTIONS)
        method: Any = trainer.method
        if not parts:
            with torch.no_grad():
                small = method.degrade(to_float(target), SampleDraws(0, range(len(target))))
                parts = {rival: to_uint8(values) for rival, values in method.rivals(small).items()}
            judge = Judge(target, parts["bicubic"])
            for rival, made in parts.items():
                notes.once(rival, partial(judge, made))
        for share, spent in trained_through(trainer, before, sorted({*LOOKS, recipe.first_stage})):
            made = enlarged(trainer, small, 1.0)
            notes.keep(name, trainer, share, spent, judge(made), sheet({**parts, name: made}, target))
        for blend in BLENDS:
            made = enlarged(trainer, small, blend)
            notes.once(f"{name}, blend {blend:g}", partial(judge, made))
            if blend in (0.0, 1.0):
                parts[f"{name}, blend {blend:g}"] = made
    if chosen.folder:
        save_png(sheet(parts, target), chosen.folder / "sheet.png")
        write_bytes(chosen.folder / "curve.svg", str(curve(notes, list(kinds))).encode())


def sheet(parts: dict[str, Tensor], target: Tensor) -> Any:
    """Rows of pictures, the sharp ones last."""
    some = torch.linspace(0, len(target) - 1, SHOWN).round().long()
    return grid(torch.cat([part[some] for part in (*parts.values(), target)]), SHOWN)


def curve(notes: Notes, kinds: list[str]) -> Any:
    """Decibels against perceptual distance: the blends of each run from end to end, and the bicubic filter."""

    def at(what: str) -> tuple[float, float]:
        row: Any = notes.last(what)
        return row["perceptual"][0], row["psnr"][0]

    series = {
        f"blends, learned from {kind}": [at(f"learned from {kind}, blend {blend:g}") for blend in BLENDS]
        for kind in kinds
    }
    series["bicubic filter"] = [at("bicubic")]
    return line_chart(series, "Between true and sharp", "perceptual distance", "decibels", smooth=False)


if __name__ == "__main__":
    main()
