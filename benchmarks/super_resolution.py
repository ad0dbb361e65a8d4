"""Super-resolution in CPU-minutes of one thread, against bicubic enlargement, on held-out pictures.

One run in two stages: true to the pixels, then sharp to the eye. Reported are the peak signal-to-noise ratio and the
structural similarity, and the perceptual distance (LPIPS) and the Fréchet distance in features of the embedded
EfficientNet, of bicubic enlargement, of the first stage at its end, and of the blends of both networks at the end.

With ``--unknown`` small pictures are made by two rounds of random blur, resizing, noise and JPEG, and a second run,
whose small pictures were made by the bicubic filter alone, stands beside the first.

The data are a folder of photographs, a named set, or an .npz file with ``images``.

    python benchmarks/super_resolution.py DATA [--size 128] [--crop 64] [--scale 4] [--minutes 20] [--seed 0]
        [--unknown] [--folder DIR] [-- OPTIONS]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from belamy import recipes
from belamy.cli.recipe_form import read
from belamy.data import Dataset, open_data
from belamy.evaluation.features.efficientnet import efficientnet_features
from belamy.evaluation.metrics.frechet import Metric as Frechet
from belamy.evaluation.pairs.usual import UsualMeasures
from belamy.methods.super_resolution import Recipe
from belamy.modalities.fields import Field
from belamy.modalities.grid import grid
from belamy.modalities.image import to_float, to_uint8
from belamy.registry import Part
from belamy.runs.files import save_png
from belamy.seeds import SampleDraws
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer
from belamy.training.trainer import Trainer

BLENDS = (0.0, 0.25, 0.5, 0.75, 1.0)
SHOWN = 10
CALIBRATION = 6
"""Steps of each stage by which the length of the run is chosen."""


class Judge:
    """Tells how far pictures are from the sharp ones, all in uint8."""

    def __init__(self, target: Tensor) -> None:
        self.target, shape = target, tuple(target.shape[1:])
        self.extractor, self.measures = efficientnet_features(shape), UsualMeasures().of(Field("image", shape))

    @torch.no_grad()
    def __call__(self, made: Tensor) -> dict[str, float]:
        """Means of all measures."""
        near: dict[str, list[Tensor]] = {name: [] for name in self.measures}
        for mine, wanted in zip(made.split(32), self.target.split(32), strict=True):
            for name, measure in self.measures.items():
                near[name].append(measure(to_float(wanted), to_float(mine)))
        metric = Frechet()
        metric.update(real=self.extractor.extract(self.target))
        metric.update(fake=self.extractor.extract(made))
        means = {name: float(torch.cat(values).mean()) for name, values in near.items()}
        return {**means, **metric.compute()}


@torch.no_grad()
def enlarged(trainer: Trainer, small: Tensor, blend: float) -> Tensor:
    """What the averaged networks make of small pictures.  # uint8 [n, C, H, W]"""
    method: Any = trainer.method
    with trainer.averages.in_place(method):
        method.eval()
        made = [method.translate(some, SampleDraws(0, range(len(some))), {"blend": blend}) for some in small.split(16)]
        method.train()
    return to_uint8(torch.cat(made))


def lengthened(recipe: Recipe, data: Dataset, minutes: float) -> Recipe:
    """The recipe as long as fits into CPU-minutes, by the time of a few steps of each stage."""
    seconds = []
    for stage in (1.0, 0.0):
        trainer = make_trainer(recipe.changed(first_stage=stage), data.spec, data, OPTIONS, World())
        trainer.step()
        started = time.process_time()
        for _ in range(CALIBRATION):
            trainer.step()
        seconds.append((time.process_time() - started) / CALIBRATION)
    each = recipe.first_stage * seconds[0] + (1 - recipe.first_stage) * seconds[1]
    steps = max(int(60 * minutes / each), 2)
    return recipe.changed(train_samples=steps * recipe.batch, ema_half_life=min(recipe.ema_half_life, steps))


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
    console = Console()
    torch.set_num_threads(1)
    usual = recipes.get("esrgan-small").changed(size=chosen.size, crop=chosen.crop, scale=chosen.scale)
    fields, _ = read(usual, sys.argv[end + 1 :], "super_resolution.py")
    recipe: Any = usual.changed(**fields, data=chosen.data, seed=chosen.seed)
    data = open_data(chosen.data, size=chosen.size, channels=3)
    kinds = {"": recipe}
    if chosen.unknown:
        kinds = {"two-rounds ": recipe.changed(degradation=Part(name="two-rounds")), "bicubic ": recipe}
    target = data.raw(data.held_out)[data.named]
    judge = Judge(target)
    rows: list[dict[str, Any]] = []
    parts: dict[str, Tensor] = {}
    for kind, each in kinds.items():
        each = lengthened(each, data, chosen.minutes / len(kinds))
        trainer = make_trainer(each, data.spec, data, OPTIONS, World())
        if not rows:
            with torch.no_grad():
                method: Any = trainer.method
                small = method.degrade(to_float(target), SampleDraws(0, range(len(target))))
                rivals = method.rivals(small)
            parts = {name: to_uint8(values) for name, values in rivals.items()}
            rows = [{"what": name, **judge(made)} for name, made in parts.items()]
            for row in rows:
                console.print(row)
        spent, told = 0.0, False
        while trainer.clock.samples < each.train_samples:
            started = time.process_time()
            trainer.step()
            spent += time.process_time() - started
            if not told and trainer.clock.samples >= each.first_stage * each.train_samples:
                told = True
                parts[f"{kind}stage 1"] = enlarged(trainer, small, 0.0)
                rows.append({"what": f"{kind}stage 1", "cpu_minutes": spent / 60, **judge(parts[f"{kind}stage 1"])})
                console.print(rows[-1])
        for blend in BLENDS:
            made = enlarged(trainer, small, blend)
            rows.append({"what": f"{kind}blend {blend:g}", "cpu_minutes": spent / 60, **judge(made)})
            console.print(rows[-1])
        parts[f"{kind}stage 2"] = made
    if chosen.folder:
        chosen.folder.mkdir(parents=True, exist_ok=True)
        some = torch.linspace(0, len(target) - 1, SHOWN).round().long()
        shown = torch.cat([part[some] for part in (*parts.values(), target)])
        save_png(grid(shown, SHOWN), chosen.folder / "sheet.png")
        facts = {"recipe": recipe.model_dump(mode="json"), "held out": len(target), "rows": rows}
        (chosen.folder / "figures.json").write_text(json.dumps(facts, indent=2))


if __name__ == "__main__":
    main()
