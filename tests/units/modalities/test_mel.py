"""Mel bands and magnitudes against closed forms, and features of sounds made with them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from belamy.evaluation.features import EXTRACTORS, kinds_of
from belamy.modalities.audio import Modality
from belamy.modalities.fields import Field
from belamy.modalities.mel import FLOOR, decibels, filters, hertz_of, log_mel, magnitudes, mel_of, sizes
from belamy.registry import Part

RATE = 16000


def sine(frequency: float, amplitude: float = 0.5, samples: int = 8192) -> torch.Tensor:
    return amplitude * torch.sin(2 * math.pi * frequency * torch.arange(samples, dtype=torch.float64) / RATE)[None]


def test_the_scale_and_its_inverse() -> None:
    assert mel_of(0) == 0 and mel_of(1000) == pytest.approx(1000, abs=0.02)
    assert [hertz_of(mel_of(f)) for f in (20.0, 440.0, 8000.0)] == pytest.approx([20.0, 440.0, 8000.0])


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_every_band_hears_something_and_neighbours_share_what_lies_between(rate: int) -> None:
    _, transform, _ = sizes(rate, rate)
    bank = filters(rate, transform)
    assert bank.shape[1] == transform // 2 + 1 and bool((bank.amax(1) > 0.3).all()) and float(bank.max()) <= 1
    frequencies = np.arange(transform // 2 + 1) * rate / transform
    first, last = (hertz_of(mel_of(rate / 2) * step / 41) for step in (1, 40))
    inside = torch.from_numpy((frequencies > first) & (frequencies < last))
    torch.testing.assert_close(bank.sum(0)[inside], torch.ones(int(inside.sum()), dtype=torch.float64))


def test_a_sine_has_its_amplitude_at_its_place() -> None:
    found = magnitudes(sine(1000.0), 512, 1024, 128)[0, :, 10:-10]
    assert found[64].tolist() == pytest.approx([0.5] * found.shape[1], abs=1e-3)  # 64 of 1,024 bins are 1,000 Hz
    assert float(found[90:].max()) < 1e-3


def test_a_band_tells_the_level_of_a_tone_and_silence_is_the_floor() -> None:
    loud, soft = (log_mel(sine(1000.0, amplitude), RATE)[0, :, 20] for amplitude in (0.5, 0.05))
    assert int(loud.argmax()) == int(soft.argmax())
    assert float(loud.max() - soft.max()) == pytest.approx(20, abs=1e-6)
    assert bool((log_mel(torch.zeros(1, 4096), RATE) == FLOOR).all())
    assert decibels(0) == -math.inf and decibels(1) == 0


def test_features_tell_tones_apart_however_loud_the_others_are_in_the_batch() -> None:
    field, kind = Field("audio", (1, 8192), rate=float(RATE)), Modality()
    made = EXTRACTORS.build(Part(name="mel"), field=field)
    tones = torch.stack([sine(frequency) for frequency in (300.0, 310.0, 3000.0)])
    raw = kind.to_raw(tones, field)
    seen = made.extract(raw, torch.arange(3))
    assert seen.features.shape == (3, made.size) and kinds_of(made) == ("audio",) and seen.field == field
    apart = torch.cdist(seen.features, seen.features)
    assert apart[0, 2] > 3 * apart[0, 1] > 0
    torch.testing.assert_close(made.extract(raw[2:]).features, seen.features[2:])
