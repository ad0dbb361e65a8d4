"""Classical enhancement of speech: gains against integrals, recursions against plain loops, what they do to noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.linalg import eigh
from scipy.optimize import brentq
from scipy.special import ive
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.pairs.si_sdr import Pair as SiSdr
from belamy.modalities.short_time import frame_length, sounds_of, spectra
from belamy.networks.classical_enhancers._gains import LEAST_RATIO, GainEnhancer
from belamy.networks.noise_tracking import noise_powers
from belamy.registry import Part, Registry

ENHANCERS = Registry("belamy.networks.classical_enhancers", "classical enhancer", "ClassicalEnhancer")
RATE = 16000.0


def made(name: str, **options: Any) -> Any:
    return ENHANCERS.build(Part(name=name, **options), rate=RATE)


def noise(samples: int, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(samples, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def voice(samples: int) -> Tensor:
    """Syllables of a harmonic tone that glides, with pauses."""
    time = torch.arange(samples, dtype=torch.float64) / RATE
    phase = 2 * math.pi * (140 * time + 8 * torch.sin(2 * math.pi * 0.9 * time))
    tone = torch.stack([torch.sin(k * phase) / k for k in range(1, 20)]).sum(0)
    return 0.3 * tone * torch.sin(2 * math.pi * 2 * time).clamp_min(0)


class TestSpectra:
    @pytest.mark.parametrize("samples", [1, 200, 512, 5000])
    def test_there_and_back_is_the_same(self, samples: int) -> None:
        sounds = torch.stack([noise(samples), noise(samples, 1)])
        torch.testing.assert_close(sounds_of(spectra(sounds, 512), 512, samples), sounds, rtol=0, atol=1e-12)

    def test_a_frame_is_an_even_number_of_samples(self) -> None:
        assert [frame_length(rate) for rate in (8000, 16000, 44100, 11025)] == [256, 512, 1412, 352]


class TestNoise:
    def test_steady_noise_is_told_a_little_low(self) -> None:
        def change(level: float) -> float:  # the mean change of the estimate, of noise of power 1 in each frame
            return quad(lambda y: (1 - likely(y, level)) * (y - level) * math.exp(-y), 0, 60)[0]

        def likely(heard: float, level: float) -> float:
            return 1 / (1 + (1 + 10**1.5) * math.exp(-heard / level * 10**1.5 / (1 + 10**1.5)))

        rests = brentq(change, 0.3, 1.2)
        powers = torch.empty(1, 300, 600, dtype=torch.float64)
        powers.exponential_(generator=torch.Generator().manual_seed(0))
        assert float(noise_powers(powers)[..., 100:].mean()) == pytest.approx(rests, abs=0.05)
        assert 0.8 < rests < 0.83

    def test_speech_does_not_raise_it_and_louder_noise_does(self) -> None:
        powers = torch.ones(1, 1, 400, dtype=torch.float64)
        powers[..., 50:60] = 1000.0
        assert float(noise_powers(powers)[0, 0, 50:70].max()) < 1.2
        powers[..., 100:] = 1000.0
        assert float(noise_powers(powers)[0, 0, -1]) == pytest.approx(1000.0, rel=0.01)

    def test_each_step_by_hand(self) -> None:
        """Sixty loud frames are taken for speech until the estimate must move; then it follows."""
        ratio, heard = 10**1.5, [2.0] * 5 + [300.0] * 60
        noise, slow, wanted = 2.0, 0.5, []
        for power in heard:
            speech = 1 / (1 + (1 + ratio) * math.exp(-power / noise * ratio / (1 + ratio)))
            slow = 0.9 * slow + 0.1 * speech
            speech = min(speech, 0.99) if slow > 0.99 else speech
            noise = 0.8 * noise + 0.2 * (speech * noise + (1 - speech) * power)
            wanted.append(noise)
        found = noise_powers(torch.tensor([[heard]], dtype=torch.float64))[0, 0]
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
        assert wanted[30] < 3 < wanted[-1]


POSTERIORS = [(0.1, 0.5), (0.1, 4.0), (1.0, 1.0), (3.0, 0.7), (10.0, 20.0)]


def amplitude(speech: float, heard: float, of: Any) -> float:
    """The mean of a function of the amplitude, given what is heard, for noise of power 1 and speech of power ξ."""

    def density(a: float) -> float:  # of Rice, times a constant; ive is scaled by the exponential
        x = 2 * a * math.sqrt(heard)
        return a * math.exp(-(a**2) * (1 + 1 / speech) + x - heard) * float(ive(0, x))

    top = 10 * math.sqrt(heard + speech + 1)
    whole = quad(density, 0, top, limit=500, epsabs=0)[0]
    return quad(lambda a: of(a) * density(a), 0, top, limit=500, epsabs=0)[0] / whole


@pytest.mark.parametrize(("speech", "heard"), POSTERIORS)
class TestGains:
    def test_the_amplitude_is_the_posterior_mean(self, speech: float, heard: float) -> None:
        found = made("mmse-stsa").gain(*(torch.tensor([[x]], dtype=torch.float64) for x in (speech, heard)))
        assert float(found) == pytest.approx(amplitude(speech, heard, lambda a: a) / math.sqrt(heard), rel=1e-6)

    def test_its_logarithm_is_the_posterior_mean_of_logarithms(self, speech: float, heard: float) -> None:
        found = made("log-mmse").gain(*(torch.tensor([[x]], dtype=torch.float64) for x in (speech, heard)))
        mean = amplitude(speech, heard, lambda a: math.log(a) if a else 0.0)
        assert float(found) == pytest.approx(math.exp(mean) / math.sqrt(heard), rel=1e-6)

    def test_wiener(self, speech: float, heard: float) -> None:
        found = made("wiener").gain(*(torch.tensor([[x]], dtype=torch.float64) for x in (speech, heard)))
        assert float(found) == pytest.approx(speech / (1 + speech))


def test_the_ratio_of_speech_to_noise_is_decision_directed() -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    class Noted(GainEnhancer):
        def gain(self, speech: Tensor, heard: Tensor) -> Tensor:
            seen.append((speech, heard))
            return speech / (1 + speech)

    sound = voice(6000) + noise(6000)
    Noted(RATE, memory=0.9)(sound[None, None])
    powers = spectra(sound[None], 512).abs().square()
    levels = noise_powers(powers)
    before = 1.0
    for number, (speech, heard) in enumerate(seen):
        now = float(powers[0, 9, number] / levels[0, 9, number])
        wanted = max(0.9 * before + 0.1 * max(now - 1, 0), LEAST_RATIO)
        assert float(heard[0, 9]) == pytest.approx(now)
        assert float(speech[0, 9]) == pytest.approx(wanted)
        before = (wanted / (1 + wanted)) ** 2 * now


def test_spectral_subtraction_of_one_frame_by_hand() -> None:
    sound = voice(4000) + noise(4000)
    found = spectra(sound[None], 512)
    powers = found.abs().square().numpy()[0]
    levels = noise_powers(found.abs().square()).numpy()[0]
    ratio = 10 * np.log10(powers.sum(0) / levels.sum(0))
    factor = np.maximum(4 - 3 / 20 * np.clip(ratio, -5, 20), 1)
    left = np.maximum(powers - factor * levels, 0.01 * levels)
    wanted = found.numpy()[0] * np.minimum(np.sqrt(left / powers), 1)
    again = sounds_of(torch.from_numpy(wanted)[None], 512, 4000)
    torch.testing.assert_close(made("spectral-subtraction")(sound[None, None])[0], again, rtol=0, atol=1e-12)


def test_the_subspaces_of_a_frame_are_generalised_eigenvectors() -> None:
    enhancer = made("subspace", dimension=16)
    powers = spectra((voice(3000) + noise(3000))[None], 512).abs().square()[0, :, 4:6]
    levels = spectra(noise(3000, 1)[None], 512).abs().square()[0, :, 4:6] + 0.1
    found = enhancer.filters(powers, levels)
    own, other = enhancer._covariances(powers), enhancer._covariances(levels)
    for number in range(2):
        values, vectors = eigh(own[number].numpy(), other[number].numpy())  # vectors^T other vectors = 1
        speech = np.maximum(values - 1, 0)
        mu = 1 + 4 * (20 - np.clip(10 * np.log10(speech.mean()), -5, 20)) / 25
        wanted = other[number].numpy() @ vectors @ np.diag(speech / (speech + mu)) @ vectors.T
        np.testing.assert_allclose(found[number].numpy(), wanted, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in ENHANCERS.names() if "noise" in made(name).against])
def test_speech_in_noise_becomes_cleaner(name: str) -> None:
    clean = voice(48_000)
    heard = clean + noise(48_000) * clean.std() / 0.1 / math.sqrt(10**0.5)  # 5 dB
    measure = SiSdr()
    before, after = (float(measure(clean[None], x[None])) for x in (heard, made(name)(heard[None, None])[0, 0]))
    assert after > before + 1.5


@pytest.mark.parametrize("name", ENHANCERS.names())
class TestAll:
    @pytest.mark.parametrize("samples", [1, 100, 700])
    def test_any_length_and_silence(self, name: str, samples: int) -> None:
        found = made(name)(torch.zeros(2, 1, samples))
        assert found.shape == (2, 1, samples)
        assert found.dtype == torch.float32
        assert float(found.abs().max()) < 1e-6

    def test_each_channel_by_itself(self, name: str) -> None:
        sounds = torch.stack([noise(4000), voice(4000)])[None]
        together = made(name)(sounds)
        torch.testing.assert_close(together[:, 1:], made(name)(sounds[:, 1:]), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("part", "word"),
    [
        (Part(name="wiener", memory=1.0), "below 1"),
        (Part(name="subspace", dimension=7), "even"),
        (Part(name="spectral-subtraction", over=0.5), "at least 1"),
    ],
)
def test_what_cannot_be_is_refused(part: Part, word: str) -> None:
    with pytest.raises(UsageError, match=word):
        ENHANCERS.build(part, rate=RATE)
