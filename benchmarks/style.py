"""Style transfer: speed and memory of a step, L-BFGS against gradient descent, and pictures with their judge.

``step`` alternates a step of ours with one in the documents' form, where content, style and picture pass together
through the whole network each time; the network has VGG-19's shape and random weights. ``memory`` starts a process for
each size and tells its peak, everything included. ``descent`` counts the evaluations that L-BFGS needs for the loss of
many steps of gradient descent. ``pictures`` paints pairs and judges them on three networks with random weights,
which had no part in the optimisation.

    python benchmarks/style.py step [--rounds 5]
    python benchmarks/style.py memory
    python benchmarks/style.py descent [--steps 1000] [--height 48]
    python benchmarks/style.py pictures PHOTOS OUT [PATTERN …] [--height 256]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from belamy.data.patterns import PATTERNS
from belamy.editing.style import SETTINGS, stylize
from belamy.editing.style.colours import luminance
from belamy.editing.style.images import load, resized
from belamy.editing.style.objective import Style, StyleLoss
from belamy.losses.perceptual.gram import gram
from belamy.losses.perceptual.total_variation import total_variation
from belamy.networks.efficientnet_lite import EfficientNetLite
from belamy.networks.vgg import VGG

DOCUMENTS = SETTINGS["documents"]
HEIGHT, WIDTH = 400, 533
SIDE = 2048
JUDGED = (*(f"block{block}_conv1" for block in range(1, 6)), "block4_conv2")
PAIRS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("china.jpg", "night", {"style_weight": 0.4}),
    ("astronaut.png", "warm", {}),
    ("coffee.png", "marble", {"style_weight": 5.0, "coarsest": 80}),
    ("flower.jpg", "woodcut", {}),
    ("coffee.png", "dots", {"style_weight": 0.3}),
    ("chelsea.png", "woodcut", {"style_weight": 5.0}),
    ("chelsea.png", "glass", {}),
)
console = Console()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("step", "memory", "descent", "pictures", "peak"))
    parser.add_argument("folders", nargs="*", help="photos and where the pictures go; a network and a size")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--height", type=int, default=48)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.what == "step":
        step(asked.rounds)
    elif asked.what == "memory":
        memory()
    elif asked.what == "peak":
        peak(*asked.folders)
    elif asked.what == "descent":
        descent(asked.steps, asked.height)
    else:
        pictures(Path(asked.folders[0]), Path(asked.folders[1]), asked.height, asked.folders[2:])


# ---- speed ----


def step(rounds: int) -> None:
    """Seconds of processor time, on one thread, since other work shares the machine."""
    network = random_vgg(0)
    content, style, image = (noise(HEIGHT, WIDTH, seed) for seed in range(3))
    objective = StyleLoss(network, DOCUMENTS, content, [Style(style)])
    objective.gradient(image)  # the content is encoded here
    with FlopCounterMode(display=False) as counter:
        objective.gradient(image)
    work = counter.get_total_flops() / 1e9
    times: dict[str, list[float]] = {"ours": [], "documents": [], "product": []}
    for _ in range(rounds):
        times["ours"].append(timed(lambda: objective.gradient(image)))
        times["documents"].append(timed(lambda: whole_network(network, content, style, image)))
        factor = torch.rand(SIDE, SIDE)
        times["product"].append(timed(lambda: factor @ factor))  # noqa: B023
        console.print({name: round(each[-1], 2) for name, each in times.items()})
    ours, theirs, product = (statistics.median(each) for each in times.values())
    ratio = statistics.median(slow / quick for slow, quick in zip(times["documents"], times["ours"], strict=True))
    ceiling = 2 * SIDE**3 / 1e9 / product
    console.print(
        f"{WIDTH}x{HEIGHT}, 1 thread: ours {ours:.2f} s, documents' form {theirs:.2f} s, ratio {ratio:.2f}; "
        f"{work:.0f} GFLOP a step, {work / ours:.0f} GF/s, {work / ours / ceiling:.0%} of the "
        f"{ceiling:.0f} of a product of {SIDE}"
    )


def whole_network(network: VGG, content: Tensor, style: Tensor, image: Tensor) -> Tensor:
    """The documents' step: three images through all layers, of which some are then used."""
    image = image.clone().requires_grad_()
    outputs = network.outputs(network.prepare(torch.cat([content, style, image])), network.layers)
    loss = 2.5e-8 * (outputs["block5_conv2"][2] - outputs["block5_conv2"][0]).square().sum()
    for name in DOCUMENTS.style_layers:
        wanted, found = gram(outputs[name][1:2]), gram(outputs[name][2:3])
        loss = loss + 1e-6 / 5 * (wanted - found).square().sum() / (4 * 3**2 * (HEIGHT * WIDTH) ** 2)
    loss = loss + 1e-6 * total_variation(image * 255).sum()
    (gradient,) = torch.autograd.grad(loss, image)
    return gradient


def timed(work: Callable[[], Any]) -> float:
    started = process_time()
    work()
    return process_time() - started


def noise(height: int, width: int, seed: int) -> Tensor:
    coarse = torch.rand(1, 3, height // 8, width // 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")


def random_vgg(seed: int, pooling: str = "max") -> VGG:
    torch.manual_seed(seed)
    return VGG(pooling=pooling).eval().requires_grad_(False)


# ---- memory ----


def memory() -> None:
    for name, size in (
        ("nothing", "0x0"), ("vgg19", "400x533"), ("vgg19", "750x1000"), ("efficientnet-lite0", "750x1000"),
        ("efficientnet-lite0", "1504x2016"), ("efficientnet-lite0", "3008x4000"),
    ):  # fmt: skip
        command = [sys.executable, __file__, "peak", name, size]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        console.print(f"{name} {size}: {said}")


def peak(name: str, size: str) -> None:
    """One evaluation, and the peak of this process."""
    height, width = map(int, size.split("x"))
    started, count = process_time(), 0
    if name != "nothing":
        settings = DOCUMENTS if name == "vgg19" else SETTINGS["offline"]
        network = random_vgg(0) if name == "vgg19" else EfficientNetLite.pretrained()
        width -= 0 if max(height, width) <= settings.tile else width % 16
        height -= 0 if max(height, width) <= settings.tile else height % 16
        objective = StyleLoss(network, settings, noise(height, width, 0), [Style(noise(400, 533, 1))])
        objective.gradient(noise(height, width, 2))
        count = len(objective.tiles)
    peaked = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    console.print(f"{peaked:,.0f} MB at the peak, {count} tiles, {process_time() - started:.0f} s of processor time")


# ---- descent ----


def descent(steps: int, height: int) -> None:
    """Gradient descent at the documents' rate or a multiple, whichever ends lowest, and L-BFGS to the same loss."""
    network, width = random_vgg(0), height * 4 // 3
    content, style = ((noise(height, width, seed)[0] * 255).byte().permute(1, 2, 0).numpy() for seed in (0, 1))
    options: dict[str, Any] = {"settings": DOCUMENTS, "network": network, "size": height}
    rates = {}
    for factor in (0.01, 0.1, 1, 10, 100, 1000):
        try:
            rates[100.0 * factor] = stylize(content, style, steps=30, lr=100.0 * factor, **options).losses["total"][-1]
        except Exception as error:  # too long a step
            console.print(f"rate {100 * factor:g}: {error}")
    best = min(rates, key=rates.__getitem__)
    console.print(f"loss after 30 steps by rate: {rates}")
    slow = stylize(content, style, steps=steps, lr=best, **options)
    quick = stylize(content, style, steps=steps // 4, optimiser="lbfgs", lr=1.0, **options)
    target = min(slow.losses["total"])
    needed = next((number for number, loss in enumerate(quick.losses["total"], 1) if loss <= target), None)
    console.print(
        f"{width}x{height}, random weights, rate {best:g}: {steps} steps end at {target:.5g} in {slow.seconds:.0f} s; "
        f"L-BFGS gets there after {needed} evaluations, {slow.step_seconds:.3f} and {quick.step_seconds:.3f} s each"
    )


# ---- pictures ----


def pictures(photos: Path, out: Path, height: int, only: list[str]) -> None:
    """Paint the pairs, save pictures and a sheet, and judge."""
    out.mkdir(parents=True, exist_ok=True)
    networks = [random_vgg(seed, "average") for seed in range(3)]
    for name, pattern, changes in PAIRS:
        if only and pattern not in only:
            continue
        style = PATTERNS[pattern]()
        content = load(photos / name, "content")
        started = perf_counter()
        painting = stylize(content, style, size=height, **changes)
        painting.save(out / f"{Path(name).stem}-{pattern}.png")
        Image.fromarray(style).save(out / f"pattern-{pattern}.png")
        found = judged(painting.pixels, content, style, networks)
        row = {"pair": f"{name} {pattern}", **found, "seconds": round(perf_counter() - started, 1)}
        console.print(json.dumps(row))


@torch.no_grad()
def judged(painting: np.ndarray, content: np.ndarray, style: np.ndarray, networks: list[VGG]) -> dict[str, float]:
    """What is left of the squared Gram distance to the style, and how features of the content correlate."""
    height, width = painting.shape[:2]
    sizes = ((height, width), (height, width), (height, round(style.shape[1] * height / style.shape[0])))
    seen = [resized(pixels, size) for pixels, size in zip((painting, content, style), sizes, strict=True)]
    grey = [resized(luminance(pixels), size) for pixels, size in zip((painting, content), sizes, strict=False)]
    left, correlations, bright = [], [], []
    for network in networks:
        outputs = [network.outputs(network.prepare(image), JUDGED) for image in seen]
        for name in JUDGED[:-1]:
            own, before, wanted = (gram(found[name]) / found[name][0, 0].numel() for found in outputs)
            left.append(float((own - wanted).square().sum() / (before - wanted).square().sum()))
        correlations.append(correlation(*(found[JUDGED[-1]] for found in outputs[:2])))
        bright.append(
            correlation(*(network.outputs(network.prepare(image), JUDGED[-1:])[JUDGED[-1]] for image in grey))
        )
    named = {"gram_left": left, "correlation": correlations, "correlation_of_luminance": bright}
    return {name: round(statistics.mean(values), 3) for name, values in named.items()}


def correlation(own: Tensor, other: Tensor) -> float:
    """Of two pictures' features, each channel less its mean."""
    first, second = (features - features.mean((2, 3), keepdim=True) for features in (own, other))
    return float((first * second).sum() / first.norm() / second.norm())


if __name__ == "__main__":
    main()
