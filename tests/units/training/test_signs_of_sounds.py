"""Faults of sounds against closed forms, and that a game of sounds is asked about them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data import open_data
from belamy.modalities.fields import Field
from belamy.recipes import get
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer
from belamy.training.watch.observe import Watch
from belamy.training.watch.sample_distances import SampleDistances
from belamy.training.watch.sound_faults import (
    at_levels_of,
    clipped,
    comb,
    floor,
    hiss,
    silent,
    sound_faults,
    sound_traits,
)

SAMPLES = 4096


def noise(count: int = 8, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(count, 1, SAMPLES, generator=torch.Generator().manual_seed(seed))


def tone(parts: int, amplitude: float) -> Tensor:
    return amplitude * (2 * math.pi * torch.arange(SAMPLES) / parts).cos().expand(8, 1, SAMPLES)


@pytest.mark.parametrize("parts", [4, 16])
def test_a_tone_at_the_stride_is_a_comb(parts: int) -> None:
    """White noise of variance v has v Σw²/(Σw/2)² at each frequency, a tone of amplitude a its a²."""
    plain = noise()
    assert abs(comb(plain, parts)) < 1
    window = torch.hann_window(1024, dtype=torch.float64)
    level = 0.01 * float(window.square().sum()) * (2 / float(window.sum())) ** 2
    heard = comb(plain + tone(4, 0.1), 4)
    assert heard == pytest.approx(10 * math.log10(0.01 / level + 1), abs=1.0)
    assert sound_faults(plain + tone(parts, 0.3), sound_traits(plain))["comb"] > 3
    assert sound_faults(plain + tone(4, 0.3), sound_traits(plain + tone(4, 0.3)))["comb"] == 0


def test_silence_and_clipping_are_shares_of_sounds() -> None:
    some = noise()
    some[:2] *= 1e-4
    some[2] = some[2].mul(40).clamp(-1, 1)
    some[3, 0, :4] = 1.0  # less than a thousandth
    assert silent(some) == 0.25 and clipped(some) == 0.125
    found = sound_faults(some, sound_traits(noise()))
    assert (found["silent"], found["clipped"]) == (0.25, 0.125)


def test_the_floor_is_the_level_of_the_quietest_tenth() -> None:
    """A fifth of the sound is so many decibels below the rest."""
    for below in (20.0, 40.0):
        some = noise()
        some[:, :, : SAMPLES // 5] *= 10 ** (-below / 20)
        assert floor(some) == pytest.approx(-below + 10 * math.log10(1 / 0.8), abs=2.0)
    assert floor(noise() * (torch.arange(SAMPLES) > 2000)) == -50.0
    hits = noise() * (torch.arange(SAMPLES) > 2000)
    assert (
        sound_faults(noise(), sound_traits(hits))["floor"]
        > 45
        > 3
        > abs(sound_faults(hits, sound_traits(hits))["floor"])
    )


def test_hiss_is_how_flat_the_quietest_tenth_is() -> None:
    """White noise has e to the minus Euler's constant, a tone nearly nothing, silence nothing."""
    assert hiss(noise()) == pytest.approx(math.exp(-0.5772), abs=0.06)
    assert hiss(tone(16, 0.3)) < 0.01 and hiss(1e-6 * noise()) == 0.0
    hits = tone(16, 0.3) * (torch.arange(SAMPLES) > 2000)
    assert hiss(hits) < 0.01  # where it is quiet it is silent
    found = sound_faults(hits + 0.1 * noise(), sound_traits(hits))
    assert found["hiss"] > 0.4 and found["floor"] > 8


def test_short_sounds_have_no_comb_and_no_hiss() -> None:
    assert {"comb", "hiss"}.isdisjoint(sound_faults(noise()[..., :512], sound_traits(noise()[..., :512])))


def test_levels_are_taken_over() -> None:
    made = at_levels_of(noise(), 3 * noise(seed=1))
    torch.testing.assert_close(made.square().mean((1, 2)), 9 * noise(seed=1).square().mean((1, 2)))
    torch.testing.assert_close(made / made.abs().amax((1, 2), True), noise() / noise().abs().amax((1, 2), True))


def test_faults_are_measured_where_sounds_are_made() -> None:
    data = open_data("drums:count=40", length=2048)
    found = SampleDistances(data, "audio", Field("audio", (1, 2048), rate=16000.0)).seen(torch.zeros(4, 1, 2048))
    assert found["silent"] == 1.0 and found["clipped"] <= 0


class Loudness(torch.nn.Module):
    """A critic that hears how loud a sound is and nothing else."""

    def judge(self, sounds: Tensor, labels: Tensor | None = None) -> Any:
        from belamy.networks.critic import DiscriminatorOutput

        level = sounds.flatten(1).square().mean(1)
        return DiscriminatorOutput(level, level[:, None])


def test_a_critic_that_hears_the_level_alone_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = open_data("drums:count=48", length=1024)
    recipe = get("wavegan-small").changed(
        length=1024, generator="wavegan:width=1", discriminator="wavegan:width=1", train_samples=1024
    )
    watch = Watch(make_trainer(recipe, data.spec, data, Options(device="cpu"), World()))
    method: Any = watch.method
    monkeypatch.setattr(method, "judge", Loudness().judge)
    batch = watch._coming()
    quiet = 0.1 * batch.main[torch.arange(len(batch)).roll(1)]
    found = watch._at_equal_levels(method, batch, quiet, None)
    assert found["heard"] > 0.9 and found["levelled"] == pytest.approx(0.5, abs=0.02)
    assert {"heard", "levelled", "silent", "clipped", "floor", "comb", "hiss"} <= {*watch.look(), "comb"}
