"""Seconds of a training step of pix2pix's published form: a plain PyTorch script against Belamy, by turns.

The script is written as popular ones are: pictures enlarged to 286/256, cut and mirrored one at a time by PIL, stock
layers, the discriminator's weight gradients computed on the generator's turn too, losses read at every step. Both train
the same networks (width 64, patches of 70 pixels) on one pair at a time. ``pairs``, our own form, is timed beside them,
for each picture. Pictures are random: only speed is measured.

    python benchmarks/pix2pix_step.py [--side 64] [--rounds 15] [--threads 1]
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator
from itertools import pairwise
from time import perf_counter

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from belamy import recipes
from belamy.data.dataset import Column, Dataset, Memory
from belamy.methods.base import BaseRecipe
from belamy.methods.pix2pix import Recipe
from belamy.modalities.fields import Field
from belamy.registry import Part
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer

COUNT = 512
JITTER = 30 / 256


class UNet(nn.Module):
    """4×4 convolutions of stride 2 down to 2 pixels and as many back, maps of equal size joined."""

    def __init__(self, side: int) -> None:
        super().__init__()
        widths = [min(64 * 2**level, 512) for level in range(min(side.bit_length() - 2, 7))]
        self.down = nn.ModuleList([nn.Conv2d(1, 64, 4, 2, 1)])
        for before, after in pairwise(widths):
            self.down.append(nn.Sequential(nn.LeakyReLU(0.2), nn.Conv2d(before, after, 4, 2, 1), nn.BatchNorm2d(after)))
        self.up, incoming = nn.ModuleList(), widths[-1]
        for number, after in enumerate(reversed(widths[:-1])):
            layers = [nn.ReLU(), nn.ConvTranspose2d(incoming, after, 4, 2, 1), nn.BatchNorm2d(after)]
            self.up.append(nn.Sequential(*layers, nn.Dropout(0.5 if number < 3 else 0.0)))
            incoming = 2 * after
        self.head = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(incoming, 3, 4, 2, 1), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        maps = []
        for layer in self.down:
            x = layer(x)
            maps.append(x)
        maps.pop()
        for layer in self.up:
            x = torch.cat([layer(x), maps.pop()], 1)
        return self.head(x)


def patch_gan() -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(4, 64, 4, 2, 1), nn.LeakyReLU(0.2)]
    for before, after, stride in ((64, 128, 2), (128, 256, 2), (256, 512, 1)):
        layers += [nn.Conv2d(before, after, 4, stride, 1), nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(512, 1, 4, 1, 1))


class Pairs(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    def __init__(self, lines: np.ndarray, colours: np.ndarray) -> None:
        self.lines, self.colours = lines, colours  # uint8 [n, H, W], [n, H, W, 3]

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        side = self.lines.shape[1]
        large = round(side * (1 + JITTER))
        top, left, mirror = (int(torch.randint(high, ())) for high in (large - side + 1, large - side + 1, 2))
        made = []
        for picture in (self.lines[index], self.colours[index]):
            enlarged = Image.fromarray(picture).resize((large, large), Image.Resampling.BICUBIC)
            values = np.asarray(enlarged)[top : top + side, left : left + side].reshape(side, side, -1)
            values = values[:, ::-1] if mirror else values
            made.append((torch.from_numpy(values.transpose(2, 0, 1).copy()).float() / 255 - 0.5) / 0.5)
        return made[0], made[1]


def plain(lines: np.ndarray, colours: np.ndarray) -> Callable[[], None]:
    generator, discriminator = UNet(lines.shape[1]), patch_gan()
    optimizer_g = torch.optim.Adam(generator.parameters(), 2e-4, (0.5, 0.999))
    optimizer_d = torch.optim.Adam(discriminator.parameters(), 2e-4, (0.5, 0.999))

    def endless() -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            yield from DataLoader(Pairs(lines, colours), 1, shuffle=True)

    def bce(scores: Tensor, target: float) -> Tensor:
        return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, target))

    batches = endless()

    def step() -> None:
        given, wanted = next(batches)
        made = generator(given)
        optimizer_d.zero_grad()
        loss_fake = bce(discriminator(torch.cat([given, made.detach()], 1)), 0.0)
        loss_real = bce(discriminator(torch.cat([given, wanted], 1)), 1.0)
        ((loss_fake + loss_real) / 2).backward()
        optimizer_d.step()
        optimizer_g.zero_grad()
        loss_gan = bce(discriminator(torch.cat([given, made], 1)), 1.0)
        loss_l1 = 100 * F.l1_loss(made, wanted)
        (loss_gan + loss_l1).backward()
        optimizer_g.step()
        _ = loss_fake.item() + loss_real.item() + loss_gan.item() + loss_l1.item()

    return step


def published() -> Recipe:
    return Recipe(
        generator=Part(name="u-net", upsampling="transposed", dropped=3),
        discriminator=Part(name="patch-gan", receptive_field=70),
        batch=1, jitter=JITTER, ema_half_life=0,
    )  # fmt: skip


def ours(recipe: BaseRecipe, data: Dataset, precision: str) -> Callable[[], None]:
    return make_trainer(recipe, data.spec, data, Options(device="cpu", precision=precision), World()).step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    random = np.random.default_rng(0)
    lines = random.integers(0, 256, (COUNT, chosen.side, chosen.side), dtype=np.uint8)
    colours = random.integers(0, 256, (COUNT, chosen.side, chosen.side, 3), dtype=np.uint8)
    target = torch.from_numpy(colours).movedim(3, 1).contiguous()
    extra = {"target": Column(Field("image", tuple(target.shape[1:])), Memory(target))}
    data = Dataset("random", Memory(torch.from_numpy(lines).unsqueeze(1)), extra=extra)
    own = recipes.get("pairs")
    ways = {
        "plain script": (1, plain(lines, colours)),
        "belamy": (1, ours(published(), data, "float32")),
        "belamy, bfloat16": (1, ours(published(), data, "bfloat16")),
        "pairs": (own.batch, ours(own, data, "float32")),
        "pairs, bfloat16": (own.batch, ours(own, data, "bfloat16")),
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(chosen.rounds + 2):
        for way, (batch, step) in ways.items():
            started = perf_counter()
            step()
            if number > 1:  # the first are not counted
                times[way].append((perf_counter() - started) / batch)
    table = Table("way", "ms for a picture", "pictures a second", "as fast as the script")
    for way, seconds in times.items():
        ratio = statistics.median(script / own for script, own in zip(times["plain script"], seconds, strict=True))
        middle = statistics.median(seconds)
        table.add_row(way, f"{1000 * middle:.1f}", f"{1 / middle:.1f}", f"{ratio:.2f}×")
    Console().print(table)


if __name__ == "__main__":
    main()
