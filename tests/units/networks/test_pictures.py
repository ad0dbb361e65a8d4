"""The networks of ``pictures`` and ``pairs`` that translate and judge patches."""

import math

import pytest
import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.methods.pix2pix import Recipe
from belamy.networks.pictures import PatchDiscriminator, Translator
from belamy.registry import Part
from belamy.training.watch.constant import scales


def seen_by(network: PatchDiscriminator, scale: int) -> int:
    """How many pixels of a row the middle score of a scale depends on."""
    images = torch.randn(1, 2, 256, 256, generator=torch.Generator().manual_seed(0), requires_grad=True)
    scores = network.scales(images)[scale].scores
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    slope = images.grad
    assert slope is not None
    return int((slope.abs().sum((0, 1, 2)) > 0).sum())


def test_patches_of_each_scale() -> None:
    network = PatchDiscriminator((2, 256, 256), width=4, count=3)
    assert [seen_by(network, scale) for scale in range(3)] == [20, 40, 80]


def test_a_palette_mixes_its_colours_pixel_by_pixel() -> None:
    network = Translator((1, 16, 16), 3, width=4, palette=5).eval().double()
    shares: list[Tensor] = []
    network.image.register_forward_hook(lambda _, __, made: shares.append(made.detach()))
    made = network(torch.rand(2, 1, 16, 16, dtype=torch.float64)).detach()
    assert network.palette is not None
    logits = shares[0].reshape(2, 5, 2, 2, 8, 8)  # [n, colour, row, column within a square, rows, columns of squares]
    for row, column in ((0, 0), (3, 5), (15, 14)):
        powers = logits[0, :, row % 2, column % 2, row // 2, column // 2].exp()
        for channel in range(3):
            colours = [math.tanh(20 * float(value)) for value in network.palette.detach()[:, channel]]
            mixed = sum(float(power) * colour for power, colour in zip(powers, colours, strict=True))
            assert float(made[0, channel, row, column]) == pytest.approx(mixed / float(powers.sum()), abs=1e-12)


def test_free_colours_are_bounded_and_any_multiple_of_the_stride_goes() -> None:
    network = Translator((2, 32, 32), 4, width=4)
    assert network.palette is None
    made = network(torch.randn(3, 2, 48, 32))
    assert made.shape == (3, 4, 48, 32)
    assert float(made.detach().abs().max()) <= 1
    with pytest.raises(UsageError, match="multiples of 16"):
        network(torch.randn(3, 2, 24, 32))


def test_a_negative_palette() -> None:
    with pytest.raises(UsageError, match="palette is -1"):
        Translator((1, 16, 16), 3, palette=-1)


def test_the_watch_counts_its_scales() -> None:
    """Their losses are summed, as those of several discriminators are."""
    recipe = Recipe(discriminator=Part(name="pictures", count=3))
    assert scales(recipe) == 3
