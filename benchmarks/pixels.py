"""Drawing pixel by pixel, with what was computed kept, against a whole pass for each pixel: times and pixels.

Both are run in turn, on one thread; the naive loop is timed over a part of the pixels, evenly spread, unless --whole,
in float32 and in float64. The pixels of both are compared where the naive loop is run whole.

    python benchmarks/pixels.py [gated-pixel-cnn …] [--count 64] [--rounds 3] [--pixels 8] [--whole]
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from belamy import recipes
from belamy.methods.base import METHODS, DataSpec
from belamy.registry import Part
from belamy.runs.run import method_name


def naive_pixel(method: Any, pixels: Tensor, chance: Tensor, place: int) -> None:
    """One pixel of all pictures, by a pass over the whole pictures.  # long [N, C, pixels], changed"""
    kind = next(method.parameters()).dtype
    values = method.shown(pixels, kind).unflatten(2, (method.height, method.width))
    features = method.network(values).flatten(2)[..., place]
    pixels[..., place] = method.picked(method.head, features, chance[:, place], 1.0)


@torch.no_grad()
def compare(name: str, chosen: argparse.Namespace, console: Console) -> None:
    recipe = recipes.get(name).changed(conditional=False)
    torch.manual_seed(0)
    method: Any = METHODS.build(Part(name=method_name(recipe)), recipe=recipe, spec=DataSpec.pictures((1, 28, 28), ()))
    method.eval()
    latents = method.latents(0, range(chosen.count))
    places = range(784) if chosen.whole else range(0, 784, 784 // chosen.pixels)
    kept: list[float] = []
    loops: dict[torch.dtype, list[float]] = {torch.float32: [], torch.float64: []}
    pixels = {}
    for _ in range(chosen.rounds):
        started = time.process_time()
        drawn = method.generate(latents)
        kept.append(time.process_time() - started)
        for kind, seconds in loops.items():
            method.to(kind)
            pixels[kind] = torch.zeros(chosen.count, 1, 784, dtype=torch.long)
            started = time.process_time()
            for place in places:
                naive_pixel(method, pixels[kind], latents.to(kind), place)
            seconds.append((time.process_time() - started) * 784 / len(places))
        method.to(torch.float32)
    ratios = {kind: sorted(slow / quick for slow, quick in zip(seconds, kept, strict=True))
              for kind, seconds in loops.items()}  # fmt: skip
    told = ", ".join(f"{str(kind)[6:]} naive loop {min(loops[kind]):.0f} s, {found[len(found) // 2]:.0f} x "
                     f"({found[0]:.0f} to {found[-1]:.0f})" for kind, found in ratios.items())  # fmt: skip
    console.print(f"{name}: {chosen.count} pictures kept {min(kept):.2f} s; {told}", highlight=False)
    if chosen.whole:
        for kind, found in pixels.items():
            differ = int((method.shown(found).flatten(1) != drawn.flatten(1)).any(1).sum())
            console.print(f"  {differ} of {chosen.count} pictures differ from the naive loop in {str(kind)[6:]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", default=["pixel-cnn", "gated-pixel-cnn"])
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pixels", type=int, default=8)
    parser.add_argument("--whole", action="store_true")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for name in chosen.recipes:
        compare(name, chosen, Console(width=200))


if __name__ == "__main__":
    main()
