"""Quality of a diffusion model against evaluations of its network, at several CPU-minutes of training.

Samples are judged by the Fréchet distance in the usual classifier's features. Only training counts as time, over all
threads: ten minutes of two cores are 20 CPU-minutes. The recipe is as long as the minutes are, as a few steps tell. A
run goes on where its folder holds a state. A student learns from the run whose folder --teacher names.

    python benchmarks/diffusion.py edm-mnist [--minutes 120] [--threads 2] [--seed 0] [--count 10000] [--sampler heun]
                                   [--evaluations 1 2 4 8 18 50] [--guidance 1] [--folder DIR] [-- OPTIONS]
    python benchmarks/diffusion.py few-steps-mnist --teacher DIR --evaluations 1 2 4 [...]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from minutes import trained
from rich.console import Console
from torch import Tensor

from belamy import recipes
from belamy.cli.recipe_form import read
from belamy.data import Dataset
from belamy.evaluation.panel import Panel
from belamy.judges.judge import extractor, trained_judge
from belamy.methods import diffusion
from belamy.methods.base import BaseMethod, BaseRecipe
from belamy.modalities.grid import grid
from belamy.runs.checkpoint import Checkpoint
from belamy.runs.files import save_png
from belamy.sampling.draw import draw
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer, open_recipe_data
from belamy.training.trainer import Trainer
from belamy.training.transfer import transfer

MOMENTS = (2, 5, 10, 20, 40, 60, 90, 120)
"""CPU-minutes of training after which samples are judged and the state is saved."""
EVALUATIONS = (1, 2, 4, 8, 18, 50)
CHUNK = 1000


def drawn(method: BaseMethod, count: int, steps: int, sampler: str, guidance: float) -> Iterator[tuple[Tensor, Tensor]]:
    """Samples and the classes that they were asked to be, a thousand at a time."""
    classes = len(method.spec.classes)
    for start in range(0, count, CHUNK):
        some = min(CHUNK, count - start)
        options: dict[str, float | str] = {"sampler": sampler, "guidance": guidance} if method.sampling_options else {}
        asked = torch.arange(start, start + some) % max(classes, 1)
        yield draw(method, some, seed=1, start=start, steps=steps, options=options), asked


def told(trainer: Trainer, panel: Panel, chosen: argparse.Namespace) -> list[dict[str, float]]:
    """The distance, and how many are of the class asked for, for each number of evaluations."""
    method, rows = trainer.method, []
    conditional = method.recipe.conditional
    for evaluations in chosen.evaluations:
        heun = (getattr(method.recipe, "sampler", "") if chosen.sampler == "own" else chosen.sampler) == "heun"
        steps = (evaluations + 1) // 2 if heun else evaluations
        chunks = drawn(method, chosen.count, steps, chosen.sampler, chosen.guidance)
        found = panel.judge(((images, asked if conditional else None) for images, asked in chunks), 1,
                            "in turn" if conditional else "none")  # fmt: skip
        rows.append({"evaluations": 2 * steps - 1 if heun else steps, **found.values})
    return rows


def planned(chosen: argparse.Namespace, words: list[str], folder: Path | None) -> tuple[BaseRecipe, Dataset]:
    """The recipe, as long as the minutes are unless that is said, or as the folder's run had it."""
    usual = recipes.get(chosen.recipe)
    fields, _ = read(usual, words, "diffusion.py")
    recipe = usual.changed(**fields, seed=chosen.seed)
    data = open_recipe_data(recipe)
    if folder and (folder / "figures.json").is_file():
        return type(usual).parse(json.loads((folder / "figures.json").read_text())["recipe"]), data
    if "train_samples" not in fields:
        trial = make_trainer(recipe, data.spec, data, Options(device="cpu"), World())
        recipe = recipe.changed(train_samples=round(speed(trial) * 60 * chosen.minutes))
    return recipe, data


def taught(trainer: Trainer, folder: Path) -> None:
    """Let a student begin as the network of another folder's run."""
    recipe = diffusion.Recipe.parse(json.loads((folder / "figures.json").read_text())["recipe"])
    trainer.method.recipe.check_start(recipe)
    transfer(trainer, recipe, trainer.method.spec, Checkpoint.load(folder / "state"))


def speed(trainer: Trainer, steps: int = 20) -> float:
    """Samples per CPU-second of a trainer that is thrown away."""
    trainer.step()
    started = time.process_time()
    for _ in range(steps):
        trainer.step()
    return steps * trainer.method.recipe.batch / (time.process_time() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--sampler", default="own")
    parser.add_argument("--evaluations", type=int, nargs="+", default=EVALUATIONS)
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--moments", type=float, nargs="+", default=MOMENTS)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--teacher", type=Path)
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    chosen = parser.parse_args(sys.argv[1:end])
    folder, console = chosen.folder, Console(width=200)
    torch.set_num_threads(chosen.threads)
    recipe, data = planned(chosen, sys.argv[end + 1 :], folder)
    trainer = make_trainer(recipe, data.spec, data, Options(device="cpu"), World())
    if chosen.teacher:
        taught(trainer, chosen.teacher)
    panel = Panel(extractor(data, trained_judge(data, say=console.print)), data)
    rows: list[dict[str, float]] = []
    if folder and (folder / "state").is_dir():
        rows = json.loads((folder / "figures.json").read_text())["rows"]
        trainer.load_state(Checkpoint.load(folder / "state"))
    before = rows[-1]["cpu_minutes"] if rows else 0.0
    for moment, spent in trained(trainer, chosen.moments, chosen.minutes, before):
        with trainer.averages.in_place(trainer.method):
            found = told(trainer, panel, chosen)
            sheet = grid(draw(trainer.method, 100, seed=1), columns=10)
        rows += [{"cpu_minutes": spent, "samples": trainer.clock.samples, **row} for row in found]
        shown = ", ".join(f"{row['evaluations']}: {row['frechet']:.3f}" for row in found)
        console.print(f"{chosen.recipe} {sys.argv[end + 1 :]} {spent:.1f} CPU-min, {trainer.clock.samples:,} of "
                      f"{recipe.train_samples:,} samples: Fréchet distance of {chosen.count:,} samples by evaluations "
                      f"{shown}", highlight=False)  # fmt: skip
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            save_png(sheet, folder / f"sheet-{moment:g}.png")
            trainer.state().save(folder / "state", folder)
            text = json.dumps({"recipe": recipe.model_dump(mode="json"), "rows": rows}, indent=2)
            (folder / "figures.json").write_text(text)


if __name__ == "__main__":
    main()
