"""Perceptual losses against closed forms, loops and float64."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from belamy.losses.perceptual import content, covariance, gram
from belamy.losses.perceptual.total_variation import total_variation


@pytest.fixture
def features() -> Tensor:
    return torch.randn(2, 3, 4, 5, dtype=torch.float64)


def test_gram_by_hand() -> None:
    two = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]], [[[0.0, 1.0]], [[-1.0, 2.0]]]])
    assert gram.gram(two).tolist() == [[[5, 11], [11, 25]], [[1, 2], [2, 5]]]
    assert gram.gram(two[:1], torch.tensor([[[[2.0, 0.5]]]])).tolist() == [[[4, 10], [10, 26]]]


def test_gram_forgets_places_and_keeps_who_is_with_whom(features: Tensor) -> None:
    order = torch.randperm(20)
    moved = features.flatten(2)[..., order].unflatten(2, (4, 5))
    torch.testing.assert_close(gram.gram(moved), gram.gram(features))
    alone = features.clone()
    alone[:, 0] = alone[:, 0].flip(1)
    assert not torch.allclose(gram.gram(alone), gram.gram(features))


def test_gatys_fourth_equation(features: Tensor) -> None:
    found, wanted = gram.gram(features[:1]), gram.gram(features[1:])
    channels, positions = 3, 20
    expected = sum(
        (float(found[0, i, j]) - float(wanted[0, i, j])) ** 2 for i, j in itertools.product(range(3), repeat=2)
    ) / (4 * channels**2 * positions**2)
    assert float(gram.difference(found, wanted, channels, positions)) == pytest.approx(expected, rel=1e-12)
    of_means = gram.difference(found / positions, wanted / positions, channels, 1)
    assert float(of_means) == pytest.approx(expected, rel=1e-12)


def test_content_is_a_sum_for_each_sample(features: Tensor) -> None:
    target = torch.zeros(1, 3, 4, 5, dtype=torch.float64)
    expected = [float((each**2).sum()) for each in features]
    assert content.squared(features, target).tolist() == pytest.approx(expected)


def test_content_without_content_is_one_away(features: Tensor) -> None:
    flat = features.mean((2, 3), keepdim=True).expand_as(features)
    torch.testing.assert_close(content.relative(flat, features), torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close(content.relative(7 * flat, 7 * features), torch.ones(2, dtype=torch.float64))
    even = torch.ones(1, 3, 4, 5)
    assert torch.isfinite(content.relative(even + 1, even)).all()
    assert torch.isfinite(content.relative(even, 0 * even)).all()


def test_moments_are_those_of_numpy(features: Tensor) -> None:
    means, covariances = covariance.described(features)
    for each, mean, spread in zip(features, means, covariances, strict=True):
        torch.testing.assert_close(mean, each.mean((1, 2)))
        torch.testing.assert_close(spread, torch.cov(each.flatten(1), correction=0))


def test_weights_of_nothing_leave_positions_out(features: Tensor) -> None:
    mask = torch.zeros(1, 1, 4, 5, dtype=torch.float64)
    mask[..., :2, :] = 1
    for found, wanted in zip(
        covariance.described(features, mask), covariance.described(features[:, :, :2]), strict=True
    ):
        torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(gram.gram(features, mask), gram.gram(features[:, :, :2]))


def test_moments_of_parts_add_up(features: Tensor) -> None:
    parts = [features[..., :2], features[..., 2:]]
    products = sum(gram.gram(part) for part in parts)
    sums = sum(part.sum((2, 3)) for part in parts)
    found = covariance.moments(products, sums, torch.full((2,), 20.0, dtype=torch.float64))  # type: ignore[arg-type]
    for one, other in zip(found, covariance.described(features), strict=True):
        torch.testing.assert_close(one, other)


def test_the_difference_of_moments_is_relative() -> None:
    means, covariances = torch.tensor([[3.0, 4.0]]), torch.tensor([[[2.0, 0.0], [0.0, 1.0]]])
    assert float(covariance.difference((means, covariances), (means, covariances))) == 0
    assert float(covariance.difference((0 * means, 0 * covariances), (means, covariances))) == pytest.approx(2)
    assert float(covariance.difference((2 * means, 3 * covariances), (means, covariances))) == pytest.approx(5)
    assert torch.isfinite(covariance.difference((means, covariances), (0 * means, 0 * covariances))).all()


def test_total_variation_by_loops() -> None:
    images = torch.rand(2, 3, 5, 4, dtype=torch.float64)
    for exponent in (1.25, 1.0, 0.5):
        for image, found in zip(images, total_variation(images, exponent), strict=True):
            expected = 0.0
            for channel, row, column in itertools.product(range(3), range(4), range(3)):
                down = float(image[channel, row + 1, column] - image[channel, row, column])
                right = float(image[channel, row, column + 1] - image[channel, row, column])
                expected += (down**2 + right**2) ** exponent
            assert float(found) == pytest.approx(expected, rel=1e-12)


def test_total_variation_of_a_step_and_of_flat_places() -> None:
    step = torch.zeros(1, 1, 3, 3)
    step[..., 1:, :] = 4.0
    assert float(total_variation(step)) == pytest.approx(2 * 16**1.25, rel=1e-6)
    flat = torch.full((1, 3, 4, 4), 0.3, requires_grad=True)
    total_variation(flat, 0.5).sum().backward()
    assert flat.grad is not None and float(flat.grad.abs().max()) == 0


def test_gradients_are_those_of_finite_differences(features: Tensor) -> None:
    features = features[:, :2, :3, :3].clone().requires_grad_()
    other = torch.randn(1, 2, 3, 3, dtype=torch.float64)
    assert gradcheck(lambda x: content.relative(x, other), features)
    assert gradcheck(lambda x: gram.difference(gram.gram(x), gram.gram(other), 2, 9), features)
    assert gradcheck(lambda x: covariance.difference(covariance.described(x), covariance.described(other)), features)
    assert gradcheck(lambda x: total_variation(x), features)
