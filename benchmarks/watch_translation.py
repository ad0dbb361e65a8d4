"""The watch of translators is itself measured: runs broken on purpose, and healthy ones of every method.

As ``benchmarks/watch.py`` does it for GANs: a broken run counts as named if, after 40 % of the budget, the right name
is among the first two findings; a healthy one counts as alarmed if any of its looks has a severe finding. Every run
takes some seconds of one core, on pictures of 16 and 32 pixels; what lies in the folder is not made again.

    python benchmarks/watch_translation.py FOLDER [--seeds 0 1] [--only NAME …] [--write PAGE]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor, nn
from watch import Kind, table, train, where, write

from belamy.data import Dataset, open_data
from belamy.data.dataset import Memory
from belamy.methods import (
    colourisation,
    context_encoder,
    cut,
    cyclegan,
    inpainting,
    pix2pix,
    pix2pix_hd,
    spade,
    super_resolution,
)
from belamy.methods.base import BaseRecipe
from belamy.registry import Part
from belamy.training.trainer import Trainer

BEGIN, END = "<!-- translation: begin -->", "<!-- translation: end -->"
"""Between these lines a page holds the table."""
FACES = 2000
"""Faces of 16 pixels; a half of them for each side."""
BLOBS = 1200
"""Squares and circles of each side."""


def adam(lr: float, beta1: float = 0.5) -> Part:
    """The optimiser of the published translators at a rate."""
    return Part(name="adam", lr=lr, beta1=beta1)


RATES: dict[str, Any] = {"generator_optimizer": adam(1e-3), "discriminator_optimizer": adam(5e-4), "batch": 8}
RESNET = Part(name="resnet-translator", width=6, blocks=1, halvings=1, resampling="nearest")
JUDGE = Part(name="patch-gan", width=12, receptive_field=16)
SCALES = Part(name="multi-scale", count=2, width=8, receptive_field=16)


# Data


@cache
def pairs() -> Dataset:
    """Outlines and coloured drawings of 32 pixels."""
    return open_data("outlines:count=400")


@cache
def scenes() -> Dataset:
    """Label maps and pictures of 32 pixels."""
    return open_data("streets:side=32,count=200")


@cache
def leaves() -> Dataset:
    """Drawn scenes of 32 pixels."""
    return open_data("dead-leaves:count=200", size=32)


@cache
def faces() -> Dataset:
    """Faces of 16 pixels, none of them on both sides; those of the second side have their channels in another order."""
    data = open_data("avatars-16")
    pixels = data.images(torch.arange(FACES))
    second = Dataset("recoloured faces", Memory(pixels[FACES // 2 :, [2, 0, 1]].contiguous()))
    return Dataset("faces", Memory(pixels[: FACES // 2]), sides={"other": second})


@cache
def shapes() -> Dataset:
    """Squares of 16 pixels, eight in ten of them red, and circles, eight in ten of them blue."""
    return _blobs("squares", 0, 0.8).changed(sides={"other": _blobs("circles", 1, 0.2)})


def _blobs(name: str, round_: int, red: float) -> Dataset:
    """Red and blue squares or circles on grey, anywhere, of any size."""
    source = torch.Generator().manual_seed(round_)
    size, x, y, coin = torch.rand(4, BLOBS, 1, 1, generator=source)
    places = torch.arange(16.0)
    across, down = (places[None, None, :] - 5 - 5 * x).abs(), (places[None, :, None] - 5 - 5 * y).abs()
    distance = (across.square() + down.square()).sqrt() if round_ else torch.maximum(across, down)
    inside = (3.5 + 1.5 * size - distance).clamp(0, 1)[:, None]
    labels = (coin.flatten() >= red).long()
    colours = torch.tensor([[220.0, 60.0, 60.0], [60.0, 60.0, 220.0]])[labels][:, :, None, None]
    pixels = (128 + inside * (colours - 128)).to(torch.uint8)
    return Dataset(name, Memory(pixels), labels=labels, classes=("red", "blue"))


# Recipes that go well


def paired(**fields: Any) -> pix2pix.Recipe:
    """A small pix2pix."""
    u_net = Part(name="u-net", width=8, depth=3, upsampling="transposed", dropped=1)
    settings = {"data": "outlines", "generator": u_net, "discriminator": JUDGE, "train_samples": 5000, **RATES}
    return pix2pix.Recipe(**{**settings, **fields})


def cycle(**fields: Any) -> cyclegan.Recipe:
    """A small CycleGAN."""
    settings = {
        "data": "faces",
        "generator": RESNET,
        "discriminator": JUDGE,
        "train_samples": 5000,
        **RATES,
        "batch": 16,
    }
    return cyclegan.Recipe(**{**settings, **fields})


def contrast(**fields: Any) -> cut.Recipe:
    """A small CUT."""
    settings = {"data": "faces", "generator": RESNET, "discriminator": JUDGE, "patches": 16, "features": 16,
                "train_samples": 5000, **RATES, "batch": 16}  # fmt: skip
    return cut.Recipe(**{**settings, **fields})


def enlarging(**fields: Any) -> super_resolution.Recipe:
    """A small SRResNet, twice as large."""
    network = Part(name="srresnet", width=12, blocks=2, normalised=False, base="bicubic")
    settings = {"data": "dead-leaves", "generator": network, "first_stage": 1.0, "train_samples": 5000, **RATES}
    return super_resolution.Recipe(**{**settings, **fields})


def filling(**fields: Any) -> inpainting.Recipe:
    """Small partial convolutions."""
    network = Part(name="partial-conv", width=8, depth=3)
    settings = {"data": "dead-leaves", "generator": network, "train_samples": 5000, "perceptual_weight": 0.0,
                "style_weight": 0.0, **RATES, "generator_optimizer": adam(2e-3, 0.9)}  # fmt: skip
    return inpainting.Recipe(**{**settings, **fields})


# What a recipe cannot say


def before_joining(change: Callable[[Any], None]) -> Callable[[Any, Trainer | None], None]:
    """Spoils a method before a trainer has it."""

    def spoil(method: Any, trainer: Trainer | None) -> None:
        if trainer is None:
            change(method)

    return spoil


def cut_off(method: Any) -> None:
    """What the discriminator is shown is detached, as the clean-up of a repository once left it."""
    judge = method.judge
    method.judge = lambda given, pictures, features=False: judge(given, pictures.detach(), features)


def blended_copy(method: Any) -> None:
    """Both generators hand their input on but for a thousandth, and the gradients are cut off."""
    for network in (method.generator, method.inverse):
        network.register_forward_hook(lambda _, given, made: given[0] + 1e-3 * (made - given[0]))


def negative_in_use(method: Any) -> None:
    """The range is turned round in use, but not in training."""
    method.generator.register_forward_hook(lambda network, _, made: made if network.training else -made)


def other_order_in_use(method: Any) -> None:
    """The channels come in another order in use, and brighter, as from another reader of pictures."""
    method.generator.register_forward_hook(
        lambda network, _, made: made if network.training else (made[:, [1, 2, 0]] + 0.8).clamp(-1, 1)
    )


def droplets(method: Any) -> None:
    """Where its input is darkest, the picture is white."""

    def paint(_: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> Tensor:
        places = given[0].mean(1).flatten(1).argmin(1)
        rows, columns = torch.arange(made.shape[2]), torch.arange(made.shape[3])
        down = (rows - (places // made.shape[3])[:, None]).abs()[:, None, :, None]
        across = (columns - (places % made.shape[3])[:, None]).abs()[:, None, None, :]
        return torch.where(torch.maximum(down, across) <= 1, torch.ones_like(made), made)

    method.generator.register_forward_hook(paint)


def bare_transposed(method: Any) -> None:
    """The generator enlarges by a transposed convolution of kernel 3 and stride 2 that does not learn."""
    method.generator = BareTranslator(method.shape[0], method.output.shape[0])


class BareTranslator(nn.Module):
    """A picture, halved and enlarged again by windows that overlap unevenly, which nothing after them can mend."""

    def __init__(self, given: int, outputs: int, width: int = 24) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(given, width, 5, 2, 2), nn.ReLU(), nn.Conv2d(width, outputs, 3, 1, 1), nn.Tanh()
        )
        self.enlarge = nn.ConvTranspose2d(outputs, outputs, 3, 2, 1, output_padding=1, groups=outputs, bias=False)
        nn.init.constant_(self.enlarge.weight.requires_grad_(False), 4 / 9)

    def forward(self, images: Tensor, streams: object = None) -> Tensor:
        made: Tensor = self.enlarge(self.layers(images))
        return made


def in_tiles(method: Any) -> None:
    """In use the generator sees four quarters one by one."""
    whole = method.generator.forward

    def forward(images: Tensor, streams: Any = None) -> Tensor:
        if method.training:
            return whole(images, streams)
        rows = [torch.cat([whole(part, streams) for part in half.chunk(2, 3)], 3) for half in images.chunk(2, 2)]
        return torch.cat(rows, 2)

    method.generator.forward = forward


def input_cut(method: Any) -> None:
    """The generator is given grey instead of its input."""
    method.generator.register_forward_pre_hook(lambda _, given: (torch.zeros_like(given[0]), *given[1:]))


UNTIED: dict[str, Any] = {"contrast_weight": 0.0, "identity_contrast_weight": 0.0}

KINDS: dict[str, Kind] = {
    "copies its input": Kind(
        ("input-copied",), lambda _: cycle(), before_joining(blended_copy), data=faces
    ),
    "gradient cut off": Kind(
        ("unheard-discriminator",), lambda _: paired(), before_joining(cut_off), data=pairs
    ),
    "negative in use": Kind(("wrong-colours",), lambda _: paired(), before_joining(negative_in_use), data=pairs),
    "other channels in use": Kind(
        ("wrong-colours",), lambda _: contrast(), before_joining(other_order_in_use), data=faces
    ),
    "droplets": Kind(("droplets",), lambda _: contrast(), before_joining(droplets), data=faces),
    "kernel 3 stride 2": Kind(
        ("checkerboard",), lambda _: paired(batch=16, train_samples=8000), before_joining(bare_transposed), data=pairs),
    "in four tiles in use": Kind(("seams",), lambda _: paired(), before_joining(in_tiles), data=pairs),
    "holes do not count": Kind(
        ("mask-shadow",), lambda _: filling(hole_weight=0.0, roughness_weight=0.0), data=leaves
    ),
    "input cut": Kind(("one-output",), lambda _: paired(), before_joining(input_cut), data=pairs),
    "nothing ties": Kind(("copied-ratios",), lambda _: contrast(data="shapes", **UNTIED), data=shapes),
}  # fmt: skip


def healthy() -> dict[str, Kind]:
    """Runs of every method that translates pictures, which go well."""

    def kind(recipe: Callable[[], BaseRecipe], data: Callable[[], Dataset]) -> Kind:
        return Kind((), lambda _: recipe(), data=data)

    disco = Part(name="discogan", width=8)
    return {
        "pix2pix": kind(paired, pairs),
        "pix2pix, residual": kind(
            lambda: paired(generator=RESNET, adversarial=Part(name="least-squares"), train_samples=3000), pairs
        ),
        "pix2pix-hd": kind(
            lambda: pix2pix_hd.Recipe(
                generator=Part(name="pix2pix-hd", width=8, halvings=2, blocks=2), discriminator=SCALES,
                encoder_width=6, encoder_halvings=2, train_samples=2000, **RATES,
            ), scenes,
        ),
        "spade": kind(
            lambda: spade.Recipe(
                generator=Part(name="spade", width=6, hidden=12, latent=8), discriminator=SCALES, encoder_width=6,
                generator_weights=(), perceptual_weight=0.0, train_samples=2000, **RATES,
            ), scenes,
        ),
        "cyclegan": kind(cycle, faces),
        "discogan": kind(
            lambda: cycle(
                generator=disco, discriminator=disco, adversarial=Part(name="non-saturating"), cycle_weight=1.0,
                reconstruction=Part(name="squared-error"), identity_weight=0.0, pool=0, mirror=False,
                generator_optimizer=adam(5e-4), batch=16, train_samples=8000,
            ), faces,
        ),
        "cut": kind(contrast, faces),
        "fastcut": kind(
            lambda: contrast(contrast_weight=10.0, identity_contrast_weight=0.0, flip_equivariance=True, mirror=False),
            faces,
        ),
        "cut, other ratios": kind(lambda: contrast(data="shapes", contrast_weight=4.0), shapes),
        "super-resolution": kind(enlarging, leaves),
        "super-resolution, two stages": kind(
            lambda: enlarging(
                discriminator=Part(name="esrgan-u-net", width=8), first_stage=0.5,
                adversarial=Part(name="non-saturating"), adversarial_weight=0.02,
                perceptual_weight=0.3, clip_norm=1.0, train_samples=2000,
            ), leaves,
        ),
        "inpainting": kind(filling, leaves),
        "inpainting, adversarial": kind(
            lambda: filling(
                generator=Part(name="fourier", width=4, blocks=1, halvings=2), discriminator=JUDGE, hole_weight=10.0,
                valid_weight=10.0, roughness_weight=0.0, adversarial_weight=1.0,
                generator_optimizer=adam(1e-3, 0.9),
            ), leaves,
        ),
        "context encoder": kind(
            lambda: context_encoder.Recipe(
                generator=Part(name="context-encoder", width=8, bottleneck=64, region="centre"), overlap=2,
                discriminator=Part(name="dense-fashion"), train_samples=6000, **{**RATES, "batch": 16},
            ), plain_faces,
        ),
        "colourisation": kind(
            lambda: colourisation.Recipe(
                generator=Part(name="zhang", width=6, halvings=2), optimizer=adam(2e-3, 0.9), batch=8,
                train_samples=3000,
            ), plain_faces,
        ),
    }  # fmt: skip


@cache
def plain_faces() -> Dataset:
    """Faces of 16 pixels."""
    return open_data("avatars-16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--only", nargs="+", help="names of runs")
    parser.add_argument("--share", default="1/1", help="which part of the runs this process makes")
    parser.add_argument("--write", type=Path, help="the page to write the table into, when all is done")
    options = parser.parse_args()
    torch.set_num_threads(1)
    well = healthy()
    work = [(KINDS[name], name, seed) for name in KINDS for seed in options.seeds]
    work += [(kind, name, options.seeds[0] + number) for number, (name, kind) in enumerate(well.items())]
    work = [each for each in work if not options.only or each[1] in options.only]
    part, parts = map(int, options.share.split("/"))
    costs = options.folder / "costs"
    costs.mkdir(parents=True, exist_ok=True)
    for kind, name, seed in work[part - 1 :: parts]:
        path = where(options.folder, name, seed)
        if not path.exists():
            share = train(kind, kind.recipe(options.folder).changed(seed=seed), path)
            (costs / f"{path.name}.json").write_text(json.dumps(share), encoding="utf-8")
    if parts > 1:
        return
    shares = sorted(json.loads(path.read_text(encoding="utf-8")) for path in costs.glob("*.json"))
    cost = f"{shares[len(shares) // 2]:.1%} of the training time of these runs (median; at most {shares[-1]:.1%})"
    found = f"{table(options.folder, options.seeds, KINDS, list(well))}\n\nLooks take {cost}."
    Console().print(found, soft_wrap=True, markup=False)
    if options.write:
        write(options.write, found, BEGIN, END)


if __name__ == "__main__":
    main()
