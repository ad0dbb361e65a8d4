"""FastGAN: sizes by hand, excitation, patches, decoders, and whom the self-supervision teaches."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.methods import gan
from belamy.methods.base import DataSpec
from belamy.networks import fastgan
from belamy.networks.conditions.unconditional import DiscriminatorCondition
from belamy.networks.critic import Critic
from belamy.networks.reconstruction import Reconstruction
from belamy.seeds import Draws

COLOUR = (3, 64, 64)


def critic_of(network: nn.Module) -> Critic:
    return Critic(DiscriminatorCondition(lambda _: network, COLOUR, 0), COLOUR)


def weights(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def step(before: int, after: int) -> int:
    """3×3 convolution with offset and batch normalisation, before a gate that halves the channels."""
    return 2 * after * (9 * before + 1) + 4 * after


def excitation(before: int, after: int) -> int:
    return 16 * before * after + after * after


def norm(before: int, after: int, kernel: int) -> int:
    return kernel**2 * before * after + 2 * after


def test_the_generator_is_counted_by_hand() -> None:
    widths = [256, 128, 64, 32, 16]
    expected = 256 * 2 * 256 * 16 + 4 * 256 + sum(map(step, widths, widths[1:])) + excitation(256, 16)
    assert weights(fastgan.Generator(256, COLOUR)) == expected + 3 * (9 * 16 + 1)
    large = fastgan.Generator(256, (3, 256, 256), width=8, growth=16)
    wanted = [(128, 32), (128, 16), (128, 8)]
    assert [(part[1].in_channels, part[1].out_channels) for part in large.excitations] == wanted


def test_the_discriminator_is_counted_by_hand() -> None:
    widths = [32, 64, 128]
    halving = sum(norm(a, b, 4) + norm(b, b, 3) + norm(a, b, 1) for a, b in pairwise(widths))
    expected = 32 * (16 * 3 + 1) + halving + norm(128, 128, 1) + 16 * 128 + 1
    assert weights(fastgan.Discriminator(COLOUR)) == expected


def test_late_maps_are_weighed_by_early_ones() -> None:
    """y = F(x_low) · x_high, one factor in (0, 1) for each channel (equation 1)."""
    network = fastgan.Generator(8, COLOUR, width=2, growth=4).double().eval()
    z = torch.randn(3, 8, dtype=torch.float64)
    first = network.first(network.start(z).view(3, *network.start_shape))
    x = first
    for layer in network.steps:
        x = layer(x)
    low = F.adaptive_avg_pool2d(first, 4)
    one, two = network.excitations[0][1].weight, network.excitations[0][3].weight
    factor = torch.sigmoid(F.conv2d(F.leaky_relu(F.conv2d(low, one), 0.1), two))
    assert factor.shape == (3, 2, 1, 1)
    torch.testing.assert_close(network(z), network.image(x * factor))


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 96, 64), (2, 8, 8)])
def test_small_and_oblong_pictures_are_excited_too(shape: tuple[int, int, int]) -> None:
    assert len(fastgan.Generator(4, shape, width=2, growth=2).excitations) >= 1


def test_patches_and_their_mean() -> None:
    critic = critic_of(fastgan.Discriminator(COLOUR, width=2, growth=2))
    verdict = critic.judge(torch.randn(3, *COLOUR))
    assert verdict.patches is not None and verdict.patches.shape == (3, 25)  # 5×5
    torch.testing.assert_close(verdict.scores, verdict.patches.mean(1))
    assert [tuple(found.shape) for found in verdict.maps] == [(3, 4, 16, 16), (3, 4, 8, 8)]
    assert torch.equal(verdict.judged, verdict.patches.flatten())


def test_what_is_said_of_the_whole_image_is_said_of_each_patch() -> None:
    recipe = gan.Recipe(
        generator="fastgan:width=2,growth=2", discriminator="fastgan:width=2,growth=2",
        discriminator_condition="projection", latent=4, ema_half_life=0,
    )  # fmt: skip
    method = gan.Method(recipe, DataSpec.pictures((3, 32, 32), ("a", "b")))
    images = torch.randn(4, 3, 32, 32, dtype=torch.float64)
    method.double().eval()
    one, other = (method.judge(images, torch.full((4,), label)) for label in (0, 1))
    difference = other.patches - one.patches
    torch.testing.assert_close(difference, (other.scores - one.scores)[:, None].expand_as(difference))
    assert difference.abs().max() > 1e-9


class TestSelfSupervision:
    def made(self, **options: Any) -> tuple[Critic, Reconstruction]:
        critic = critic_of(fastgan.Discriminator(COLOUR, width=2, growth=2))
        return critic, Reconstruction(critic.map_shapes, COLOUR, width=2, **options)

    def test_what_is_made_and_of_what(self) -> None:
        """From 8×8 the whole image at its size, from half of 16×16 the same part of the image (figure 4)."""
        critic, penalty = self.made()
        maps = critic.judge(torch.randn(2, *COLOUR)).maps
        assert penalty.decoders[1](maps[1]).shape == (2, *COLOUR)
        part, (rows, columns) = penalty.cut(maps[0], Draws(0, 0))
        assert torch.equal(part, maps[0][:, :, rows, columns]) and part.shape[2:] == (8, 8)
        assert penalty.decoders[0](part).shape == (2, 3, 32, 32)
        places = {tuple(each.start for each in penalty.cut(maps[0], Draws(0, step))[1]) for step in range(200)}
        assert {row for row, _ in places} == {column for _, column in places} == set(range(9))

    def test_no_distance_to_itself_and_a_symmetric_one_to_others(self) -> None:
        _, penalty = self.made()
        a, b = torch.rand(2, 2, 3, 16, 16) * 2 - 1
        assert penalty.distance(a, a).abs().max() < 1e-9
        torch.testing.assert_close(penalty.distance(a, b), penalty.distance(b, a))
        assert penalty.distance(a, b).min() > 0.01

    def test_targets_are_means_where_decoders_end_early(self) -> None:
        _, penalty = self.made(perceptual=False)
        real = torch.randn(2, 3, 8, 8)
        made = F.avg_pool2d(real, 2)
        torch.testing.assert_close(penalty.distance(made, real), torch.zeros(2))

    def test_only_what_learns_is_a_parameter(self) -> None:
        _, penalty = self.made()
        assert all(name.startswith("decoders.") for name, _ in penalty.named_parameters())
        assert not any(name.startswith("features.") for name in penalty.state_dict())

    def test_a_discriminator_without_maps_is_refused(self) -> None:
        with pytest.raises(UsageError, match="Type --discriminator fastgan, or leave it out of --penalties"):
            Reconstruction([], COLOUR)
        with pytest.raises(UsageError, match=r"self-supervised\.part is 0"):
            Reconstruction([(2, 8, 8)], COLOUR, part=0.0)


def test_a_forward_leaves_nothing_behind() -> None:
    """What is told aside is handed over, not kept: a copy of a network that has judged can be made."""
    network = fastgan.Discriminator(COLOUR, width=2, growth=2)
    critic_of(network).judge(torch.randn(2, *COLOUR))
    assert network.aside.thing is None and not any(isinstance(value, Tensor) for value in vars(network).values())
