"""Equalised layers, deviation and noise against float64 computations by hand."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from belamy.networks.equalised import (
    EqualisedConv2d,
    EqualisedDownConv2d,
    EqualisedLinear,
    EqualisedUpConv2d,
    MinibatchDeviation,
    Noise,
)

DOUBLE = torch.float64


@pytest.mark.parametrize(
    ("layer", "constant"),
    [
        (EqualisedLinear(128, 2048, gain=math.sqrt(2) / 4), 0.03125),
        (EqualisedConv2d(128, 128, 3), 0.0416667),
        (EqualisedConv2d(128, 3, 1, gain=1.0), 0.0883883),
        (EqualisedConv2d(3, 128, 1), 0.8164966),
        (EqualisedConv2d(128, 128, 4, valid=True), 0.03125),
        (EqualisedLinear(128, 1, gain=1.0), 0.0883883),
    ],
)
def test_constants_of_the_documents(layer: nn.Module, constant: float) -> None:
    assert float(layer.scale) == pytest.approx(constant, abs=5e-8)
    assert layer.weight.numel() < 500 or 0.9 < float(layer.weight.detach().std()) < 1.1
    assert not layer.bias.any()
    assert "scale" in layer.state_dict() and "scale" not in dict(layer.named_parameters())


def test_a_dense_layer_with_a_rate() -> None:
    torch.manual_seed(0)
    layer = EqualisedLinear(400, 300, gain=1.5, rate=0.01, offset=1.0).double()
    assert float(layer.weight.detach().std()) == pytest.approx(100, rel=0.05)
    x = torch.randn(5, 400, dtype=DOUBLE)
    expected = x @ layer.weight.T * (1.5 / 20) * 0.01 + 1.0
    torch.testing.assert_close(layer(x), expected)
    # one step of an optimiser that moves every learned number by 1 moves the bias by the rate
    with torch.no_grad():
        layer.bias += 1
    torch.testing.assert_close(layer(x), expected + 0.01)


@pytest.mark.parametrize("kernel", [1, 3, (5, 3)])
def test_a_convolution_keeps_the_size(kernel: int | tuple[int, int]) -> None:
    layer, x = EqualisedConv2d(3, 4, kernel).double(), torch.randn(2, 3, 6, 5, dtype=DOUBLE)
    nn.init.normal_(layer.bias)
    height, width = layer.weight.shape[2:]
    plain = F.conv2d(x, layer.weight, padding=(height // 2, width // 2)) * math.sqrt(2 / (3 * height * width))
    torch.testing.assert_close(layer(x), plain + layer.bias[:, None, None])
    assert layer(x).shape[2:] == (6, 5)


def test_resampling_convolutions_are_both_steps_at_once() -> None:
    x = torch.randn(2, 3, 6, 4, dtype=DOUBLE)
    up, down = EqualisedUpConv2d(3, 5).double(), EqualisedDownConv2d(3, 5).double()
    for layer in (up, down):
        nn.init.normal_(layer.bias)
    enlarged = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(up(x), F.conv2d(enlarged, *up.effective, padding=1))
    torch.testing.assert_close(down(x), F.avg_pool2d(F.conv2d(x, *down.effective, padding=1), 2))


class TestMinibatchDeviation:
    def test_one_number_for_all(self) -> None:
        x = torch.randn(4, 3, 2, 2, dtype=DOUBLE)
        seen = MinibatchDeviation().double()(x)
        mean = x.mean(0)
        expected = ((x - mean).square().mean(0) + 1e-8).sqrt().mean()
        assert seen.shape == (4, 4, 2, 2)
        assert torch.equal(seen[:, :3], x)
        torch.testing.assert_close(seen[:, 3], expected.expand(4, 2, 2))

    def test_groups_of_four_have_numbers_of_their_own(self) -> None:
        x = torch.randn(8, 3, 2, 2, dtype=DOUBLE)
        seen = MinibatchDeviation(4).double()(x)[:, 3, 0, 0]
        for group in (slice(0, None, 2), slice(1, None, 2)):  # as a reshape to [4, N/4] groups them
            part = x[group]
            expected = ((part - part.mean(0)).square().mean(0) + 1e-8).sqrt().mean()
            torch.testing.assert_close(seen[group], expected.expand(4))

    def test_it_is_twice_differentiable(self) -> None:
        made, x = MinibatchDeviation().double(), torch.randn(3, 2, 1, 2, dtype=DOUBLE, requires_grad=True)
        assert gradcheck(made, x) and gradgradcheck(made, x)

    def test_in_evaluation_it_is_the_mean_of_training(self) -> None:
        made, numbers = MinibatchDeviation().double(), []
        for _ in range(5):
            numbers.append(float(made(torch.randn(4, 3, 2, 2, dtype=DOUBLE))[0, 3, 0, 0]))
        made.eval()
        seen = made(torch.randn(1, 3, 2, 2, dtype=DOUBLE))[0, 3]
        torch.testing.assert_close(seen, torch.full((2, 2), sum(numbers) / 5, dtype=DOUBLE), rtol=0, atol=3e-6)
        assert int(made.passes) == 5


class TestNoise:
    def noise(self) -> tuple[Noise, Tensor]:
        made, x = Noise(3, 4, 2), torch.randn(5, 3, 4, 2)
        nn.init.normal_(made.strength)
        return made, x

    def test_none_at_first(self) -> None:
        x = torch.randn(2, 3, 4, 2)
        assert torch.equal(Noise(3, 4, 2)(x), x)

    def test_new_and_alike_in_all_channels_in_training(self) -> None:
        made, x = self.noise()
        torch.manual_seed(3)
        noise = torch.randn(5, 1, 4, 2)
        torch.manual_seed(3)
        torch.testing.assert_close(made(x), x + made.strength[:, None, None] * noise)
        assert not torch.equal(made(x), made(x))

    def test_constant_in_evaluation(self) -> None:
        made, x = self.noise()
        made.eval()
        torch.testing.assert_close(made(x), x + made.strength[:, None, None] * made.constant)
        assert torch.equal(made(x), made(x))

    def test_by_sample_where_streams_are_given(self) -> None:
        made, x = self.noise()
        made.eval()
        whole = made(x, [torch.Generator().manual_seed(index) for index in range(5)])
        single = made(x[3:4], [torch.Generator().manual_seed(3)])
        torch.testing.assert_close(whole[3:4], single)
        assert not torch.equal(whole, made(x))
