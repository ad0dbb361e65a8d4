"""The networks of ``pictures`` and ``pairs``."""

import math

import pytest
import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.methods.pix2pix import Recipe
from belamy.networks.areas import even, light_areas
from belamy.networks.pictures import Discriminator, Generator, PatchDiscriminator, Translator
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


def test_the_latent_scales_and_shifts_each_normalised_map() -> None:
    generator = Generator(5, (3, 16, 16), width=2).double()
    seen: list[Tensor] = []
    first = generator.layers[0].norm
    first.register_forward_hook(lambda _, given, made: seen.extend((given[0].detach(), made.detach())))
    latents = torch.randn(7, 5, dtype=torch.float64)
    generator(latents)
    x, made = seen
    for channel in (0, first.norm.num_features - 1):
        of = x[:, channel]
        weights, biases = first.modulation.weight.detach(), first.modulation.bias.detach()
        scale, shift = (latents @ weights[row] + biases[row] for row in (channel, first.norm.num_features + channel))
        normalised = (of - of.mean()) / (of.var(correction=0) + 1e-3).sqrt()
        wanted = normalised * (1 + scale)[:, None, None] + shift[:, None, None]
        assert torch.allclose(made[:, channel], wanted, atol=1e-12)
        assert float(scale.abs().max()) > 0


def test_residual_blocks_are_nothing_at_first() -> None:
    torch.manual_seed(0)
    images = torch.rand(4, 3, 16, 16)
    for network in (Discriminator((3, 16, 16), width=2, blocks=2), Generator(5, (3, 16, 16), width=2, blocks=2)):
        given = images if isinstance(network, Discriminator) else torch.randn(4, 5)
        made = network(given)
        blocks = [part for part in network.modules() if type(part).__name__.endswith("Block")]
        assert len(blocks) == (2 if isinstance(network, Discriminator) else 4)
        for block in blocks:
            block.forward = lambda x, *_: x  # type: ignore[method-assign]
        assert torch.equal(network(given), made)


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


def test_light_areas_are_filled_evenly_by_the_mean_of_what_their_pixels_say() -> None:
    lines = torch.ones(2, 1, 16, 16, dtype=torch.float64)
    lines[0, :, :, 6] = -1  # two areas of 16x6 and 16x9 pixels
    lines[1, :, 4:9, 4:9] = -1
    lines[1, :, 6, 6] = 0.9  # a light pixel for itself
    network = Translator((1, 16, 16), 3, width=4, palette=5, areas=True).eval().double()
    shares: list[Tensor] = []
    network.image.register_forward_hook(lambda _, __, made: shares.append(made.detach()))
    made = network(lines).detach()
    logits = torch.nn.functional.pixel_shuffle(shares[0], 2)
    assert network.palette is not None
    colours = (20 * network.palette.detach()).tanh()

    def mixed(of: Tensor) -> Tensor:  # logits [colour, pixels]
        return of.mean(1).softmax(0) @ colours

    for picture, rows, columns in ((0, slice(0, 16), slice(0, 6)), (0, slice(0, 16), slice(7, 16))):
        wanted = mixed(logits[picture, :, rows, columns].flatten(1))
        assert torch.allclose(made[picture, :, rows, columns], wanted[:, None, None], atol=1e-12)
    around = lines[1, 0] == 1
    assert torch.allclose(made[1][:, around], mixed(logits[1][:, around])[:, None], atol=1e-12)
    for row, column in ((0, 6), (15, 6)):  # lines keep what their pixels say
        wanted = mixed(logits[0, :, row, column][:, None])
        assert torch.allclose(made[0, :, row, column], wanted, atol=1e-12)
    assert torch.allclose(made[1, :, 6, 6], mixed(logits[1, :, 6, 6][:, None]), atol=1e-12)


def test_the_slope_through_areas() -> None:
    numbers = light_areas(torch.tensor([[[[1.0, 1.0, -1.0, 1.0]]], [[[1.0, -1.0, -1.0, 0.89]]]]))
    assert numbers.tolist() == [[[1, 1, 0, 2]], [[3, 0, 0, 4]]]
    maps = torch.randn(2, 3, 1, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda values: even(values, numbers), (maps,))


def test_without_light_areas_nothing_changes() -> None:
    maps = torch.randn(2, 3, 4, 4)
    assert torch.equal(even(maps, light_areas(torch.zeros(2, 1, 4, 4))), maps)


def test_a_negative_palette() -> None:
    with pytest.raises(UsageError, match="palette is -1"):
        Translator((1, 16, 16), 3, palette=-1)


def test_the_watch_counts_its_scales() -> None:
    """Their losses are summed, as those of several discriminators are."""
    recipe = Recipe(discriminator=Part(name="pictures", count=3))
    assert scales(recipe) == 3
