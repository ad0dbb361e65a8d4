"""The discriminators of pix2pixHD: counts of Hands-On GANs with Keras as mended, score maps, receptive fields."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from belamy.errors import UsageError
from belamy.networks.layers import BatchNorm, same_average_pool
from belamy.networks.multi_scale import PatchDiscriminator as MultiScale
from belamy.networks.patch_gan import PatchDiscriminator


def learned(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("width", "trainable", "total"), [(64, 2_768_577, 2_770_369), (32, 696_161, 697_057)])
def test_the_counts_of_a_scale(width: int, trainable: int, total: int) -> None:
    judges = MultiScale((5, 64, 64), width=width).judges
    assert len(judges) == 3
    for judge in judges:
        moving = sum(buffer.numel() for buffer in judge.buffers())
        assert (learned(judge), learned(judge) + moving) == (trainable, total)


def test_the_counts_of_the_layers() -> None:
    """5,184; 131,200; 524,544; 2,097,664; 8,193 of the convolutions; no normalisation after the first."""
    judge = MultiScale((5, 64, 64), count=1).judges[0]
    convolutions = [learned(part) for part in judge.modules() if hasattr(part, "kernel")]
    assert convolutions == [5_184, 131_200, 524_544, 2_097_664, 8_193]
    assert [part.num_features for part in judge.modules() if isinstance(part, BatchNorm)] == [128, 256, 512]


def test_scores_are_an_eighth_a_sixteenth_and_a_thirty_second() -> None:
    scales = MultiScale((5, 128, 96), width=2).scales(torch.randn(2, 5, 128, 96), features=True)
    assert [tuple(scale.scores.shape) for scale in scales] == [(2, 1, 16, 12), (2, 1, 8, 6), (2, 1, 4, 3)]
    assert [tuple(each.shape[1:]) for each in scales[0].features] == [
        (2, 64, 48), (4, 32, 24), (8, 16, 12), (16, 16, 12),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "same"), [(1, False), (16, False), (70, False), (70, True), (94, False), (286, False)]
)
def test_a_score_sees_as_many_pixels_as_it_says(field: int, same: bool) -> None:
    """By the gradient of one score: convolutions of equal positive weights and no normalisation."""
    shape = (1, 640, 640 if field == 286 else 192)
    judge = PatchDiscriminator(shape, width=1, receptive_field=field, same=same)
    with torch.no_grad():
        for part in judge.modules():
            if hasattr(part, "kernel"):
                part.weight.fill_(1 / part.weight[0].numel())
    pictures = torch.ones(1, *shape, dtype=torch.float64, requires_grad=True)
    scores = judge.double().eval()(pictures)
    (slope,) = torch.autograd.grad(scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2], pictures)
    assert int((slope[0, 0].abs().sum(1) > 0).sum()) == field


def test_the_mean_leaves_the_padding_out() -> None:
    """3x3 means with stride 2; of an even side one row is added at the end, of an odd one a row at each end."""
    images = torch.randn(2, 3, 6, 5, dtype=torch.float64)
    wanted = torch.zeros(2, 3, 3, 3, dtype=torch.float64)
    for i in range(3):
        for j in range(3):
            rows = slice(2 * i, min(2 * i + 3, 6))
            columns = slice(max(2 * j - 1, 0), min(2 * j + 2, 5))
            wanted[:, :, i, j] = images[:, :, rows, columns].mean((2, 3))
    torch.testing.assert_close(same_average_pool(images), wanted)


def test_each_scale_sees_the_one_before_halved() -> None:
    judges = MultiScale((2, 32, 32), width=2)
    pictures = torch.randn(2, 2, 32, 32)
    judges.eval()
    half = same_average_pool(pictures)
    wanted = [pictures, half, same_average_pool(half)]
    for scale, judge, seen in zip(judges.scales(pictures), judges.judges, wanted, strict=True):
        assert scale.features == ()
        assert torch.equal(scale.scores, judge(seen))


def test_to_methods_of_one_scale_it_tells_the_mean() -> None:
    judges = MultiScale((2, 64, 64), width=2, count=2).eval()
    pictures = torch.randn(2, 2, 64, 64)
    fine, coarse = (scale.scores for scale in judges.scales(pictures))
    torch.testing.assert_close(judges(pictures), (fine + interpolate(coarse, scale_factor=2.0)) / 2)


def test_features_are_those_behind_the_scores() -> None:
    judge = PatchDiscriminator((2, 32, 32), width=2, receptive_field=70).eval()
    pictures = torch.randn(2, 2, 32, 32)
    (plain,), (told,) = judge.scales(pictures), judge.scales(pictures, features=True)
    assert torch.equal(plain.scores, told.scores) and torch.equal(judge(pictures), plain.scores)
    again: Tensor = judge.head(nn.functional.pad(told.features[-1], (1, 1, 1, 1)))
    assert torch.equal(again, plain.scores)


@pytest.mark.parametrize(
    ("shape", "options", "words"),
    [
        ((5, 16, 64), {}, r"multi-scale needs images of at least 29x29.* Type --size 64x29 or more"),
        ((5, 64, 64), {"count": 0}, "count is 0"),
        ((5, 64, 64), {"receptive_field": 32}, "must be 1, 16, 70, 94 or 286"),
        ((5, 64, 64), {"width": -1}, "width is -1"),
    ],
)
def test_what_cannot_be_is_refused(shape: tuple[int, int, int], options: dict[str, int], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        MultiScale(shape, **options)
