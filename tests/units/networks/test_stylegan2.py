"""StyleGAN2 against its papers: counts, modulated convolutions sample by sample, forms, styles, noise."""

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks.resampling import enlarge, enlarging_convolution
from belamy.networks.stylegan2 import Discriminator, Generator, ModulatedConv2d

EXACT = {"rtol": 1e-9, "atol": 1e-10}
FORMS = ("skip", "residual", "plain")
SMALL = {"base": 64, "widest": 8}


def generator(shape: tuple[int, int, int] = (3, 32, 32), **options: Any) -> Generator:
    return Generator(16, shape, **{**SMALL, "style": 8, "mapping": 2, **options})


def count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_published_network_has_the_published_number_of_weights() -> None:
    with torch.device("meta"):
        made = Generator(512, (3, 1024, 1024), base=16384, widest=512, style=512)
        judge = Discriminator((3, 1024, 1024), base=16384, widest=512)
    assert (count(made), count(judge)) == (30_370_060, 29_012_513)
    assert len(made.style_layers) == 18


@pytest.mark.parametrize(("enlarges", "demodulate"), list(product([False, True], [False, True])))
def test_scaling_inputs_and_outputs_is_scaling_each_samples_weights(enlarges: bool, demodulate: bool) -> None:
    layer = ModulatedConv2d(5, 4, 3, 6, gain=1.7, enlarges=enlarges, demodulate=demodulate).double()
    x, style = torch.randn(3, 5, 4, 6, dtype=torch.float64), torch.randn(3, 6, dtype=torch.float64)
    affine = layer.style.weight * 6**-0.5
    for row in range(3):
        scales = affine @ style[row] + 1
        weight = layer.weight * (5 * 9) ** -0.5 * scales[:, None, None]  # [O, I, k, k]
        if demodulate:
            weight = 1.7 * weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        one = x[row : row + 1]
        wanted = enlarging_convolution(one, weight) if enlarges else F.conv2d(one, weight, padding=1)
        torch.testing.assert_close(layer(x, style)[row : row + 1], wanted, **EXACT)


def test_demodulated_maps_of_white_noise_have_deviation_one() -> None:
    layer = ModulatedConv2d(16, 32, 3, 4)
    x, style = torch.randn(2, 16, 64, 64), 3 * torch.randn(2, 4)
    inner = layer(x, style).detach()[..., 1:-1, 1:-1]
    assert inner.std((2, 3)).mean() == pytest.approx(1.0, abs=0.03)
    assert (inner.std((2, 3)) - 1).abs().max() < 0.2


def by_hand(network: Generator, styles: Tensor) -> Tensor:
    """The skip generator of figure 7, layer by layer, without noise."""
    x, image = network.constant.expand(len(styles), -1, -1, -1), torch.zeros(())
    images = iter(network.images)
    for number, layer in enumerate(network.layers):
        x = layer.convolution(x, styles[:, number]) + layer.bias
        x = torch.where(x < 0, 0.2 * x, x)
        if number % 2 == 0:
            painter = next(images)
            there = painter.convolution(x, styles[:, number + 1]) + painter.bias
            image = there if number == 0 else enlarge(image) + there
    return image


def test_the_skip_generator_adds_up_its_images() -> None:
    network, styles = generator().double().eval(), torch.randn(2, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(network.synthesize(styles), by_hand(network, styles), **EXACT)


def test_each_layer_has_the_style_of_its_place() -> None:
    network, styles = generator().eval(), torch.randn(1, 8, 8)
    assert network.style_layers == (4, 8, 8, 16, 16, 32, 32, 32)
    before = network.synthesize(styles)
    for number in range(8):
        other = styles.clone()
        other[:, number] += 1.0
        changed = network.synthesize(other)
        assert not torch.equal(changed, before), number


@pytest.mark.parametrize(("form", "other"), list(product(FORMS, FORMS)))
def test_every_form_of_both_plays(form: str, other: str) -> None:
    made, judge = generator((2, 24, 16), form=form), Discriminator((2, 24, 16), form=other, **SMALL)
    images = made(torch.randn(4, 16))
    assert images.shape == (4, 2, 24, 16)
    (slope,) = torch.autograd.grad(judge(images).sum(), images, create_graph=True)
    slope.square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in made.parameters() if p.grad is not None)
    assert any(p.grad is not None and p.grad.any() for p in made.parameters())


def test_residual_blocks_add_what_they_were_given() -> None:
    network = generator((1, 8, 8), form="residual").double().eval()
    styles = torch.randn(2, 4, 8, dtype=torch.float64)
    x = network.layers[0](network.constant.expand(2, -1, -1, -1), styles[:, 0], None)
    main = network.layers[2](network.layers[1](x, styles[:, 1], None), styles[:, 2], None)
    weight = network.shortcuts[0].weight * 8**-0.5
    wanted = network.images[0]((main + enlarge(F.conv2d(x, weight))) / 2**0.5, styles[:, 3])
    torch.testing.assert_close(network.synthesize(styles), wanted, **EXACT)


def test_noise_is_new_in_training_constant_in_evaluation_and_by_sample_if_asked() -> None:
    network, styles = generator(), torch.randn(1, 8, 8).expand(2, -1, -1)
    for layer in network.layers:
        layer.noise.strength.data.fill_(0.5)
    first, second = network.synthesize(styles)
    assert not torch.allclose(first, second)
    network.eval()
    first, second = network.synthesize(styles)
    torch.testing.assert_close(first, second)
    seeds = [torch.Generator().manual_seed(n) for n in (1, 2)]
    both = network.synthesize(styles, seeds)
    alone = network.synthesize(styles[:1], [torch.Generator().manual_seed(2)])
    torch.testing.assert_close(both[1:], alone)
    assert not torch.allclose(both[0], first)


def test_styles_are_mixed_and_their_mean_is_followed_in_training_alone() -> None:
    network, latents = generator(mixing=1.0), torch.randn(6, 16)
    assert not network.mean_style.any()
    network(latents)
    mean = 0.005 * network.styles(latents)[:, 0].mean(0)
    torch.testing.assert_close(network.mean_style, mean)
    others = torch.randn(6, 16)
    torch.manual_seed(0)
    mixed = network(latents, others)
    torch.manual_seed(0)
    assert not torch.equal(mixed, generator_of(network, 0.0)(latents))
    before = network.eval().mean_style.clone()
    torch.testing.assert_close(network(latents, others), network.synthesize(network.styles(latents)))
    assert torch.equal(network.mean_style, before)


def generator_of(network: Generator, mixing: float) -> Generator:
    other = generator(mixing=mixing)
    other.load_state_dict(network.state_dict())
    return other


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"form": "skips"}, "stylegan2.form is 'skips'.*Did you mean 'skip'"),
        ({"mixing": 1.5}, "mixing is 1.5"),
        ({"base": 0}, "base is 0"),
        ({"mapping": 0}, "0"),
    ],
)
def test_wrong_options_are_explained(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        generator(**options)


@pytest.mark.parametrize("group", [1, -4])
def test_a_group_without_deviation_is_refused(group: int) -> None:
    with pytest.raises(UsageError, match=f"group is {group}, but it must be at least 2, or 0"):
        Discriminator((3, 32, 32), group=group)


def leaky(x: Tensor) -> Tensor:
    return torch.where(x < 0, 0.2 * x, x)


def test_a_layer_and_an_image_from_their_raw_weights() -> None:
    network, style = generator().double().eval(), torch.randn(1, 8, dtype=torch.float64)
    layer, painter = network.layers[0], network.images[0]
    layer.bias.data.normal_()
    layer.noise.strength.data.fill_(0.3)
    scales = 1 + style[0] @ layer.convolution.style.weight.T * 8**-0.5
    weight = layer.convolution.weight * scales[:, None, None]
    weight = (
        2**0.5 * weight / weight.square().sum((1, 2, 3), keepdim=True).sqrt()
    )  # the constant of equal rates is lost
    x = F.conv2d(network.constant[None], weight, padding=1)
    wanted = leaky(x + 0.3 * layer.noise.constant + layer.bias)
    made = layer(network.constant[None], style, None)
    torch.testing.assert_close(made, wanted, rtol=1e-6, atol=1e-6)  # ε
    painter.bias.data.normal_()
    scales = 1 + style[0] @ painter.convolution.style.weight.T * 8**-0.5
    weight = painter.convolution.weight * 8**-0.5 * scales[:, None, None]
    torch.testing.assert_close(painter(made, style), F.conv2d(made, weight) + painter.bias, **EXACT)


@pytest.mark.parametrize("form", FORMS)
def test_the_discriminator_from_its_raw_weights(form: str) -> None:
    judge = Discriminator((3, 8, 16), form=form, group=2, **SMALL).double()
    for parameter in judge.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    images = torch.randn(4, 3, 8, 16, dtype=torch.float64)

    def convolved(layer: Any, x: Tensor, gain: float = 2**0.5, padding: int = 0) -> Tensor:
        weight = layer.weight * gain * layer.weight[0].numel() ** -0.5
        return F.conv2d(x, weight, layer.bias, padding=padding)

    halved = resample_by_two(images)
    x = leaky(convolved(judge.inputs[0][0], images))
    block = judge.blocks[0]
    inner = leaky(convolved(block.first, x, padding=1))
    taps = torch.tensor([1.0, 3, 3, 1], dtype=torch.float64) / 8
    kernel = (taps[:, None] * taps).expand(inner.shape[1], 1, 4, 4)
    smooth = F.conv2d(F.pad(inner, (2, 2, 2, 2)), kernel, groups=inner.shape[1])
    weight = block.second.weight * 2**0.5 * block.second.weight[0].numel() ** -0.5
    main = leaky(F.conv2d(smooth, weight, block.second.bias, stride=2))
    if form == "residual":
        main = (main + convolved(block.shortcut, resample_by_two(x), 1.0)) / 2**0.5
    if form == "skip":
        main = main + leaky(convolved(judge.inputs[1][0], halved))
    groups = main.view(2, 2, *main.shape[1:])  # sample i is in group i mod 2
    deviation = (groups.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3)).repeat(2)
    seen = torch.cat([main, deviation[:, None, None, None].expand(-1, 1, *main.shape[2:])], 1)
    seen = leaky(convolved(judge.summary[1], seen, padding=1)).flatten(1)
    dense, head = judge.summary[4], judge.head
    features = leaky(seen @ dense.weight.T * 2**0.5 * dense.weight.shape[1] ** -0.5 + dense.bias)
    scores = features @ head.weight.T * head.weight.shape[1] ** -0.5 + head.bias
    torch.testing.assert_close(judge(images), scores[:, 0], **EXACT)


def resample_by_two(x: Tensor) -> Tensor:
    """Filtered by [1, 3, 3, 1] / 8 along both axes, every other pixel."""
    taps = torch.tensor([1.0, 3, 3, 1], dtype=x.dtype) / 8
    kernel = (taps[:, None] * taps).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(F.pad(x, (1, 1, 1, 1)), kernel, stride=2, groups=x.shape[1])
