"""The watch of sounds is itself measured: games broken on purpose, and healthy ones.

As ``benchmarks/watch.py`` does it for pictures: a broken run counts as named if, after 40 % of the budget, the right
name is among the first two findings; a healthy one counts as alarmed if any of its looks has a severe finding. Runs
take about a minute of one core each, on drums and notes by formula, one after another; what lies in the folder is not
made again, and after so many CPU-minutes no further run is begun.

    python benchmarks/watch_sound.py FOLDER [--seeds 0 1] [--only NAME …] [--minutes M] [--write PAGE]
"""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path
from time import process_time
from typing import Any

import torch
from rich.console import Console
from torch import Tensor
from watch import Kind, table, train, where, write

from belamy import recipes
from belamy.data import Dataset, open_data
from belamy.methods.gan import Recipe
from belamy.registry import Part
from belamy.training.trainer import Trainer

BEGIN, END_OF_TABLE = "<!-- sounds: begin -->", "<!-- sounds: end -->"
"""Between these lines a page holds the table."""
LENGTH, SAMPLES, BATCH = 4096, 24_000, 16
TONE, FLOOR, GAIN = 0.05, 0.05, 30.0
"""Amplitude of the comb, deviation of the noise, and by how much clipped sounds are too loud."""


@cache
def drums() -> Dataset:
    """Drums by formula, without classes."""
    data = open_data("drums:count=600", length=LENGTH)
    return data.changed(labels=None, classes=(), attributes={})


def played(recipe: str = "wavegan-small", **fields: Any) -> Recipe:
    """A narrow game of sounds."""
    usual: Any = recipes.get(recipe)
    narrow = Part(name=usual.generator.name, width=4)
    settings = {"length": LENGTH, "generator": narrow, "discriminator": narrow, "critic_steps": 2, "batch": BATCH,
                "train_samples": SAMPLES, "ema_half_life": 2000}  # fmt: skip
    made: Recipe = usual.changed(**{**settings, **fields})
    return made


# What a recipe cannot say


def after(change: Any) -> Any:
    """Spoils what the generator makes."""

    def spoil(method: Any, trainer: Trainer | None) -> None:
        if trainer is None:
            method.generator.register_forward_hook(lambda _module, _given, sounds: change(sounds))

    return spoil


def combed(sounds: Tensor) -> Tensor:
    """A tone at a quarter of the rate and its multiples."""
    tooth = torch.zeros(sounds.shape[2]).to(sounds)
    tooth[::4] = 4 * TONE
    return sounds + tooth


def noisy(sounds: Tensor) -> Tensor:
    """Noise that is always the same."""
    noise = torch.randn(sounds.shape[2], generator=torch.Generator().manual_seed(0))
    return sounds + FLOOR * noise.to(sounds)


def level_alone(method: Any, trainer: Trainer | None) -> None:
    """The critic is shown how loud a sound is, and nothing else."""
    if trainer is None:

        def loudness(_module: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
            sounds, *rest = given
            return (sounds.square().mean((1, 2), keepdim=True).add(1e-8).sqrt().expand_as(sounds), *rest)

        method.discriminator.network.network.trunk.register_forward_pre_hook(loudness)


KINDS: dict[str, Kind] = {
    "comb": Kind(("comb",), lambda _: played(), after(combed), data=drums),
    "silence": Kind(("silence",), lambda _: played(), after(lambda sounds: 1e-4 * sounds), data=drums),
    "clipping": Kind(("clipping",), lambda _: played(), after(lambda sounds: GAIN * sounds), data=drums),
    "noise floor": Kind(("noise-floor",), lambda _: played(), after(noisy), data=drums),
    "level alone": Kind(("level-only",), lambda _: played(), level_alone, data=drums),
}


def healthy() -> dict[str, Kind]:
    """Runs that go well."""
    return {
        "WaveGAN": Kind((), lambda _: played(), data=drums),
        "WaveGAN, nearest": Kind(
            (), lambda _: played(generator=Part(name="wavegan", width=4, upsampling="nearest")), data=drums
        ),
        "SpecGAN": Kind((), lambda _: played("specgan-small"), data=drums),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--only", nargs="+", help="names of runs")
    parser.add_argument("--minutes", type=float, default=60, help="CPU-minutes after which no further run is begun")
    parser.add_argument("--write", type=Path, help="the page to write the table into, when all is done")
    options = parser.parse_args()
    torch.set_num_threads(1)
    console, well = Console(), healthy()
    work = [(KINDS[name], name, seed) for name in KINDS for seed in options.seeds]
    work += [(kind, name, options.seeds[0] + number) for number, (name, kind) in enumerate(well.items())]
    options.folder.mkdir(parents=True, exist_ok=True)
    for kind, name, seed in [each for each in work if not options.only or each[1] in options.only]:
        path = where(options.folder, name, seed)
        if path.exists():
            continue
        if (begun := process_time()) > 60 * options.minutes:
            console.print("The time is up: call again to go on.")
            return
        looks = train(kind, kind.recipe(options.folder).changed(seed=seed), path)
        console.print(f"{path.name}: {process_time() - begun:.0f} s, looks {looks:.1%} of the training")
    found = table(options.folder, options.seeds, KINDS, list(well))
    console.print(found, soft_wrap=True, markup=False)
    if options.write and not options.only:
        write(options.write, found, BEGIN, END_OF_TABLE)


if __name__ == "__main__":
    main()
