"""SNGAN, SAGAN and R3GAN: sizes by hand, fast forms against plain ones, what their papers promise at the start."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from belamy import recipes
from belamy.errors import UsageError
from belamy.methods.construction import DISCRIMINATORS, GENERATORS
from belamy.networks import r3gan, sagan, sngan
from belamy.networks.attention import SelfAttention
from belamy.networks.residual import DownBlock, UpBlock, UpsampledConv2d, doublings

COLOUR = (3, 32, 32)


def conv(incoming: int, outgoing: int, kernel: int) -> int:
    return outgoing * (incoming * kernel**2 + 1)


def weights(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def norm(channels: int) -> int:
    return 2 * channels


def up(before: int, after: int) -> int:
    return norm(before) + conv(before, after, 3) + norm(after) + conv(after, after, 3) + conv(before, after, 1)


def down(before: int, after: int, mixed: bool = True) -> int:
    return conv(before, after, 3) + conv(after, after, 3) + (conv(before, after, 1) if mixed else 0)


def attention(channels: int) -> int:
    return 4 * channels * (channels // 8) + 1


def bottleneck(channels: int) -> int:
    """1×1 to twice the channels, 3×3 in groups of 16, 1×1 back without offset."""
    inner = 2 * channels
    return conv(channels, inner, 1) + inner * (16 * 9 + 1) + inner * channels


R3 = [16, 32, 64, 128]  # channels at 32, 16, 8 and 4 pixels
R3_BLOCKS = 2 * sum(bottleneck(channels) for channels in R3) + 16 * 32 + 32 * 64 + 64 * 128
COUNTS = {
    "sngan generator": (
        lambda: sngan.Generator(128, COLOUR), 129 * 16 * 256 + 3 * up(256, 256) + norm(256) + conv(256, 3, 3)
    ),
    "sngan discriminator": (
        lambda: sngan.Discriminator(COLOUR), down(3, 128) + down(128, 128) + 2 * down(128, 128, mixed=False) + 129
    ),
    "sagan generator": (
        lambda: sagan.Generator(128, COLOUR),
        129 * 16 * 256 + up(256, 256) + up(256, 128) + attention(128) + up(128, 64) + norm(64) + conv(64, 3, 3),
    ),
    "sagan discriminator": (
        lambda: sagan.Discriminator(COLOUR),
        down(3, 64) + attention(64) + down(64, 128) + down(128, 256) + down(256, 256, mixed=False) + 257,
    ),
    "sagan generator 64": (
        lambda: sagan.Generator(128, (3, 64, 64), features=32),
        129 * 16 * 256 + up(256, 256) + up(256, 128) + up(128, 64) + attention(64) + up(64, 32) + norm(32)
        + conv(32, 3, 3),
    ),
    "r3gan generator": (
        lambda: r3gan.Generator(64, COLOUR), 128 * 16 + 65 * 128 + R3_BLOCKS + conv(16, 3, 1)
    ),
    "r3gan discriminator": (
        lambda: r3gan.Discriminator(COLOUR), conv(3, 16, 1) + R3_BLOCKS + 128 * 16 + 129
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_counted_by_hand(name: str) -> None:
    make, expected = COUNTS[name]
    network = make()
    assert sum(parameter.numel() for parameter in network.parameters()) == expected
    told = (type(network).__doc__ or "").replace(",", "")
    assert name.startswith("r3gan") or name.endswith("64") or str(expected) in told


@pytest.mark.parametrize("sides", [(4, 4), (3, 5)])
def test_the_enlarging_convolution_is_nearest_neighbours_then_a_convolution(sides: tuple[int, int]) -> None:
    layer = UpsampledConv2d(3, 4).double()
    nn.init.normal_(layer.bias)
    x = torch.randn(2, 3, *sides, dtype=torch.float64)
    separate = F.conv2d(F.interpolate(x, scale_factor=2.0), layer.weight, layer.bias, padding=1)
    torch.testing.assert_close(layer(x), separate)
    x = torch.randn(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    weight = layer.weight.detach().requires_grad_()

    def output(x: Tensor, weight: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"weight": weight}, (x,)).square()

    assert gradcheck(output, (x, weight), fast_mode=True)
    assert gradgradcheck(output, (x, weight), fast_mode=True)


def test_blocks_by_their_plain_form() -> None:
    """Shortcut: enlarged, then mapped; mapped, then averaged (figure 14)."""
    block = UpBlock(3, 4).double()
    x = torch.randn(2, 3, 4, 6, dtype=torch.float64)
    large = F.interpolate(x, scale_factor=2.0)
    mapped = F.conv2d(large, block.mix.weight, block.mix.bias)
    torch.testing.assert_close(block(x) - block.main(x), mapped)
    block = DownBlock(3, 4).double()
    a, b = block.main[1], block.main[3]
    main = F.conv2d(F.conv2d(x.relu(), a.weight, a.bias, padding=1).relu(), b.weight, b.bias, padding=1)
    shortcut = F.conv2d(x, block.mix.weight, block.mix.bias)
    torch.testing.assert_close(block(x), F.avg_pool2d(main + shortcut, 2))
    kept = DownBlock(3, 3, halve=False).double()
    torch.testing.assert_close(kept(x) - kept.main(x), x)


class TestAttention:
    def test_is_the_identity_at_first(self) -> None:
        x = torch.randn(2, 16, 5, 4)
        assert torch.equal(SelfAttention(16)(x), x)

    def test_by_its_definition(self) -> None:
        """Equations 1 to 3, pixel by pixel."""
        layer = SelfAttention(16).double()
        nn.init.constant_(layer.gamma, 0.7)
        x = torch.randn(2, 16, 2, 3, dtype=torch.float64)
        f, g, h, v = (part.weight.detach()[:, :, 0, 0] for part in (layer.f, layer.g, layer.h, layer.v))
        assert f.shape == g.shape == h.shape == (2, 16) and v.shape == (16, 2)
        for image, result in zip(x, layer(x), strict=True):
            pixels = image.flatten(1).T  # [6, 16]
            for j, pixel in enumerate(pixels):
                share = torch.softmax(torch.stack([(f @ other) @ (g @ pixel) for other in pixels]), 0)
                o = v @ sum(weight * (h @ other) for weight, other in zip(share, pixels, strict=True))
                torch.testing.assert_close(result.flatten(1)[:, j], 0.7 * o + pixel)

    def test_derivatives(self) -> None:
        layer = SelfAttention(4, reduction=2).double()
        nn.init.constant_(layer.gamma, 0.7)
        names = [name for name, _ in layer.named_parameters()]
        values = [value.detach().clone().requires_grad_() for value in layer.parameters()]
        x = torch.randn(2, 4, 2, 2, dtype=torch.float64, requires_grad=True)

        def output(x: Tensor, *values: Tensor) -> Tensor:
            return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,))

        assert gradcheck(output, (x, *values))
        assert gradgradcheck(output, (x, *values), fast_mode=True)

    def test_moves_with_the_pixels(self) -> None:
        """Attention knows no places."""
        layer = SelfAttention(8)
        nn.init.constant_(layer.gamma, 0.7)
        x, order = torch.randn(2, 8, 2, 3), torch.randperm(6)
        moved = x.flatten(2)[:, :, order].view_as(x)
        torch.testing.assert_close(layer(moved).flatten(2), layer(x).flatten(2)[:, :, order])

    def test_sees_the_whole_image(self) -> None:
        discriminator = sagan.Discriminator(COLOUR, features=8)
        attentions = [part for part in discriminator.modules() if isinstance(part, SelfAttention)]
        generating = [part for part in sagan.Generator(16, COLOUR, features=8).modules()
                      if isinstance(part, SelfAttention)]  # fmt: skip
        assert len(attentions) == len(generating) == 1


class TestR3GAN:
    def test_blocks_are_the_identity_at_first(self) -> None:
        """Fix-up: the last convolution of each block is zero."""
        network = r3gan.Discriminator(COLOUR)
        blocks = [part for part in network.modules() if type(part).__name__ == "_Block"]
        assert len(blocks) == 8
        for block in blocks:
            x = torch.randn(2, block.main[0].in_channels, 4, 4)
            assert torch.equal(block(x), x)
            for layer in (block.main[0], block.main[2]):
                scale = (2 / 1.04) ** 0.5 * 8**-0.25 * layer.weight[0].numel() ** -0.5
                assert layer.weight.std().item() == pytest.approx(scale, rel=0.15)

    def test_signals_keep_their_size(self) -> None:
        """The widest network of the paper neither explodes nor fades at the start."""
        images = torch.randn(4, *COLOUR)
        scores, features = r3gan.Discriminator(COLOUR, width=64, growth=1).scores_and_features(images)
        assert 0.05 < features.std() < 5 and scores.abs().max() < 10
        made = r3gan.Generator(64, COLOUR, width=64, growth=1)(torch.randn(8, 64))
        assert 0.1 < made.std() < 0.9

    def test_has_no_normalisation_and_no_dependence_between_samples(self) -> None:
        network = r3gan.Generator(64, COLOUR)
        z = torch.randn(4, 64)
        torch.testing.assert_close(network(z)[1:2], network(z[1:2]), rtol=1e-4, atol=1e-5)
        assert not list(network.buffers())

    def test_groups_and_depth(self) -> None:
        network = r3gan.Discriminator((3, 64, 48), width=16, growth=2, blocks=1, expansion=4, group=8)
        grouped = [part for part in network.modules() if isinstance(part, nn.Conv2d) and part.groups > 1]
        assert [(part.in_channels, part.groups) for part in grouped] == [(64, 8), *[(128, 16)] * 3, (32, 32)]
        with pytest.raises(UsageError, match=r"group is 16, which does not divide the 72 channels.*group=72"):
            r3gan.Generator(64, COLOUR, width=18)
        assert r3gan.Generator(64, COLOUR, width=18, group=72)(torch.randn(2, 64)).shape == (2, *COLOUR)

    @pytest.mark.parametrize(
        ("name", "blocks", "generator", "discriminator"),
        [
            ("r3gan-cifar", 8, 20_732_931, 20_684_545),
            ("r3gan-ffhq-64", 10, 22_430_595, 22_381_825),
            ("r3gan-ffhq-256", 14, 23_058_723, 23_009_665),
            ("r3gan-imagenet-32", 8, 82_753_539, 82_656_769),
            ("r3gan-imagenet-64", 10, 103_409_667, 103_312_897),
        ],
    )
    def test_the_published_widths(self, name: str, blocks: int, generator: int, discriminator: int) -> None:
        """Counted by hand from the widths; those of FFHQ at 256 pixels are the paper's 23.058 and 23.010 million."""
        part = recipes.get(name).generator
        size = int(name.rpartition("-")[2]) if name[-1].isdigit() else 32
        with torch.device("meta"):
            made = GENERATORS.build(part, latent=64, shape=(3, size, size))
            judge = DISCRIMINATORS.build(part, shape=(3, size, size))
        count = len(bin(size)) - 4  # 4 pixels and each doubling
        widths = [part.options["width"] * min(2**k, part.options["growth"]) for k in range(count)]
        inner = [(2 * w, part.options.get("group", 16)) for w in widths]
        body = 2 * sum(2 * w * n + n + n * g * 9 + n for w, (n, g) in zip(widths, inner, strict=True))
        body += sum(a * b for a, b in pairwise(widths) if a != b)
        first, last = widths[0], widths[-1]
        assert 2 * count == blocks
        assert body + 16 * last + 65 * last + 3 * first + 3 == generator == weights(made)
        assert body + 4 * first + 17 * last + 1 == discriminator == weights(judge)

    def test_the_filter_of_the_published_networks(self) -> None:
        """[1, 2, 1] in either direction, and nothing else changes; a flat image stays flat but for its edge."""
        plain, smooth = (r3gan.Discriminator(COLOUR, width=4, blocks=1, resampling=how) for how in ("mean", "binomial"))
        smooth.load_state_dict(plain.state_dict())
        (reducing,) = {type(part) for part in smooth.stages} - {type(part) for part in plain.stages}
        x = torch.randn(1, 1, 6, 8, dtype=torch.float64)
        taps = torch.tensor([[1.0, 2, 1]], dtype=torch.float64) / 4
        wanted = F.conv2d(F.pad(x, (1, 0, 1, 0)), (taps.T @ taps)[None, None], stride=2)
        torch.testing.assert_close(reducing()(x), wanted)
        generator = r3gan.Generator(8, COLOUR, width=4, blocks=1, resampling="binomial")
        (enlarging,) = {type(part) for part in generator.stages if type(part).__name__ == "_Enlarge"}
        flat = enlarging()(torch.ones(1, 1, 4, 4))
        assert flat.shape == (1, 1, 8, 8) and torch.allclose(flat[..., 2:-2, 2:-2], torch.ones(1, 1, 4, 4))

    def test_the_bilinear_reduction_is_the_mean(self) -> None:
        x = torch.randn(1, 3, 8, 8)
        torch.testing.assert_close(F.avg_pool2d(x, 2), F.interpolate(x, scale_factor=0.5, mode="bilinear"))


@pytest.mark.parametrize("network", [sngan, sagan, r3gan])
def test_scores_are_linear_in_the_features(network: object) -> None:
    discriminator = network.Discriminator(COLOUR, **{"features": 8} if network is not r3gan else {})
    scores, features = discriminator.scores_and_features(torch.randn(3, *COLOUR))
    torch.testing.assert_close(scores, features @ discriminator.score.weight[0] + discriminator.score.bias)


@pytest.mark.parametrize(
    ("shape", "times"), [((3, 32, 32), 3), ((3, 64, 64), 4), ((1, 28, 28), 2), ((3, 48, 32), 3), ((1, 8, 8), 1),
                         ((1, 6, 6), 0), ((3, 256, 256), 6)]
)  # fmt: skip
def test_doublings(shape: tuple[int, int, int], times: int) -> None:
    assert doublings(shape) == times
