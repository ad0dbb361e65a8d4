"""Classical restoration of damaged sounds: interpolation against closed forms, consistency, which rules apply."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.linalg import toeplitz
from scipy.optimize import lsq_linear
from scipy.signal import lfilter
from torch import Tensor

from belamy.errors import UsageError
from belamy.methods.enhancement import CLASSICAL_ENHANCERS, SOUND_DEGRADATIONS
from belamy.networks.classical_enhancers._damage import clipped, silences
from belamy.networks.classical_enhancers.a_spade import _analysed, _norm, _synthesised
from belamy.networks.classical_enhancers.autoregressive_interpolation import least_surprising, prediction
from belamy.registry import Part
from belamy.seeds import SampleDraws

RATE = 16000.0
RESONANCE = np.array([1.0, -2 * 0.95 * math.cos(0.3), 0.95**2])
"""Of an autoregressive process of the second order."""
Floats = NDArray[np.float64]


def rule(name: str, **options: Any) -> Any:
    return CLASSICAL_ENHANCERS.build(Part(name=name, **options), rate=RATE)


def process(samples: int, seed: int = 0) -> Floats:
    noise = np.random.default_rng(seed).standard_normal(samples + 500)
    found: Floats = 0.02 * lfilter([1.0], RESONANCE, noise)[500:]
    return found


def spoilt(name: str, sounds: Tensor, **options: Any) -> Tensor:
    found: Tensor = SOUND_DEGRADATIONS.build(Part(name=name, **options), rate=RATE)(
        sounds, SampleDraws(0, range(len(sounds)))
    )
    return found


def ratio(clean: Tensor, made: Tensor) -> float:
    return float(10 * torch.log10(clean.square().sum() / (clean - made).square().sum()))


class TestLeastSurprising:
    def test_it_is_the_conditional_mean_of_the_process(self) -> None:
        """By the covariances of the process, which its impulse response gives: E[x_u | x_k] = C_uk C_kk^-1 x_k."""
        sound, missing = process(240), np.zeros(240, bool)
        missing[[100, 101, 102, 107, 140]] = True
        response = lfilter([1.0], RESONANCE, np.eye(1, 4000)[0])
        lags = np.array([response[: 4000 - lag] @ response[lag:] for lag in range(240)])
        full = toeplitz(lags)
        wanted = full[np.ix_(missing, ~missing)] @ np.linalg.solve(full[np.ix_(~missing, ~missing)], sound[~missing])
        np.testing.assert_allclose(least_surprising(sound, missing, RESONANCE), wanted, atol=1e-8)

    def test_beyond_a_level_it_is_the_bounded_least_squares(self) -> None:
        sound, cut = process(200, 3), np.zeros(200, int)
        level = 0.6 * np.abs(sound).max()
        cut[sound > level], cut[sound < -level] = 1, -1
        heard, missing = np.clip(sound, -level, level), cut != 0
        missing[50:60], cut[50:60] = True, 0
        errors = toeplitz(np.r_[RESONANCE, np.zeros(199)], np.r_[1.0, np.zeros(199)])  # of prediction, silence around
        low = np.where(cut[missing] == 1, level, -np.inf)
        high = np.where(cut[missing] == -1, -level, np.inf)
        target = -errors[:, ~missing] @ heard[~missing]
        wanted = lsq_linear(errors[:, missing], target, (low, high), method="bvls", tol=1e-14).x
        found = least_surprising(heard, missing, RESONANCE, cut)
        assert 0 < (np.abs(np.abs(wanted) - level) < 1e-9).sum() < missing.sum()  # some rest at the level, some do not
        np.testing.assert_allclose(found, wanted, atol=1e-7)

    def test_the_prediction_of_a_long_process_is_its_own(self) -> None:
        np.testing.assert_allclose(prediction(process(100_000), 4)[:3], RESONANCE, atol=0.02)


class TestAutoregressive:
    def test_its_error_is_near_the_least_possible(self) -> None:
        """The error of the conditional mean in a gap of m: σ² trace B^-1, with σ the innovation."""
        gap = 24
        lags = np.correlate(RESONANCE, RESONANCE, "full")[2:]
        least = 0.02**2 * np.trace(np.linalg.inv(toeplitz(np.r_[lags, np.zeros(gap - 3)])))
        errors = []
        for seed in range(40):
            sound = process(2048, seed)
            heard = sound.copy()
            heard[1000 : 1000 + gap] = 0.0
            found = rule("autoregressive-interpolation", order=2)(torch.from_numpy(heard)[None, None])[0, 0].numpy()
            errors.append(((found - sound) ** 2).sum())
            assert np.array_equal(found[:1000], sound[:1000])
        assert 0.7 * least < np.mean(errors) < 1.4 * least
        assert least < 0.5 * gap * np.var(process(100_000))  # of zeros in the gap

    def test_tones_go_on_through_a_gap(self) -> None:
        time = torch.arange(8000, dtype=torch.float64) / RATE
        tones = (0.3 * torch.sin(2 * math.pi * 440 * time) + 0.2 * torch.cos(2 * math.pi * 1210 * time))[None, None]
        heard = spoilt("gaps", tones, low=20.0, high=20.0)
        assert ratio(tones, heard) < 16
        assert ratio(tones, rule("autoregressive-interpolation")(heard)) > 40
        assert ratio(tones, rule("waveform-substitution")(heard)) > ratio(tones, rule("packet-repetition")(heard)) > 0


class TestCurves:
    def test_a_line_is_a_line_and_a_cubic_a_cubic(self) -> None:
        time = torch.linspace(-0.9, 1, 400, dtype=torch.float64)
        for name, whole in (("linear-interpolation", time), ("cubic-interpolation", time**3 - 0.5 * time)):
            heard = whole.clone()
            heard[150:180] = 0.0
            found = rule(name)(heard[None, None])[0, 0]
            torch.testing.assert_close(found, whole, rtol=0, atol=1e-9)

    def test_silence_at_the_ends_stays(self) -> None:
        sound = torch.from_numpy(process(2000))
        sound[:300] = sound[-300:] = 0.0
        for name in ("linear-interpolation", "cubic-interpolation", "autoregressive-interpolation"):
            assert torch.equal(rule(name)(sound[None, None])[0, 0], sound)


class TestRepetition:
    def test_the_samples_before_come_again(self) -> None:
        sound = torch.arange(1.0, 2001)[None, None] / 4000
        heard = sound.clone()
        heard[..., 1000:1800] = 0.0
        found = rule("packet-repetition")(heard)[0, 0]
        assert torch.equal(found[1000:1800], sound[0, 0, 680:1000].repeat(3)[:800])

    def test_a_period_is_found(self) -> None:
        period = torch.randn(100, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        sound = period.repeat(40)[None, None]
        heard = sound.clone()
        heard[..., 1234:1890] = 0.0
        torch.testing.assert_close(rule("waveform-substitution")(heard), sound, rtol=0, atol=1e-9)

    def test_backwards_it_looks_at_what_comes_after(self) -> None:
        sound = torch.zeros(1, 1, 3000, dtype=torch.float64)
        sound[..., :1000], sound[..., 1600:] = 0.5, torch.sin(0.3 * torch.arange(1400.0, dtype=torch.float64))
        forth, back = (rule("waveform-substitution", backwards=way)(sound)[0, 0, 1000:1600] for way in (False, True))
        assert torch.equal(forth, torch.full_like(forth, 0.5))
        assert 0.9 < float(back.max()) <= 1


class TestDeclipping:
    @pytest.mark.parametrize("name", ["cubic-interpolation", "autoregressive-interpolation", "a-spade"])
    def test_reliable_samples_stay_and_the_others_lie_beyond_the_level(self, name: str) -> None:
        sound = torch.from_numpy(process(4000, 5))[None, None]
        heard = spoilt("clipping", sound, low=0.4, high=0.4, relative=True)
        found, level = rule(name)(heard), float(heard.max())
        cut = heard.abs() == level
        assert 100 < int(cut.sum()) < 1500
        assert torch.equal(found[~cut], heard[~cut])
        assert bool((found[cut] * heard[cut].sign() >= level).all())
        assert ratio(sound, found) > ratio(sound, heard) + 6

    def test_analysis_and_synthesis_are_a_tight_frame(self) -> None:
        frames = np.random.default_rng(0).standard_normal((3, 64))
        np.testing.assert_allclose(_synthesised(_analysed(frames), 64), frames, atol=1e-12)
        np.testing.assert_allclose(_norm(_analysed(frames)), np.linalg.norm(frames, axis=1), rtol=1e-12)

    def test_what_is_not_clipped_stays(self) -> None:
        sound = torch.from_numpy(process(2000))[None, None]
        for name in ("cubic-interpolation", "autoregressive-interpolation", "a-spade"):
            assert torch.equal(rule(name)(sound), sound)


class TestFolding:
    def test_a_tone_below_the_limit_gets_an_image_above(self) -> None:
        time = torch.arange(16000, dtype=torch.float64) / RATE
        sound = torch.sin(2 * math.pi * 2500 * time) + torch.sin(2 * math.pi * 3000 * time)
        found = torch.fft.rfft(rule("spectral-folding", gain=-20.0)(sound[None, None])[0, 0]).abs() / 8000
        assert (found > 0.05).nonzero().flatten().tolist() == [2500, 3000, 3500]
        assert float(found[3500]) == pytest.approx(0.1 * math.sqrt(201 / 301), rel=0.01)  # the mean from 2400 to 2700

    def test_a_whole_band_stays(self) -> None:
        sound = torch.randn(1, 1, 4000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        torch.testing.assert_close(rule("spectral-folding")(sound), sound, rtol=0, atol=1e-12)


def test_losses_and_clipped_sides_are_told_from_samples() -> None:
    sound = np.r_[0.1, 0.5, 0.5, 0.2, np.zeros(16), -0.3, -0.4, -0.3, np.zeros(15), 0.1]
    assert silences(sound, RATE) == [(4, 20)]
    assert clipped(sound).nonzero()[0].tolist() == [1, 2]


def test_pauses_and_what_faded_are_no_losses() -> None:
    """Half a second of zeros is a pause; zeros between samples of one or two steps were recorded."""
    sound = np.full(20_000, 0.5)
    sound[1000:1320], sound[4000:12_000] = 0.0, 0.0
    sound[14_000:14_100] = np.r_[np.full(20, 0.01), np.zeros(60), np.full(20, 0.02)]  # 0.01 is the smallest step
    assert silences(sound, RATE) == [(1000, 1320)]
    for name in ("autoregressive-interpolation", "packet-repetition", "waveform-substitution"):
        found = rule(name)(torch.from_numpy(sound)[None, None])[0, 0].numpy()
        assert (found[1000:1320] != 0).any() and not found[4000:12_000].any() and not found[14_020:14_080].any()


def test_a_square_wave_is_not_cut_off() -> None:
    square = np.sign(np.sin(0.1 * np.arange(2000) + 0.05))
    assert not clipped(square).any() and not clipped(np.r_[square, np.zeros(3000)]).any()
    assert clipped(np.clip(2 * np.sin(0.1 * np.arange(2000)), -1, 1)).any()


@pytest.mark.parametrize("name", CLASSICAL_ENHANCERS.names())
def test_each_rule_is_against_known_degradations_and_takes_any_sound(name: str) -> None:
    made = rule(name)
    assert set(made.against) <= set(SOUND_DEGRADATIONS.names())
    for sound in (torch.zeros(1, 1, 700), torch.full((1, 2, 700), 0.5), torch.zeros(1, 1, 1), torch.ones(2, 1, 3)):
        found = made(sound)
        assert found.shape == sound.shape and found.dtype == sound.dtype and bool(found.isfinite().all())
    two = torch.from_numpy(np.stack([process(1500, seed)[None] for seed in (0, 1)]))
    two = spoilt(made.against[0], two)
    torch.testing.assert_close(made(two)[1:], made(two[1:]), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("autoregressive-interpolation", {"order": 0}), ("packet-repetition", {"milliseconds": 0.0}),
        ("waveform-substitution", {"pattern": 30.0}), ("spectral-folding", {"gain": 3.0}),
    ],
)  # fmt: skip
def test_wrong_options_are_refused(name: str, options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=name):
        rule(name, **options)
