"""Resampling filters against scipy's in float64."""

from itertools import product

import numpy
import pytest
import torch
from scipy.signal import upfirdn
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from belamy.networks.resampling import (
    BINOMIAL,
    enlarge,
    enlarging_convolution,
    filter_taps,
    reduce,
    reducing_convolution,
    resample,
)

EXACT = {"rtol": 1e-12, "atol": 1e-12}
LIKE = torch.empty(0, dtype=torch.float64)


def pictures(count: int = 2, channels: int = 3, height: int = 6, width: int = 5) -> Tensor:
    return torch.randn(count, channels, height, width, dtype=torch.float64)


def by_scipy(images: Tensor, taps: Tensor, up: int, down: int, padding: tuple[int, int]) -> Tensor:
    """Zeros between and after the pixels, then padded or cropped, then whole overlaps alone."""
    x = images.numpy()
    for axis in (2, 3):
        x = upfirdn([1.0], x, up=up, axis=axis)
        widths = [(0, 0)] * 4
        widths[axis] = (max(padding[0], 0), up - 1 + max(padding[1], 0))
        x = numpy.pad(x, widths)
        x = numpy.take(x, range(max(-padding[0], 0), x.shape[axis] - max(-padding[1], 0)), axis)
        whole = upfirdn(taps.numpy(), x, axis=axis)
        x = numpy.take(whole, range(len(taps) - 1, x.shape[axis], down), axis)
    return torch.from_numpy(x)


@pytest.mark.parametrize(
    ("size", "up", "down", "padding"),
    list(product([1, 2, 4, 5, 12], [1, 2, 3], [1, 2, 3], [(0, 0), (2, 1), (5, 6), (-1, 3), (2, -2)])),
)
def test_it_is_upfirdn(size: int, up: int, down: int, padding: tuple[int, int]) -> None:
    images, taps = pictures(height=9, width=14), torch.randn(size, dtype=torch.float64)
    shortest = 9 * up + sum(padding)
    if shortest < size:
        return  # nothing overlaps wholly
    found = resample(images, taps, up=up, down=down, padding=padding)
    torch.testing.assert_close(found, by_scipy(images, taps, up, down, padding), **EXACT)


def test_its_elements_are_those_that_the_documentation_names() -> None:
    images, taps = pictures(1, 1, 7, 7), torch.randn(4, dtype=torch.float64)
    whole = upfirdn(taps.numpy(), upfirdn(taps.numpy(), images.numpy(), up=2, axis=2), up=2, axis=3)
    found = resample(images, taps, up=2, padding=(2, 1))
    torch.testing.assert_close(found, torch.from_numpy(whole)[..., 1:15, 1:15], **EXACT)


@pytest.mark.parametrize(("up", "down", "padding"), [(1, 1, (2, 1)), (2, 1, (2, 1)), (1, 2, (1, 1)), (2, 3, (3, 0))])
def test_first_and_second_derivatives(up: int, down: int, padding: tuple[int, int]) -> None:
    images, taps = pictures(1, 2, 4, 4).requires_grad_(), torch.randn(4, dtype=torch.float64, requires_grad=True)

    def resampled(x: Tensor, h: Tensor) -> Tensor:
        return resample(x, h, up=up, down=down, padding=padding)

    assert gradcheck(resampled, (images, taps))
    assert gradgradcheck(resampled, (images, taps))


@pytest.mark.parametrize("weights", [(1.0, 1.0), BINOMIAL, (1.0, 2.0, 1.0), (1.0, 4.0, 6.0, 4.0, 1.0)])
def test_twice_and_half_the_size(weights: tuple[float, ...]) -> None:
    images = pictures(height=8, width=6)
    assert enlarge(images, weights).shape == (2, 3, 16, 12)
    assert reduce(images, weights).shape == (2, 3, 4, 3)
    flat = torch.ones(1, 1, 32, 32, dtype=torch.float64)
    for changed in (enlarge(flat, weights), reduce(flat, weights)):
        even = len(weights) % 2 == 0 or changed.shape[-1] < 32  # an odd filter gives enlarged phases apart
        middle = changed[..., 4:-4, 4:-4]
        assert middle.mean() == pytest.approx(1.0)
        assert not even or (middle - 1).abs().max() < 1e-12


def test_the_usual_filter_interpolates_and_its_reduction_is_its_adjoint() -> None:
    images = pictures(height=8, width=8)
    bilinear = torch.nn.functional.interpolate(images, scale_factor=2.0, mode="bilinear")
    torch.testing.assert_close(enlarge(images)[..., 1:-1, 1:-1], bilinear[..., 1:-1, 1:-1], **EXACT)
    large = pictures(height=16, width=16)
    torch.testing.assert_close((enlarge(images) * large).sum(), 4 * (images * reduce(large)).sum(), **EXACT)


@pytest.mark.parametrize("weights", [BINOMIAL, (1.0, 1.0), (1.0, 2.0, 1.0)])
def test_convolutions_with_a_filter_are_both_steps(weights: tuple[float, ...]) -> None:
    images, kernel = pictures(2, 3, 6, 8), torch.randn(4, 3, 3, 3, dtype=torch.float64)
    stuffed = images.new_zeros(2, 3, 13, 17)
    stuffed[:, :, 1:12:2, 1:16:2] = images
    large = torch.nn.functional.conv2d(stuffed, kernel, padding=1)  # zeros between the pixels, then as usual
    over = len(weights) - 2
    wanted = by_scipy(large, filter_taps(weights, 2.0, like=LIKE), 1, 1, ((over + 1) // 2, over // 2))
    torch.testing.assert_close(enlarging_convolution(images, kernel, weights), wanted, **EXACT)
    smooth = by_scipy(images, filter_taps(weights, like=LIKE), 1, 1, ((len(weights) + 1) // 2, len(weights) // 2))
    wanted = torch.nn.functional.conv2d(smooth, kernel, stride=2)
    torch.testing.assert_close(reducing_convolution(images, kernel, weights), wanted, **EXACT)
    assert wanted.shape == (2, 4, 3, 4)
