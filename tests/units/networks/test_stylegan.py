"""StyleGAN: the published sizes, the networks written out in float64, styles, noise, mixing."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks import stylegan
from belamy.networks.conditions.one_hot import GeneratorCondition
from belamy.networks.summary import count

DOUBLE = torch.float64
SHAPE = (3, 16, 16)
SMALL: dict[str, Any] = {"base": 24, "widest": 5}
LEVELS = [2, 1.75, 1, 0.25, 0]


def generator(latent: int = 6, shape: tuple[int, int, int] = SHAPE, **options: Any) -> Any:
    """A small one whose offsets and strengths of noise are not 0."""
    network = stylegan.Generator(latent, shape, **{"style": 4, "mapping": 2, **SMALL, **options}).double()
    return stirred(network)


def stirred(network: Any) -> Any:
    for name, parameter in network.named_parameters():
        if name.endswith(("bias", "strength")):
            torch.nn.init.normal_(parameter)
    return network


def test_the_paper_at_1024_pixels() -> None:
    """26.2 million weights of the generator (section 2), the discriminator of progressive GAN."""
    with torch.device("meta"):
        made = stylegan.Generator(512, (3, 1024, 1024), base=8192, widest=512, style=512)
        critic = stylegan.Discriminator((3, 1024, 1024), base=8192, widest=512)
    assert count(made).trainable == 26_219_627
    assert count(critic).trainable == 23_087_249
    assert len(made.style_layers) == 18


def test_initial_values() -> None:
    made = stylegan.Generator(8, (3, 32, 32), base=256, widest=32, style=16)
    assert torch.equal(made.constant, torch.ones(32, 4, 4))
    for layer in made.layers:
        width = len(layer.noise.strength)
        assert not layer.noise.strength.any() and not layer.bias.any()
        assert torch.equal(layer.style.bias, torch.tensor([1.0] * width + [0.0] * width))


def leaky(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.2 * x)


def blurred(x: Tensor) -> Tensor:
    """[1, 2, 1] / 4 along both sides, by shifts."""
    for axis in (2, 3):
        padded = F.pad(x, (0, 0, 1, 1) if axis == 2 else (1, 1, 0, 0))
        size = x.shape[axis]
        x = (padded.narrow(axis, 0, size) + 2 * padded.narrow(axis, 1, size) + padded.narrow(axis, 2, size)) / 4
    return x


def doubled(x: Tensor, times: int = 1) -> Tensor:
    for _ in range(times):
        x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    return x


def convolved(x: Tensor, layer: Any, padding: int = 1) -> Tensor:
    bias = 0 if layer.bias is None else layer.bias[:, None, None]
    return F.conv2d(x, layer.weight, padding=padding) * layer.scale + bias


def styled(x: Tensor, layer: Any, w: Tensor) -> Tensor:
    """Constant noise, offset, rectifier, adaptive instance normalisation."""
    x = leaky(x + layer.noise.strength[:, None, None] * layer.noise.constant + layer.bias)
    y = (w @ layer.style.weight.T * layer.style.scale + layer.style.bias)[:, :, None, None]
    width = x.shape[1]
    mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), correction=0, keepdim=True)
    return y[:, :width] * (x - mean) / (variance + 1e-8).sqrt() + y[:, width:]


def paper_generator(network: Any, styles: Tensor, level: float) -> Tensor:
    """All blocks and images, enlarged and blended."""
    x = styled(network.constant.expand(len(styles), -1, -1, -1), network.layers[0], styles[:, 0])
    images = []
    for number in range(1, len(network.layers)):
        layer = network.layers[number]
        even = number % 2 == 0
        x = blurred(convolved(doubled(x), layer.source[0])) if even else convolved(x, layer.source)
        x = styled(x, layer, styles[:, number])
        if not even:
            images.append(convolved(x, network.images[number // 2], 0))
    full = [doubled(image, number) for number, image in enumerate(images[::-1])]
    whole = int(level)
    coarser = full[min(whole + 1, len(full) - 1)]
    return full[whole] * (1 - (level - whole)) + coarser * (level - whole)


@pytest.mark.parametrize("level", LEVELS)
def test_the_generator_against_the_paper(level: float) -> None:
    made = generator().eval()
    made.grow(level)
    z = torch.randn(3, 6, dtype=DOUBLE)
    styles = made.styles(z)
    assert styles.shape == (3, 6, 4) and torch.equal(styles[:, 0], styles[:, 5])
    torch.testing.assert_close(styles[:, 0], made.mapping(z))
    torch.testing.assert_close(made(z), paper_generator(made, styles, level))
    apart = torch.randn(3, 6, 4, dtype=DOUBLE)
    torch.testing.assert_close(made.synthesize(apart), paper_generator(made, apart, level))


def test_the_discriminator_against_the_paper() -> None:
    critic = stirred(stylegan.Discriminator(SHAPE, group=0, **SMALL).double())
    images = torch.randn(4, *SHAPE, dtype=DOUBLE)
    x = leaky(convolved(images, critic.images[0][0], 0))
    for block in critic.blocks:
        x = blurred(leaky(convolved(x, block[0])))
        x = leaky(F.avg_pool2d(convolved(x, block[3]), 2))
    deviation = ((x - x.mean(0)).square().mean(0) + 1e-8).sqrt().mean()
    x = torch.cat([x, deviation.expand(len(x), 1, *x.shape[2:])], 1)
    x = leaky(convolved(leaky(convolved(x, critic.last[1])), critic.last[3], 0)).flatten(1)
    expected = (x @ critic.score.weight.T * critic.score.scale + critic.score.bias).squeeze(1)
    torch.testing.assert_close(critic(images), expected)


class TestStyles:
    def test_the_resolution_of_each_layer(self) -> None:
        assert generator().style_layers == (4, 4, 8, 8, 16, 16)
        assert generator(shape=(3, 48, 96)).style_layers == (6, 6, 12, 12, 24, 24, 48, 48)

    def test_a_style_acts_in_its_layer_alone(self) -> None:
        """With the coarse styles exchanged, what follows from the fine ones is another image all the same."""
        made = generator().eval()
        first, second = (made.styles(torch.randn(1, 6, dtype=DOUBLE)) for _ in range(2))
        mixed = torch.cat([first[:, :2], second[:, 2:]], 1)
        images = [made.synthesize(styles) for styles in (first, mixed, second)]
        assert all((a - b).abs().mean() > 1e-3 for a, b in pairwise(images))

    def test_the_mean_follows_training_alone(self) -> None:
        made = generator()
        z = torch.randn(5, 6, dtype=DOUBLE)
        made(z)
        torch.testing.assert_close(made.mean_style, 0.005 * made.mapping(z).mean(0))
        before = made.mean_style.clone()
        made.eval()(z)
        made.styles(z)
        assert torch.equal(made.mean_style, before)

    def test_noise_is_constant_in_evaluation_new_in_training_and_by_sample_where_streams_are_given(self) -> None:
        made = generator(mixing=0.0)
        z = torch.randn(2, 6, dtype=DOUBLE)
        assert not torch.equal(made(z), made(z))
        made.eval()
        assert torch.equal(made(z), made(z))
        styles = made.styles(z)
        whole = made.synthesize(styles, [torch.Generator().manual_seed(index) for index in range(2)])
        single = made.synthesize(styles[1:], [torch.Generator().manual_seed(1)])
        torch.testing.assert_close(whole[1:], single)
        assert not torch.allclose(whole, made(z))


class TestMixing:
    def sourced(self, mixing: float, level: float, others: Tensor | None) -> Tensor:
        """The styles that a training pass uses, layer by layer."""
        made = generator(mixing=mixing)
        made.grow(level)
        used: list[Tensor] = []
        for layer in made.layers:
            layer.register_forward_pre_hook(lambda _, arguments: used.append(arguments[1]))
        z = torch.randn(400, 6, dtype=DOUBLE)
        made(z, others)
        first = made.mapping(z)
        return torch.stack([(each == first).all(1) for each in used], 1)

    def test_nine_in_ten_have_finer_styles_of_another(self) -> None:
        own = self.sourced(0.9, 0, torch.randn(400, 6, dtype=DOUBLE))
        assert own[:, 0].all()
        assert float((~own[:, -1]).double().mean()) == pytest.approx(0.9, abs=0.06)
        assert bool((own[:, :-1] | ~own[:, 1:]).all()), "from a layer on"

    def test_crossovers_lie_within_the_layers_in_use(self) -> None:
        own = self.sourced(1.0, 2, torch.randn(400, 6, dtype=DOUBLE))
        assert own.shape[1] == 2 and own[:, 0].all() and not own[:, 1].any()

    def test_the_other_is_of_the_batch_by_default(self) -> None:
        assert self.sourced(1.0, 0, None)[:, 0].all()

    def test_none_where_there_should_be_none(self) -> None:
        assert self.sourced(0.0, 0, None).all()
        with pytest.raises(UsageError, match=r"mixing is 1\.5"):
            generator(mixing=1.5)

    def test_the_other_latent_has_the_same_label(self) -> None:
        """A condition beside the latents stays with the sample."""
        seen: list[tuple[Tensor, Tensor]] = []

        def build(latent: int) -> Any:
            made = generator(latent)
            made.register_forward_pre_hook(lambda _, arguments: seen.append(arguments))
            return made

        condition = GeneratorCondition(build, 6, 3)
        labels = torch.tensor([0, 1, 2, 1])
        condition(torch.randn(4, 6, dtype=DOUBLE), labels)
        first, second = seen[0]
        assert torch.equal(first[:, 6:], second[:, 6:]) and torch.equal(first[:, 6:].argmax(1), labels)
        assert torch.equal(first[:, :6].sort(0).values, second[:, :6].sort(0).values), "the batch in another order"
        condition.eval()(torch.randn(4, 6, dtype=DOUBLE), labels)
        assert len(seen[1]) == 1


@pytest.mark.parametrize("sides", [(64, 96), (48, 48), (80, 80), (28, 28)])
def test_other_sizes(sides: tuple[int, int]) -> None:
    made = generator(shape=(2, *sides))
    critic = stylegan.Discriminator((2, *sides), **SMALL).double()
    for level in (made.halvings, made.halvings - 0.5, 0):
        made.grow(level)
        critic.grow(level)
        images = made(torch.randn(4, 6, dtype=DOUBLE))
        assert images.shape == (4, 2, *sides)
        assert torch.isfinite(critic(images)).all()


@pytest.mark.parametrize(("before", "after"), [(1.0, 1 - 32 / 600_000), (1 + 32 / 600_000, 1.0)])
def test_a_fade_begins_and_ends_without_a_jump(before: float, after: float) -> None:
    made, z = generator(shape=(3, 32, 32), base=256, widest=32).eval(), torch.randn(16, 6, dtype=DOUBLE)
    with torch.no_grad():
        made.grow(before)
        first = made(z)
        made.grow(after)
        assert float((made(z) - first).abs().mean()) / 2 < 1 / 255
