"""Networks that fill holes: partial convolutions, Fourier convolutions, context encoders."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.context_encoder import Inpainter as ContextEncoder
from belamy.networks.fourier import FourierConv2d, FourierUnit
from belamy.networks.fourier import Inpainter as Fourier
from belamy.networks.partial_conv import Inpainter as PartialUNet
from belamy.networks.partial_conv import PartialConv2d


def weights(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def by_window(layer: PartialConv2d, features: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Equations 1 and 2 of Liu et al., window by window; masks are those of each channel."""
    kernel, stride = layer.weight.shape[2], layer.stride
    margin = kernel // 2
    count, _, height, width = features.shape
    rows, columns = (-(-side // stride) for side in (height, width))
    made = torch.zeros(count, len(layer.weight), rows, columns, dtype=features.dtype)
    known = torch.zeros(count, 1, rows, columns, dtype=features.dtype)
    for n, i, j in torch.cartesian_prod(*map(torch.arange, (count, rows, columns))).tolist():
        x, m = torch.zeros(2, features.shape[1], kernel, kernel, dtype=features.dtype)
        for a, b in torch.cartesian_prod(*map(torch.arange, (kernel, kernel))).tolist():
            row, column = i * stride + a - margin, j * stride + b - margin
            if 0 <= row < height and 0 <= column < width:
                x[:, a, b], m[:, a, b] = features[n, :, row, column], masks[n, :, row, column]
        if m.sum() > 0:
            ratio = torch.ones_like(m).sum() / m.sum()
            made[n, :, i, j] = (layer.weight * (x * m)).sum((1, 2, 3)) * ratio + layer.bias
            known[n, 0, i, j] = 1
    return made, known


class TestPartialConvolution:
    @pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 2), (7, 2)])
    def test_the_equations_window_by_window(self, kernel: int, stride: int) -> None:
        layer = PartialConv2d((3, 2), 4, kernel, stride).double()
        nn.init.normal_(layer.bias)
        features = torch.randn(2, 5, 8, 6, dtype=torch.float64)
        known = (torch.rand(2, 2, 8, 6) < 0.2).double()
        known[1] = 0
        known[1, :, 0, 0] = 1
        made, reached = layer(features, known)
        wanted, wanted_mask = by_window(layer, features, known[:, [0, 0, 0, 1, 1]])
        torch.testing.assert_close(made, wanted, rtol=1e-10, atol=1e-12)
        assert torch.equal(reached, wanted_mask)

    def test_a_mask_loses_a_pixel_of_hole_on_each_side(self) -> None:
        """A hole of 5x5 is gone after three layers of 3x3."""
        layer = PartialConv2d((1,), 1, 3)
        known = torch.ones(1, 1, 9, 9)
        known[..., 2:7, 2:7] = 0
        sizes = []
        for _ in range(3):
            known = layer(torch.zeros(1, 1, 9, 9), known)[1]
            sizes.append(int((1 - known).sum()))
        assert sizes == [9, 1, 0]

    def test_all_known_it_is_a_convolution_but_at_the_border(self) -> None:
        layer = PartialConv2d((2,), 3, 3).double()
        features = torch.randn(1, 2, 6, 6, dtype=torch.float64)
        plain = nn.functional.conv2d(features, layer.weight, layer.bias, padding=1)
        made, _ = layer(features, torch.ones(1, 1, 6, 6, dtype=torch.float64))
        torch.testing.assert_close(made[..., 1:-1, 1:-1], plain[..., 1:-1, 1:-1])
        corner = nn.functional.conv2d(features, layer.weight, padding=1)[..., 0, 0] * 9 / 4
        torch.testing.assert_close(made[..., 0, 0], corner + layer.bias)

    def test_what_is_unknown_does_not_matter_not_even_infinity(self) -> None:
        layer = PartialConv2d((1,), 2, 3)
        known = torch.ones(1, 1, 5, 5)
        known[..., 2, 2] = 0
        features = torch.randn(1, 1, 5, 5)
        wanted = layer(features, known)[0]
        features[..., 2, 2] = torch.inf
        assert torch.equal(layer(features, known)[0], wanted)


class TestPartialUNet:
    def test_the_paper_has_its_layers(self) -> None:
        """Table 3 of the supplement, at 512x512: weights, offsets, and gains of 14 normalisations."""
        kernels, widths = (7, 5, 5, 3, 3, 3, 3, 3), (3, 64, 128, 256, 512, 512, 512, 512, 512)
        wanted = sum(k * k * a * b + b for k, a, b in zip(kernels, widths, widths[1:], strict=False))
        above = widths[-1]
        for beside in reversed(widths[:-1]):
            wanted += 9 * (above + beside) * beside + beside
            above = beside
        wanted += 2 * (sum(widths[2:]) + sum(widths[1:-1]))
        assert wanted == 32_865_236
        with torch.device("meta"):
            assert weights(PartialUNet((3, 512, 512), width=64)) == wanted

    def test_held_statistics_stay_and_get_no_gradient(self) -> None:
        network = PartialUNet((1, 32, 32), width=4, depth=3)
        network.hold_statistics(True)
        before = {name: value.clone() for name, value in network.named_buffers()}
        network(torch.randn(2, 1, 32, 32), (torch.rand(2, 1, 32, 32) < 0.6).float()).sum().backward()
        moved = {
            name.partition(".")[0] for name, value in network.named_buffers() if not torch.equal(value, before[name])
        }
        assert moved == {"decoder"}
        without = {name for name, value in network.named_parameters() if value.grad is None}
        assert without == {f"encoder.{level}.norm.{kind}" for level in (1, 2) for kind in ("weight", "bias")}

    def test_held_it_normalises_as_in_evaluation(self) -> None:
        network = PartialUNet((1, 16, 16), width=4, depth=2).double()
        for layer in network.decoder:
            layer.norm = nn.Identity()
        given, known = torch.randn(3, 1, 16, 16).double(), torch.ones(3, 1, 16, 16).double()
        network.hold_statistics(True)
        held = network(given, known)
        torch.testing.assert_close(held, network.eval()(given, known))

    def test_what_a_size_lacks_is_a_hole(self) -> None:
        network = PartialUNet((1, 32, 32), width=4, depth=3).eval()
        given, known = torch.randn(1, 1, 27, 30), torch.ones(1, 1, 27, 30)
        larger, holed = torch.randn(1, 1, 32, 32), torch.zeros(1, 1, 32, 32)
        larger[..., :27, :30], holed[..., :27, :30] = given, known
        assert torch.equal(network(given, known), network(larger, holed)[..., :27, :30])

    def test_a_depth_that_cannot_be(self) -> None:
        with pytest.raises(UsageError, match=r"depth is 9, but it must be in 1\.\.8"):
            PartialUNet((3, 64, 64), depth=9)


class TestFourier:
    def test_the_paper_has_27_million_weights(self) -> None:
        """Lama-Fourier: 9 blocks of 512 maps, three quarters of them global."""
        near, wide = 128, 384
        spectral = wide * wide // 2 + wide + wide**2 + 2 * wide + wide // 2 * wide
        layer = 9 * (near * near + 2 * near * wide) + spectral + 2 * near + 2 * wide
        down = 49 * 4 * 64 + 2 * 64 + sum(9 * a * 2 * a + 4 * a for a in (64, 128, 256))
        up = sum(9 * 2 * a * a + 3 * a for a in (256, 128, 64)) + 49 * 64 * 3 + 3
        assert 18 * layer + down + up == 27_048_835
        with torch.device("meta"):
            assert weights(Fourier((3, 256, 256), width=64, blocks=9)) == 27_048_835

    def test_the_unit_is_a_product_in_the_spectrum(self) -> None:
        """Written by hand with a full, complex transform."""
        unit = FourierUnit(2).double().eval()
        x = torch.randn(1, 2, 4, 6, dtype=torch.float64)
        whole = torch.fft.fft2(x) / (4 * 6) ** 0.5
        parts = torch.cat([whole.real, whole.imag], 1)
        mixed = torch.einsum("oc,nchw->nohw", unit.convolution.weight[:, :, 0, 0], parts)
        mixed = torch.relu(mixed / (1 + unit.norm.eps) ** 0.5)
        half = torch.complex(mixed[:, :2], mixed[:, 2:])[..., :4]
        mirrored = half[..., 1:3].flip(3).conj()[..., [0, 3, 2, 1], :]  # of a real map
        full = torch.cat([half, mirrored], 3)
        full[..., [0, 3]] = (full[..., [0, 3]] + full[..., [0, 3, 2, 1], :][..., [0, 3]].conj()) / 2
        wanted = torch.fft.ifft2(full * (4 * 6) ** 0.5).real
        torch.testing.assert_close(unit(x), wanted)

    def test_one_layer_sees_the_whole_map_by_its_global_channels_alone(self) -> None:
        layer = FourierConv2d(8, 4).double().eval()
        near, wide = torch.randn(2, 1, 4, 16, 16, dtype=torch.float64)
        moved = wide.clone()
        moved[0, 0, 0, 0] += 1
        local, whole = (a - b for a, b in zip(layer(near, moved), layer(near, wide), strict=True))
        assert local[..., 5:12, 5:12].abs().max() == 0
        assert whole[..., 5:12, 5:12].abs().max() > 0

    def test_too_small_a_picture(self) -> None:
        with pytest.raises(
            UsageError, match="fourier needs images of at least 16x16, but these are 20 wide and 15 high"
        ):
            Fourier((3, 32, 32), width=4, blocks=1)(torch.zeros(1, 3, 15, 20))

    def test_an_option_out_of_range(self) -> None:
        with pytest.raises(UsageError, match=r"global channels of 32 is 32, but it must be in 2\.\.31"):
            Fourier((3, 32, 32), width=4, share=1.0)


class TestContextEncoder:
    def test_the_paper_has_its_layers(self) -> None:
        """Figure 9 at 128x128: 4x4 kernels of 64 64 128 256 512 maps, 4,000 numbers, and back to 64x64."""
        down, up = (3, 64, 64, 128, 256, 512, 4000), (4000, 512, 256, 128, 64, 3)
        wanted = sum(16 * a * b + b for widths in (down, up) for a, b in pairwise(widths))
        wanted += 2 * (sum(down[2:]) + sum(up[1:-1]))
        assert wanted == 71_130_531
        with torch.device("meta"):
            assert weights(ContextEncoder((3, 128, 128), width=64, bottleneck=4000, region="centre")) == wanted

    def test_of_the_centre_the_rest_stays(self) -> None:
        network = ContextEncoder((3, 32, 64), width=2, bottleneck=4, region="centre")
        given = torch.full((2, 3, 32, 64), 2.0)
        made = network(given)
        middle = torch.zeros(32, 64, dtype=torch.bool)
        middle[8:24, 16:48] = True
        assert bool((made[..., ~middle] == 2).all()) and bool((made[..., middle] < 1).all())

    def test_another_size_than_it_learned(self) -> None:
        network = ContextEncoder((3, 32, 64), width=2, bottleneck=4)
        with pytest.raises(UsageError, match=r"64x32, but these are 32x32\. Type --size 64x32\."):
            network(torch.zeros(2, 3, 32, 32))


@pytest.mark.parametrize(
    "network",
    [
        PartialUNet((3, 32, 32), width=4, depth=3),
        Fourier((3, 32, 32), width=4, blocks=1),
        ContextEncoder((3, 32, 32), width=4, bottleneck=8),
    ],
)
def test_what_lies_in_a_hole_does_not_matter(network: nn.Module) -> None:
    network.eval()
    known = (torch.rand(2, 1, 32, 32) < 0.6).float()
    given = torch.rand(2, 3, 32, 32) * 2 - 1
    assert torch.equal(network(given, known), network(torch.where(known > 0, given, 5.0), known))
