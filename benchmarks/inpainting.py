"""Holes of 10 to 50 %, filled by a network that trains for CPU-minutes of one thread, against classical ways.

Held-out pictures get holes of five sizes. They are filled by the network, by means of what surrounds holes, by
biharmonic functions (scikit-image) and by Telea's and Navier and Stokes' methods (OpenCV); those two packages are
wanted by this file alone: ``pip install scikit-image opencv-python-headless``, or leave them out with ``--own``.
Measured are the perceptual distance (LPIPS) in features of the embedded EfficientNet, how far it is above or below that
of each rival, picture by picture, and the absolute error within the holes. Known pixels are checked to be the same, bit
for bit. The run is as long as the minutes are, as a few steps tell, and goes on where its folder holds a state.

    python benchmarks/inpainting.py fill [--data dead-leaves] [--recipe partial-conv-small] [--minutes 20] [--seed 0]
        [--folder DIR] [--own] [-- OPTIONS]

and Deep Image Prior at a noise of 25 of 255, its own stop against the best step, on a folder's or drawn pictures; the
rival is a Gaussian blur as wide as fits each clean picture best, which nobody knows:

    python benchmarks/inpainting.py prior [--data dead-leaves] [--pictures 5] [--side 128] [--folder DIR]

Data are a named set, a folder, an .npz file, or ``photographs``, those that come with scikit-learn and scikit-image.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from minutes import lasting, trained_through
from notes import Notes
from photographs import photographs
from scipy.ndimage import gaussian_filter
from torch import Tensor

from belamy import recipes
from belamy.cli.recipe_form import read
from belamy.data import Dataset, open_data
from belamy.data.holes import HoleShapes
from belamy.editing.deep_prior import SETTINGS, restore_picture
from belamy.editing.inversion import psnr
from belamy.evaluation.intervals import mean
from belamy.evaluation.pairs import measure
from belamy.methods.filling import surrounded
from belamy.modalities.grid import grid
from belamy.modalities.image import to_float, to_uint8
from belamy.runs.files import save_png
from belamy.seeds import generator
from belamy.training.setup import Options
from belamy.training.trainer import Trainer

SHARES = ((0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5))
"""Of a picture, that holes cover: from and to."""
JUDGED, SHOWN = 64, 12
SIGMA = 25
Filler = Callable[[Tensor, Tensor], Tensor]
"""Whole pictures, uint8, from pictures with holes and where those are."""


def classical(own: bool) -> dict[str, Filler]:
    """The classical ways by name.

    Args:
        own: Leave out those that need other packages.
    """
    ways: dict[str, Filler] = {"surroundings": _surrounded}
    if own:
        return ways
    try:
        import cv2
        from skimage.restoration import inpaint_biharmonic
    except ImportError as error:
        sys.exit(f"{error}. Type: pip install scikit-image opencv-python-headless, or --own to leave them out.")

    def biharmonic(picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
        return np.rint(255 * inpaint_biharmonic(picture / 255, hole, channel_axis=2)).clip(0, 255).astype(np.uint8)

    def opencv(method: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        return lambda picture, hole: cv2.inpaint(np.ascontiguousarray(picture), hole.astype(np.uint8), 3, method)

    singly = {"biharmonic": biharmonic, "Telea": opencv(cv2.INPAINT_TELEA), "Navier-Stokes": opencv(cv2.INPAINT_NS)}
    return ways | {name: _each(work) for name, work in singly.items()}


def _surrounded(pictures: Tensor, holes: Tensor) -> Tensor:
    return to_uint8(surrounded(to_float(pictures), (~holes[:, None]).float()))


def _each(work: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Filler:
    """A way that fills one picture [H, W, 3] at a time."""

    def fill(pictures: Tensor, holes: Tensor) -> Tensor:
        rows = [work(p.permute(1, 2, 0).numpy(), h.numpy()) for p, h in zip(pictures, holes, strict=True)]
        return torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2)

    return fill


class Judge:
    """Tells how far filled pictures are from what they were."""

    def __init__(self, pictures: Tensor) -> None:
        self.pictures, self.apart = pictures, measure("perceptual:data_range=255")
        self.rivals: dict[str, Tensor] = {}
        sides = pictures.shape[2], pictures.shape[3]
        self.holes = [
            torch.stack([HoleShapes("mixed", *shares).drawn(*sides, generator(0, "holes", place, number))
                         for number in range(len(pictures))])
            for place, shares in enumerate(SHARES)
        ]  # fmt: skip

    def torn(self, holes: Tensor) -> Tensor:
        """The pictures with grey in their holes."""
        return torch.where(holes[:, None], torch.tensor(128, dtype=torch.uint8), self.pictures)

    @torch.no_grad()
    def __call__(self, fill: Filler, rival: str = "") -> dict[str, Any]:
        """Perceptual distance, over all holes and for each range of shares, and against each rival before it.

        Args:
            fill: What fills holes.
            rival: Its name, if others are to be compared with it.
        """
        started = time.process_time()
        made = [fill(self.torn(holes), holes) for holes in self.holes]
        seconds = (time.process_time() - started) / len(self.holes) / len(self.pictures)
        apart, errors = [], []
        for filled, holes in zip(made, self.holes, strict=True):
            known = ~holes[:, None].expand_as(filled)
            if not torch.equal(filled[known], self.pictures[known]):
                sys.exit("Known pixels have changed.")
            apart.append(self.apart(self.pictures, filled))
            errors.append(float((filled.float() - self.pictures.float())[~known].abs().mean() / 255))
        by_share = torch.stack(apart)
        all_of = by_share.mean(0)
        below = {f"against {other}": mean(all_of - its) for other, its in self.rivals.items()}
        ranges = {
            f"perceptual, holes of {low:.0%} to {high:.0%}": mean(row)
            for (low, high), row in zip(SHARES, by_share, strict=True)
        }
        if rival:
            self.rivals[rival] = all_of
        return {"perceptual": mean(all_of), **below, "error": sum(errors) / len(errors), **ranges, "seconds": seconds}


def network(trainer: Trainer) -> Filler:
    """The network as it is, by its averaged weights."""

    def fill(pictures: Tensor, holes: Tensor) -> Tensor:
        method: Any = trainer.method
        source = torch.cat([to_float(pictures), 1 - 2 * holes[:, None].float()], 1)
        with trainer.averages.in_place(method):
            method.eval()
            made = [to_uint8(method.fill(some)) for some in source.split(16)]
            method.train()
        return torch.cat(made)

    return fill


def opened(name: str, side: int) -> Dataset:
    """The data, in colour."""
    return photographs(side) if name == "photographs" else open_data(name, size=side, channels=3)


def filling(chosen: argparse.Namespace, words: list[str]) -> None:
    """Train, and judge on the way."""
    usual = recipes.get(chosen.recipe)
    fields, _ = read(usual, words, "inpainting.py")
    recipe: Any = usual.changed(**fields, seed=chosen.seed)
    data, options = opened(chosen.data, recipe.size), Options(device="cpu", progress=False)
    judge, ways = Judge(data.images(data.held_out[:JUDGED])), classical(chosen.own)
    notes = Notes(chosen.folder, data=chosen.data, judged=len(judge.pictures))
    found = {name: judge(way, name) for name, way in ways.items()}
    for name, figures in found.items():
        notes.once(name, partial(dict, figures))
    trainer, before = notes.trainer(
        chosen.recipe, recipe, lambda one: lasting(one, data, options, chosen.minutes), data, options
    )
    holes = judge.holes[2]
    torn = judge.torn(holes)
    for share, spent in trained_through(trainer, before):
        own = network(trainer)
        parts = [torn, *(way(torn[:SHOWN], holes[:SHOWN]) for way in ways.values()), own(torn[:SHOWN], holes[:SHOWN])]
        sheet = grid(torch.cat([part[:SHOWN] for part in (*parts, judge.pictures)]), SHOWN)
        notes.keep(chosen.recipe, trainer, share, spent, judge(own), sheet)


def prior(chosen: argparse.Namespace) -> None:
    """Take noise out of pictures; its own stop is found afterwards in a fit that goes to the last step."""
    data = opened(chosen.data, chosen.side)
    notes = Notes(chosen.folder, data=chosen.data, side=chosen.side, sigma=SIGMA)
    held = data.held_out
    some = held[torch.linspace(0, len(held) - 1, chosen.pictures).round().long()]
    for number, clean in enumerate(data.images(some)):
        notes.once(f"picture {number}", partial(denoised, clean, number, chosen))
    rows = [notes.last(f"picture {number}") or {} for number in range(len(some))]
    noisy, own, best, blurred = (
        torch.tensor([row[name] for row in rows], dtype=torch.double) for name in ("noisy", "own", "best", "blurred")
    )
    gains = {
        "gain over noisy": mean(own - noisy),
        "gain over blur": mean(own - blurred),
        "below best": mean(best - own),
        "least gain": float((own - noisy).min()),
        "most below best": float((best - own).max()),
    }
    notes.add("all", gains)


def denoised(clean: Tensor, number: int, chosen: argparse.Namespace) -> dict[str, Any]:
    """Decibels of one picture: noisy, at the own stop, at the best step, at the last, and blurred."""
    noise = torch.randn(clean.shape, generator=generator(0, "noise", number))
    noisy = (clean + SIGMA * noise).round().clamp(0, 255).to(torch.uint8)
    on_the_way: list[float] = []
    pixels = noisy.permute(1, 2, 0).numpy()
    made = restore_picture(
        pixels, steps=chosen.steps, patience=chosen.steps,
        progress=lambda fit: on_the_way.append(float(psnr(to_uint8(2 * fit.picture - 1), clean[None]))),
    )  # fmt: skip
    own, ended = stopped(made.errors, SETTINGS["quick"].patience)
    blurs = [torch.from_numpy(gaussian_filter(noisy.numpy(), (0, width, width))) for width in (0.4, 0.6, 0.8, 1.0, 1.3)]
    if chosen.folder:
        chosen.folder.mkdir(parents=True, exist_ok=True)
        row = torch.stack([noisy, torch.from_numpy(made.pixels).movedim(2, 0), clean])
        save_png(grid(row, len(row)), chosen.folder / f"picture-{number}.png")
    return {
        "noisy": float(psnr(noisy[None], clean[None])), "own": on_the_way[own - 1], "best": max(on_the_way),
        "last": on_the_way[-1], "blurred": max(float(psnr(blur[None], clean[None])) for blur in blurs),
        "own_step": own, "ended": ended, "best_step": 1 + int(np.argmax(on_the_way)),
        "seconds_a_step": made.seconds / made.steps,
    }  # fmt: skip


def stopped(errors: list[float], patience: int) -> tuple[int, int]:
    """The step with the least error when so many without a smaller one end a fit, and the step that ends it."""
    best = 0
    for step, error in enumerate(errors):
        if error <= errors[best]:
            best = step
        if step - best >= patience:
            return best + 1, step + 1
    return best + 1, len(errors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("fill", "prior"))
    parser.add_argument("--data", default="dead-leaves")
    parser.add_argument("--recipe", default="partial-conv-small")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="for figures and sheets")
    parser.add_argument("--own", action="store_true", help="leave out the ways of other packages")
    parser.add_argument("--pictures", type=int, default=5)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--steps", type=int, default=SETTINGS["quick"].steps)
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    chosen = parser.parse_args(sys.argv[1:end])
    torch.set_num_threads(1)
    if chosen.what == "prior":
        prior(chosen)
    else:
        filling(chosen, sys.argv[end + 1 :])


if __name__ == "__main__":
    main()
