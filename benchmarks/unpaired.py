"""CycleGAN and CUT where the truth is known but never shown, in CPU-minutes of one thread.

glyphs: regular letters become bold. The file holds ``images`` [n, 32, 32], ``labels``, ``family``, ``weight`` and
``italic``. A few families are held out whole; of the others the regular letters are one side and the bold ones the
other, each shuffled by itself. Measured is the mean absolute error to the true bold letter as a share of that of the
input unchanged, for families that were learned from and for those that were not. The rival blurs and amplifies, as
strongly as fits the truth best.

faces: faces without glasses become faces with them. The judges of ``belamy translate --measures attributes``, which
learned from real faces alone, say how many have glasses then, and of how many they still say the same of each other
attribute, of all faces and of those whose attribute they told right; beside it, how often they are right about real
held-out faces. Attributes that are colours are also read off the drawing: which colour of the palette most pixels have.

The run is as long as the minutes are, as a few steps tell, and goes on where its folder holds a state.

    python benchmarks/unpaired.py glyphs glyphs32.npz [--method cyclegan|cut] [--minutes 20] [--seed 0] [--precision P]
        [--folder DIR] [-- OPTIONS]
    python benchmarks/unpaired.py faces avatars-16 [--attribute glasses] …
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from minutes import lasting, trained_through
from notes import Notes
from scipy.ndimage import gaussian_filter
from torch import Tensor

from belamy import recipes
from belamy.cli.recipe_form import read
from belamy.data import open_data
from belamy.data.dataset import Dataset, Memory
from belamy.evaluation.intervals import bootstrap, wilson
from belamy.evaluation.statistics import Interval
from belamy.judges.attribute_predictors import attribute_predictors
from belamy.judges.sides import SIDE, both_sides
from belamy.modalities.grid import grid
from belamy.modalities.image import to_float, to_uint8
from belamy.seeds import SampleDraws
from belamy.training.setup import Options
from belamy.training.trainer import Trainer

HELD_FAMILIES = ("ComicNeue", "RobotoCondensed", "Vollkorn")
REGULAR, BOLD = 400, 700
SHOWN = 16


@dataclass
class Task:
    """Two sides, pictures to translate, and how translations are judged.

    Args:
        data: What is learned from.
        inputs: What is translated.  # uint8 [n, C, H, W]
        judge: Figures of translations of these.
        rivals: Figures of what does not learn, by name.
        shown: Sheets' rows beside the translations, from the inputs' numbers.
    """

    data: Dataset
    inputs: Tensor
    judge: Callable[[Tensor], dict[str, Any]]
    rivals: dict[str, Callable[[], dict[str, Any]]]
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

    def judge(made: Tensor) -> dict[str, Any]:
        error = (made.float() - truth).abs().flatten(1).mean(1)
        parts: dict[str, Any] = {"all": slice(None), "seen families": ~held_out, "new families": held_out}
        shares = {f"share, {name}": _ratio(error[some], unchanged[some]) for name, some in parts.items()}
        return {**shares, "error": float(error.mean())}

    rivals = {
        "input unchanged": lambda: judge(regular),
        "blurred and amplified": lambda: judge(_thickened(regular, bold)),
    }
    return Task(data, regular, judge, rivals, lambda some: [regular[some], bold[some]])


def _ratio(mine: Tensor, theirs: Tensor) -> Interval:
    """The ratio of two means over the same letters, with its interval for other letters."""
    return bootstrap(lambda some: float(mine[some].mean() / theirs[some].mean()), len(mine), seed=0)


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
    known = [name for name in before if name != SIDE]
    right = {name: before[name] == without.attributes[name].codes[without.held_out] for name in known}
    palettes = {name: colours for name in known if (colours := _palette(both.attributes[name].values)) is not None}
    read = {name: _read(inputs, colours) for name, colours in palettes.items()}

    def judge(made: Tensor) -> dict[str, Any]:
        seen = {each.name: each.predict(made).verdict for each in judges}
        same = {name: seen[name] == before[name] for name in known}
        return {
            f"shows {attribute}": _share(seen[SIDE] == 1), **{f"keeps {name}": _share(same[name]) for name in known},
            **{f"keeps {name} where it was told right": _share(same[name][right[name]]) for name in known},
            **{f"keeps {name} as it is read": _share(_read(made, colours) == read[name])
               for name, colours in palettes.items()},
        }  # fmt: skip

    def accuracy() -> dict[str, Any]:
        real = both.images(both.held_out)
        true = {each.name: both.attributes[each.name].codes[both.held_out] for each in judges}
        return {
            **{f"right about {each.name}": _share(each.predict(real).verdict == true[each.name]) for each in judges},
            **{f"reads {name} right": _share(_read(real, colours) == true[name]) for name, colours in palettes.items()},
        }

    rivals = {"the classifier on real held-out faces": accuracy, "input unchanged": lambda: judge(inputs)}
    return Task(sided, inputs, judge, rivals, lambda some: [inputs[some]])


def _palette(values: tuple[str, ...]) -> Tensor | None:
    """The colours that an attribute's values name in six hexadecimal digits.  # [values, 3]"""
    colours = all(re.fullmatch("[0-9a-f]{6}", value) for value in values)
    return torch.tensor([list(bytes.fromhex(value)) for value in values]) if colours else None


def _read(images: Tensor, palette: Tensor) -> Tensor:
    """The colour that most pixels have to within two levels, or -1 where none has any.  # [n]"""
    far = (images.long()[:, None] - palette[:, :, None, None]).abs().amax(2)  # [n, values, H, W]
    counts = (far <= 2).flatten(2).sum(2)
    return counts.argmax(1).where(counts.amax(1) > 0, -1)


def _share(true: Tensor) -> Interval:
    return wilson(int(true.sum()), len(true))


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
    torch.set_num_threads(1)
    task = (
        glyphs(Path(chosen.source)) if chosen.task == "glyphs" else faces(chosen.source, chosen.attribute, chosen.size)
    )
    usual = recipes.get(f"{chosen.method}-small").changed(
        mirror=chosen.task == "faces"
    )  # letters have a left and a right
    fields, _ = read(usual, sys.argv[end + 1 :], "unpaired.py")
    options = Options(device="cpu", precision=chosen.precision, progress=False)
    notes = Notes(chosen.folder, task=chosen.task, judged=len(task.inputs))
    for name, rival in task.rivals.items():
        notes.once(name, rival)
    trainer, before = notes.trainer(
        chosen.method, usual.changed(**fields, seed=chosen.seed),
        lambda recipe: lasting(recipe, task.data, options, chosen.minutes), task.data, options,
    )  # fmt: skip
    for share, spent in trained_through(trainer, before):
        made = translated(trainer, task.inputs)
        notes.keep(chosen.method, trainer, share, spent, task.judge(made), _sheet(task, made))


def _sheet(task: Task, made: Tensor) -> Any:
    """Inputs, translations and what stands beside them, in rows."""
    parts = []
    for row in torch.linspace(0, len(made) - 1, 3 * SHOWN).round().long().split(SHOWN):
        first, *after = task.shown(row)
        parts += [first, made[row], *after]
    return grid(torch.cat(parts), SHOWN)


if __name__ == "__main__":
    main()
