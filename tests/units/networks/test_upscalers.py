"""Networks that enlarge and those that judge them: published counts, and layers by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate, leaky_relu

from belamy.methods.pix2pix import PATCH_DISCRIMINATORS
from belamy.methods.super_resolution import UPSCALERS
from belamy.networks.bicubic import enlarged
from belamy.registry import Part


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "scale", "wanted"),
    [
        ("srresnet", 2, 1_402_883), ("srresnet", 3, 1_587_523), ("srresnet", 4, 1_550_659),
        ("rrdb:blocks=23", 4, 16_697_987), ("rrdb:blocks=6", 4, 4_467_779),
    ],
)  # fmt: skip
def test_published_counts(name: str, scale: int, wanted: int) -> None:
    assert count(UPSCALERS.build(Part.parse(name), shape=(3, 24, 24), scale=scale)) == wanted


def test_srresnet_by_its_layers() -> None:
    """Ledig et al., figure 4: k9n64, 16 x (k3n64 k3n64), k3n64, k3n256 for each doubling, k9n3."""

    def convolution(incoming: int, outgoing: int, side: int) -> int:
        return incoming * outgoing * side * side + outgoing

    block = 2 * (convolution(64, 64, 3) + 2 * 64) + 64
    whole = convolution(3, 64, 9) + 64 + 16 * block + convolution(64, 64, 3) + 2 * 64
    whole += 2 * (convolution(64, 256, 3) + 64) + convolution(64, 3, 9)
    assert count(UPSCALERS.build(Part(name="srresnet"), shape=(3, 24, 24), scale=4)) == whole


def test_discriminators() -> None:
    srgan = PATCH_DISCRIMINATORS.build(Part(name="srgan"), shape=(3, 96, 96))
    plan = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 512)]
    convolutions = sum(9 * a * b + b for a, b in plan) + 2 * sum(b for _, b in plan[1:])
    assert count(srgan) == convolutions + 512 * 6 * 6 * 1024 + 1024 + 1024 + 1
    assert srgan(torch.zeros(2, 3, 96, 96)).shape == (2, 1, 1, 1)
    u_net = PATCH_DISCRIMINATORS.build(Part(name="esrgan-u-net"), shape=(3, 64, 64))
    assert count(u_net) == 4_376_897
    assert u_net(torch.zeros(1, 3, 24, 37)).shape == (1, 1, 24, 37)


def test_inner_layers_of_the_u_net_have_norm_one() -> None:
    network = PATCH_DISCRIMINATORS.build(Part(name="esrgan-u-net", width=8), shape=(3, 16, 16)).eval()
    for part in (network.halving, network.doubling, network.finishing):
        for layer in part:
            largest = torch.linalg.svdvals(layer.weight.detach().flatten(1))[0]
            assert float(largest) == pytest.approx(1.0, abs=0.05)
    assert not hasattr(network.first, "parametrizations") and not hasattr(network.last, "parametrizations")


def test_a_dense_residual_block_by_hand() -> None:
    network = UPSCALERS.build(Part(name="rrdb", width=4, growth=2, blocks=1), shape=(3, 8, 8), scale=4).double()
    x = given = torch.randn(2, 3, 5, 6, dtype=torch.float64)
    first = x = network.first(x)
    for dense in network.blocks[0].blocks:
        maps = x
        for layer in dense.layers[:4]:
            maps = torch.cat([maps, leaky_relu(layer(maps), 0.2)], 1)
        x = x + 0.2 * dense.layers[4](maps)
    x = first + network.joined(first + 0.2 * x)
    for layer in network.enlarging:
        x = leaky_relu(layer(interpolate(x, scale_factor=2.0)), 0.2)
    wanted = network.last(leaky_relu(network.finishing(x), 0.2))
    torch.testing.assert_close(network(given), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "name", ["srresnet:width=4,blocks=1,base=bicubic", "rrdb:width=4,growth=2,blocks=1,base=bicubic"]
)
def test_what_is_added_to_the_bicubic_enlargement_begins_at_nothing(name: str) -> None:
    network = UPSCALERS.build(Part.parse(name), shape=(1, 8, 8), scale=2)
    given = torch.rand(2, 1, 9, 5)
    assert torch.equal(network(given), enlarged(given, 2))
    sum(network(given).square().sum() for _ in range(1)).backward()
    assert network.last.weight.grad is not None and network.last.weight.grad.any()
