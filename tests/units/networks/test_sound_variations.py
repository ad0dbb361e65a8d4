"""Variations of sounds: other speeds and microphones, against closed forms and scipy's filters."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from belamy.errors import UsageError
from belamy.methods.enhancement import SOUND_VARIATIONS
from belamy.registry import Part
from belamy.seeds import SampleDraws


@pytest.mark.parametrize("name", SOUND_VARIATIONS.names())
class TestVariations:
    @pytest.mark.parametrize("samples", [1, 2, 997])
    def test_each_is_a_function_of_its_own_numbers(self, name: str, samples: int) -> None:
        change = SOUND_VARIATIONS.build(Part(name=name))
        sounds = torch.randn(3, 2, samples, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        three = change(sounds, SampleDraws(0, [4, 5, 6]))
        assert three.shape == sounds.shape
        assert three.dtype == torch.float64
        torch.testing.assert_close(three[1:2], change(sounds[1:2], SampleDraws(0, [5])), rtol=0, atol=1e-12)
        assert samples < 3 or not torch.allclose(three, sounds)

    def test_silence_stays_silent(self, name: str) -> None:
        assert not SOUND_VARIATIONS.build(Part(name=name))(torch.zeros(1, 1, 500), SampleDraws(0, [0])).any()


@pytest.mark.parametrize(("speed", "hertz"), [(0.8, 800), (1.25, 1250)])
def test_a_tone_that_is_played_faster_is_higher_and_comes_again(speed: float, hertz: float) -> None:
    time = torch.arange(16_000, dtype=torch.float64) / 16_000
    tone = 0.3 * torch.sin(2 * math.pi * 1000 * time)[None, None]
    found = SOUND_VARIATIONS.build(Part(name="speed", low=speed, high=speed))(tone, SampleDraws(0, [0]))
    torch.testing.assert_close(found[0, 0], 0.3 * torch.sin(2 * math.pi * hertz * time), rtol=0, atol=1e-9)


def test_the_filter_of_the_paper() -> None:
    sound = torch.randn(1, 1, 256, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = SOUND_VARIATIONS.build(Part(name="equaliser", strength=0.3))(sound, SampleDraws(0, [7]))
    above, below = (0.3 * (2 * SampleDraws(0, [7]).uniform("equaliser", 1, 2, 2)[0].double() - 1)).numpy()
    assert np.abs([above, below]).max() <= 0.3
    periods = lfilter([1.0, *above], [1.0, *below], np.tile(sound.flatten().numpy(), 3))[-256:]
    periods *= np.sqrt(sound.square().mean().item() / np.square(periods).mean())
    np.testing.assert_allclose(found.flatten().numpy(), periods, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "part",
    [Part(name="speed", low=0.1), Part(name="speed", low=1.2, high=1.1), Part(name="equaliser", strength=0.5)],
)
def test_what_cannot_be_is_refused(part: Part) -> None:
    with pytest.raises(UsageError, match=part.name):
        SOUND_VARIATIONS.build(part)
