"""Measures of pairs: closed forms, independent references, other libraries, and what they refuse."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from math import exp, inf, log10, pi
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from belamy.errors import DataError, UsageError
from belamy.evaluation.pairs import PAIRS, Pair, measure
from belamy.evaluation.pairs._structure import compare
from belamy.evaluation.pairs.summary import summarise

OPTIONS = {
    "psnr": "psnr:data_range=1", "ssim": "ssim:data_range=1", "ms-ssim": "ms-ssim:data_range=1,scales=2",
    "l1": "l1:data_range=1", "perceptual": "perceptual:data_range=1", "snr": "snr",
    "segmental-snr": "segmental-snr:rate=16000", "si-sdr": "si-sdr",
    "pesq": "pesq:rate=16000", "stoi": "stoi:rate=16000", "composite": "composite:rate=16000",
    "lsd": "lsd:rate=16000", "sdr": "sdr:taps=8", "dnsmos": "dnsmos:rate=16000,file=sig_bak_ovr.onnx",
    "speaker-similarity": "speaker-similarity:rate=16000",
}  # fmt: skip
PICTURES = ("psnr", "ssim", "ms-ssim", "l1", "perceptual")
SPEECH = ("pesq", "stoi", "composite")
COMPILED = pytest.mark.skipif(
    find_spec("pesq") is None, reason="pesq is compiled where it is installed: pip install pesq"
)


def tried(names: Iterable[str]) -> list[Any]:
    """Names of measures; that which needs a compiler is left out where it is not installed."""
    marks = {"pesq": COMPILED, "composite": COMPILED, "dnsmos": pytest.mark.skip(reason="its network must be given")}
    return [pytest.param(name, marks=marks[name]) if name in marks else name for name in names]


def pictures(side: int = 32, count: int = 3, channels: int = 3) -> tuple[Tensor, Tensor]:
    x = torch.rand(count, channels, side, side, dtype=torch.float64)
    return x, (x + 0.1 * torch.randn_like(x)).clamp(0, 1)


def speech(seconds: float = 1.5, noise: float = 0.05) -> tuple[Tensor, Tensor]:
    """Two bursts of tones that come and go, clean and noisy, at 16,000 samples a second."""
    t = torch.arange(round(16_000 * seconds), dtype=torch.float64) / 16_000
    tones = [
        torch.sin(2 * pi * pitch * t) * (torch.sin(2 * pi * beat * t) > 0) for pitch, beat in ((220, 3), (1300, 2))
    ]
    clean = (0.3 * sum(tones)).unsqueeze(0).repeat(2, 1)  # type: ignore[arg-type,union-attr]
    return clean, clean + noise * torch.randn_like(clean)


def example(name: str) -> tuple[Tensor, Tensor]:
    if name == "composite":  # beside pure tones louder noise reaches 1, where its scale ends
        return speech(noise=0.0001)
    return (
        speech()
        if name in (*SPEECH, "speaker-similarity")
        else pictures()
        if name in PICTURES
        else (x.flatten(1) for x in pictures())
    )


@pytest.mark.parametrize("name", tried(PAIRS.names()))
class TestEveryMeasure:
    def test_one_number_a_pair_whatever_the_batch(self, name: str) -> None:
        reference, estimate = example(name)
        made = measure(OPTIONS[name])
        whole = made(reference, estimate)
        assert whole.dtype == torch.float64 and whole.shape == (len(reference),) and whole.isfinite().all()
        single = torch.cat([made(reference[[i]], estimate[[i]]) for i in range(len(reference))])
        near = 1e-5 if name == "perceptual" else 1e-12  # its network looks in single precision
        torch.testing.assert_close(whole, single, rtol=near, atol=1e-12)

    def test_more_noise_is_worse(self, name: str) -> None:
        made = measure(OPTIONS[name])
        reference, estimate = example(name)
        worse = reference + 2 * (estimate - reference)
        sign = 1 if made.higher_is_better else -1
        assert (sign * made(reference, worse) < sign * made(reference, estimate)).all()

    def test_shapes_and_values_are_looked_at(self, name: str) -> None:
        made = measure(OPTIONS[name])
        reference, estimate = example(name)
        with pytest.raises(UsageError, match="Bring both to one shape"):
            made(reference, estimate[:1])
        with pytest.raises(UsageError, match="estimates are NaN or infinite"):
            made(reference, estimate * torch.nan)
        with pytest.raises(UsageError, match="there must be"):
            made(reference[:0], estimate[:0])


class TestPictures:
    def test_a_tenth_of_the_range_is_20_decibels(self) -> None:
        x = torch.zeros(2, 3, 4, 4)
        assert measure("psnr:data_range=1")(x, x + 0.1).tolist() == pytest.approx([20, 20], abs=1e-6)
        assert measure("psnr:data_range=255")(x.byte(), (x + 51).byte()).tolist() == pytest.approx([20 * log10(5)] * 2)

    def test_it_is_of_each_picture_not_of_the_mean_error(self) -> None:
        x = torch.zeros(2, 1, 2, 2, dtype=torch.float64)
        found = measure("psnr:data_range=1")(x, torch.tensor([0.1, 0.01], dtype=torch.float64).view(2, 1, 1, 1) + x)
        assert found.tolist() == pytest.approx([20, 40])

    @pytest.mark.parametrize(("name", "best"), [("psnr", inf), ("ssim", 1.0), ("ms-ssim", 1.0)])
    def test_a_copy(self, name: str, best: float) -> None:
        x, _ = pictures()
        assert measure(OPTIONS[name])(x, x.clone()).tolist() == pytest.approx([best] * 3, abs=1e-12)

    def test_even_pictures_differ_by_luminance_alone(self) -> None:
        x = torch.zeros(1, 1, 16, 16, dtype=torch.float64)
        c1 = 0.01**2
        expected = (2 * 0.25 * 0.75 + c1) / (0.25**2 + 0.75**2 + c1)
        assert measure("ssim:data_range=1")(x + 0.25, x + 0.75).tolist() == pytest.approx([expected], rel=1e-9)

    def test_one_window_computed_apart(self) -> None:
        x, y = (each[0, 0, :11, :11].numpy() for each in pictures())
        place = np.arange(11) - 5
        w = np.exp(-(place[:, None] ** 2 + place[None] ** 2) / (2 * 1.5**2))
        w /= w.sum()
        mx, my = (w * x).sum(), (w * y).sum()
        vx, vy, cov = (w * (x - mx) ** 2).sum(), (w * (y - my) ** 2).sum(), (w * (x - mx) * (y - my)).sum()
        c1, c2 = 0.01**2, 0.03**2
        expected = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
        found = measure("ssim:data_range=1")(*(torch.from_numpy(each)[None, None] for each in (x, y)))
        assert found.item() == pytest.approx(expected, rel=1e-10)

    def test_the_scale_of_the_values_does_not_matter(self) -> None:
        x, y = pictures()
        for name in ("psnr", "ssim", "ms-ssim"):
            one, other = measure(f"{name}:data_range=1" + ",scales=2" * (name == "ms-ssim")), None
            other = measure(f"{name}:data_range=2" + ",scales=2" * (name == "ms-ssim"))
            torch.testing.assert_close(one(x, y), other(2 * x, 2 * y), rtol=1e-10, atol=0)

    def test_several_scales_are_the_product_of_their_terms(self) -> None:
        x, y = pictures(44)
        coarse = [torch.nn.functional.avg_pool2d(each, 2) for each in (x, y)]
        weights = torch.tensor([0.0448, 0.2856], dtype=torch.float64)
        weights = weights / weights.sum()
        expected = compare(x, y, 1).contrast ** weights[0] * compare(*coarse, 1).similarity ** weights[1]
        torch.testing.assert_close(measure("ms-ssim:data_range=1,scales=2")(x, y), expected)

    def test_161_pixels_suffice_for_five_scales_and_160_do_not(self) -> None:
        x, y = pictures(161, 1, 1)
        assert 0 < float(measure("ms-ssim:data_range=1")(x, y)) < 1
        with pytest.raises(
            UsageError, match=r"are 160×160, but 5 scales need at least 161×161\. Type ms-ssim:scales=4"
        ):
            measure("ms-ssim:data_range=1")(x[..., 1:, 1:], y[..., 1:, 1:])

    def test_contrary_pictures_do_not_make_nan(self) -> None:
        x, _ = pictures()
        assert (measure("ms-ssim:data_range=1,scales=2")(x, 1 - x) == 0).all()

    @pytest.mark.parametrize(
        ("what", "says"),
        [
            ("psnr", "psnr needs data_range, which is not guessed. Type psnr:data_range=255"),
            ("psnr:data_range=0", "data_range is 0.0, but it must be above 0"),
            ("psnr:data_range=0.1", "but data_range is 0.1. Give 255 for uint8"),
            ("ms-ssim:data_range=1,scales=6", r"ms-ssim.scales is 6, but it must be in 1\.\.5"),
            ("psrn:data_range=1", "Did you mean 'psnr'"),
        ],
    )
    def test_wrong_uses(self, what: str, says: str) -> None:
        with pytest.raises(UsageError, match=says):
            measure(what)(*pictures())

    def test_small_pictures(self) -> None:
        with pytest.raises(UsageError, match="10×10, but the window of structural similarity is 11×11"):
            measure("ssim:data_range=1")(*pictures(10))
        with pytest.raises(UsageError, match="At least 11×11 are needed"):
            measure("ms-ssim:data_range=1")(*pictures(10))
        with pytest.raises(UsageError, match=r"must be \[pairs, channels"):
            measure("ssim:data_range=1")(*(each[0] for each in pictures()))


class TestSounds:
    @pytest.mark.parametrize("name", ["snr", "segmental-snr:rate=16000", "segmental-snr:rate=16000,clamp=true"])
    def test_the_documents_example(self, name: str) -> None:
        x = torch.ones(1, 1000, dtype=torch.float64)
        assert measure(name)(x, 0.9 * x).tolist() == pytest.approx([20])

    def test_segments_are_averaged_in_decibels(self) -> None:
        x = torch.ones(1, 8, dtype=torch.float64)
        y = x - torch.tensor([0.1] * 4 + [0.01] * 4, dtype=torch.float64)
        assert measure("segmental-snr:rate=4,milliseconds=1000")(x, y).tolist() == pytest.approx([30])
        assert measure("snr")(x, y).tolist() == pytest.approx([-10 * log10((0.01 + 0.0001) / 2)])

    def test_the_last_segment_is_filled_with_zeros(self) -> None:
        x = torch.ones(1, 6, dtype=torch.float64)
        y = x - torch.tensor([0.1] * 4 + [0.01] * 2, dtype=torch.float64)
        assert measure("segmental-snr:rate=4,milliseconds=1000")(x, y).tolist() == pytest.approx([30])

    def test_silence_in_both_is_left_out_and_limits_hold(self) -> None:
        x = torch.tensor([[1.0] * 4 + [0.0] * 4, [1.0] * 4 + [0.0] * 4], dtype=torch.float64)
        y = x.clone()
        y[0, :4] = 0.9  # 20 dB, then silence in both
        y[1, :4], y[1, 4:] = 1 - 1e-4, 0.5  # 80 dB, then noise alone
        clamped = measure("segmental-snr:rate=4,milliseconds=1000,clamp=true")
        assert clamped(x, y).tolist() == pytest.approx([20, (35 - 10) / 2])
        assert measure("segmental-snr:rate=4,milliseconds=1000")(x, y)[0].item() == pytest.approx(20)

    def test_copies_silence_and_nothing_of_the_reference(self) -> None:
        x, silence = torch.tensor([[1.0, 2, -3]]), torch.zeros(1, 3)
        assert measure("snr")(x, x.clone()).item() == inf and measure("snr")(silence, x).item() == -inf
        assert measure("segmental-snr:rate=16000")(x, x.clone()).item() == inf
        assert measure("segmental-snr:rate=16000,clamp=true")(x, x.clone()).item() == 35
        assert measure("si-sdr")(x, 2 * x).item() == inf and measure("si-sdr")(silence, x).item() == -inf

    def test_loudness_and_offset(self) -> None:
        x, e = torch.randn(3, 500, dtype=torch.float64), torch.randn(3, 500, dtype=torch.float64)
        y = x + 0.1 * e
        invariant, centred = measure("si-sdr"), measure("si-sdr:centred=true")
        torch.testing.assert_close(invariant(x, 7 * y), invariant(x, y))
        torch.testing.assert_close(centred(x, y + 5), centred(x, y))
        assert (invariant(x, y + 5) < invariant(x, y) - 10).all()

    def test_orthogonal_noise_of_known_energy(self) -> None:
        x, e = torch.tensor([[3.0, 0, 0, 4]]).double(), torch.tensor([[0.0, 0.5, 0, 0]]).double()
        assert measure("si-sdr")(x, x + e).item() == pytest.approx(10 * log10(25 / 0.25))

    @COMPILED
    def test_speech_without_noise_is_best(self) -> None:
        clean, _ = speech()
        assert (measure("pesq:rate=16000")(clean, clean) > 4.6).all()
        assert (measure("pesq:rate=16000,band=narrow")(clean, clean) > 4.5).all()

    def test_noise_lowers_intelligibility(self) -> None:
        clean, noisy = speech()
        assert measure("stoi:rate=16000")(clean, clean).tolist() == pytest.approx([1, 1], abs=1e-6)
        assert (measure("stoi:rate=16000,extended=true")(clean, noisy) < 0.99).all()

    @pytest.mark.parametrize(
        ("what", "says"),
        [
            ("pesq:rate=44100", "measured at 16,000 samples a second. Resample"),
            ("pesq:rate=8000", "measured at 16,000"),
            ("pesq", "needs rate"),
            ("stoi:rate=4000", "at least 8,000 samples"),
            ("segmental-snr:rate=0", "make no segment"),
        ],
    )
    def test_rates(self, what: str, says: str) -> None:
        with pytest.raises(UsageError, match=says):
            measure(what)

    @pytest.mark.parametrize("name", tried(SPEECH))
    def test_what_is_no_speech(self, name: str) -> None:
        clean, noisy = speech()
        with pytest.raises(DataError, match="pair 1: its reference is silent"):
            measure(OPTIONS[name])(clean * torch.tensor([[1.0], [0.0]]), noisy)
        with pytest.raises(DataError, match="cannot score pair 0"):
            measure(OPTIONS[name])(clean[:, :1000], noisy[:, :1000])
        with pytest.raises(UsageError, match="knows one channel"):
            measure(OPTIONS[name])(clean.view(1, 2, -1), noisy.view(1, 2, -1))


class TestOtherLibraries:
    """Development-only references."""

    @pytest.fixture(autouse=True)
    def only_with_torchmetrics(self) -> None:
        pytest.importorskip("torchmetrics")

    def test_structural_similarity(self) -> None:
        """Its map, cut to where the window fits: the library averages over a border of reflected pixels too."""
        from torchmetrics.functional.image import structural_similarity_index_measure as theirs

        x, y = pictures(40)
        _, whole = theirs(y, x, data_range=1.0, reduction="none", return_full_image=True)
        expected = whole[..., 5:-5, 5:-5].flatten(1).mean(1)
        torch.testing.assert_close(measure("ssim:data_range=1")(x, y), expected, rtol=1e-5, atol=0)

    def test_several_scales(self) -> None:
        """Put together from its contrasts and its last map cut as above: its own product has the reflected border."""
        from torchmetrics.functional.image import structural_similarity_index_measure as theirs

        x, y = p, q = pictures(176, 2, 1)
        terms = []
        for _ in range(4):
            terms.append(theirs(q, p, data_range=1.0, reduction="none", return_contrast_sensitivity=True)[1])
            p, q = (torch.nn.functional.avg_pool2d(each, 2) for each in (p, q))
        _, last = theirs(q, p, data_range=1.0, reduction="none", return_full_image=True)
        terms.append(last[..., 5:-5, 5:-5].flatten(1).mean(1))
        weights = torch.tensor([0.0448, 0.2856, 0.3001, 0.2363, 0.1333], dtype=torch.float64)
        expected = (torch.stack(terms, 1) ** weights).prod(1)
        torch.testing.assert_close(measure("ms-ssim:data_range=1")(x, y), expected, rtol=1e-5, atol=0)

    def test_ratios(self) -> None:
        from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio as si_sdr
        from torchmetrics.functional.audio import signal_noise_ratio as snr
        from torchmetrics.functional.image import peak_signal_noise_ratio as psnr

        x = torch.randn(4, 1000, dtype=torch.float64)
        y = 0.7 * x + 0.2 * torch.randn_like(x) + 0.1
        close = {"rtol": 1e-5, "atol": 0}
        torch.testing.assert_close(measure("snr")(x, y), snr(y, x), **close)
        torch.testing.assert_close(measure("si-sdr")(x, y), si_sdr(y, x), **close)
        torch.testing.assert_close(measure("si-sdr:centred=true")(x, y), si_sdr(y, x, zero_mean=True), **close)
        p, q = pictures()
        expected = psnr(q, p, data_range=1.0, reduction="none", dim=(1, 2, 3))
        torch.testing.assert_close(measure("psnr:data_range=1")(p, q), expected, **close)


class TestSummary:
    def test_mean_interval_and_extremes(self) -> None:
        found = summarise(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        reach = 3.182446 * (5 / 3) ** 0.5 / 2  # Student, three degrees of freedom
        assert found.mean is not None
        assert tuple(found.mean) == pytest.approx((2.5, 2.5 - reach, 2.5 + reach), rel=1e-6)
        assert (found.median, found.least, found.most, found.count, found.infinite) == (2.5, 1, 4, 4, 0)

    def test_exact_copies_are_counted_apart(self) -> None:
        found = summarise(torch.tensor([20.0, inf, 22.0]))
        assert found.mean is not None and found.mean.value == 21
        assert (found.median, found.most, found.count, found.infinite) == (22, inf, 3, 1)
        assert summarise(torch.tensor([inf])).mean is None

    def test_what_is_no_set_of_numbers(self) -> None:
        for values in (torch.zeros(0), torch.zeros(2, 2), torch.tensor([torch.nan])):
            with pytest.raises(UsageError, match="cannot be summarised"):
                summarise(values)


def test_the_window_is_a_normalised_gaussian() -> None:
    """A single bright pixel in the middle weighs what the Gaussian says."""
    x = torch.zeros(1, 1, 11, 11, dtype=torch.float64)
    x[..., 5, 5] = 1
    total = sum(exp(-(i * i) / 4.5) for i in range(-5, 6)) ** 2
    weight = 1 / total
    c1, c2 = 0.01**2, 0.03**2
    variance = weight - weight**2
    expected = c1 / (weight**2 + c1) * c2 / (variance + c2)
    assert compare(x, torch.zeros_like(x), 1).similarity.item() == pytest.approx(expected, rel=1e-10)


def test_contract() -> None:
    made: Pair = measure("snr")
    assert made.higher_is_better and OPTIONS.keys() == set(PAIRS.names())
