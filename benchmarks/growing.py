"""What a size costs of networks that grow: time per sample at each, as ratios to the full size, interleaved.

Usage: python benchmarks/growing.py [SIDE] [BATCH] [SECONDS]

Prints a table: for each network, milliseconds per sample of a whole step (both players, penalty and Adam, one thread)
at the full side, and the share of it that each size takes.
"""

from __future__ import annotations

import sys
import time

import torch
from rich.console import Console

from belamy.data.dataset import Dataset, Memory
from belamy.methods.gan import Method, Recipe
from belamy.registry import Part
from belamy.training.trainer import Trainer, fresh

NETWORKS = {
    "progan": ({"base": 1024, "widest": 64}, {}),
    "stylegan": ({"base": 1024, "widest": 64}, {"style": 64}),
}


def engine(name: str, side: int, batch: int) -> Trainer:
    """A trainer of one of the networks, on noise."""
    size, styles = NETWORKS[name]
    recipe = Recipe(
        generator=Part(name=name, **size, **styles),
        discriminator=Part(name=name, **size),
        latent=64,
        adversarial=Part(name="wasserstein"),
        penalties=(Part(name="gradient-penalty"), Part(name="drift")),
        growth=Part(name="progressive", training=1, transition=0),
        batch=batch,
        train_samples=10**9,
    )
    data = Dataset("noise", Memory(torch.randint(0, 256, (64, 3, side, side), dtype=torch.uint8)))
    return Trainer(
        fresh(lambda: Method(recipe, data.spec), 0, torch.device("cpu"), torch.float32),
        data,
    )


def seconds(trainer: Trainer, level: int, halvings: int) -> float:
    """Of one step at a level; the schedule has one sample a size, so the clock chooses it."""
    trainer.clock.samples = halvings - level
    started = time.perf_counter()
    trainer.step()
    return time.perf_counter() - started


def main() -> None:
    """Print the table."""
    console = Console(width=120)
    side, batch, budget = (*map(int, sys.argv[1:]), *(64, 16, 60)[len(sys.argv) - 1 :])
    torch.set_num_threads(1)
    halvings = (side // 4).bit_length() - 1
    sizes = [4 << step for step in range(halvings + 1)]
    console.print(f"{'network':10} {'ms':>7} " + " ".join(f"{size:>6}" for size in sizes))
    for name in NETWORKS:
        trainer, best = engine(name, side, batch), [float("inf")] * len(sizes)
        stop = time.perf_counter() + budget / len(NETWORKS)
        rounds = 0
        while rounds < 2 or time.perf_counter() < stop:
            for step in range(len(sizes)):
                best[step] = min(best[step], seconds(trainer, halvings - step, halvings))
            rounds += 1
        shares = " ".join(f"{each / best[-1]:6.3f}" for each in best)
        console.print(f"{name:10} {1000 * best[-1] / batch:7.2f} {shares}   ({rounds} rounds)")


if __name__ == "__main__":
    main()
