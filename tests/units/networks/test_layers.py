"""Layers against closed forms and independent float64 references written with loops."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks import layers
from belamy.networks.layers import (
    BatchNorm,
    Dropout,
    GlobalAveragePool,
    KerasConv2d,
    KerasConvTranspose2d,
    MeanPooledConv2d,
    PReLU,
    Reshape,
    dense,
    gaussian,
    lecun_normal,
    same_padding,
)

KERNELS = [(1, 1), (3, 1), (5, 1), (7, 1), (4, 1), (3, 2), (4, 2), (5, 2), (5, 3), (2, 3), (31, 4)]


def reference_convolution(x: Tensor, layer: KerasConv2d) -> np.ndarray:
    """Keras' convolution by its definition: pad, then one product per output pixel."""
    images, weight = x.numpy(), layer.weight.detach().numpy()
    kernel, stride, sides = layer.kernel, layer.stride, images.shape[2:]
    if layer.padding == "same":
        outs = [math.ceil(side / stride) for side in sides]
        totals = [max((out - 1) * stride + kernel - side, 0) for out, side in zip(outs, sides, strict=True)]
        images = np.pad(images, [(0, 0), (0, 0)] + [(total // 2, total - total // 2) for total in totals])
    else:
        outs = [(side - kernel) // stride + 1 for side in sides]
    result = np.zeros((len(images), len(weight), *outs))
    for i, j in product(range(outs[0]), range(outs[1])):
        window = images[:, :, i * stride : i * stride + kernel, j * stride : j * stride + kernel]
        result[:, :, i, j] = np.einsum("nckl,ockl->no", window, weight)
    return result + layer.bias.detach().numpy()[:, None, None]


def reference_transposed(x: Tensor, layer: KerasConvTranspose2d) -> np.ndarray:
    """Keras' transposed convolution by its definition: each pixel stamps the kernel, then the result is cropped."""
    images, weight = x.numpy(), layer.weight.detach().numpy()
    kernel, stride = layer.kernel, layer.stride
    n, _, height, width = images.shape
    longest = max(kernel, stride)
    full = np.zeros((n, weight.shape[1], (height - 1) * stride + longest, (width - 1) * stride + longest))
    for i, j in product(range(height), range(width)):
        stamp = np.einsum("nc,cokl->nokl", images[:, :, i, j], weight)
        full[:, :, i * stride : i * stride + kernel, j * stride : j * stride + kernel] += stamp
    if layer.padding == "same":
        start = max(kernel - stride, 0) // 2
        full = full[:, :, start : start + height * stride, start : start + width * stride]
    return full + layer.bias.detach().numpy()[:, None, None]


def randomised(layer: nn.Module) -> nn.Module:
    layer = layer.double()
    nn.init.normal_(layer.bias)
    return layer


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("kernel", "stride"), KERNELS)
@pytest.mark.parametrize("channels", [(1, 3), (2, 1)])
@pytest.mark.parametrize("sides", [(8, 6), (7, 10)])
def test_convolution(padding: str, kernel: int, stride: int, channels: tuple[int, int], sides: tuple[int, int]) -> None:
    if padding == "valid" and kernel > min(sides):
        sides = (kernel, kernel + stride + 1)
    layer = randomised(KerasConv2d(*channels, kernel, stride, padding=padding))
    x = torch.randn(2, channels[0], *sides, dtype=torch.float64)
    np.testing.assert_allclose(layer(x).detach().numpy(), reference_convolution(x, layer), atol=1e-12)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("kernel", "stride"), KERNELS)
@pytest.mark.parametrize("channels", [(3, 1), (2, 3)])
def test_transposed_convolution(padding: str, kernel: int, stride: int, channels: tuple[int, int]) -> None:
    layer = randomised(KerasConvTranspose2d(*channels, kernel, stride, padding=padding))
    x = torch.randn(2, channels[0], 4, 3, dtype=torch.float64)
    np.testing.assert_allclose(layer(x).detach().numpy(), reference_transposed(x, layer), atol=1e-12)


@pytest.mark.parametrize(("kernel", "stride"), [(k, s) for k, s in KERNELS if k >= s])
def test_a_transposed_convolution_is_the_adjoint_of_the_convolution(kernel: int, stride: int) -> None:
    """TensorFlow defines it so; a shift by one pixel would break it."""
    down = KerasConv2d(2, 3, kernel, stride, bias=False).double()
    up = KerasConvTranspose2d(3, 2, kernel, stride, bias=False).double()
    with torch.no_grad():
        up.weight.copy_(down.weight)
    small = torch.randn(2, 3, 3, 4, dtype=torch.float64)
    large = torch.randn(2, 2, 3 * stride, 4 * stride, dtype=torch.float64)
    torch.testing.assert_close((down(large) * small).sum(), (large * up(small)).sum())


@pytest.mark.parametrize("made", [KerasConv2d, KerasConvTranspose2d])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("kernel", "stride"), [(4, 2), (5, 2), (3, 1), (2, 2), (1, 2)])
def test_a_matrix_product_is_the_convolution(
    made: type, padding: str, kernel: int, stride: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where channels are many and places few; values and both derivatives."""
    layer = randomised(made(2, 3, kernel, stride, padding=padding))
    x = torch.randn(2, 2, 6, 5, dtype=torch.float64, requires_grad=True)
    assert not layer.is_product(x, 1)
    native = layer(x)
    monkeypatch.setattr(layers, "WIDE", 1)
    assert layer.is_product(x, layers.FEW) and layer.is_product(x, layers.IN_ALL // 2)
    assert not layer.is_product(x, layers.IN_ALL)
    product = layer(x)
    torch.testing.assert_close(product, native, rtol=0, atol=1e-12)
    inputs = (x, *layer.parameters())
    found, wanted = (torch.autograd.grad(made.square().sum(), inputs) for made in (product, native))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-10)
    small = torch.randn(1, 2, kernel, kernel, dtype=torch.float64, requires_grad=True)
    assert gradgradcheck(lambda x: layer(x).square(), (small,))


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"),
    [(28, 5, 2, (1, 2)), (32, 4, 2, (1, 1)), (14, 3, 2, (0, 1)), (32, 4, 1, (1, 2)), (64, 31, 4, (13, 14)),
     (9, 3, 1, (1, 1)), (9, 5, 1, (2, 2)), (9, 7, 1, (3, 3)), (9, 3, 2, (1, 1)), (9, 1, 2, (0, 0))],
)  # fmt: skip
def test_same_padding(size: int, kernel: int, stride: int, padding: tuple[int, int]) -> None:
    assert same_padding(size, kernel, stride) == padding


@pytest.mark.parametrize("layer", [KerasConv2d(1, 2, 5, 2), KerasConvTranspose2d(2, 1, 5, 2), MeanPooledConv2d(2, 2)])
def test_fast_forms_have_both_derivatives(layer: nn.Module) -> None:
    layer = layer.double()
    x = torch.randn(1, layer.in_channels, 4, 4, dtype=torch.float64, requires_grad=True)
    weight = layer.weight.detach().requires_grad_()

    def output(x: Tensor, weight: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"weight": weight}, (x,)).square()

    assert gradcheck(output, (x, weight))
    assert gradgradcheck(output, (x, weight))


def test_the_pooled_convolution_is_a_convolution_then_a_mean() -> None:
    layer = randomised(MeanPooledConv2d(3, 4))
    x = torch.randn(2, 3, 8, 6, dtype=torch.float64)
    separate = F.avg_pool2d(F.conv2d(x, layer.weight, layer.bias, padding=1), 2)
    torch.testing.assert_close(layer(x), separate)


def test_initial_weights() -> None:
    limit = math.sqrt(6 / (9 * 64 + 9 * 128))
    for layer in (KerasConv2d(64, 128, 3), KerasConvTranspose2d(64, 128, 3)):
        assert not layer.bias.any()
        assert layer.weight.abs().max() <= limit
        assert layer.weight.std().item() == pytest.approx(limit / math.sqrt(3), rel=0.02)
    full = dense(200, 300)
    assert not full.bias.any()
    assert full.weight.abs().max() <= math.sqrt(6 / 500)
    assert dense(200, 300, init=gaussian(0.02)).weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert dense(400, 300, init=lecun_normal).weight.std().item() == pytest.approx(1 / 20, rel=0.02)
    assert dense(2, 3, bias=False).bias is None


@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5, 2)])
def test_batch_normalisation(shape: tuple[int, ...]) -> None:
    layer = BatchNorm(3).double()
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    x = 3 * torch.randn(shape, dtype=torch.float64) + 1
    rows = x.movedim(1, -1).reshape(-1, 3)
    mean, variance = rows.mean(0), rows.var(0, correction=0)
    expected = (rows - mean) / (variance + 1e-3).sqrt() * layer.weight + layer.bias
    torch.testing.assert_close(layer(x).movedim(1, -1).reshape(-1, 3), expected)
    torch.testing.assert_close(layer.running_mean, 0.01 * mean)
    torch.testing.assert_close(layer.running_var, 0.99 + 0.01 * rows.var(0))
    layer.eval()
    moved = (rows - 0.01 * mean) / (0.99 + 0.01 * rows.var(0) + 1e-3).sqrt() * layer.weight + layer.bias
    torch.testing.assert_close(layer(x).movedim(1, -1).reshape(-1, 3), moved)


def test_batch_normalisation_refuses_a_single_value() -> None:
    layer = BatchNorm(3)
    with pytest.raises(UsageError, match="--batch 2"):
        layer(torch.zeros(1, 3))
    assert layer.eval()(torch.zeros(1, 3)).shape == (1, 3)
    assert BatchNorm(3)(torch.zeros(1, 3, 2, 2)).shape == (1, 3, 2, 2)


class TestDropout:
    def test_keeps_its_share_and_the_mean(self) -> None:
        x = torch.ones(400, 999)
        y = Dropout(0.3)(x)
        kept = (y != 0).float().mean().item()
        assert kept == pytest.approx(0.7, abs=4 * math.sqrt(0.21 / x.numel()) + 1 / 65536)
        assert y.max().item() == pytest.approx(1 / 0.7, rel=2e-5)
        assert set(y.unique().tolist()) == {0.0, y.max().item()}

    def test_drops_each_value_by_itself(self) -> None:
        """Neighbours share a random word; their fates are still independent."""
        kept = (Dropout(0.5)(torch.ones(40_000, 4)) != 0).double()
        assert torch.corrcoef(kept.T).triu(1).abs().max() < 0.025

    def test_is_the_identity_in_evaluation_and_at_rate_zero(self) -> None:
        x = torch.randn(5, 3)
        assert Dropout(0.5).eval()(x) is x
        assert Dropout(0.0)(x) is x

    def test_repeats_with_the_seed_and_keeps_the_type(self) -> None:
        x = torch.randn(5, 7, dtype=torch.float64)
        results = []
        for _ in range(2):
            torch.manual_seed(3)
            results.append(Dropout(0.5)(x))
        assert torch.equal(*results)
        assert results[0].dtype == torch.float64

    @pytest.mark.parametrize("rate", [-0.1, 1.0, 2.0])
    def test_refuses_what_is_no_probability(self, rate: float) -> None:
        with pytest.raises(UsageError, match=f"dropout is {rate}"):
            Dropout(rate)

    def test_can_drop_nearly_everything(self) -> None:
        assert torch.isfinite(Dropout(0.999999)(torch.ones(10_000))).all()


def test_prelu_has_one_slope_per_element_that_starts_at_zero() -> None:
    layer = PReLU(2, 3)
    x = torch.tensor([[[-1.0, 2.0, -3.0], [4.0, -5.0, 6.0]]])
    assert layer.weight.shape == (2, 3)
    assert torch.equal(layer(x), x.relu())
    with torch.no_grad():
        layer.weight.copy_(torch.arange(6).view(2, 3))
    assert torch.equal(layer(x), torch.tensor([[[0.0, 2.0, -6.0], [4.0, -20.0, 6.0]]]))


def test_reshape_and_pool() -> None:
    assert Reshape()(torch.zeros(5, 1)).shape == (5,)
    assert Reshape(2, 3)(torch.zeros(5, 6)).shape == (5, 2, 3)
    assert torch.equal(GlobalAveragePool()(torch.arange(8.0).view(1, 2, 2, 2)), torch.tensor([[1.5, 5.5]]))
