"""How far networks see: hand-computed figures, and what a changed pixel really changes."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.methods.construction import adapted
from belamy.methods.pix2pix import TRANSLATORS
from belamy.methods.super_resolution import UPSCALERS
from belamy.networks.areas import even, light_areas
from belamy.networks.sight import sight
from belamy.registry import Part

TRANSLATOR = [
    ("u-net:width=2,depth=3", 28, 8),
    ("u-net:width=2,depth=3,upsampling=transposed", 21, 8),
    ("resnet-translator:width=2,blocks=2", 31, 4),
    ("resnet-translator:width=2,blocks=1,resampling=nearest", 23, 4),
    ("resnet-translator:width=2,blocks=1,resampling=filtered,blended=true", 35, 4),
]


def affected(network: nn.Module, example: Tensor) -> int:
    """How far from a changed middle pixel the farthest changed output lies, in pixels of what is given.

    Gains, weights and the input are positive and offsets 0, in float64, so that nothing cancels and nothing is cut.
    """
    with torch.no_grad():
        for name, value in network.named_parameters():
            value.copy_(value.abs() + 0.1 if value.ndim > 1 else torch.ones_like(value) * ("bias" not in name))
    middle = example.shape[-1] // 2
    farthest = 0
    for shift in (0, 3, 6):  # places within a stride
        changed = example.clone()
        changed[..., middle + shift, middle + shift] += 1
        moved = (network(changed) - network(example)).abs().amax((0, 1)) > 0
        places = moved.nonzero().double()
        step = example.shape[-1] / moved.shape[-1]
        farthest = max(farthest, int(((places + 0.5) * step - 0.5 - middle - shift).abs().max().floor()))
    return farthest


@pytest.mark.parametrize(("text", "reach", "multiple"), TRANSLATOR)
def test_translators(text: str, reach: int, multiple: int) -> None:
    network = TRANSLATORS.build(Part.parse(text), shape=(3, 32, 32), outputs=3).eval()
    found = sight(network, torch.zeros(1, 3, 32, 32))
    assert (found.reach, found.multiple, found.enlargement) == (reach, multiple, 1)
    assert not found.whole_statistics and found.memory > 3 * 4


@pytest.mark.parametrize(("text", "reach", "multiple"), TRANSLATOR)
def test_no_pixel_changes_more_than_is_said(text: str, reach: int, multiple: int) -> None:
    network = TRANSLATORS.build(Part.parse(text), shape=(3, 32, 32), outputs=3).eval().double()
    farthest = affected(network, torch.zeros(1, 3, 128, 128, dtype=torch.float64))
    assert reach * 0.6 <= farthest <= reach


def test_upscalers_enlarge_by_a_narrow_kernel() -> None:
    for text in ("srresnet:width=2,blocks=1,base=bicubic", "rrdb:width=2,blocks=1"):
        found = sight(UPSCALERS.build(Part.parse(text), shape=(3, 16, 16), scale=4).eval(), torch.zeros(1, 3, 16, 16))
        assert (found.reach, found.multiple, found.enlargement) == ({"s": 11, "r": 19}[text[0]], 1, Fraction(4))


def test_by_hand() -> None:
    """3×3 of stride 2 sees 1 pixel beyond its square; a dilated one at half the size 2·2 more; doubling 1 more."""
    network = nn.Sequential(nn.Conv2d(1, 2, 3, 2, 1), nn.Conv2d(2, 2, 3, 1, 2, 2), nn.Upsample(scale_factor=2))
    found = sight(network, torch.zeros(2, 1, 12, 12))
    assert (found.reach, found.multiple) == (1 + 2 * 2 + 1, 2)
    # 2 maps of 6×6 twice and 2 of 12×12, beside what is given, of 4 bytes, over 2 pictures of 144 pixels: at its end
    # the second map, the third and what is given are alive at once
    assert found.memory == pytest.approx(1.5 * 2 * 4 * (144 + 72 + 288) / 288)


def test_instance_norms_need_the_statistics_of_the_whole() -> None:
    made = TRANSLATORS.build(Part.parse("resnet-translator:width=2,blocks=1"), shape=(1, 32, 32), outputs=1)
    found = sight(adapted(made, Part(name="instance"), ()).eval(), torch.zeros(1, 1, 32, 32))
    assert found.whole_statistics and found.reach == 23


@pytest.mark.parametrize(
    "work",
    [
        lambda x: torch.fft.irfft2(torch.fft.rfft2(x)),
        lambda x: x - x.mean((2, 3), keepdim=True),
        lambda x: F.interpolate(x, (13, 13), mode="bilinear"),
        lambda x: F.linear(x.flatten(1), torch.ones(64, 64)).view_as(x),
        lambda x: torch.einsum("nchw,chw->nc", x, x[0])[..., None, None].expand_as(x),
        lambda x: torch.rand(1, 1, 8, 8),
        lambda x: even(x, light_areas(x)),
    ],
)
def test_what_sees_everything_is_told(work: object) -> None:
    assert sight(work, torch.zeros(1, 1, 8, 8)).reach is None  # type: ignore[arg-type]


def test_means_over_channels_see_nothing_around() -> None:
    assert sight(lambda x: x.mean(1, keepdim=True) + x.amax(dim=1, keepdim=True), torch.zeros(1, 3, 8, 8)).reach == 0
