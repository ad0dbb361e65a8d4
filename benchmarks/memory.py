"""Estimated against measured: time and peak memory of training at several sizes, each in a process of its own.

    python benchmarks/memory.py [--recipes digits dcgan r3gan] [--sizes 32 64 128 256] [--batch 8] [--json FILE]

Measured is the most memory that the process held, everything included, over a few steps, and the mean time of these;
both times are those of one thread of the processor.

    python benchmarks/memory.py --paper [--recipes progan-1024] [--tflops 80] [--share 0.35] [--card 24]

On paper: steps of the published networks are counted on tensors that have shapes and no numbers, each lazy term on its
share of the steps, a network that grows at many moments of its run. A card holds ``--card`` gigabytes and does
``--share`` of ``--tflops``, and eight do 0.9 of eight times as much. Activations are float32; augmentations are not
counted, and FastGAN's reconstructions are compared by pixels.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from math import lcm
from pathlib import Path
from time import process_time
from typing import Any

from rich.console import Console
from rich.table import Table

BATCHES = {32: 64, 64: 32, 128: 16, 256: 8}
"""Samples of a step at each size, where none are given."""
STEPS, CYCLE = 4, 16
"""Steps that are measured, and the most where lazy terms come again after more."""
SHORTEST = 1.0
"""Seconds that are measured at least."""
MOMENTS = 16
"""Of the run of a network that grows."""
PUBLISHED = ("progan-1024", "stylegan-1024", "stylegan2-1024", "r3gan-ffhq-256", "fastgan-256", "fastgan-1024")


def recipe(name: str, size: int, batch: int) -> Any:
    """A recipe by its name here."""
    from belamy import recipes

    names = {"dcgan": "dcgan-cifar", "r3gan": "r3gan-32", "fastgan": "fastgan-64"}
    chosen = recipes.get(names.get(name, name)).changed(size=size, batch=batch)
    if name == "dcgan":
        chosen = chosen.changed(generator="dcgan-32", discriminator="dcgan-32")
    return chosen


def published(name: str) -> Any:
    """A recipe with the networks, size and length of its paper; what changes no count stays as it is."""
    from belamy import recipes
    from belamy.registry import Part

    if name == "stylegan2-1024":
        generator = Part(name="stylegan2", base=16384, widest=512, style=512, mapping=8)
        discriminator = Part(name="stylegan2", base=16384, widest=512)
        chosen = recipes.get("stylegan2-ada-64").changed(size=1024, generator=generator, discriminator=discriminator)
    elif name == "fastgan-1024":
        chosen = recipes.get("fastgan-256").changed(size=1024)
    else:
        chosen = recipes.get(name)
    if "fastgan" in name:
        chosen = chosen.changed(penalties=(Part(name="self-supervised", distance="absolute"),))
    ramps = tuple(ramp for ramp in chosen.ramps if not ramp.options["of"].startswith("views."))
    return chosen.changed(views=(), ramps=ramps)


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
    cycle, steps = max(STEPS, min(lcm(*periods(engine)), CYCLE)), 0  # lazy terms as often as they come
    started = process_time()
    while (seconds := process_time() - started) < SHORTEST or steps % cycle:
        engine.step()
        steps += 1
    return {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "step": seconds / steps}


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
    for name in arguments.recipes or ("digits", "dcgan", "r3gan"):
        for size in arguments.sizes:
            batch = arguments.batch or BATCHES[size]
            told, seen = (run(arguments, what, name, size, batch) for what in ("estimate", "measure"))
            rows.append({"recipe": name, "size": size, "batch": batch, "told": told, "seen": seen})
            row = rows[-1]
            sys.stderr.write(f"{name} {size}: {told['parts']}; told in {told['seconds']:.1f} s\n")
            row["memory"], row["time"] = (told[key] / seen[key] for key in ("memory", "step"))
    return rows


def periods(engine: Any) -> list[int]:
    """After how many steps each lazy term comes again; 1 where none is lazy."""
    return [each for module in engine.method.modules() if isinstance(each := getattr(module, "every", 1), int)]


def paper(arguments: argparse.Namespace) -> None:
    """What the published networks take, on one card and on eight."""
    columns = ("recipe", "pixels", "weights of both", "TFLOP a sample", "MB a sample", "samples at once", "M samples")
    table = Table(*columns, "one card", "eight")
    for name in arguments.recipes or PUBLISHED:
        row = run(arguments, "count", name, 0, 0)
        speed = arguments.share * arguments.tflops * 1e12 / row["flops"]  # samples a second
        days = row["samples"] / speed / 86400
        fit = int((arguments.card * 1e9 - row["stays"]) / row["added"])
        table.add_row(
            name, str(row["size"]), f"{row['weights'] / 1e6:,.1f} M", f"{row['flops'] / 1e12:,.3f}",
            f"{row['added'] / 1e6:,.0f}", f"{fit:,}", f"{row['samples'] / 1e6:,.1f}", _days(days), _days(days / 7.2),
        )  # fmt: skip
    Console(width=140).print(table)


def _days(days: float) -> str:
    return f"{days:,.1f} d" if days >= 2 else f"{days * 24:,.1f} h"


def count(name: str) -> dict[str, Any]:
    """Operations of a sample on the mean over a run, bytes that each adds where most are held, and bytes that stay.

    The networks have shapes and no numbers; wherever a step asks for one, it is told 1, or 0 of several.
    """
    import torch

    from belamy.data.dataset import Dataset, Memory
    from belamy.methods.base import METHODS
    from belamy.networks.growing import Growing
    from belamy.registry import Part
    from belamy.runs.run import method_name
    from belamy.training import memory
    from belamy.training.memory import Probe, held, rhythm
    from belamy.training.trainer import Clock

    memory.Footprint = _shapes_alone()  # type: ignore[misc]
    chosen = published(name)
    data = Dataset("blank", Memory(torch.zeros(8, 3, chosen.size, chosen.size, dtype=torch.uint8)))
    with torch.device("meta"):
        method = METHODS.build(Part(name=method_name(chosen)), recipe=chosen, spec=data.spec)
    method = method.to("meta")
    for module in method.modules():
        if isinstance(module, Growing):
            module.level = torch.tensor(0)  # the size at which it works has a number
    probe = Probe(method, data)
    for optimizer in probe.optimizers.values():
        optimizer.torch.param_groups[0].update(fused=False, foreach=True)
    beats, total = rhythm(probe), chosen.train_samples
    moments = MOMENTS if chosen.growth.name != "none" else 1
    flops = 0.0
    for moment in range(moments):
        at = round(total * (moment + 0.5) / moments)
        for step, share in reversed(beats):  # the fullest last
            few = probe.record(2, 1, Clock(at, step))
            seen = probe.clock.samples - at
            flops += share * few.flops / seen / moments
    more = probe.record(4, 1, Clock(at, beats[0][0]))
    added = (max(more.timeline) - max(few.timeline)) / seen
    return {
        "flops": flops, "added": added, "stays": held(probe).total,
        "weights": sum(each.numel() for player in method.players.values() for each in player.module.parameters()),
        "samples": total, "size": chosen.size,
    }  # fmt: skip


def _shapes_alone() -> Any:
    """A footprint of tensors that have no numbers."""
    import torch

    from belamy.training.footprint import Footprint

    processor = torch.device("cpu")

    class Paper(Footprint):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            given = kwargs or {}
            if func is torch.ops.aten._local_scalar_dense.default and args[0].is_meta:
                return torch.ones((), dtype=args[0].dtype).item()
            if func is torch.ops.aten._to_copy.default and args[0].is_meta and given.get("device") == processor:
                return torch.zeros(args[0].shape, dtype=args[0].dtype)
            if func is torch.ops.aten.bincount.default and args[0].is_meta:
                bins = args[2] if len(args) > 2 else given.get("minlength", 1)
                return torch.empty(bins, dtype=torch.int64, device="meta")
            return super().__torch_dispatch__(func, types, args, kwargs)

    return Paper


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
    parser.add_argument("--recipes", nargs="+", help="by default digits, dcgan and r3gan; on paper, the published ones")
    parser.add_argument("--sizes", nargs="+", type=int, default=list(BATCHES))
    parser.add_argument("--batch", type=int)
    parser.add_argument("--micro-batch", type=int)
    parser.add_argument("--recompute", action="store_true", help="with activation checkpointing")
    parser.add_argument("--paper", action="store_true", help="count the published networks")
    parser.add_argument("--tflops", type=float, default=80.0)
    parser.add_argument("--share", type=float, default=0.35)
    parser.add_argument("--card", type=float, default=24.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", nargs=6, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        what, name, size, batch, micro, recompute = arguments.child
        if what == "count":
            found = count(name)
        else:
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
