"""CycleGAN and CUT where the truth is known but never shown, in CPU-minutes of one thread.

glyphs: regular letters become bold. The file holds ``images`` [n, 32, 32], ``labels``, ``family``, ``weight`` and
``italic``. A few families are held out whole; of the others the regular letters are one side and the bold ones the
other, each shuffled by itself. Measured is the mean absolute error to the true bold letter as a share of that of the
input unchanged, for families that were learned from and for those that were not. The rival blurs and amplifies, as
strongly as fits the truth best.

faces: faces without glasses become faces with them. The judges of ``belamy translate --measures attributes``, which
learned from real faces alone, say how many have glasses then, and of how many they still say the same of each other
attribute; beside it, how often they are right about real held-out faces.

    python benchmarks/unpaired.py glyphs glyphs32.npz [--method cyclegan|cut] [--minutes 20] [--seed 0] [--precision P]
        [--folder DIR] [-- OPTIONS]
    python benchmarks/unpaired.py faces avatars-16 [--attribute glasses] …
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from scipy.ndimage import gaussian_filter
from torch import Tensor

from belamy import recipes
from belamy.cli.recipe_form import read
from belamy.data import open_data
from belamy.data.dataset import Dataset, Memory
from belamy.judges.attribute_predictors import attribute_predictors
from belamy.judges.sides import SIDE, both_sides
from belamy.methods.base import BaseRecipe
from belamy.modalities.grid import grid
from belamy.modalities.image import to_float, to_uint8
from belamy.runs.files import save_png
from belamy.seeds import SampleDraws
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer
from belamy.training.trainer import Trainer

HELD_FAMILIES = ("ComicNeue", "RobotoCondensed", "Vollkorn")
REGULAR, BOLD = 400, 700
LOOKS = 4
"""How often translations are judged, the end included."""
WARM, TIMED = 3, 8
"""Steps before the speed is measured, and those that it is measured by."""
SHOWN = 16


@dataclass
class Task:
    """Two sides, pictures to translate, and how translations are judged.

    Args:
        data: What is learned from.
        inputs: What is translated.  # uint8 [n, C, H, W]
        judge: Figures of translations of these.
        rows: Figures of rivals.
        shown: Sheets' rows beside the translations, from the inputs' numbers.
    """

    data: Dataset
    inputs: Tensor
    judge: Callable[[Tensor], dict[str, float]]
    rows: list[dict[str, Any]]
    shown: Callable[[Tensor], list[Tensor]]


def glyphs(path: Path) -> Task:
    """Regular letters, and bold ones of the same families without their pairing."""
    with np.load(path, allow_pickle=False) as held:
        names = ("images", "labels", "family", "weight", "italic")
        images, *rest = (held[name] for name in names)
    place = {key: number for number, key in enumerate(zip(*(each.tolist() for each in rest), strict=True))}
    pairs = [
        (number, place[label, family, BOLD, italic], family)
        for (label, family, weight, italic), number in place.items()
        if weight == REGULAR and (label, family, BOLD, italic) in place
    ]
    regular, bold = (torch.from_numpy(images[[pair[side] for pair in pairs]]).unsqueeze(1) for side in (0, 1))
    held_out = torch.tensor([family in HELD_FAMILIES for *_, family in pairs])
    other = Dataset("bold", Memory(bold[~held_out]), official={"train": torch.arange(int((~held_out).sum()))})
    everything = {"train": (~held_out).nonzero().flatten(), "test": held_out.nonzero().flatten()}
    data = Dataset("regular", Memory(regular), official=everything, rule="families", sides={"other": other})
    truth = bold.float()
    unchanged = (regular.float() - truth).abs().flatten(1).mean(1)

    def judge(made: Tensor) -> dict[str, float]:
        error = (made.float() - truth).abs().flatten(1).mean(1)
        parts = {"seen families": ~held_out, "new families": held_out}
        found = {f"error, {name}": float(error[some].mean()) for name, some in parts.items()}
        shares = {f"share, {name}": float(error[some].mean() / unchanged[some].mean()) for name, some in parts.items()}
        return {**found, **shares}

    rows: list[dict[str, Any]] = [{"what": "input unchanged", **judge(regular)}]
    rows.append({"what": "blurred and amplified", **judge(_thickened(regular, bold))})
    return Task(data, regular, judge, rows, lambda some: [regular[some], bold[some]])


def _thickened(regular: Tensor, bold: Tensor) -> Tensor:
    """Letters blurred and amplified by the two numbers that fit the truth best."""
    given, truth = regular.numpy().astype(float), bold.numpy().astype(float)
    tried = [
        np.clip(gaussian_filter(given, (0, 0, deviation, deviation)) * factor, 0, 255)
        for deviation in (0.4, 0.5, 0.6, 0.7, 0.8)
        for factor in (1.5, 2.0, 2.5, 3.0)
    ]
    best = min(tried, key=lambda made: float(np.abs(made - truth).mean()))
    return torch.from_numpy(best).round().to(torch.uint8)


def faces(source: str, attribute: str, size: int) -> Task:
    """Faces without something, and other faces with it."""
    data = open_data(source, labels=attribute, size=size)
    without, having = (data.only(name) for name in data.classes)
    sided = without.changed(sides={"other": having})
    both = both_sides(sided, "other")
    judges = attribute_predictors(both)
    inputs = without.images(without.held_out)
    before = {each.name: each.predict(inputs).verdict for each in judges}

    def judge(made: Tensor) -> dict[str, float]:
        seen = {each.name: each.predict(made).verdict for each in judges}
        same = {f"keeps {name}": _share(seen[name] == before[name]) for name in seen if name != SIDE}
        return {f"shows {attribute}": _share(seen[SIDE] == 1), **same, "least kept": min(same.values())}

    real = both.images(both.held_out)
    right = {
        f"right about {each.name}": _share(
            each.predict(real).verdict == both.attributes[each.name].codes[both.held_out]
        )
        for each in judges
    }
    rows = [{"what": "the classifier on real held-out faces", **right}, {"what": "input unchanged", **judge(inputs)}]
    return Task(sided, inputs, judge, rows, lambda some: [inputs[some]])


def _share(true: Tensor) -> float:
    return float(true.double().mean())


def timed(recipe: BaseRecipe, data: Dataset, options: Options, seconds: float) -> Trainer:
    """A trainer whose run takes so many seconds of this processor, by the speed of a few steps."""
    trial = make_trainer(recipe, data.spec, data, options, World())
    for _ in range(WARM):
        trial.step()
    started = time.process_time()
    for _ in range(TIMED):
        trial.step()
    each = (time.process_time() - started) / TIMED
    steps = max(LOOKS, int(seconds / each))
    return make_trainer(recipe.changed(train_samples=steps * recipe.batch), data.spec, data, options, World())


@torch.no_grad()
def translated(trainer: Trainer, inputs: Tensor) -> Tensor:
    """What the method makes of pictures.  # uint8 [n, C, H, W]"""
    method: Any = trainer.method
    with trainer.averages.in_place(method):
        method.eval()
        made = [
            method.translate(to_float(inputs[some]), SampleDraws(0, some.tolist()))
            for some in torch.arange(len(inputs)).split(64)
        ]
        method.train()
    return to_uint8(torch.cat(made).clamp(-1, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("glyphs", "faces"))
    parser.add_argument("source", help="the file of glyphs; of faces a named set or a file with the attribute")
    parser.add_argument("--method", choices=("cyclegan", "cut"), default="cyclegan")
    parser.add_argument("--attribute", default="glasses")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--folder", type=Path, help="for figures and sheets")
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    chosen = parser.parse_args(sys.argv[1:end])
    console = Console()
    torch.set_num_threads(1)
    task = (
        glyphs(Path(chosen.source)) if chosen.task == "glyphs" else faces(chosen.source, chosen.attribute, chosen.size)
    )
    usual = recipes.get(f"{chosen.method}-small").changed(
        mirror=chosen.task == "faces"
    )  # letters have a left and a right
    fields, _ = read(usual, sys.argv[end + 1 :], "unpaired.py")
    recipe = usual.changed(**fields, seed=chosen.seed)
    for row in task.rows:
        console.print(row)
    options = Options(device="cpu", precision=chosen.precision, progress=False)
    trainer = timed(recipe, task.data, options, 60 * chosen.minutes)
    total, spent, rows = trainer.method.recipe.train_samples, 0.0, list(task.rows)
    for look in range(1, LOOKS + 1):
        while trainer.clock.samples < total * look / LOOKS:
            started = time.process_time()
            trainer.step()
            spent += time.process_time() - started
        made = translated(trainer, task.inputs)
        rows.append(
            {"what": chosen.method, "cpu_minutes": spent / 60, "samples": trainer.clock.samples, **task.judge(made)}
        )
        console.print(rows[-1])
        if chosen.folder:
            some = torch.linspace(0, len(made) - 1, 3 * SHOWN).round().long()
            parts = []
            for row_of in some.split(SHOWN):
                first, *after = task.shown(row_of)
                parts += [first, made[row_of], *after]
            chosen.folder.mkdir(parents=True, exist_ok=True)
            save_png(grid(torch.cat(parts), SHOWN), chosen.folder / f"sheet-{look}.png")
            facts = {"recipe": trainer.method.recipe.model_dump(mode="json"), "rows": rows}
            (chosen.folder / "figures.json").write_text(json.dumps(facts, indent=2))


if __name__ == "__main__":
    main()
