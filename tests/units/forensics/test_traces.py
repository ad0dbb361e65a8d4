"""Each trace against what it must be: closed forms, numpy, scipy and images whose traces are known."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv_transpose2d

from belamy.errors import UsageError
from belamy.forensics.frequency import azimuthal, cosine_transform, power
from belamy.forensics.traces import (
    TRACES,
    benford,
    centroid,
    co_occurrence,
    colour,
    duplicates,
    moments,
    slope,
    smoothness,
)
from belamy.forensics.traces._reduce import moments as row_moments
from belamy.forensics.traces.discrete_support import Trace as DiscreteSupport
from belamy.forensics.traces.pixel_histogram import Trace as PixelHistogram
from belamy.forensics.traces.spectrum import Trace as Spectrum
from belamy.registry import Part
from belamy.seeds import generator

EXPECTED = {
    "benford", "centroid", "co-occurrence", "colour", "cosine", "discrete-support", "duplicates", "moments",
    "pixel-histogram", "slope", "smoothness", "spectrum",
}  # fmt: skip


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=generator(seed, "noise"))


def built(name: str) -> object:
    return TRACES.build(Part(name=name))


def fitting(name: str, count: int = 12, side: int = 16, seed: int = 0) -> Tensor:
    return noise(count, 3 if name == "colour" else 1, side, side, seed=seed)


def test_the_shelf_holds_what_is_promised() -> None:
    assert set(TRACES.names()) == EXPECTED


@pytest.mark.parametrize("name", TRACES.names())
class TestEveryTrace:
    def test_numbers_are_finite_float64_one_row_an_image(self, name: str) -> None:
        trace = built(name)
        channels = fitting(name).shape[1]
        for values in (fitting(name), torch.zeros(4, channels, 16, 16), torch.ones(4, channels, 16, 16)):
            numbers = trace.describe(values)
            assert numbers.dtype == torch.float64 and numbers.dim() == 2 and len(numbers) == len(values)
            assert torch.isfinite(numbers).all()

    def test_images_may_come_in_parts(self, name: str) -> None:
        trace, values = built(name), fitting(name)
        whole = trace.describe(values)
        if trace.together:
            assert not torch.allclose(whole[:5], trace.describe(values[:5]))
        else:
            parts = torch.cat([trace.describe(part) for part in values.split((1, 4, 7))])
            torch.testing.assert_close(parts, whole, rtol=1e-12, atol=1e-12)

    def test_the_order_of_images_is_that_of_rows(self, name: str) -> None:
        trace, values = built(name), fitting(name)
        torch.testing.assert_close(trace.describe(values.flip(0)), trace.describe(values).flip(0), rtol=0, atol=1e-12)

    def test_the_input_is_left_alone(self, name: str) -> None:
        values = fitting(name)
        before = values.clone()
        built(name).describe(values)
        assert torch.equal(values, before)

    def test_the_figure_is_a_picture(self, name: str) -> None:
        drawn = built(name).figure(fitting(name), fitting(name, seed=1) ** 3)
        tree = ElementTree.fromstring(drawn)
        assert tree.tag.endswith("svg")
        assert "nan" not in drawn and {"real", "suspect"} <= {text for text in tree.itertext() if text}

    def test_it_says_which_images_do_not_have_the_cue(self, name: str) -> None:
        trace = built(name)
        assert trace.unfit(tuple(fitting(name).shape[1:])) is None
        small = trace.unfit((1, 2, 2))
        assert small is None or ("need" in small and "2" in small) or "channel" in small
        assert trace.title and isinstance(trace.quantised, bool)


def test_only_the_discrete_support_needs_unrounded_values() -> None:
    assert [name for name in TRACES.names() if not TRACES.load(name).quantised] == ["discrete-support"]


def test_only_colour_refuses_grey_images() -> None:
    assert [name for name in TRACES.names() if built(name).unfit((1, 28, 28))] == ["colour"]
    assert [name for name in TRACES.names() if built(name).unfit((3, 32, 32))] == []


@pytest.mark.parametrize(
    "wrong", ["co-occurrence:levels=1", "co-occurrence:reach=0", "cosine:side=0", "discrete-support:levels=1",
              "pixel-histogram:bins=0", "spectrum:strides=2x1"],
)  # fmt: skip
def test_options_out_of_range_are_refused(wrong: str) -> None:
    name, option = wrong.split("=")[0].split(":")
    with pytest.raises(UsageError, match=rf"{name}\.{option} is \d, but it must be in \d+\.\.[\d,]+\."):
        TRACES.build(Part.parse(wrong))


def test_options_are_heard() -> None:
    values = fitting("cosine")
    assert TRACES.build(Part.parse("cosine:side=4")).describe(values).shape == (12, 16)
    assert TRACES.build(Part.parse("spectrum:strides=3")).describe(values).shape == (12, 8 + 2 + 1)


class TestCentroidAndSlope:
    @pytest.mark.parametrize("row", [0, 3, 27])
    def test_of_a_lit_row(self, row: int) -> None:
        values = torch.zeros(1, 1, 28, 28)
        values[:, :, row] = 0.3
        assert centroid.centroids(values).tolist() == [[row] * 28]

    def test_of_even_and_of_empty_columns(self) -> None:
        values = torch.full((1, 1, 28, 28), 0.5)
        values[..., 5] = 0
        found = centroid.centroids(values)[0]
        assert found[5] == 0
        assert torch.equal(found[torch.arange(28) != 5], torch.full((27,), 13.5, dtype=torch.float64))

    @pytest.mark.parametrize("rise", [-1.25, 0.0, 0.5])
    def test_a_line_has_its_slope_everywhere(self, rise: float) -> None:
        heights = 10 + rise * torch.arange(28, dtype=torch.float64).unsqueeze(0)
        found = slope.slopes(heights)
        assert found.shape == (1, 22)
        torch.testing.assert_close(found, torch.full_like(found, rise), rtol=0, atol=1e-12)

    def test_slopes_are_numpys(self) -> None:
        heights = noise(3, 12).double()
        wanted = [[np.polyfit(np.arange(7), row[start : start + 7], 1)[0] for start in range(6)] for row in heights]
        np.testing.assert_allclose(slope.slopes(heights), wanted, atol=1e-12)


class TestFrequencies:
    def test_power_is_numpys_and_keeps_the_energy(self) -> None:
        plane = noise(2, 9, 12)
        wanted = np.abs(np.fft.fft2(plane.double().numpy())) ** 2 / (9 * 12)
        np.testing.assert_allclose(power(plane), wanted, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(power(plane).sum((1, 2)), plane.double().square().sum((1, 2)))

    def test_cosines_are_those_of_the_definition_and_keep_the_energy(self) -> None:
        plane = noise(2, 9, 12)
        down, across = (
            np.sqrt((2 - (np.arange(n)[:, None] == 0)) / n)
            * np.cos(np.pi * np.arange(n)[:, None] * (2 * np.arange(n) + 1) / (2 * n))
            for n in (9, 12)
        )
        wanted = down @ plane.double().numpy() @ across.T
        np.testing.assert_allclose(cosine_transform(plane), wanted, atol=1e-12)
        energy = cosine_transform(plane).square().sum((1, 2))
        torch.testing.assert_close(energy, plane.double().square().sum((1, 2)))

    @pytest.mark.parametrize(("across", "down", "radius"), [(5, 0, 5), (0, 7, 7), (3, 4, 5), (16, 0, 16)])
    def test_a_wave_peaks_at_its_radius(self, across: int, down: int, radius: int) -> None:
        y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
        wave = 0.5 + 0.4 * torch.cos(2 * math.pi * (across * x + down * y) / 32)
        rings = azimuthal(power(wave.unsqueeze(0) - wave.mean()))[0]
        assert len(rings) == 17
        assert int(rings.argmax()) == radius
        assert float(rings[radius]) > 1e6 * float(rings[torch.arange(17) != radius].max())

    def test_rings_of_oblongs_are_of_the_shorter_side(self) -> None:
        x = torch.arange(48.0)
        wave = torch.cos(2 * math.pi * 12 * x / 48).expand(1, 16, 48)  # a quarter of a cycle per pixel
        assert int(azimuthal(power(wave))[0].argmax()) == 4


class TestSpectrum:
    SIDE = 32

    def marks(self, values: Tensor) -> list[float]:
        """Of strides 2, 4 and 8."""
        return Spectrum().describe(values).mean(0)[-3:].tolist()

    def test_noise_has_no_mark(self) -> None:
        assert all(abs(mark) < 0.5 for mark in self.marks(noise(60, 1, self.SIDE, self.SIDE)))

    def test_an_uneven_window_leaves_a_peak(self) -> None:
        """Stride 2 under a kernel of 3, as the checkerboards of Odena et al. 2016."""
        small = noise(60, 1, self.SIDE // 2, self.SIDE // 2)
        enlarged = conv_transpose2d(small, torch.ones(1, 1, 3, 3), stride=2, padding=1, output_padding=1)
        first, second, third = self.marks(enlarged / enlarged.max())
        assert first > 2
        assert max(abs(second), abs(third)) < 1

    def test_repeated_pixels_leave_a_hole(self) -> None:
        small = noise(60, 1, self.SIDE // 2, self.SIDE // 2)
        assert self.marks(small.repeat_interleave(2, 2).repeat_interleave(2, 3))[0] < -5

    def test_stride_four_is_told_from_stride_two(self) -> None:
        values = noise(60, 1, self.SIDE, self.SIDE)
        values[..., ::4] += 1
        first, second, third = self.marks(values / 2)
        assert first > 2 and second > 2  # a comb of period 4 has harmonics of period 2
        assert abs(third) < 1

    @pytest.mark.parametrize("fall", [1.0, 3.0])
    def test_the_slope_at_the_end_is_the_exponent(self, fall: float) -> None:
        down, across = torch.meshgrid(torch.fft.fftfreq(64), torch.fft.fftfreq(64), indexing="ij")
        radius = (down.square() + across.square()).sqrt()
        radius[0, 0] = torch.inf
        shaped = torch.fft.ifft2(torch.fft.fft2(noise(40, 1, 64, 64) - 0.5) * radius ** (-fall / 2)).real
        numbers = Spectrum().describe(shaped)  # 32 rings, the whole power, then the slope
        assert float(numbers[:, 33].mean()) == pytest.approx(-fall, abs=0.15)

    def test_brightness_and_contrast_do_not_change_the_course(self) -> None:
        values = noise(3, 1, 16, 16).double()
        plain, changed = Spectrum().describe(values), Spectrum().describe(0.3 + values / 2)
        torch.testing.assert_close(plain[:, :8], changed[:, :8], rtol=0, atol=1e-6)
        torch.testing.assert_close(plain[:, 8] - math.log(4), changed[:, 8], rtol=0, atol=1e-6)


class TestPixelHistogram:
    def test_the_ends_are_told_from_what_is_near_them(self) -> None:
        values = torch.tensor([0.0, 0.0, 1e-4, 0.5, 1 - 1e-4, 1.0, 1.0, 1.0]).reshape(1, 1, 2, 4)
        shares = PixelHistogram().describe(values)[0]
        assert float(shares.sum()) == 1
        assert [float(shares[at]) for at in (0, 1, -2, -1)] == [2 / 8, 1 / 8, 1 / 8, 3 / 8]

    def test_every_grey_level_is_far_from_an_edge(self) -> None:
        levels, edges = torch.arange(256) / 255, PixelHistogram().edges
        inner = edges[1:-1]
        assert float((levels.double().unsqueeze(1) - inner).abs().min()) > 1e-5


class TestDiscreteSupport:
    def test_grey_levels_have_no_distance(self) -> None:
        levels = torch.arange(256, dtype=torch.float32).reshape(1, 1, 16, 16) / 255
        assert DiscreteSupport().describe(levels).tolist() == [[0, 0]]
        assert DiscreteSupport(levels=200).describe(levels)[0, 0] > 0.9

    def test_values_without_levels_are_a_quarter_away(self) -> None:
        off, distance = DiscreteSupport().describe(noise(1, 1, 200, 200))[0].tolist()
        assert off == pytest.approx(1, abs=0.002)
        assert distance == pytest.approx(0.25, abs=3 * (1 / 12) ** 0.5 / 2 / 200)

    def test_rounding_hides_it(self) -> None:
        rounded = (noise(2, 1, 16, 16) * 255).round() / 255
        assert DiscreteSupport().describe(rounded).tolist() == [[0, 0], [0, 0]]


class TestBenford:
    def test_a_log_uniform_sample_follows_the_law(self) -> None:
        numbers = 10 ** (6 * noise(200_000).double() - 2)
        shares = torch.bincount(benford.first_digits(numbers), minlength=10)[1:] / 200_000
        assert float((shares - benford.LAW).abs().max()) < 5 * (0.3 * 0.7 / 200_000) ** 0.5
        assert float(benford.LAW.sum()) == pytest.approx(1)

    def test_digits_at_the_decades(self) -> None:
        numbers = torch.tensor([0.02, 0.03, 0.3, 0.7, 1, 9.99, 10, 99.9, 1000, 3000], dtype=torch.float64)
        assert benford.first_digits(-numbers).tolist() == [2, 3, 3, 7, 1, 9, 1, 9, 1, 3]

    def test_an_even_image_has_no_coefficients(self) -> None:
        numbers = benford.Trace().describe(torch.full((1, 1, 16, 16), 0.5))[0]
        assert numbers[-2:].tolist() == [0, 0]


class TestCoOccurrence:
    def test_of_stripes(self) -> None:
        values = torch.zeros(1, 1, 4, 4)
        values[..., 1::2] = 1  # 12 pairs across are (0, 1), 12 down are (0, 0) or (1, 1), 6 of each
        pairs = co_occurrence.Trace(levels=2, reach=1).describe(values)[0]
        torch.testing.assert_close(pairs[:3], torch.tensor([0.25, 0.5, 0.25], dtype=torch.float64))
        steps = pairs[3:].reshape(3, 3)  # a rise is followed by a fall and a fall by a rise; down, nothing changes
        wanted = torch.tensor([[0, 0, 0.25], [0, 0.5, 0], [0.25, 0, 0]], dtype=torch.float64)
        torch.testing.assert_close(steps, wanted)


class TestColour:
    def test_of_one_colour(self) -> None:
        values = torch.tensor([0.8, 0.4, 0.2]).reshape(1, 3, 1, 1).expand(1, 3, 4, 4)
        numbers = colour.Trace().describe(values)[0].tolist()
        wanted = [0.75, 0, 0.8, 0, 0, 0, 0, 0, 0.8 - 0.3, 0.75**0.5 * 0.2, *[0] * 6]
        assert numbers == pytest.approx(wanted, abs=1e-6)

    def test_of_grey(self) -> None:
        values = noise(2, 1, 8, 8).expand(2, 3, 8, 8)
        numbers = colour.Trace().describe(values)
        torch.testing.assert_close(numbers[:, [0, 4]], torch.tensor([[0.0, 1.0]] * 2, dtype=torch.float64))
        torch.testing.assert_close(numbers[:, -6:], torch.ones(2, 6, dtype=torch.float64))

    def test_correlations_are_numpys(self) -> None:
        values = noise(1, 3, 8, 8)
        wanted = np.corrcoef(values[0].flatten(1).double().numpy())[np.triu_indices(3, 1)]
        np.testing.assert_allclose(colour.Trace().describe(values)[0, 10:13], wanted, atol=1e-12)


class TestMomentsAndSmoothness:
    def test_moments_are_scipys(self) -> None:
        from scipy import stats

        rows = noise(3, 50).double() ** 3
        wanted = np.stack([rows.mean(1), rows.var(1, correction=0), stats.skew(rows, 1), stats.kurtosis(rows, 1)], 1)
        np.testing.assert_allclose(row_moments(rows), wanted, rtol=1e-10)
        values = rows.reshape(1, 3, 5, 10)
        np.testing.assert_allclose(moments.Trace().describe(values)[0], wanted.flatten(), rtol=1e-10)

    def test_a_plane_has_no_residual(self) -> None:
        y, x = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
        values = ((x + 2 * y) / 32).reshape(1, 1, 8, 8)
        numbers = smoothness.Trace().describe(values)[0]
        assert numbers[:6].tolist() == pytest.approx([2 / 32, (2 / 32) ** 2, 0, 1 / 32, (1 / 32) ** 2, 0])
        assert numbers[6:8].tolist() == pytest.approx([0, 1])

    def test_the_residual_of_a_dot(self) -> None:
        plane = torch.zeros(1, 3, 4)
        plane[0, 1, 1] = 1
        assert smoothness.residuals(plane).tolist() == [[[1, -0.25]]]


class TestDuplicates:
    def test_distances_are_scipys(self) -> None:
        from scipy.spatial.distance import cdist

        values = noise(1205, 1, 3, 4)  # more than one block
        table = cdist(values.flatten(1).double(), values.flatten(1).double()) / 12**0.5
        np.fill_diagonal(table, np.inf)
        np.testing.assert_allclose(duplicates.nearest(values), np.sort(table, axis=1)[:, :2], rtol=1e-10)

    def test_a_copy_is_at_distance_zero(self) -> None:
        values = 0.9 + 0.1 * noise(40, 3, 8, 8)  # far from 0, where products lose digits
        values[7] = values[31]
        numbers = duplicates.Trace().describe(values)
        assert numbers[[7, 31], 0].tolist() == [0, 0]
        assert (numbers[:, 0] == 0).sum() == 2

    def test_two_images_are_too_few(self) -> None:
        with pytest.raises(UsageError, match="at least 3 images, but there are 2"):
            duplicates.Trace().describe(noise(2, 1, 4, 4))
