"""Estimated against measured: time and peak memory of training at several sizes, each in a process of its own.

    python benchmarks/memory.py [--recipes digits dcgan r3gan] [--sizes 32 64 128 256] [--batch 8] [--json FILE]

Measured is the most memory that the process held, everything included, over a few steps, and the mean time of these;
both times are those of one thread of the processor.

    python benchmarks/memory.py --paper [--recipes r3gan] [--tflops 80] [--share 0.35] [--card 24]

On paper: steps of a few samples at 32 and 64 pixels are counted, and each further doubling of the side multiplies
activations and operations as that one did. A card holds ``--card`` gigabytes and does ``--share`` of ``--tflops``, and
eight do 0.9 of eight times as much. Activations are float32. Pictures are random colours.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from time import process_time
from typing import Any

from rich.console import Console
from rich.table import Table

BATCHES = {32: 64, 64: 32, 128: 16, 256: 8}
"""Samples of a step at each size, where none are given."""
STEPS = 4


def recipe(name: str, size: int, batch: int) -> Any:
    """A recipe by its name here."""
    from belamy import recipes

    names = {"dcgan": "dcgan-cifar", "r3gan": "r3gan-32"}
    chosen = recipes.get(names.get(name, name)).changed(size=size, batch=batch)
    if name == "dcgan":
        chosen = chosen.changed(generator="dcgan-32", discriminator="dcgan-32")
    return chosen


def trainer(name: str, size: int, batch: int, micro: int | None, recompute: bool) -> Any:
    """A trainer on random pictures."""
    import torch

    from belamy.data.dataset import Dataset, Memory
    from belamy.training.distribution import World
    from belamy.training.setup import Options, make_trainer

    torch.set_num_threads(1)
    pixels = torch.randint(0, 256, (64, 3, size, size), dtype=torch.uint8)
    data = Dataset("noise", Memory(pixels), labels=torch.arange(64) % 4, classes=["a", "b", "c", "d"])
    options = Options(device="cpu", progress=False, micro_batch=micro, recompute=recompute)
    return make_trainer(recipe(name, size, batch), data.spec, data, options, World())


def child(what: str, name: str, size: int, batch: int, micro: int | None, recompute: bool) -> dict[str, Any]:
    """What one process finds out: an estimate, or what a few steps take."""
    from belamy.training import memory
    from belamy.training.estimate import estimate

    engine = trainer(name, size, batch, micro, recompute)
    if what == "estimate":
        memory.monotonic = process_time  # one thread: the time that other programs take does not count
        started = process_time()
        found = estimate(engine)
        seconds = process_time() - started
        told = {"memory": found.memory.total, "step": batch / found.speed}
        return {**told, "seconds": seconds, "parts": str(found.memory)}
    engine.step()
    started = process_time()
    for _ in range(STEPS):
        engine.step()
    seconds = (process_time() - started) / STEPS
    return {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "step": seconds}


def run(arguments: argparse.Namespace, what: str, name: str, size: int, batch: int) -> dict[str, Any]:
    """The same in a fresh process."""
    words = [what, name, str(size), str(batch), str(arguments.micro_batch or 0), str(int(arguments.recompute))]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--child", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Each recipe at each size, estimated and measured."""
    rows = []
    for name in arguments.recipes:
        for size in arguments.sizes:
            batch = arguments.batch or BATCHES[size]
            told, seen = (run(arguments, what, name, size, batch) for what in ("estimate", "measure"))
            rows.append({"recipe": name, "size": size, "batch": batch, "told": told, "seen": seen})
            row = rows[-1]
            sys.stderr.write(f"{name} {size}: {told['parts']}; told in {told['seconds']:.1f} s\n")
            row["memory"], row["time"] = (told[key] / seen[key] for key in ("memory", "step"))
    return rows


def counted(name: str, size: int) -> tuple[float, float, int]:
    """Operations and bytes that each sample adds to a step, and the bytes that stay, counted on few samples."""
    from belamy.training.memory import MORE, Needs, held

    engine = trainer(name, size, MORE, None, False)
    needs = Needs(engine)
    added = (needs.peak(4) - needs.peak(2)) / 2
    return needs.flops(), added, held(needs.probe).total


def paper(arguments: argparse.Namespace) -> None:
    """What sizes up to 1024 pixels take, on one card and on eight."""
    columns = ("recipe", "pixels", "GFLOP a sample", "MB a sample", "most samples at once", "1 M samples: one", "eight")
    table = Table(*columns)
    for name in arguments.recipes:
        small, large = (counted(name, size) for size in (32, 64))
        for doublings, size in enumerate((64, 128, 256, 512, 1024)):
            flops, added, stays = (b * (b / a) ** doublings for a, b in zip(small, large, strict=True))
            speed = arguments.share * arguments.tflops * 1e12 / flops  # samples a second
            hours = 1e6 / speed / 3600
            table.add_row(
                name, str(size), f"{flops / 1e9:,.1f}", f"{added / 1e6:,.0f}",
                f"{int((arguments.card * 1e9 - stays) / added):,}", f"{hours:,.2f} h", f"{hours / 7.2:,.2f} h",
            )  # fmt: skip
    Console(width=120).print(table)


def show(rows: list[dict[str, Any]]) -> None:
    """The table."""
    columns = ("recipe", "pixels", "batch", "memory told", "measured", "ratio", "step told", "measured", "ratio")
    table = Table(*columns)
    for row in rows:
        told, seen = row["told"], row["seen"]
        table.add_row(
            row["recipe"], str(row["size"]), str(row["batch"]), f"{told['memory'] / 1e6:,.0f} MB",
            f"{seen['memory'] / 1e6:,.0f} MB", f"{row['memory']:.2f}", f"{told['step']:.3f} s",
            f"{seen['step']:.3f} s", f"{row['time']:.2f}",
        )  # fmt: skip
    Console(width=120).print(table)


def main() -> None:
    """Compare, or be one of the processes that do."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", default=["digits", "dcgan", "r3gan"])
    parser.add_argument("--sizes", nargs="+", type=int, default=list(BATCHES))
    parser.add_argument("--batch", type=int)
    parser.add_argument("--micro-batch", type=int)
    parser.add_argument("--recompute", action="store_true", help="with activation checkpointing")
    parser.add_argument("--paper", action="store_true", help="count, and compute up to 1024 pixels")
    parser.add_argument("--tflops", type=float, default=80.0)
    parser.add_argument("--share", type=float, default=0.35)
    parser.add_argument("--card", type=float, default=24.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", nargs=6, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        what, name, size, batch, micro, recompute = arguments.child
        found = child(what, name, int(size), int(batch), int(micro) or None, recompute == "1")
        sys.stdout.write(json.dumps(found) + "\n")
        return
    if arguments.paper:
        paper(arguments)
        return
    rows = compare(arguments)
    show(rows)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
