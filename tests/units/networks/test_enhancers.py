"""Networks that make sounds clean: the book's counts, masks, causality, degradations of sound."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.signal import welch
from torch import Tensor

from belamy.errors import UsageError
from belamy.methods.base import METHODS
from belamy.methods.enhancement import ENHANCERS, SOUND_DEGRADATIONS, Recipe
from belamy.modalities.fields import DataSpec, Field
from belamy.modalities.short_time import compressed, spectra
from belamy.networks.convolutional_recurrent import Enhancer as Light
from belamy.networks.restorer import Enhancer as Restorer
from belamy.networks.segan import Discriminator, Enhancer
from belamy.networks.summary import count
from belamy.registry import Part
from belamy.seeds import SampleDraws

RATE = 16000.0


def speech(count: int = 2, samples: int = 16384, seed: int = 0) -> Tensor:
    return 0.2 * torch.randn(count, 1, samples, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class TestSegan:
    def test_counts_of_the_book(self) -> None:
        judge = count(Discriminator((2, 16384)))
        assert count(Enhancer((1, 16384))).total == 65_768_065
        assert (judge.total, judge.trainable) == (26_335_681, 26_331_713)

    def test_counts_with_a_slope_for_each_channel(self) -> None:
        judge = count(Discriminator((2, 16384), slopes="channel"))
        assert count(Enhancer((1, 16384), slopes="channel")).total == 64_771_585
        assert (judge.total, judge.trainable) == (25_829_761, 25_825_793)

    def test_scales_and_noise_are_heard(self) -> None:
        torch.manual_seed(0)
        network, sound = Enhancer((1, 1024), width=2).double(), speech(1, 1024)
        plain = network(sound)
        assert not torch.equal(plain, network(sound, torch.ones(1, *network.latent_shape, dtype=torch.float64)))
        with torch.no_grad():
            network.scales[0].weight[0] = 2.0
        assert not torch.equal(plain, network(sound))

    def test_clips_longer_than_those_it_learned_from(self) -> None:
        part = Part(name="segan", width=2, slopes="channel")
        recipe = Recipe.tiny().changed(generator=part, length=1024)
        method = METHODS.build(
            Part(name="enhancement"), recipe=recipe, spec=DataSpec({"audio": Field("audio", (1, 1024), rate=RATE)})
        )
        assert method.translate(torch.zeros(2, 1, 4096), SampleDraws(0, [0, 1])).shape == (2, 1, 4096)

    def test_a_length_that_the_strides_do_not_divide(self) -> None:
        with pytest.raises(UsageError, match=r"--length 1024 or --length 2048"):
            Enhancer((1, 1500))


class TestLight:
    def test_it_begins_near_what_is_heard(self) -> None:
        torch.manual_seed(0)
        sound = speech()
        made = Light((1, 16384), width=8, memory=8).double()(sound).detach()
        assert float((made - sound).square().mean() / sound.square().mean()) < 0.05

    def test_nothing_later_than_a_frame_is_heard(self) -> None:
        """A change of the sample 5,000 changes nothing that is more than 512 samples before it."""
        torch.manual_seed(0)
        network = Light((1, 8000), width=8, memory=8).double().eval()
        one, other = speech(1, 8000), speech(1, 8000)
        other[..., 5000:] += 0.3
        apart = (network(one) - network(other)).detach().abs()[0, 0]
        assert float(apart[: 5000 - 512].max()) == 0
        assert float(apart[5000 - 256 :].max()) > 0

    @pytest.mark.parametrize("samples", [1, 63, 64, 5000])
    @pytest.mark.parametrize("piece", [20, 128, 333])
    def test_a_stream_is_the_whole(self, samples: int, piece: int) -> None:
        torch.manual_seed(0)
        network = Light((2, 8000), width=4, memory=6, layers=3, frame=128).double().eval()
        sound = speech(2, 2 * samples).view(2, 2, samples)
        made = list(network.streamed(sound.split(piece, 2)))
        torch.testing.assert_close(torch.cat(made, 2), network(sound), rtol=0, atol=1e-12)
        heard, told = 0, 0
        for given, each in zip(sound.split(piece, 2), made, strict=False):  # the last of made is the rest
            heard, told = heard + given.shape[2], told + each.shape[2]
            assert heard - told <= network.delay

    def test_masks_stay_below_two(self) -> None:
        network = Light((1, 2000), width=4, memory=4).double()
        with torch.no_grad():
            network.up[-1].layer.weight.mul_(1e4)
        assert float(network.mask(spectra(speech(2, 2000)[:, 0], 512)).detach().abs().max()) < 2 + 1e-9

    def test_compression_keeps_the_phase(self) -> None:
        found = torch.tensor([[[3 + 4j]]], dtype=torch.complex128)
        size, parts = compressed(found)
        assert float(size) == pytest.approx(5**0.3, rel=1e-6)
        np.testing.assert_allclose(parts.flatten(), np.array([0.6, 0.8]) * 5**0.3, rtol=1e-6)

    @pytest.mark.parametrize("options", [{"frame": 500}, {"layers": 9}, {"width": 0}])
    def test_what_cannot_be_is_refused(self, options: dict[str, int]) -> None:
        with pytest.raises(UsageError):
            Light((1, 1024), **options)


class TestRestorer:
    """A sound of 100 samples of which 40 to 49 are silent and 60 to 69 are cut off at 0.5."""

    @pytest.fixture
    def heard(self) -> Tensor:
        heard = 0.4 * torch.sin(torch.arange(100, dtype=torch.float64) * 0.7)
        heard[40:50], heard[60:70] = 0.0, 0.5
        return heard.expand(2, 1, 100).clone()

    @pytest.fixture
    def guesses(self, heard: Tensor) -> Tensor:
        """Of the first rule 0.2 and 0.6 where something is wrong, of the second -0.1 and 0.3 as well as elsewhere."""
        one, two = heard.clone(), torch.full_like(heard, 0.3)
        one[..., 40:50], one[..., 60:70], two[..., 40:50] = 0.2, 0.6, -0.1
        return torch.stack([one, two], 1)

    @staticmethod
    def network(stirred: bool) -> Restorer:
        torch.manual_seed(0)
        network = Restorer((1, 100), 2, width=4, depth=1).double()
        if stirred:
            torch.nn.init.normal_(network.last.weight)
        return network

    def test_at_the_start_damage_is_the_mean_of_the_guesses(self, heard: Tensor, guesses: Tensor) -> None:
        made = self.network(stirred=False)(heard, guesses)
        wanted = heard.clone()
        wanted[..., 40:50] = 0.05
        torch.testing.assert_close(made, wanted, rtol=0, atol=1e-12)  # 0.45 of the peaks is below where they were cut

    def test_what_the_first_rule_leaves_stays_and_peaks_are_peaks(self, heard: Tensor, guesses: Tensor) -> None:
        made = self.network(stirred=True)(heard, guesses)
        damaged = (guesses[:, 0] != heard)[0, 0]
        assert torch.equal(made[..., ~damaged], heard[..., ~damaged])
        assert (made[..., 40:50] != 0.05).all()
        assert (made[..., 60:70] >= 0.5).all()
        assert (made[..., 60:70] > 0.5).any()

    def test_each_channel_by_itself_and_at_any_loudness(self, heard: Tensor, guesses: Tensor) -> None:
        network = self.network(stirred=True)
        both = torch.cat([heard, heard.flip(-1)], 1), torch.cat([guesses, guesses.flip(-1)], 2)
        torch.testing.assert_close(network(*both)[:, :1], network(heard, guesses), rtol=0, atol=1e-12)
        torch.testing.assert_close(network(3 * heard, 3 * guesses) / 3, network(heard, guesses), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ENHANCERS.names())
def test_every_enhancer_keeps_the_shape_and_learns_everywhere(name: str) -> None:
    network = ENHANCERS.build(Part(name=name, width=4), shape=(2, 2048), guesses=3)
    guesses = [torch.randn(3, 3, 2, 2048)] if getattr(network, "takes_guesses", False) else []
    made = network(torch.randn(3, 2, 2048), *guesses)
    assert made.shape == (3, 2, 2048)
    made.square().mean().backward()
    assert all(each.grad is not None for each in network.parameters())


@pytest.mark.parametrize("name", SOUND_DEGRADATIONS.names())
class TestDegradations:
    def test_each_is_a_function_of_its_own_numbers(self, name: str) -> None:
        spoil, sounds = SOUND_DEGRADATIONS.build(Part(name=name), rate=RATE), speech(3, 4000) * 3
        three = spoil(sounds, SampleDraws(0, [4, 5, 6]))
        assert three.shape == sounds.shape
        assert three.dtype == torch.float64
        torch.testing.assert_close(three[1:2], spoil(sounds[1:2], SampleDraws(0, [5])), rtol=0, atol=1e-12)
        assert not torch.equal(three, sounds)

    def test_silence_stays_silent(self, name: str) -> None:
        found = SOUND_DEGRADATIONS.build(Part(name=name), rate=RATE)(torch.zeros(1, 1, 500), SampleDraws(0, [0]))
        assert float(found.abs().max()) < 1e-4  # the µ-law has no code for 0


class TestEachDegradation:
    def spoilt(self, name: str, sounds: Tensor, **options: object) -> Tensor:
        found: Tensor = SOUND_DEGRADATIONS.build(Part(name=name, **options), rate=RATE)(
            sounds, SampleDraws(0, range(len(sounds)))
        )
        return found

    @pytest.mark.parametrize(("colour", "fall"), [("white", 0), ("pink", 3.01), ("brown", 6.02)])
    def test_noise_is_as_loud_and_as_coloured_as_asked(self, colour: str, fall: float) -> None:
        sounds = speech(4, 65536)
        noise = self.spoilt("noise", sounds, colour=colour, low=7.0, high=7.0) - sounds
        ratio = 10 * torch.log10(sounds.square().mean((1, 2)) / noise.square().mean((1, 2)))
        np.testing.assert_allclose(ratio, 7.0, atol=1e-9)
        hertz, powers = welch(noise[:, 0].numpy(), RATE, nperseg=1024)
        octaves = [powers[:, (hertz >= low) & (hertz < 2 * low)].mean() for low in (500, 1000, 2000)]
        falls = -10 * np.diff(np.log10(octaves))
        np.testing.assert_allclose(falls, fall, atol=0.5)

    def test_clipping_of_the_book(self) -> None:
        sounds = torch.tensor([[[0.5, 0.95, -0.95, -0.9]]])
        assert self.spoilt("clipping", sounds).flatten().tolist() == pytest.approx([0.5, 0.9, -0.9, -0.9])
        relative = self.spoilt("clipping", sounds, low=0.5, high=0.5, relative=True)
        assert relative.flatten().tolist() == pytest.approx([0.475, 0.475, -0.475, -0.475])

    def test_packets_are_lost_whole(self) -> None:
        kept = self.spoilt("packet-loss", torch.ones(20, 1, 32000), share=0.1)[:, 0].reshape(20, 100, 320)
        assert bool(((kept == kept[..., :1]).all(-1)).all())
        assert 0.08 < 1 - float(kept.mean()) < 0.12

    def test_gaps_are_as_long_as_asked(self) -> None:
        silent = (self.spoilt("gaps", torch.ones(8, 1, 16000), low=30.0, high=30.0) == 0).sum(2)
        assert set(silent.flatten().tolist()) <= {480, 481}

    def test_a_band_keeps_what_is_below(self) -> None:
        time = torch.arange(16000, dtype=torch.float64) / RATE
        low, high = (torch.sin(2 * math.pi * hertz * time)[None, None] for hertz in (1000, 5000))
        torch.testing.assert_close(self.spoilt("band-limit", low + high), low, rtol=0, atol=1e-9)

    def test_echoes_die_away(self) -> None:
        click = torch.zeros(1, 1, 16000, dtype=torch.float64)
        click[..., 0] = 1.0
        found = self.spoilt("reverberation", click, low=0.5, high=0.5, ratio=6.0)[0, 0]
        assert float(found[0]) == 1.0
        echoes = found[1:].square()
        assert float(10 * torch.log10(1 / echoes.sum())) == pytest.approx(6.0, abs=1e-6)
        early, late = echoes[32:1632].mean(), echoes[32 + 3200 : 1632 + 3200].mean()  # 0.2 s apart: 24 dB of T60 0.5 s
        assert float(10 * torch.log10(early / late)) == pytest.approx(24.0, abs=1.0)

    def test_the_mu_law_rounds_to_256_values(self) -> None:
        ramp = torch.linspace(-1, 1, 50_001, dtype=torch.float64)[None, None]
        found = self.spoilt("mu-law", ramp)
        assert len(found.unique()) == 256
        near_zero, near_one = (ramp.abs() < 0.01), (ramp.abs() > 0.9)
        errors = (found - ramp).abs()
        assert float(errors[near_zero].max()) < 0.0005 < float(errors[near_one].max()) < 0.022

    def test_g722_comes_out_in_time_and_the_worse_the_fewer_bits(self) -> None:
        time = torch.arange(16_001, dtype=torch.float64) / RATE
        sounds = sum(0.2 * torch.sin(2 * math.pi * hertz * time) for hertz in (440, 700, 1130))[None, None]
        errors = {bits: self.spoilt("g722", sounds, kilobits=bits) - sounds for bits in (64, 56, 48)}
        ratios = [float(10 * torch.log10(sounds.square().sum() / each.square().sum())) for each in errors.values()]
        assert ratios == sorted(ratios, reverse=True) and ratios[0] - ratios[2] > 1
        late = errors[64][..., 1:] + sounds[..., 1:] - sounds[..., :-1]
        assert float(errors[64].square().sum()) < 0.2 * float(late.square().sum())  # a sample late is worse by far
        with pytest.raises(UsageError, match="16,000"):
            SOUND_DEGRADATIONS.build(Part(name="g722"), rate=8000.0)

    @pytest.mark.parametrize(
        "part",
        [
            Part(name="noise", low=5.0, high=1.0), Part(name="clipping", low=0.0), Part(name="packet-loss", share=2.0),
            Part(name="gaps", count=0), Part(name="band-limit", high=9000.0), Part(name="reverberation", low=0.0),
            Part(name="mu-law", bits=1), Part(name="g722", kilobits=32),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_refused(self, part: Part) -> None:
        with pytest.raises(UsageError, match=part.name):
            SOUND_DEGRADATIONS.build(part, rate=RATE)
