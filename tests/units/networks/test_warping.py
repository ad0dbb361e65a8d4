"""The warp against ``grid_sample`` written by hand in float64; a composed frame; what changes that only moves."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.networks.film_composer import FilmComposer
from belamy.networks.warping import changes_on_the_way, warped


def by_hand(picture: Tensor, flow: Tensor) -> Tensor:
    """The bilinear mean of the four neighbours of p + w(p), each index held within the border."""
    count, channels, height, width = picture.shape
    found = torch.zeros(count, channels, *flow.shape[2:], dtype=torch.float64)
    for n in range(count):
        for row in range(flow.shape[2]):
            for column in range(flow.shape[3]):
                x = min(max(column + float(flow[n, 0, row, column]), 0), width - 1)
                y = min(max(row + float(flow[n, 1, row, column]), 0), height - 1)
                left, top = math.floor(x), math.floor(y)
                right, low = min(left + 1, width - 1), min(top + 1, height - 1)
                a, b = x - left, y - top
                found[n, :, row, column] = (
                    (1 - a) * (1 - b) * picture[n, :, top, left] + a * (1 - b) * picture[n, :, top, right]
                    + (1 - a) * b * picture[n, :, low, left] + a * b * picture[n, :, low, right]
                )  # fmt: skip
    return found


class TestWarp:
    @pytest.mark.parametrize("size", [(5, 7), (1, 4), (6, 1)])
    def test_is_the_bilinear_mean_written_by_hand(self, size: tuple[int, int]) -> None:
        source = torch.Generator().manual_seed(3)
        picture = torch.randn(2, 3, *size, generator=source, dtype=torch.float64)
        flow = 4 * torch.randn(2, 2, *size, generator=source, dtype=torch.float64)
        torch.testing.assert_close(warped(picture, flow), by_hand(picture, flow), rtol=0, atol=1e-12)

    def test_no_flow_and_whole_pixels(self) -> None:
        picture = torch.randn(1, 2, 4, 6, dtype=torch.float64)
        flow = torch.zeros(1, 2, 4, 6, dtype=torch.float64)
        torch.testing.assert_close(warped(picture, flow), picture, rtol=0, atol=1e-14)
        flow[:, 0], flow[:, 1] = 2, -1
        torch.testing.assert_close(warped(picture, flow)[:, :, 1:, :4], picture[:, :, :-1, 2:], rtol=0, atol=1e-14)

    def test_both_arguments_have_gradients(self) -> None:
        picture = torch.randn(1, 1, 3, 3, dtype=torch.float64, requires_grad=True)
        flow = (0.3 * torch.rand(1, 2, 3, 3, dtype=torch.float64) + 0.1).requires_grad_()
        assert torch.autograd.gradcheck(lambda x, w: warped(x, w)[:, :, :2, :2], (picture, flow))


class TestComposer:
    def made(self, **options: int) -> FilmComposer:
        usual = {"past": 2, "width": 3, "halvings": 1, "blocks": 2}
        return FilmComposer(4, 3, **{**usual, **options}).double().eval()

    @torch.no_grad()
    def test_the_frame_is_the_masked_sum(self) -> None:
        composer, frames = self.made(), torch.randn(2, 6, 8, 10, dtype=torch.float64)
        found = composer(torch.randn(2, 12, 8, 10, dtype=torch.float64), frames)
        kept = by_hand(frames[:, 3:], found.flow)
        torch.testing.assert_close(found.frame, (1 - found.mask) * kept + found.mask * found.drawn)
        assert found.mask.min() > 0 and found.mask.max() < 1 and found.drawn.abs().max() <= 1

    @torch.no_grad()
    def test_sides_that_cannot_be_halved(self) -> None:
        found = self.made(halvings=2)(torch.zeros(1, 12, 17, 22).double(), torch.zeros(1, 6, 17, 22).double())
        assert found.frame.shape == (1, 3, 17, 22) and found.flow.shape == (1, 2, 17, 22)

    def test_counts_of_the_published_widths(self) -> None:
        """Two encoders of 5 blocks, two decoders of 4, 1,024 maps at an eighth of the size."""
        with torch.device("meta"):
            composer = FilmComposer(8, 3)
        block = 2 * (1024 * 1024 * 9 + 1024 + 2 * 1024)
        halvings = sum(a * 2 * a * 9 + 3 * 2 * a for a in (128, 256, 512))
        doublings = sum(2 * a * a * 9 + 3 * a for a in (128, 256, 512))
        stems = sum(incoming * 128 * 49 + 3 * 128 for incoming in (24, 6))
        heads = 2 * (128 * 49 * 3 + 3)
        wanted = 18 * block + 2 * halvings + 2 * doublings + stems + heads
        assert sum(each.numel() for each in composer.parameters()) == wanted == 364_864_518

    @pytest.mark.parametrize("option", ["past", "width", "halvings", "blocks"])
    def test_options_out_of_range(self, option: str) -> None:
        with pytest.raises(UsageError, match=option):
            self.made(**{option: 0})


class TestChanges:
    def test_are_the_root_of_the_mean_square_where_seen(self) -> None:
        source = torch.Generator().manual_seed(1)
        films = torch.randn(2, 3, 2, 4, 5, generator=source, dtype=torch.float64)
        flow = torch.randn(2, 3, 3, 4, 5, generator=source, dtype=torch.float64)
        flow[:, :, 2] = (flow[:, :, 2] > 0).double()
        for n in range(2):
            total, count = 0.0, 0
            for t in (1, 2):
                kept = by_hand(films[n : n + 1, t - 1], flow[n : n + 1, t, :2])[0]
                seen = flow[n, t, 2] > 0
                total += float(((films[n, t] - kept).square().mean(0))[seen].sum())
                count += int(seen.sum())
            assert float(changes_on_the_way(films, flow)[n]) == pytest.approx(math.sqrt(total / count), rel=1e-12)

    def test_nothing_seen_is_nothing_changed(self) -> None:
        assert changes_on_the_way(torch.randn(1, 2, 1, 4, 4), torch.zeros(1, 2, 3, 4, 4)).tolist() == [0]
