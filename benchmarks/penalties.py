"""What each penalty adds to a training step: every penalty with its defaults, and the lazy ones.

All contenders take turns step by step in one process (A B C A B C …); a round is as many steps as the laziest penalty
waits. Times are the process's CPU seconds on one thread, so that other programs count little. The cost of a penalty is
the median over the rounds of its ratio to the same recipe without penalties in that round; "nothing, again" shows how
far two equal contenders are apart. Images are random: only speed is measured.

    python benchmarks/penalties.py [--rounds 5] [--only digits] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from time import process_time

import torch
from rich.console import Console
from rich.table import Table

from belamy import recipes
from belamy.data.dataset import Dataset, Memory
from belamy.methods.construction import PENALTIES
from belamy.methods.gan import Recipe
from belamy.registry import Part
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer

NOTHING = "nothing"
LAZY = {"r1:every=16": 16, "gradient-penalty:every=4": 4}
STEPS = max(LAZY.values())
SYSTEMS: dict[str, tuple[tuple[int, int, int], dict[str, object]]] = {
    "digits": ((1, 28, 28), {}),
    "dcgan-cifar": (
        (3, 32, 32),
        {
            "generator": Part(name="dcgan-cifar", features=32),
            "discriminator": Part(name="dcgan-cifar", features=32, normalisation=False),
            "turns": "alternating",
            "batch": 16,
        },
    ),
}
"""Shape of the images, and the settings of a recipe."""


def stepper(system: str, data: Dataset, *penalties: str) -> Callable[[], None]:
    """One step of a system with some penalties in the library's own engine."""
    recipe = recipes.get(system)
    assert isinstance(recipe, Recipe)
    prior = Part(name="coded" if "mutual-information" in penalties else "normal")
    made = recipe.changed(penalties=penalties, prior=prior, **SYSTEMS[system][1])
    options = Options(device="cpu", progress=False)
    trainer = make_trainer(made, data.spec, data, options, World())
    return trainer.step


def contenders(system: str) -> dict[str, Callable[[], None]]:
    """A step function for every penalty, for the lazy ones, for one that is never due, and for none, twice."""
    shape = SYSTEMS[system][0]
    pixels = torch.randint(0, 256, (2048, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    data = Dataset("noise", Memory(pixels), labels=torch.arange(2048) % 10, classes=[*"0123456789"])
    ways = {NOTHING: stepper(system, data), "nothing, again": stepper(system, data)}
    ways["r1, never due"] = stepper(system, data, f"r1:every={10**9}")
    return ways | {part: stepper(system, data, part) for part in (*LAZY, *PENALTIES.names())}


def race(ways: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each way's step, the mean of each round; a first short round is not counted."""
    times: dict[str, list[float]] = {way: [] for way in ways}
    for step in ways.values():
        step()
    for _ in range(rounds):
        total = dict.fromkeys(ways, 0.0)
        for _ in range(STEPS):
            for way, step in ways.items():
                started = process_time()
                step()
                total[way] += process_time() - started
        for way, seconds in total.items():
            times[way].append(seconds / STEPS)
    return times


def cost(times: dict[str, list[float]], way: str) -> float:
    """Median over the rounds of a way's extra share of a step."""
    return statistics.median(own / base for own, base in zip(times[way], times[NOTHING], strict=True)) - 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=tuple(SYSTEMS))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    console, results = Console(), {}
    for system in [options.only] if options.only else list(SYSTEMS):
        times = race(contenders(system), options.rounds)
        table = Table(
            "penalty", "ms/step", "adds", title=f"{system}, {options.rounds} rounds of {STEPS} steps, 1 thread"
        )
        for way, seconds in times.items():
            table.add_row(way, f"{1000 * statistics.median(seconds):.1f}", f"{cost(times, way):+.1%}")
        console.print(table)
        results[system] = {"seconds": times, "adds": {way: cost(times, way) for way in times}}
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
