"""Films of label maps become films, against the same network that makes each frame by itself, in CPU-minutes.

Both learn from the same drawn scenes, whose flow is exact, for the same minutes of one thread: ``films`` by vid2vid,
``frames`` by its generator of first frames and its judge of frames alone. Held-out scenes of 100 frames are made, frame
after frame from what was made before, several times as long as those that were learned from. Told are

* ``warping``: the temporal warping error (root of the mean squared change, in [-1, 1], of what only moved), and its
  share of that of frames made one by one, also without the root, as Lai et al. 2018 (arXiv 1808.00449) have it; the
  true films have one too, of what the bilinear warp loses at edges,
* ``warping within``: the same of pixels all of whose four neighbours in the frame before are of the same thing,
* ``error``: the mean absolute error as a share of the range, and ``drift``, that of the last ten frames over that of
  the first ten,
* ``flow``: the end-point error in pixels of the flow that the network tells, where pixels were seen before; beside it
  that of no movement at all,
* ``perceptual``: the perceptual distance (LPIPS) of every tenth frame.

A run is as long as the minutes are, as a few steps tell, and goes on where its folder holds a state.

    python benchmarks/films.py [--minutes 40] [--seed 0] [--count 120] [--side 32] [--length 24] [--folder DIR]
                               [-- OPTIONS]
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from minutes import lasting, trained_through
from notes import Notes
from torch import Tensor

from belamy import recipes
from belamy.cli.recipe_form import read
from belamy.data import open_data
from belamy.data.dataset import Column, Dataset, Memory
from belamy.data.moving_scenes import MovingScene
from belamy.evaluation.intervals import bootstrap, mean
from belamy.evaluation.pairs import measure
from belamy.evaluation.warping_error import warping_error
from belamy.methods.vid2vid import FLOW
from belamy.modalities.animation import encode_gif
from belamy.modalities.fields import Field
from belamy.modalities.grid import grid
from belamy.modalities.image import to_float, to_uint8
from belamy.modalities.label_map import palette
from belamy.registry import Part
from belamy.runs.files import write_bytes
from belamy.training.setup import Options
from belamy.training.trainer import Trainer

FRAMES, ENDS = 100, 10
"""Of each film that is judged, and those at each end by which drift is told."""
RATE = 12


class Scenes(NamedTuple):
    """What is known of held-out films of 100 frames.

    Args:
        maps: Classes.  # [n, T, H, W]
        objects: Numbers of objects.  # [n, T, H, W]
        films: The true ones.  # uint8 [n, T, 3, H, W]
        flow: To the frame before, and whether it was seen there.  # [n, T, 3, H, W]
    """

    maps: Tensor
    objects: Tensor
    films: Tensor
    flow: Tensor

    @property
    def within(self) -> Tensor:
        """The flow, seen only where the four pixels around a place in the frame before belong to the same thing."""
        films, times, _, height, width = self.flow.shape
        rows, columns = torch.arange(height).view(-1, 1), torch.arange(width)
        x, y = columns + self.flow[:, :, 0], rows + self.flow[:, :, 1]
        before = self.objects.roll(1, 1).flatten(2)
        seen = self.flow[:, :, 2] > 0
        for corner in ((x.floor(), y.floor()), (x.ceil(), y.floor()), (x.floor(), y.ceil()), (x.ceil(), y.ceil())):
            place = corner[1].clamp(0, height - 1) * width + corner[0].clamp(0, width - 1)
            there = before.gather(2, place.long().view(films, times, -1)).view_as(self.objects)
            seen &= there == self.objects
        return torch.cat([self.flow[:, :, :2], seen.unsqueeze(2).to(self.flow)], 2)


def scenes(numbers: list[int], side: int) -> Scenes:
    """The scenes of these numbers for 100 frames."""
    drawn = [[MovingScene(number, side).frame(time) for time in range(FRAMES)] for number in numbers]

    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([np.stack([getattr(each, name) for each in film]) for film in drawn]))

    return Scenes(
        stacked("classes").long(), stacked("objects").long(), stacked("picture").movedim(-1, 2), stacked("flow")
    )


def single(films: Dataset) -> Dataset:
    """The frames of films as pictures, those of a film on one side."""
    length = films.field.shape[0]
    every = torch.arange(len(films))
    held = films.raw(every)
    flat = {name: values.flatten(0, 1) for name, values in held.items() if name != FLOW}
    shape = films.field.shape[1:]
    extra = {
        "target": Column(Field("image", tuple(flat["target"].shape[1:])), Memory(flat["target"])),
        "instances": Column(Field("label_map", shape), Memory(flat["instances"])),
    }
    splits = {
        name: (some.unsqueeze(1) * length + torch.arange(length)).flatten()
        for name in ("train", "test")
        for some in [films.indices(name)]
    }
    return Dataset(
        "frames of scenes", Memory(flat[films.named]), field=Field("label_map", shape, films.field.classes),
        extra=extra, official=splits, rule="that of the films",
    )  # fmt: skip


class Judge:
    """Compares made films with true ones.

    Args:
        held: What is known.
    """

    def __init__(self, held: Scenes) -> None:
        self.held, self.true = held, to_float(held.films)
        self.perceptual = measure("perceptual:data_range=255")
        self.flows = {"warping": held.flow, "warping within": held.within}
        self.singly: dict[str, Tensor] = {}

    @torch.no_grad()
    def made(self, trainer: Trainer) -> tuple[Tensor, Tensor | None]:
        """Films uint8 ``[n, T, 3, H, W]`` and the flow ``[n, T - 1, 2, H, W]`` of a method, if it tells one."""
        method: Any = trainer.method
        with trainer.averages.in_place(method):
            method.eval()
            films, flows = [], []
            for maps, objects in zip(self.held.maps.split(4), self.held.objects.split(4), strict=True):
                if method.is_film:
                    found = method.rolled(method.seen(maps, objects))
                    films.append(to_uint8(found.frames))
                    flows.append(found.flow)
                else:
                    seen = method.seen(maps.flatten(0, 1), objects.flatten(0, 1))
                    frames = torch.cat([method.rolled(some).frames for some in seen.split(64)])
                    films.append(to_uint8(frames[:, 0]).unflatten(0, maps.shape[:2]))
            method.train()
        return torch.cat(films), torch.cat(flows) if flows else None

    def __call__(self, films: Tensor, flow: Tensor | None = None) -> dict[str, Any]:
        """All figures of films; shares once the frames made one by one are known."""
        apart = (to_float(films) - self.true).double().abs().flatten(2).mean(2) / 2  # [n, T]
        first, last = apart[:, :ENDS].mean(1), apart[:, -ENDS:].mean(1)
        found: dict[str, Any] = {"error": mean(apart.mean(1))}
        for name, warping in self.warping(films).items():
            found[name] = mean(warping)
            if name in self.singly:
                found[f"{name}, share of frame by frame"] = _ratio(warping, self.singly[name])
                found[f"{name}, squared share"] = _ratio(warping.square(), self.singly[name].square())
        if bool(first.mean()):
            found["drift"] = _ratio(last, first)
        if flow is not None:
            found |= self.flow_errors(flow)
        some = slice(None, None, 10)
        near = self.perceptual(self.held.films[:, some].flatten(0, 1), films[:, some].flatten(0, 1))
        return {**found, "perceptual": mean(near.view(len(films), -1).mean(1))}

    def warping(self, films: Tensor) -> dict[str, Tensor]:
        """The warping errors of each film.  # [n]"""
        return {name: warping_error(to_float(films), flow) for name, flow in self.flows.items()}

    def flow_errors(self, flow: Tensor) -> dict[str, Any]:
        """End-point errors of each film's flow, in pixels, and of no movement."""
        true, seen = self.held.flow[:, 1:, :2].double(), (self.held.flow[:, 1:, 2] > 0).double()

        def error(told: Tensor) -> Any:
            far = (told - true).square().sum(2).sqrt() * seen
            return mean(far.flatten(1).sum(1) / seen.flatten(1).sum(1))

        return {"flow": error(flow.double()), "flow, no movement": error(torch.zeros_like(true))}

    def sheet(self, rows: list[Tensor]) -> Any:
        """Every tenth frame of two films: label maps, what was made, and the true ones."""
        parts = []
        for number in range(2):
            maps = torch.from_numpy(palette())[self.held.maps[number, ::10].long()].movedim(3, 1)
            parts += [maps, *(films[number, ::10] for films in (*rows, self.held.films))]
        return grid(torch.cat(parts), FRAMES // 10)

    def film(self, rows: list[Tensor]) -> bytes:
        """A GIF of the first four films: what was made, and the true ones below."""
        parts = [self.held.films[:4], *(films[:4] for films in rows)]
        frames = [grid(torch.cat([part[:, time] for part in parts[::-1]]), 4) for time in range(FRAMES)]
        return encode_gif(frames, FRAMES / RATE, 0.0)


def _ratio(above: Tensor, below: Tensor) -> Any:
    return bootstrap(lambda some: float(above[some].mean() / below[some].mean()), len(above), seed=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=40, help="of each of both")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--length", type=int, default=24)
    parser.add_argument("--folder", type=Path, help="for figures, sheets and films")
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    chosen = parser.parse_args(sys.argv[1:end])
    torch.set_num_threads(1)
    usual: Any = recipes.get("vid2vid-small")
    fields, _ = read(usual, sys.argv[end + 1 :], "films.py")
    recipe = usual.changed(schedule=Part(name="linear", start=0.5), **fields, seed=chosen.seed)
    films = open_data(f"moving-scenes:count={chosen.count},side={chosen.side}", length=chosen.length)
    options = Options(device="cpu", progress=False)
    judge = Judge(scenes(films.held_out.tolist(), chosen.side))
    notes = Notes(chosen.folder, held_out=len(judge.held.films), frames=FRAMES)
    notes.once("true films", lambda: judge(judge.held.films))
    rows: list[Tensor] = []
    kinds = {"frames": (single(films), recipe.changed(batch=recipe.batch * recipe.frames)), "films": (films, recipe)}
    for name, (data, each) in kinds.items():
        long = partial(lasting, data=data, options=options, minutes=chosen.minutes)
        trainer, before = notes.trainer(name, each, long, data, options)
        for share, spent in trained_through(trainer, before):
            made, flow = judge.made(trainer)
            notes.keep(name, trainer, share, spent, judge(made, flow), judge.sheet([*rows, made]))
        made, _ = judge.made(trainer)
        rows.append(made)
        judge.singly = judge.singly or judge.warping(made)
    if chosen.folder:
        write_bytes(chosen.folder / "films.gif", judge.film(rows))


if __name__ == "__main__":
    main()
