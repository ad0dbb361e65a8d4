"""TequilaGAN's table: how far sets of digits are from the first 10,000 training images, by their pixels alone.

A least-squares GAN, a WGAN-GP and a classifier are trained here, or opened where the folder holds them. Pixels are
divided by 256; samples are taken before they are rounded, on the same scale, and again as files would hold them.

    python benchmarks/tequila.py FOLDER [--count 10000] [--figure FILE.svg] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from belamy import recipes
from belamy.api.train import train
from belamy.data import open_data
from belamy.forensics.divergence import (
    BINS,
    POINTS,
    REFERENCE,
    SCALE,
    ZOOM,
    DivergenceRow,
    PixelSummary,
    compare,
    threshold,
)
from belamy.forensics.noise import EPSILON, Bernoulli, fast_gradient_sign
from belamy.methods.base import BaseMethod, BaseRecipe
from belamy.pages.charts import line_chart
from belamy.registry import Part
from belamy.runs.files import write_bytes
from belamy.runs.run import Run
from belamy.sampling.draw import generated

PRINTED = {
    "train": DivergenceRow(0, 1, 0),
    "test": DivergenceRow(0.003177, 0, 0.000029),
    "lsgan": DivergenceRow(0.808119, 0, 0.013517),
    "wgan-gp": DivergenceRow(0.701573, 0, 0.014662),
    "adversarial": DivergenceRow(0.419338, 0, 0.581769),
    "bernoulli": DivergenceRow(0.130855, 0, 0.0785009),
}
"""As the book has it, chapter 11; its WGAN-GP is called IWGAN."""
BATCH = 500


def trained(folder: Path, name: str, console: Console) -> BaseMethod:
    """The run of that name, opened or trained."""
    if not (folder / name / "weights").is_dir():
        console.print(f"training {name} …")
        train(chosen(name), out=folder / name, device="cpu", snapshots=4, watch=False, progress=False)
    run = Run.open(folder / name)
    console.print(f"{name}: {run.samples_seen:,} training samples seen")
    return run.method()


def chosen(name: str) -> BaseRecipe:
    """What is trained under that name: the networks of ``digits`` without labels, with another game."""
    if name == "classifier":
        one_pass = {"samples": 60_000, "optimizer": Part(name="adam", lr=1e-3)}
        return recipes.get("classifier-mnist").changed(classifier=Part(name="convnet"), **one_pass)
    alone = Part(name="unconditional")
    networks = recipes.get("digits").changed(
        generator_condition=alone, discriminator_condition=alone, auxiliary=0.0, penalties=(), ema_half_life=20_000
    )
    if name == "lsgan":
        adam = Part(name="adam", lr=5e-4, beta1=0.5, beta2=0.99)
        return networks.changed(
            adversarial=Part(name="least-squares"), samples=195_000,
            generator_optimizer=adam, discriminator_optimizer=adam,
        )  # fmt: skip
    adam = Part(name="adam", lr=1e-3, beta1=0.0, beta2=0.9)
    return networks.changed(
        adversarial=Part(name="wasserstein"), penalties=(Part(name="gradient-penalty"),), critic_steps=3,
        turns="alternating", samples=200_000, generator_optimizer=adam, discriminator_optimizer=adam,
    )  # fmt: skip


def counted(parts: Iterable[Tensor]) -> PixelSummary:
    """The pixels of images that come in parts, on the table's scale already."""
    pixels = PixelSummary()
    for part in parts:
        pixels.update(part)
    return pixels


def drawn(method: BaseMethod, count: int, rounded: bool = False) -> Iterable[Tensor]:
    """Samples on the scale of grey levels over 256."""
    for images in generated(method, count, seed=1, batch=BATCH):
        levels = (images.double() + 1) * 127.5
        yield (levels.round() if rounded else levels) / SCALE


def sets(folder: Path, count: int, console: Console) -> dict[str, PixelSummary]:
    """The pixels of every set of the table, by its name."""
    data = open_data("mnist")
    assert data.labels is not None
    first, test = data.indices("train")[:REFERENCE], data.indices("test")
    images, labels = data.images(first), data.labels[first]
    mean = float(images.double().mean() / SCALE)
    found = {"train": counted([images / SCALE]), "test": counted([data.images(test) / SCALE])}
    for name in ("lsgan", "wgan-gp"):
        method = trained(folder, name, console)
        found[name] = counted(drawn(method, count))
        found[f"{name}, as files"] = counted(drawn(method, count, rounded=True))
    classifier = trained(folder, "classifier", console).get_submodule("classifier")
    for name, clip in (("adversarial", False), ("adversarial, clipped", True)):
        found[name] = counted(
            fast_gradient_sign(classifier, a / SCALE, b, EPSILON, clip)
            for a, b in zip(images.split(BATCH), labels.split(BATCH), strict=True)
        )
    bernoulli = Bernoulli(data.shape, mean)
    found["bernoulli"] = counted((part + 1) / 2 for part in generated(bernoulli, count, seed=1, batch=BATCH))
    return found


def figure(found: dict[str, PixelSummary]) -> str:
    """Distribution functions and, between the modes, histograms."""
    kept = {name: pixels for name, pixels in found.items() if "," not in name}
    points, edges = torch.linspace(0, 1, POINTS).tolist(), torch.linspace(ZOOM[0], ZOOM[1], BINS + 1)
    middles = ((edges[1:] + edges[:-1]) / 2).tolist()
    curves = {name: list(zip(points, pixels.curve().tolist(), strict=True)) for name, pixels in kept.items()}
    shares = {}
    for name, pixels in kept.items():
        # Grey levels over 256 fall into 100 bins unevenly, two here and one there: four bins together are even enough.
        total, few = len(pixels), pixels.histogram(*ZOOM).reshape(-1, 4).sum(1) / 4
        shares[name] = list(zip(middles[2::4], (few / total).tolist(), strict=True))
    above = line_chart(curves, "Distribution function", "pixel / 256", "share at most this", smooth=False)
    below = line_chart(
        {name: line for name, line in shares.items() if name != "bernoulli"}, "Histogram between the modes",
        "pixel / 256", "share in a bin", log_y=True, smooth=False,
    )  # fmt: skip
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1080 320">{_at(above, 0)}{_at(below, 560)}</svg>\n'


def _at(chart: str, x: int) -> str:
    return chart.replace("<svg ", f'<svg x="{x}" width="520" height="320" preserveAspectRatio="xMinYMin" ', 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=REFERENCE, help="samples of each generator")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    console = Console()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    found = sets(options.folder, options.count, console)
    rows = {name: compare(found["train"], pixels) for name, pixels in found.items()}
    table = Table("set", "KS", "p", "JSD in nats", "printed KS", "printed p", "printed JSD")
    for name, row in rows.items():
        printed = [f"{number:g}" for number in PRINTED[name]] if name in PRINTED else ["–"] * 3
        table.add_row(name, f"{row.statistic:.6f}", f"{row.p:.3g}", f"{row.divergence:.7f}", *printed)
    console.print(table)
    count = len(found["train"])
    console.print(
        f"5 % threshold for independent pixels: {threshold(0.05, count, count):.6f}; they are not independent"
    )
    if options.figure:
        write_bytes(options.figure, figure(found).encode())
    if options.json:
        options.json.write_text(json.dumps({name: row._asdict() for name, row in rows.items()}, indent=2))


if __name__ == "__main__":
    main()
