"""The residual translator: published counts, layers written out, borders, sizes, blending."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.methods.construction import adapted
from belamy.networks.discogan import PatchDiscriminator as Whole
from belamy.networks.discogan import Translator as Plain
from belamy.networks.layers import BatchNorm
from belamy.networks.resnet_translator import Translator
from belamy.registry import Part
from belamy.seeds import generator

PLAIN = Part(name="instance", affine=False)


def learned(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


class TestCounts:
    @pytest.mark.parametrize("resampling", ["strided", "nearest", "filtered"])
    @pytest.mark.parametrize(("blocks", "count"), [(9, 11_378_179), (6, 7_837_699)])
    def test_cyclegan(self, resampling: str, blocks: int, count: int) -> None:
        network = adapted(Translator((3, 64, 64), 3, blocks=blocks, resampling=resampling), PLAIN, ())
        assert learned(network) == count

    def test_the_global_generator_of_pix2pix_hd(self) -> None:
        network = Translator((2, 64, 64), 3, blocks=9, halvings=3)
        moving = sum(buffer.numel() for buffer in network.buffers())
        assert (learned(network) + moving, learned(network)) == (45_632_707, 45_611_459)
        layers = [learned(part) for part in network.modules() if hasattr(part, "kernel")]
        assert layers == [
            6_336, 73_856, 295_168, 1_180_160, *[2_359_808] * 18, 1_179_904, 295_040, 73_792, 9_411,
        ]  # fmt: skip
        norms = [4 * part.num_features for part in network.modules() if isinstance(part, BatchNorm)]
        assert norms == [256, 512, 1_024, 2_048, *[2_048] * 18, 1_024, 512, 256]

    @pytest.mark.parametrize(("sides", "blocks"), [((128, 128), 6), ((256, 256), 9), ((255, 300), 6), ((512, 256), 9)])
    def test_blocks_by_size(self, sides: tuple[int, int], blocks: int) -> None:
        assert len(Translator((3, *sides), 3, width=1).blocks) == blocks


def reference(network: Translator, x: Tensor, mode: str) -> Tensor:
    """The published layers, written out, with instance normalisation."""

    def padded(x: Tensor, margin: int) -> Tensor:
        return F.pad(x, (margin,) * 4, mode=mode)

    def normed(x: Tensor) -> Tensor:
        centred = x - x.mean((2, 3), keepdim=True)
        return centred / (centred.square().mean((2, 3), keepdim=True) + 1e-5).sqrt()

    weights = iter([(part.weight, part.bias) for part in network.modules() if hasattr(part, "kernel")])
    x = F.relu(normed(F.conv2d(padded(x, 3), *next(weights))))
    for _ in range(2):
        x = F.relu(normed(F.conv2d(F.pad(x, (0, 1, 0, 1)), *next(weights), stride=2)))
    for _ in range(3):
        y = F.relu(normed(F.conv2d(padded(x, 1), *next(weights))))
        x = x + normed(F.conv2d(padded(y, 1), *next(weights)))
    for _ in range(2):
        x = F.relu(normed(F.conv_transpose2d(x, *next(weights), stride=2)[..., :-1, :-1]))
    return torch.tanh(F.conv2d(padded(x, 3), *next(weights)))


@pytest.mark.parametrize(
    ("padding", "mode"),
    [("reflect", "reflect"), ("zero", "constant"), ("replicate", "replicate"), ("circular", "circular")],
)
def test_layer_by_layer(padding: str, mode: str) -> None:
    network = Translator((2, 16, 24), 3, width=2, blocks=3, padding=padding)
    with torch.no_grad():
        for parameter in network.parameters():
            nn.init.normal_(parameter, 0.0, 0.3)
    network = adapted(network, PLAIN, ()).double()
    x = torch.rand(2, 2, 16, 24, dtype=torch.float64)
    torch.testing.assert_close(network(x), reference(network, x, mode))


class TestResampling:
    def halves(self, resampling: str) -> nn.Module:
        return adapted(Translator((1, 16, 16), 1, width=2, halvings=1, blocks=1, resampling=resampling), PLAIN, ())

    def test_filtered_halving_blurs_after_the_activation(self) -> None:
        halving = self.halves("filtered").double().down[0]
        x = torch.rand(1, 2, 8, 8, dtype=torch.float64)
        made, convolved = halving(x)
        active = F.pad(F.relu(F.instance_norm(convolved)), (1, 1, 1, 1), mode="reflect")
        taps = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64) / 4
        kernel = torch.outer(taps, taps).expand(4, 1, 3, 3)
        torch.testing.assert_close(made, F.conv2d(active, kernel, stride=2, groups=4))

    def test_nearest_doubling_is_the_nearest_and_a_convolution(self) -> None:
        doubling = self.halves("nearest").double().up[0]
        x = torch.rand(1, 4, 4, 4, dtype=torch.float64)
        large = F.interpolate(x, scale_factor=2.0, mode="nearest")
        layer = doubling.convolution
        wanted = F.relu(F.instance_norm(F.conv2d(large, layer.weight, layer.bias, padding=1)))
        torch.testing.assert_close(doubling(x), wanted)


class TestSizes:
    @pytest.mark.parametrize("sides", [(8, 8), (9, 31), (17, 8), (64, 100)])
    @pytest.mark.parametrize("halvings", [0, 2, 4])
    def test_any_size_comes_back(self, sides: tuple[int, int], halvings: int) -> None:
        network = Translator((1, *sides), 2, width=1, blocks=2, halvings=halvings)
        assert network(torch.rand(2, 1, *sides)).shape == (2, 2, *sides)

    def test_sides_that_cannot_be_halved_are_mirrored_at_their_ends(self) -> None:
        network = Translator((1, 16, 16), 1, width=2, blocks=1).eval()
        x = torch.rand(1, 1, 14, 13)
        wide = F.pad(x, (0, 3, 0, 2), mode="reflect")
        assert torch.equal(network(x), network(wide)[..., :14, :13])

    def test_pictures_that_are_too_small_are_refused_also_later(self) -> None:
        with pytest.raises(UsageError, match=r"needs images of at least 8x8, .* Type --size 8 or more"):
            Translator((3, 7, 8), 3)
        with pytest.raises(UsageError, match="at least 8x8"):
            Translator((3, 8, 8), 3, width=1, blocks=1)(torch.zeros(1, 3, 4, 4))


def test_blending_keeps_what_is_not_new() -> None:
    network = Translator((3, 16, 16), 3, width=2, blocks=1, blended=True).eval()
    x = torch.rand(2, 3, 16, 16) * 2 - 1
    last = network.head.convolution
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(torch.tensor([0.3, -0.3, 9.0, -100.0]))
    assert torch.equal(network(x), x)
    with torch.no_grad():
        last.bias[3] = 100.0
    torch.testing.assert_close(network(x)[0, :, 0, 0], torch.tanh(last.bias[:3]))
    with torch.no_grad():
        last.bias[3] = 0.0
    torch.testing.assert_close(network(x), (x + torch.tanh(last.bias[:3]).view(3, 1, 1)) / 2)


def test_dropout_is_each_samples_own() -> None:
    network = Translator((1, 16, 16), 1, width=2, blocks=2, dropout=0.5).eval()
    x = torch.rand(3, 1, 16, 16)
    made = network(x, [generator(0, "dropout", number) for number in (4, 5, 6)])
    again = network(x[1:2], [generator(0, "dropout", 5)])
    torch.testing.assert_close(made[1:2], again)
    assert not torch.equal(made, network(x, [generator(1, "dropout", number) for number in (4, 5, 6)]))
    assert torch.equal(network(x), network(x))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": 0}, "width is 0"),
        ({"blocks": -1}, "blocks is -1"),
        ({"halvings": 7}, r"halvings is 7, but it must be in 0\.\.6"),
        ({"padding": "mirror"}, "padding is 'mirror'"),
        ({"resampling": "nearst"}, "Did you mean 'nearest'"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"blended": True}, "has 1 channels and what is made 3"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Translator((1, 16, 16), 3, **options)  # type: ignore[arg-type]


class TestDiscoGAN:
    def test_64_pixels_become_4_and_one_score(self) -> None:
        network, sides = Plain((3, 64, 64), 1, width=2), []
        for layer in network.encoder:
            layer.register_forward_hook(lambda _part, _given, made: sides.append(made.shape[2]))
        assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 1, 64, 64)
        assert sorted(set(sides)) == [4, 8, 16, 32]
        assert Whole((3, 64, 64), width=2)(torch.zeros(2, 3, 64, 64)).shape == (2, 1, 1, 1)

    def test_sizes_that_cannot_be_halved_are_refused_also_later(self) -> None:
        with pytest.raises(UsageError, match="multiples of 4 of at least 16"):
            Plain((3, 62, 64), 3)
        with pytest.raises(UsageError, match="multiples of 16"):
            Plain((3, 64, 64), 3, width=1)(torch.zeros(1, 3, 40, 64))
