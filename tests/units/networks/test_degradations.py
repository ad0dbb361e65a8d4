"""Blurs against closed forms, JPEG against a float64 reference and against Pillow, and two rounds of all of it."""

from __future__ import annotations

import io
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.fft import dctn, idctn
from scipy.special import j1
from torch import Tensor

from belamy.errors import UsageError
from belamy.methods.super_resolution import DEGRADATIONS
from belamy.networks import jpeg
from belamy.networks.bicubic import bicubic, enlarged
from belamy.networks.blur_kernels import blurred, gaussian, plateau, sharpened, sinc
from belamy.networks.degradations import two_rounds
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws


def scene(height: int, width: int, channels: int = 3, seed: int = 0) -> Tensor:
    """A smooth picture with an edge, in whole 255ths of [0, 1]."""
    y, x = torch.meshgrid(torch.linspace(0, 3, height), torch.linspace(0, 4, width), indexing="ij")
    planes = [0.5 + 0.3 * torch.sin(x * (k + 1) + seed) * torch.cos(y) + 0.2 * (x > 2) for k in range(channels)]
    return (torch.stack(planes)[None].clamp(0, 1) * 255).round().double() / 255


class TestKernels:
    def test_a_round_gaussian(self) -> None:
        by_hand = np.array([[math.exp(-(x * x + y * y) / (2 * 1.7**2)) for x in range(-4, 5)] for y in range(-4, 5)])
        np.testing.assert_allclose(gaussian(9, (1.7, 1.7)), by_hand / by_hand.sum(), rtol=1e-12)

    @pytest.mark.parametrize("shape", [0.6, 1.0, 3.0])
    def test_a_turned_one_by_its_covariance(self, shape: float) -> None:
        """Σ = R diag(σ²) Rᵀ; exp(-½ (vᵀ Σ⁻¹ v)^β) and 1 / (1 + (vᵀ Σ⁻¹ v)^β)."""
        angle, sigmas = 0.7, np.array([2.5, 0.8])
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        inverse = np.linalg.inv(turn @ np.diag(sigmas**2) @ turn.T)
        q = np.array([[np.array([x, y]) @ inverse @ np.array([x, y]) for x in range(-5, 6)] for y in range(-5, 6)])
        for kernel, form in ((gaussian, np.exp(-0.5 * q**shape)), (plateau, 1 / (1 + q**shape))):
            np.testing.assert_allclose(kernel(11, tuple(sigmas), angle, shape), form / form.sum(), rtol=1e-9)

    def test_the_deviation_of_a_wide_kernel_is_what_was_asked_for(self) -> None:
        kernel = gaussian(41, (3.0, 1.5))
        places = torch.arange(-20, 21, dtype=torch.float64)
        assert (kernel.sum(0) * places**2).sum().sqrt() == pytest.approx(3.0, rel=1e-6)
        assert (kernel.sum(1) * places**2).sum().sqrt() == pytest.approx(1.5, rel=1e-6)

    @pytest.mark.parametrize("cutoff", [math.pi / 3, 2.0, math.pi])
    def test_a_sinc(self, cutoff: float) -> None:
        radius = np.hypot(*np.meshgrid(np.arange(-6, 7), np.arange(-6, 7)))
        radius[6, 6] = 1
        form = cutoff / (2 * np.pi * radius) * j1(cutoff * radius)
        form[6, 6] = cutoff**2 / (4 * np.pi)
        np.testing.assert_allclose(sinc(13, cutoff), form / form.sum(), atol=2e-7)  # as exact as the Bessel function is

    def test_it_passes_low_and_stops_high_frequencies(self) -> None:
        response = torch.fft.fft2(sinc(81, 1.2), s=(400, 400)).abs()
        assert response[0, :50].min() > 0.85 and response[0, 110:200].max() < 0.1

    def test_filtering_keeps_flat_pictures_and_mirrors_borders(self) -> None:
        assert torch.allclose(blurred(torch.full((1, 2, 5, 9), 0.3), gaussian(7, (2.0, 1.0))), torch.tensor(0.3))
        picture = torch.rand(1, 1, 12, 10, dtype=torch.float64)
        kernel = gaussian(5, (1.0, 2.0), 0.4)
        padded = np.pad(picture[0, 0].numpy(), 2, mode="reflect")
        by_hand = [[(padded[y : y + 5, x : x + 5] * kernel.numpy()).sum() for x in range(10)] for y in range(12)]
        np.testing.assert_allclose(blurred(picture, kernel)[0, 0], by_hand, rtol=1e-12)
        assert blurred(torch.rand(1, 3, 2, 2), kernel).shape == (1, 3, 2, 2)


class TestSharpening:
    def test_an_edge_by_hand(self) -> None:
        """x + s (clip(x + a (x - blur)) - x), s the blurred share of where |x - blur| is above 10 of 255."""
        picture = scene(40, 64, 1) * 1.2 - 0.8
        kernel = gaussian(51, (8.0, 8.0))
        apart = picture - blurred(picture, kernel)
        share = blurred((apart.abs() > 10 / 127.5).double(), kernel)
        wanted = picture + share * ((picture + 0.5 * apart).clamp(-1, 1) - picture)
        torch.testing.assert_close(sharpened(picture, 0.5), wanted, rtol=1e-9, atol=1e-12)
        assert sharpened(picture, 0.5).std() > picture.std() and torch.equal(sharpened(picture, 0.0), picture)

    def test_what_is_nearly_flat_stays(self) -> None:
        picture = 0.01 * torch.rand(1, 3, 30, 30, dtype=torch.float64)
        assert torch.equal(sharpened(picture, 1.0), picture)


class TestBicubic:
    @pytest.mark.parametrize("size", [(48, 36), (24, 18), (9, 7)])
    def test_it_is_pillows(self, size: tuple[int, int]) -> None:
        picture = scene(24, 18, 1)
        there = Image.fromarray((picture[0, 0].numpy() * 255).astype(np.float32))
        wanted = np.asarray(there.resize(size[::-1], Image.Resampling.BICUBIC)) / 255
        np.testing.assert_allclose(bicubic(picture, size)[0, 0], wanted, atol=1e-6)

    def test_enlarging(self) -> None:
        assert enlarged(scene(5, 7), 3).shape == (1, 3, 15, 21)


def whole_numbers(values: np.ndarray) -> np.ndarray:
    """Halves, and what is one but for rounding, away from zero."""
    return np.sign(values) * np.floor(np.abs(values) + 0.5 + 1e-6)


def reference(picture: np.ndarray, quality: int) -> np.ndarray:
    """JPEG of [C, H, W] in 0..255 block by block in float64, colours halved and repeated."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    luminance, chrominance = (
        np.clip((np.array(base) * percent + 50) // 100, 1, 255) for base in (jpeg.LUMINANCE, jpeg.CHROMINANCE)
    )

    def coded(plane: np.ndarray, table: np.ndarray) -> np.ndarray:
        out = np.empty_like(plane)
        for y in range(0, plane.shape[0], 8):
            for x in range(0, plane.shape[1], 8):
                kept = whole_numbers(dctn(plane[y : y + 8, x : x + 8] - 128, norm="ortho") / table) * table
                out[y : y + 8, x : x + 8] = idctn(kept, norm="ortho") + 128
        return whole_numbers(np.clip(out, 0, 255))

    def whole(plane: np.ndarray, multiple: int) -> np.ndarray:
        return np.pad(plane, [(0, -side % multiple) for side in plane.shape], mode="edge")

    channels, height, width = picture.shape
    if channels != 3:
        return np.stack([coded(whole(plane, 8), luminance)[:height, :width] for plane in picture])
    red, green, blue = picture
    light = whole_numbers(0.299 * red + 0.587 * green + 0.114 * blue)
    cb = np.clip(whole_numbers(-0.168735892 * red - 0.331264108 * green + 0.5 * blue + 128), 0, 255)
    cr = np.clip(whole_numbers(0.5 * red - 0.418687589 * green - 0.081312411 * blue + 128), 0, 255)
    light, cb, cr = (whole(plane, 16) for plane in (light, cb, cr))
    light = coded(light, luminance)
    halved = [
        whole_numbers((plane[::2, ::2] + plane[1::2, ::2] + plane[::2, 1::2] + plane[1::2, 1::2]) / 4)
        for plane in (cb, cr)
    ]
    cb, cr = (coded(plane, chrominance).repeat(2, 0).repeat(2, 1) - 128 for plane in halved)
    made = np.stack([light + 1.402 * cr, light - 0.344136286 * cb - 0.714136286 * cr, light + 1.772 * cb])
    return whole_numbers(np.clip(made[:, :height, :width], 0, 255))


class TestJpeg:
    @pytest.mark.parametrize("quality", [5, 30, 50, 73, 95, 100])
    @pytest.mark.parametrize("shape", [(3, 32, 48), (3, 21, 37), (1, 13, 8), (2, 9, 16)])
    def test_it_is_the_reference(self, quality: int, shape: tuple[int, int, int]) -> None:
        generator = torch.Generator().manual_seed(quality)
        noise = torch.rand(1, *shape, generator=generator, dtype=torch.float64)
        picture = ((0.7 * scene(*shape[1:], shape[0]) + 0.3 * noise) * 255).round() / 255
        made = jpeg.compressed(picture, torch.tensor([float(quality)]))
        np.testing.assert_array_equal((made[0] * 255).round(), reference((picture[0] * 255).round().numpy(), quality))

    @pytest.mark.parametrize("quality", [10, 60, 90])
    def test_its_tables_and_grey_pictures_are_those_of_files(self, quality: int) -> None:
        """Pillow transforms in whole numbers: a few values differ by one, or by two where halves were rounded."""
        picture = (scene(40, 24, 1)[0, 0] * 255).round()
        file = io.BytesIO()
        Image.fromarray(picture.numpy().astype(np.uint8)).save(file, "JPEG", quality=quality)
        with Image.open(file) as there:
            assert (
                np.asarray(next(iter(there.quantization.values()))).reshape(8, 8).tolist()
                == jpeg.tables(jpeg.LUMINANCE, torch.tensor([float(quality)]))[0].int().tolist()
            )
            wanted = torch.from_numpy(np.asarray(there, dtype=np.float64))
        apart = (jpeg.compressed(picture[None, None] / 255, torch.tensor([float(quality)]))[0, 0] * 255 - wanted).abs()
        assert apart.max() <= 2.01 and (apart > 0.5).double().mean() < 0.1

    def test_each_picture_has_its_own_quality(self) -> None:
        pictures = torch.cat([scene(24, 24), scene(24, 24, seed=2)])
        both = jpeg.compressed(pictures, torch.tensor([20.0, 90.0]))
        for number, quality in enumerate((20.0, 90.0)):
            assert torch.equal(both[number], jpeg.compressed(pictures[number : number + 1], torch.tensor([quality]))[0])

    def test_gradients_pass_roundings(self) -> None:
        """At quality 100 of a grey picture all steps are 1, so the whole is the identity for gradients."""
        picture = (0.2 + 0.6 * scene(16, 24, 1)).requires_grad_()
        weights = torch.rand(1, 1, 16, 24, dtype=torch.float64)
        (jpeg.compressed(picture, torch.tensor([100.0])) * weights).sum().backward()
        assert picture.grad is not None
        torch.testing.assert_close(picture.grad, weights, rtol=1e-9, atol=1e-9)


def degradation(strength: float = 1.0, scale: int = 4) -> Callable[..., Tensor]:
    made: Callable[..., Tensor] = DEGRADATIONS.build(Part(name="two-rounds", strength=strength), scale=scale)
    return made


class TestTwoRounds:
    @pytest.mark.parametrize("name", DEGRADATIONS.names())
    @pytest.mark.parametrize(("scale", "channels"), [(2, 1), (3, 3), (4, 3), (8, 2)])
    def test_every_degradation_makes_small_pictures_that_depend_on_their_own_numbers(
        self, name: str, scale: int, channels: int
    ) -> None:
        part = DEGRADATIONS.build(Part(name=name), scale=scale)
        pictures = torch.rand(3, channels, 24, 48) * 2 - 1
        small = part(pictures, SampleDraws(5, [7, 8, 9]))
        assert small.shape == (3, channels, 24 // scale, 48 // scale) and small.abs().max() <= 1
        assert torch.equal(part(pictures[1:2], SampleDraws(5, [8]))[0], small[1])
        assert torch.equal(part(pictures, SampleDraws(5, [7, 8, 9])), small)
        assert torch.equal(part(pictures, SampleDraws(6, [7, 8, 9])), small) == (name == "bicubic")

    def test_values_are_whole_and_gradients_reach_every_picture(self) -> None:
        pictures = (scene(32, 32).float() * 1.6 - 0.8).repeat(12, 1, 1, 1).requires_grad_()
        small = degradation()(pictures, Draws(0, 3))
        levels = (small + 1) * 127.5
        assert (levels - levels.round()).abs().max() < 1e-3
        small.square().sum().backward()
        assert pictures.grad is not None and torch.isfinite(pictures.grad).all()
        assert (pictures.grad.flatten(1).abs().sum(1) > 0).all()

    def test_no_strength_is_bicubic_reduction_and_more_takes_more_away(self) -> None:
        pictures = (scene(64, 64).float() * 2 - 1).repeat(16, 1, 1, 1)
        plain = bicubic(pictures, (16, 16)).clamp(-1, 1)
        apart = [
            float((degradation(strength)(pictures, SampleDraws(1, range(16))) - plain).square().mean())
            for strength in (0.0, 0.1, 0.4, 1.0)
        ]
        assert apart[0] == 0 and apart == sorted(apart)

    def test_chances_and_strengths_are_the_papers(self) -> None:
        """Kernels by kind over many rows of numbers: sincs overshoot, Gaussians do not."""
        part = two_rounds.Degradation(4)
        rows = torch.rand(3000, 16, generator=torch.Generator().manual_seed(0)).tolist()
        kernels = [part._kernel(two_rounds.FIRST, iter(row)) for row in rows]
        rings = sum(float(kernel.min()) < -1e-6 for kernel in kernels) / len(kernels)
        assert rings == pytest.approx(0.1, abs=0.02)
        assert {len(kernel) for kernel in kernels} == set(range(7, 22, 2))
        turned = sum(not torch.allclose(kernel, kernel.rot90(1)) for kernel in kernels) / len(kernels)
        assert turned == pytest.approx(0.9 * (0.25 + 0.03 + 0.03), abs=0.04)
        assert sum(two_rounds.KINDS) == pytest.approx(1.0)

    def test_noise_has_the_deviation_that_was_drawn(self) -> None:
        """Numbers below a half choose Gaussian noise, of 1 to 30 255ths; above, one that grows with the light."""
        part = two_rounds.Degradation(4)
        noise = torch.randn(3, 200, 200, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        flat = torch.full((1, 3, 200, 200), 0.36, dtype=torch.float64)
        dark = part._noisy(flat, two_rounds.FIRST, iter([0.1, 0.9, 0.5]), noise) - flat
        assert float(dark.std() * 255) == pytest.approx(15.5, rel=0.02)
        shot = part._noisy(flat, two_rounds.FIRST, iter([0.9, 0.9, 1.0]), noise) - flat
        assert float(shot.std()) == pytest.approx(3 * math.sqrt(0.36 / 256), rel=0.02)
        grey = part._noisy(flat, two_rounds.FIRST, iter([0.1, 0.1, 0.5]), noise) - flat
        assert torch.equal(grey[:, 0], grey[:, 1]) and not torch.equal(dark[:, 0], dark[:, 1])

    def test_a_strength_out_of_range_is_refused(self) -> None:
        with pytest.raises(UsageError, match=r"two-rounds.strength is 2.0, but it must be in 0..1"):
            degradation(2.0)
