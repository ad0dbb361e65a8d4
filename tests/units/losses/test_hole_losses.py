"""Losses of filled holes against their formulas, in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from belamy.losses import holes
from belamy.losses.adversarial.non_saturating import Adversarial
from belamy.losses.perceptual.feature_matching import feature_matching


def pictures(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def gaps() -> Tensor:
    """Holes of two pictures of 6x5, one of them at the border."""
    found = torch.zeros(2, 1, 6, 5, dtype=torch.float64)
    found[0, 0, 2:4, 1:3] = found[1, 0, 0, 0] = found[1, 0, 4, 4] = 1
    return found


def test_errors_within_and_without(gaps: Tensor) -> None:
    made, wanted = pictures(1, 2, 3, 6, 5), pictures(2, 2, 3, 6, 5)
    for where in (gaps, 1 - gaps):
        by_hand = [
            sum(
                abs(float(made[n, c, i, j] - wanted[n, c, i, j]))
                for c, i, j in torch.cartesian_prod(*map(torch.arange, (3, 6, 5))).tolist()
                if where[n, 0, i, j]
            )
            / 90
            for n in (0, 1)
        ]
        torch.testing.assert_close(holes.absolute_error(made, wanted, where).tolist(), by_hand)


def test_features_and_styles_and_squares() -> None:
    found, wanted = (
        [pictures(1, 2, 3, 4, 5), pictures(2, 2, 2, 2, 3)],
        [pictures(3, 2, 3, 4, 5), pictures(4, 2, 2, 2, 3)],
    )
    apart, style, squares = torch.zeros(3, 2, dtype=torch.float64)
    for a, b in zip(found, wanted, strict=True):
        count, size = a.shape[1], a[0].numel()
        for n in (0, 1):
            apart[n] += (a[n] - b[n]).abs().sum() / size
            squares[n] += (a[n] - b[n]).square().sum() / size / 2
            for p in range(count):
                for q in range(count):
                    mine, its = ((each[n, p] * each[n, q]).sum() for each in (a, b))
                    style[n] += ((mine - its) / size).abs() / count**2
    torch.testing.assert_close(feature_matching(found, wanted), apart)
    torch.testing.assert_close(holes.styles_apart(found, wanted), style)
    torch.testing.assert_close(holes.squares_apart(found, wanted), squares)


def test_roughness_of_pairs_within_the_dilated_holes(gaps: Tensor) -> None:
    given = pictures(1, 2, 3, 6, 5)
    for n in (0, 1):
        region = {
            (i, j)
            for i in range(6)
            for j in range(5)
            if any(gaps[n, 0, a, b] for a in range(6) for b in range(5) if abs(a - i) <= 1 and abs(b - j) <= 1)
        }
        wanted = sum(
            float((given[n, :, i + a, j + b] - given[n, :, i, j]).abs().sum())
            for i, j in region
            for a, b in ((0, 1), (1, 0))
            if (i + a, j + b) in region
        )
        assert float(holes.roughness(given, gaps)[n]) == pytest.approx(wanted / 90)


def test_patches_without_a_hole_are_real(gaps: Tensor) -> None:
    """Scores of 2x1 patches of 3x5 pixels; only the first of the first picture, and both of the second, hold holes."""
    scores = pictures(1, 2, 1, 2, 1)
    gaps[0, 0, 3] = 0
    loss = holes.judged_in_holes(Adversarial(), scores, gaps)
    chance = 1 / (1 + torch.exp(-scores))[:, 0, :, 0]
    wanted = [
        float(-(1 - chance[0, 0]).log() - chance[0, 1].log()) / 2,
        float(-(1 - chance[1]).log().sum()) / 2,
    ]
    torch.testing.assert_close(loss.tolist(), wanted)
