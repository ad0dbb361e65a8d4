"""Temporal warping error: of moving scenes themselves, of flicker, and refusals."""

from __future__ import annotations

import pytest
import torch

from belamy.data import open_data
from belamy.errors import UsageError
from belamy.evaluation.warping_error import warping_error


def test_true_films_change_little_and_flicker_much() -> None:
    """A film that keeps its colours on the way against one whose frames differ by noise of 20 levels each."""
    raw = open_data("moving-scenes:count=8,side=48", length=5).raw(torch.arange(8))
    films, flow = raw["target"], raw["flow"]
    own = warping_error(films, flow)
    noise = 20 * torch.randn(films.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert own.dtype == torch.float64 and own.max() < 10
    assert warping_error(films + noise, flow).min() > 2.5 * own.max()
    still = flow.clone()
    still[:, :, :2] = 0
    assert warping_error(films, still).mean() > 1.5 * own.mean()  # the true flow explains most of what changes


@pytest.mark.parametrize(
    ("films", "flow", "words"),
    [
        ((2, 3, 3, 4, 4), (2, 3, 2, 4, 4), "do not belong together"),
        ((2, 1, 3, 4, 4), (2, 1, 3, 4, 4), "two frames or more"),
        ((2, 3, 4, 4), (2, 3, 3, 4, 4), "do not belong together"),
    ],
)
def test_shapes_that_do_not_belong_together(films: tuple[int, ...], flow: tuple[int, ...], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        warping_error(torch.zeros(films), torch.zeros(flow))


def test_what_is_not_finite() -> None:
    with pytest.raises(UsageError, match="NaN or infinite"):
        warping_error(torch.full((1, 2, 1, 2, 2), torch.nan), torch.zeros(1, 2, 3, 2, 2))
