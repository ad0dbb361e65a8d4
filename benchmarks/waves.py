"""Drawing sample by sample, with what was computed kept, against a whole pass for each sample: times and samples.

All are run in turn, on one thread and in float64. The naive loop passes over all samples so far; the window over no
more of them than the network looks back. Both are timed at some places, evenly spread, unless --whole, which compares
the samples of the window's loop with those that were drawn.

    python benchmarks/waves.py [wavenet-small …] [--length 4000] [--count 16] [--places 20] [--rounds 3] [--whole]
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from belamy import recipes
from belamy.methods.base import METHODS
from belamy.modalities.fields import DataSpec, Field
from belamy.registry import Part
from belamy.runs.run import method_name


def naive_sample(method: Any, levels: Tensor, chance: Tensor, place: int, back: int) -> None:
    """One sample of all sounds, by a pass over so many before it.  # long [N, C, T], changed"""
    first = max(0, place - back)
    values = method.shown(levels[..., first : place + 1], torch.float64)
    features = method.network(values)[..., -1]
    levels[..., place] = method.picked(method.head, features, chance[:, place], 1.0)


@torch.no_grad()
def compare(name: str, chosen: argparse.Namespace, console: Console) -> None:
    recipe = recipes.get(name).changed(conditional=False)
    torch.manual_seed(0)
    spec = DataSpec({"audio": Field("audio", (1, chosen.length), rate=16000.0, bits=16)})
    method: Any = METHODS.build(Part(name=method_name(recipe)), recipe=recipe, spec=spec)
    method.double().eval()
    latents = method.latents(0, range(chosen.count)).double()
    places = range(0, chosen.length, 1 if chosen.whole else max(1, chosen.length // chosen.places))
    levels = torch.zeros(chosen.count, 1, chosen.length, dtype=torch.long)
    kept: list[float] = []
    loops: dict[str, list[float]] = {"naive loop": [], "window": []}
    for _ in range(chosen.rounds):
        started = time.process_time()
        drawn = method.generate(latents)
        kept.append(time.process_time() - started)
        for kind, seconds in loops.items():
            back = chosen.length if kind == "naive loop" else method.network.reach
            started = time.process_time()
            for place in places:
                naive_sample(method, levels, latents, place, back)
            seconds.append((time.process_time() - started) * chosen.length / len(places))
    told = []
    for kind, seconds in loops.items():
        ratios = sorted(slow / quick for slow, quick in zip(seconds, kept, strict=True))
        told.append(
            f"{kind} {min(seconds):.0f} s, {ratios[len(ratios) // 2]:.0f} x ({ratios[0]:.0f} to {ratios[-1]:.0f})"
        )
    console.print(f"{name}: {chosen.count} x {chosen.length:,} samples kept {min(kept):.2f} s; {'; '.join(told)}",
                  highlight=False)  # fmt: skip
    if chosen.whole:
        console.print(f"  {int((method.valued(levels, torch.float64) != drawn).sum())} samples differ", highlight=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", default=["wavenet-small"])
    parser.add_argument("--length", type=int, default=4000)
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--places", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--whole", action="store_true")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for name in chosen.recipes:
        compare(name, chosen, Console(width=200))


if __name__ == "__main__":
    main()
