"""Progressive GAN: sizes of the documents, the networks written out in float64 at every level, the schedule."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks import progan
from belamy.networks.growing import enlarged, halved
from belamy.networks.growth.progressive import Growth
from belamy.networks.summary import count, summarize

DOUBLE = torch.float64
COLOUR = (3, 32, 32)
SMALL: dict[str, Any] = {"base": 24, "widest": 5}
LEVELS = [3, 2.75, 2.5, 2, 1.25, 1, 0.5, 0]


class TestSizes:
    def test_the_book_at_32_pixels(self) -> None:
        generator, discriminator = progan.Generator(128, COLOUR), progan.Discriminator(COLOUR)
        assert count(generator).trainable == 1_296_908 and count(generator).total == 1_296_920
        assert count(discriminator).trainable == 1_298_689 and count(discriminator).total == 1_298_702
        assert count(progan.Generator(512, COLOUR)).trainable == 2_083_340

    def test_the_paper_at_1024_pixels(self) -> None:
        paper: dict[str, Any] = {"base": 8192, "widest": 512}
        with torch.device("meta"):
            generator = progan.Generator(512, (3, 1024, 1024), **paper)
            discriminator = progan.Discriminator((3, 1024, 1024), **paper)
        assert count(generator).trainable == 23_079_115
        assert count(discriminator).trainable == 23_087_249

    def test_gansynth_begins_with_16_by_2(self) -> None:
        """Engel et al. 2019, table 4: 256 channels up to 128 by 16, then 128, 64 and 32."""
        with torch.device("meta"):
            generator = progan.Generator(317, (2, 1024, 128), base=4096, widest=256, smallest=2)
        assert generator.halvings == 6
        assert [image.in_channels for image in generator.images] == [256, 256, 256, 256, 128, 64, 32]  # type: ignore[union-attr]
        assert generator.first.unflatten.unflattened_size == (256, 16, 2)
        with pytest.raises(UsageError, match="at least 2"):
            progan.Generator(8, (2, 32, 32), smallest=1)

    def test_channels_by_stage(self) -> None:
        assert progan.channels(3, 4096, 128) == [128] * 5
        assert progan.channels(8, 8192, 512) == [512] * 5 + [256, 128, 64, 32, 16]
        assert progan.channels(1, 10, 512) == [10, 5, 2]

    def test_constants(self) -> None:
        generator, discriminator = progan.Generator(128, COLOUR), progan.Discriminator(COLOUR)
        found = {
            name: round(float(value), 7)
            for network in (generator, discriminator)
            for name, value in network.named_buffers()
            if name.endswith("scale")
        }
        for name, value in found.items():
            if name == "first.dense.scale" or name == "last.3.scale":
                assert value == 0.03125
            elif name.startswith("images.") and name.count(".") == 2:  # of the generator, linear
                assert value == 0.0883883
            elif name.startswith("images."):
                assert value == 0.8164966
            elif name == "score.scale":
                assert value == 0.0883883
            elif name != "last.1.scale":  # that has one map more
                assert value == 0.0416667
        assert len(found) >= 17

    def test_the_table_of_layers(self) -> None:
        network = progan.Generator(128, COLOUR)
        network.grow(3)
        assert summarize(network, (128,)).trainable == 1_296_908
        assert network.place == (3, 0.0), "the table is that of the full size and changes nothing"


def weighted(x: Tensor, layer: Any, padding: int = 1) -> Tensor:
    """Output scaled, then the bias, as the book has it."""
    return F.conv2d(x, layer.weight, padding=padding) * layer.scale + layer.bias[:, None, None]


def leaky(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.2 * x)


def pixel_norm(x: Tensor) -> Tensor:
    return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()


def doubled(x: Tensor, times: int = 1) -> Tensor:
    for _ in range(times):
        x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    return x


def chosen(values: list[Tensor], t: float) -> Tensor:
    """The book's block selection."""
    if t <= 0:
        return values[0]
    if t >= len(values) - 1:
        return values[-1]
    i = int(t)
    return values[i] * (i + 1 - t) + values[i + 1] * (t - i)


def book_generator(network: progan.Generator, z: Tensor, level: float) -> Tensor:
    """Every image of every size, enlarged and selected."""
    x = pixel_norm(z)
    dense, seed = network.first.dense, network.first.rest
    height, width = network.first.unflatten.unflattened_size[1:]
    x = (x @ dense.weight.T * dense.scale).view(len(z), -1, height, width)
    x = pixel_norm(leaky(x + network.first.bias))
    x = pixel_norm(leaky(weighted(x, seed[2])))
    images = [weighted(x, network.images[0], 0)]
    for block, image in zip(network.blocks, network.images[1:], strict=True):
        x = pixel_norm(leaky(weighted(doubled(x), block[0])))
        x = pixel_norm(leaky(weighted(x, block[3])))
        images.append(weighted(x, image, 0))
    full = [doubled(image, number) for number, image in enumerate(images[::-1])]
    return chosen(full, level)


def book_discriminator(network: progan.Discriminator, images: Tensor, level: float) -> Tensor:
    """Full images and all blocks, each result selected from the pooled image's."""
    given = images
    x = leaky(weighted(given, network.images[0][0], 0))
    for number, block in enumerate(network.blocks):
        x = F.avg_pool2d(leaky(weighted(leaky(weighted(x, block[0])), block[2])), 2)
        given = F.avg_pool2d(given, 2)
        x = chosen([x, leaky(weighted(given, network.images[number + 1][0], 0))], level - number)
    deviation = ((x - x.mean(0)).square().mean(0) + 1e-8).sqrt().mean()
    x = torch.cat([x, deviation.expand(len(x), 1, *x.shape[2:])], 1)
    x = leaky(weighted(leaky(weighted(x, network.last[1])), network.last[3], 0)).flatten(1)
    return (x @ network.score.weight.T * network.score.scale + network.score.bias).squeeze(1)


def with_biases(network: Any) -> Any:
    network = network.double()
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter)
    return network


@pytest.mark.parametrize("level", LEVELS)
def test_active_blocks_alone_are_the_book_with_all_blocks(level: float) -> None:
    generator = with_biases(progan.Generator(6, COLOUR, **SMALL))
    discriminator = with_biases(progan.Discriminator(COLOUR, **SMALL))
    generator.grow(level)
    discriminator.grow(level)
    z, images = torch.randn(4, 6, dtype=DOUBLE), torch.randn(4, *COLOUR, dtype=DOUBLE)
    torch.testing.assert_close(generator(z), book_generator(generator, z, level))
    torch.testing.assert_close(discriminator(images), book_discriminator(discriminator, images, level))


def test_latents_of_any_length_count_alike() -> None:
    network, z = progan.Generator(6, COLOUR, **SMALL).double(), torch.randn(2, 6, dtype=DOUBLE)
    torch.testing.assert_close(network(z), network(9 * z), rtol=1e-6, atol=1e-8)
    assert float(network.first.normalise(z).norm(dim=1)[0].detach()) == pytest.approx(6**0.5, rel=1e-6)


@pytest.mark.parametrize(
    ("sides", "smallest"),
    [((64, 96), (4, 6)), ((48, 48), (6, 6)), ((80, 80), (5, 5)), ((96, 96), (6, 6)), ((28, 28), (7, 7)),
     ((16, 32), (4, 8))],
)  # fmt: skip
def test_other_sizes_have_another_smallest_map(sides: tuple[int, int], smallest: tuple[int, int]) -> None:
    generator = progan.Generator(6, (2, *sides), **SMALL)
    discriminator = progan.Discriminator((2, *sides), group=4, **SMALL)
    seen = generator.first(torch.randn(3, 6))
    assert seen.shape[2:] == smallest
    for level in (generator.halvings, generator.halvings - 0.5, 0):
        generator.grow(level)
        discriminator.grow(level)
        images = generator(torch.randn(3, 6))
        assert images.shape == (3, 2, *sides)
        assert torch.isfinite(discriminator(images)).all()


@pytest.mark.parametrize("sides", [(30, 32), (4, 4), (33, 33)])
def test_sizes_that_cannot_be_halved_are_refused(sides: tuple[int, int]) -> None:
    for build in (lambda shape: progan.Generator(6, shape), progan.Discriminator):
        with pytest.raises(UsageError, match=r"multiples of 4 of at least 8.*--size"):
            build((3, *sides))


@pytest.mark.parametrize("group", [1, -4])
def test_a_group_without_deviation_is_refused(group: int) -> None:
    with pytest.raises(UsageError, match=f"group is {group}, but it must be at least 2, or 0"):
        progan.Discriminator(COLOUR, group=group)


def test_what_is_not_active_is_not_touched() -> None:
    generator, discriminator = progan.Generator(6, COLOUR, **SMALL), progan.Discriminator(COLOUR, **SMALL)
    called: list[Any] = []
    for network in (generator, discriminator):
        for part in network.modules():
            if hasattr(part, "effective"):
                part.register_forward_hook(lambda part, *_: called.append(part))
    generator.grow(1.5)
    discriminator.grow(1.5)
    discriminator(generator(torch.randn(3, 6))).sum().backward()
    expected = {
        *(part for part in generator.first.modules() if hasattr(part, "effective")),
        *(part for part in generator.blocks[:2].modules() if hasattr(part, "effective")),
        *(generator.images[1], generator.images[2]),
        *(discriminator.images[1][0], discriminator.images[2][0]),
        *(part for part in discriminator.blocks[1:].modules() if hasattr(part, "effective")),
        *(part for part in discriminator.last.modules() if hasattr(part, "effective")),
        discriminator.score,
    }
    assert set(called) == expected
    for network in (generator, discriminator):
        for part in network.modules():
            if hasattr(part, "effective"):
                assert (part.weight.grad is not None) == (part in expected)


@pytest.mark.parametrize(("before", "after"), [(2.0, 2 - 16 / 500_000), (1 + 16 / 500_000, 1.0)])
def test_a_fade_begins_and_ends_without_a_jump(before: float, after: float) -> None:
    """One step of 16 of 500,000 samples before and after each of its ends: less than 1/255 of the grey values."""
    generator, z = progan.Generator(128, COLOUR), torch.randn(32, 128)
    with torch.no_grad():
        generator.grow(before)
        first = generator(z)
        generator.grow(after)
        assert float((generator(z) - first).abs().mean()) / 2 < 1 / 255


class TestSchedule:
    @pytest.mark.parametrize(
        ("length", "levels"),
        [
            (500, {0: 3, 500: 3, 750: 2.5, 1000: 2, 1500: 2, 1750: 1.5, 2000: 1, 2500: 1, 2750: 0.5, 3000: 0, 9999: 0}),
            (400, {0: 3, 400: 3, 600: 2.5, 800: 2, 1200: 2, 1400: 1.5, 1600: 1, 2000: 1, 2200: 0.5, 2400: 0, 20000: 0}),
        ],
    )
    def test_the_documents_values(self, length: int, levels: dict[int, float]) -> None:
        growth = Growth(COLOUR, 16, training=1000 * length, transition=1000 * length)
        assert {thousands: growth.level(1000 * thousands) for thousands in levels} == levels

    def test_it_never_rises_and_never_jumps(self) -> None:
        growth = Growth((3, 64, 64), 1, training=30, transition=20)
        found = [growth.level(samples) for samples in range(300)]
        assert found[0] == 4 and found[-1] == 0
        steps = [before - after for before, after in pairwise(found)]
        assert min(steps) >= 0 and max(steps) <= 1 / 20 + 1e-9

    def test_without_transitions(self) -> None:
        growth = Growth(COLOUR, 1, training=10, transition=0)
        assert [growth.level(samples) for samples in (0, 9, 10, 19, 20, 30, 99)] == [3, 3, 2, 2, 1, 0, 0]

    @pytest.mark.parametrize(
        ("sides", "start", "first"),
        [((64, 64), 8, 3), ((64, 96), 4, 4), ((48, 48), 4, 3), ((48, 48), 7, 2), ((30, 30), 4, 1)],
    )
    def test_the_first_size(self, sides: tuple[int, int], start: int, first: int) -> None:
        assert Growth((3, *sides), 1, start=start).level(0) == first

    def test_minibatches_by_phase_are_clamped_after_their_end(self) -> None:
        """The book's table ends with phase 5, at 5,500,000 samples; its lookup then failed."""
        growth = Growth(COLOUR, 2, minibatches=(16, 16, 14, 6))
        seen = [2 * growth.batches(samples) for samples in (0, 499_999, 500_000, 1_500_000, 2_500_000, 5_500_000)]
        assert seen == [16, 16, 16, 14, 6, 6]
        assert [Growth(COLOUR, 16).batches(samples) for samples in (0, 10**9)] == [1, 1]
        assert Growth(COLOUR, 16, minibatches=(32, 6)).together == [2, 1], "whole batches of the recipe"

    def test_real_images_are_faded_as_generated_ones_are(self) -> None:
        growth, images = Growth(COLOUR, 1), torch.rand(2, *COLOUR, dtype=DOUBLE)
        assert growth.shown(images, 0) is images
        quarter = doubled(F.avg_pool2d(images, 4), 2)
        torch.testing.assert_close(growth.shown(images, 2), quarter)
        eighth = doubled(F.avg_pool2d(images, 8), 3)
        torch.testing.assert_close(growth.shown(images, 2.25), 0.75 * quarter + 0.25 * eighth)
        assert Growth(COLOUR, 1, reals="full").shown(images, 2.25) is images

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"start": 1}, "start is 1, but the first size must be at least 2"),
            ({"training": 0}, "training is 0, but it must be at least 1"),
            ({"transition": -1}, "transition is -1, but it must be at least 0"),
            ({"minibatches": (16, 0)}, "holds 0, but each must be at least 1"),
        ],
    )
    def test_what_cannot_be_is_refused(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(UsageError, match=message):
            Growth(COLOUR, 16, **options)


def test_means_and_squares_of_pixels() -> None:
    images = torch.rand(2, 3, 8, 16, dtype=DOUBLE)
    torch.testing.assert_close(halved(images, 2), F.avg_pool2d(F.avg_pool2d(images, 2), 2))
    assert torch.equal(enlarged(images, 2), doubled(images, 2))
    assert halved(images, 0) is images and enlarged(images, 0) is images


def test_a_level_beyond_the_coarsest_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"4 is not within 0\.\.3"):
        progan.Generator(6, COLOUR, **SMALL).grow(4)
