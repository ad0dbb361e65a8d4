"""Sounds of spectrograms: the spectrogram and its inverse, WaveGlow's inverse and determinant, steps in float64."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data.batch import Batch
from belamy.errors import UsageError
from belamy.methods import autoregressive_vocoder, flow_vocoder, vocoder
from belamy.methods.base import Restores, Samples
from belamy.modalities.fields import DataSpec, Field
from belamy.modalities.mel import filters
from belamy.networks.mel_spectrogram import MelSpectrogram
from belamy.networks.multi_period import PatchDiscriminator
from belamy.networks.vocos import Vocoder
from belamy.networks.waveglow import SoundFlow
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws

HOP, BANDS, SAMPLES = 16, 6, 128
SOUND = {"bands": BANDS, "frame": 64, "hop": HOP}


def sounds(count: int = 2, samples: int = SAMPLES) -> Tensor:
    """Falling tones."""
    time = torch.arange(samples, dtype=torch.float64)
    tones = torch.sin(time * torch.linspace(0.2, 0.6, count, dtype=torch.float64)[:, None]) * 0.5
    return (tones * torch.exp(-time / samples))[:, None]


def batch_of(values: Tensor) -> Batch:
    return Batch({"audio": values}, torch.arange(len(values)))


def method(kind: Any, **options: Any) -> Any:
    torch.manual_seed(0)
    spec = DataSpec({"audio": Field("audio", (1, SAMPLES), rate=16000.0, bits=16)})
    recipe = kind.Recipe(**{**kind.Recipe.tiny().model_dump(include={"network", "generator", "discriminator"}), **SOUND,
                            **options})  # fmt: skip
    built = kind.Method(recipe, spec).double()
    for parameter in built.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return built


def flow(dtype: torch.dtype = torch.float64, channels: int = 1, noise: float = 0.1) -> SoundFlow:
    torch.manual_seed(1)
    network = SoundFlow((channels, 64), BANDS, HOP, steps=5, every=2, early=2, width=6, skip=5, layers=2)
    for parameter in network.parameters():
        parameter.data += noise * torch.randn_like(parameter)
    return network.to(dtype)


class TestMelSpectrogram:
    def test_by_hand(self) -> None:
        """Sums over each frame's samples with the window's weights, and the bands of their magnitudes."""
        measure = MelSpectrogram(16000.0, SAMPLES, **SOUND).double()
        values, n = sounds(), torch.arange(64, dtype=torch.float64)
        window = 0.5 - 0.5 * torch.cos(2 * math.pi * n / 64)
        whole = torch.nn.functional.pad(values[:, 0], (24, 24))
        angles = 2 * math.pi * torch.outer(torch.arange(33, dtype=torch.float64), n) / 64
        frames = torch.stack([whole[:, t * HOP : t * HOP + 64] * window for t in range(8)], -1)
        power = (angles.cos() @ frames).square() + (angles.sin() @ frames).square()
        magnitudes = power.sqrt() * 2 / window.sum()  # a sine of amplitude 1 has 1
        wanted = (filters(16000.0, 64, BANDS).float().double() @ magnitudes).clamp_min(1e-5).log()
        torch.testing.assert_close(measure(values), wanted, rtol=0, atol=1e-10)
        long = torch.sin(torch.arange(SAMPLES, dtype=torch.float64) * 2 * math.pi * 8 / 64)[None]
        assert float(measure.magnitudes(long)[0, 8, 4]) == pytest.approx(1, abs=1e-6)

    def test_phases_are_found(self) -> None:
        """The spectrogram of what is made without learning comes nearer with steps."""
        measure = MelSpectrogram(16000.0, 1024, bands=24, frame=128, hop=32).double()
        values = sounds(2, 1024)
        known = measure(values)
        errors = [float((measure(measure.without_learning(known, steps)) - known).abs().mean()) for steps in (0, 32)]
        assert errors[1] < 0.8 * errors[0]

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"hop": 24}, "Type --length 120"),
            ({"hop": 15}, "both must be even"),
            ({"frame": 8}, "the second at most half the first"),
            ({"bands": 0}, "bands is 0"),
        ],
    )
    def test_refusals(self, options: dict[str, int], says: str) -> None:
        with pytest.raises(UsageError, match=says):
            MelSpectrogram(16000.0, SAMPLES, **(SOUND | options))


class TestWaveGlow:
    @pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
    @pytest.mark.parametrize("channels", [1, 2])
    @torch.no_grad()
    def test_invertible(self, dtype: torch.dtype, limit: float, channels: int) -> None:
        network = flow(dtype, channels)
        values, told = torch.rand(3, channels, 64).to(dtype) * 2 - 1, torch.randn(3, BANDS, 4).to(dtype)
        latents, _ = network(values, told)
        assert float((network.inverse(latents, told) - values).abs().max()) < limit
        assert float((network(network.inverse(latents, told), told)[0] - latents).abs().max()) < 10 * limit
        assert float((network(values, told + 1)[0] - latents).abs().max()) > 1e-3  # the spectrogram is heard

    def test_the_determinant_is_that_of_the_jacobian(self) -> None:
        network, told = flow(), torch.randn(1, BANDS, 4, dtype=torch.float64)
        values = torch.rand(1, 1, 64, dtype=torch.float64) * 2 - 1
        jacobian = torch.autograd.functional.jacobian(lambda x: network(x, told)[0], values).reshape(64, 64)
        wanted = torch.linalg.slogdet(jacobian).logabsdet
        torch.testing.assert_close(network(values, told)[1].detach()[0], wanted, rtol=0, atol=1e-9)

    @torch.no_grad()
    def test_early_outputs_are_two_channels_after_every_second_step(self) -> None:
        """What is done early does not depend on later steps."""
        network, told = flow(), torch.randn(1, BANDS, 4, dtype=torch.float64)
        values = torch.rand(1, 1, 64, dtype=torch.float64)
        before = network(values, told)[0].view(8, 8)
        assert [step.mixing.order.shape[0] for step in network.steps] == [8, 8, 6, 6, 4]
        network.steps[4].mixing.log_scale += 1
        after = network(values, told)[0].view(8, 8)
        assert torch.equal(after[:4], before[:4]) and not torch.equal(after[4:], before[4:])

    def test_nats_are_those_of_a_normal_distribution(self) -> None:
        """Of a network that does nothing but turn, with noise of one level."""
        built = method(flow_vocoder, sigma=0.5)
        for step in built.network.steps:
            for parameter in step.out.parameters():
                parameter.data.zero_()
            step.mixing.log_scale.data.zero_()
            step.mixing.lower.data.zero_()
            step.mixing.upper.data.zero_()
        values, draws = sounds(), SampleDraws(0, range(2))
        noisy = values + (draws.uniform("dequantisation", *values.shape).double() - 0.5) / 32768
        wanted = 2 * noisy.square().flatten(1).sum(1) + SAMPLES * math.log(0.5 * math.sqrt(2 * math.pi))
        torch.testing.assert_close(built.nats(values, SampleDraws(0, range(2))), wanted, rtol=0, atol=1e-8)

    @torch.no_grad()
    def test_sigma_is_the_spread_at_sampling(self) -> None:
        built = method(flow_vocoder)
        values = sounds()
        still = [built.translate(values, SampleDraws(seed, range(2)), {"sigma": 0.0}) for seed in (0, 1)]
        assert torch.equal(*still)
        made = built.translate(values, SampleDraws(0, range(2)))
        noise = SampleDraws(0, range(2)).normal("latents", 2, SAMPLES).double() * 0.6
        wanted = built.network.inverse(noise, built.spectrogram(values)).clamp(-1, 1)
        assert torch.equal(made, wanted) and not torch.equal(made, still[0])

    @pytest.mark.parametrize(
        "part",
        ["waveglow:group=7", "waveglow:early=3", "waveglow:kernel=4", "waveglow:steps=20,every=2", "waveglow:width=0"],
    )
    def test_refusals(self, part: str) -> None:
        with pytest.raises(UsageError, match="waveglow"):
            flow_vocoder.FLOWS.build(Part.parse(part), shape=(1, 64), bands=BANDS, hop=HOP)


class TestVocos:
    @torch.no_grad()
    def test_the_head_by_hand(self) -> None:
        """A magnitude and a phase at one frequency are a cosine under the window."""
        torch.manual_seed(0)
        network = Vocoder(BANDS, 64, HOP, width=4, hidden=8, depth=2).double()
        network.head.weight.zero_()
        network.head.bias.fill_(-100.0)
        network.head.bias[5], network.head.bias[33:] = math.log(32.0), 0.0
        network.head.bias[33 + 5] = 0.3
        made = network(torch.randn(1, BANDS, 12, dtype=torch.float64))[0, 0]
        frames = torch.cos(2 * math.pi * 5 * torch.arange(64, dtype=torch.float64) / 64 + 0.3)
        window = torch.hann_window(64, dtype=torch.float64)
        whole, weight = torch.zeros(240).double(), torch.zeros(240).double()
        for t in range(12):
            whole[t * HOP : t * HOP + 64] += frames * window
            weight[t * HOP : t * HOP + 64] += window.square()
        torch.testing.assert_close(made, (whole / weight.clamp_min(1e-8))[24:216], rtol=0, atol=1e-6)

    def test_a_block_by_hand(self) -> None:
        torch.manual_seed(0)
        block = Vocoder(BANDS, 64, HOP, width=4, hidden=8, depth=2).double().blocks[0]
        maps = torch.randn(2, 9, 4, dtype=torch.float64)
        padded = torch.nn.functional.pad(maps, (0, 0, 3, 3))
        seen = sum(padded[:, k : k + 9] * block.across.weight[:, 0, k] for k in range(7)) + block.across.bias
        seen = (seen - seen.mean(-1, keepdim=True)) / (seen.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()
        inner = seen @ block.dense[0].weight.T + block.dense[0].bias
        inner = inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2)))
        wanted = maps + 0.5 * (inner @ block.dense[2].weight.T + block.dense[2].bias)
        torch.testing.assert_close(block(maps), wanted, rtol=0, atol=1e-12)

    def test_a_step(self) -> None:
        """Hinge losses of all judges, features of all, and the distance of spectrograms; each player learns its own."""
        built, values = method(vocoder), sounds()
        first, second = list(built.play(iter([batch_of(values)]), Draws(0, 0)))
        made = built.generator(built.spectrogram(values))
        real, fake = (built.discriminator.scales(each, features=True) for each in (values, made))
        hinge = sum(((1 - r.scores).relu() + 0).flatten(1).mean(1) + (1 + f.scores).relu().flatten(1).mean(1)
                    for r, f in zip(real, fake, strict=True))  # fmt: skip
        torch.testing.assert_close(first.terms["adversarial"], hinge)
        own = (built.spectrogram(made) - built.spectrogram(values)).abs().mean((1, 2))
        matching = sum((a - b).abs().flatten(1).mean(1) for r, f in zip(real, fake, strict=True)
                       for a, b in zip(r.features, f.features, strict=True))  # fmt: skip
        torch.testing.assert_close(second.terms["spectrogram"], own)
        torch.testing.assert_close(second.terms["matching"], matching)
        torch.testing.assert_close(second.terms["adversarial"], -sum(f.scores.flatten(1).mean(1) for f in fake))
        assert second.weights["spectrogram"] == 45 and [first.player, second.player] == ["discriminator", "generator"]
        alone = method(vocoder, adversarial_weight=0.0)
        (turn,) = alone.play(iter([batch_of(values)]), Draws(0, 0))
        assert set(turn.terms) == {"spectrogram"} and set(alone.networks()) == {"generator"}

    def test_judges_see_every_so_many_th_sample(self) -> None:
        """The judge of period 3 sees a change of one sample in one column alone."""
        torch.manual_seed(0)
        judges = PatchDiscriminator((1, 90), width=2, periods=(3,), windows=()).double()
        values = torch.randn(1, 1, 90, dtype=torch.float64)
        other = values.clone()
        other[..., 31] += 1
        changed = (judges.scales(values)[0].scores != judges.scales(other)[0].scores)[0, 0]
        assert changed[:, 1].any() and not changed[:, [0, 2]].any()
        with pytest.raises(UsageError, match="a window a multiple of 4"):
            PatchDiscriminator((1, 90), periods=(2,), windows=(128,))
        with pytest.raises(UsageError, match="multi-period is for sounds"):
            PatchDiscriminator((1, 90, 90))  # type: ignore[arg-type]
        with pytest.raises(UsageError, match=r"judges pictures\. Type --discriminator multi-period"):
            method(vocoder, discriminator=Part(name="patch-gan"))
        with pytest.raises(UsageError, match=r"hears no spectrogram\. Type --network wavenet"):
            method(autoregressive_vocoder, network=Part(name="pixel-cnn"))


class TestWaveNetVocoder:
    @torch.no_grad()
    def test_sounds_are_those_of_the_naive_loop(self) -> None:
        built = method(autoregressive_vocoder).eval()
        values, draws = sounds(), SampleDraws(4, range(2))
        made = built.translate(values, draws)
        chance = SampleDraws(4, range(2)).uniform("translation", 2, SAMPLES, 1, 1)
        levels = torch.zeros(2, 1, SAMPLES, dtype=torch.long)
        told = built.spectrogram(values)
        for place in range(SAMPLES):
            features = built.network(built.shown(levels, torch.float64), None, told)[..., place]
            levels[..., place] = built.picked(built.head, features, chance[:, place], 1.0)
        assert torch.equal(made, built.valued(levels, torch.float64))
        assert not isinstance(built, Samples) and isinstance(built, Restores)
        cold = [built.translate(values, SampleDraws(seed, range(2)), {"temperature": 0.0}) for seed in (0, 1)]
        assert torch.equal(*cold)

    @torch.no_grad()
    def test_nats_depend_on_the_spectrogram(self) -> None:
        built, values = method(autoregressive_vocoder), sounds()
        (turn,) = built.play(iter([batch_of(values)]), Draws(0, 0))
        levels = built.levels(batch_of(values), Draws(0, 0))
        logits = built.head(built.network(built.shown(levels, torch.float64), None, built.spectrogram(values)), levels)
        wanted = -logits.log_softmax(-1).gather(-1, levels[..., None])[..., 0].flatten(1).sum(1)
        torch.testing.assert_close(turn.terms["nats"], wanted, rtol=0, atol=1e-10)
        other = built.nats(levels, built.spectrogram(values.flip(0)))
        assert not torch.equal(other, wanted)


@pytest.mark.parametrize("kind", [flow_vocoder, vocoder, autoregressive_vocoder])
@torch.no_grad()
def test_recordings_are_given_and_rivals_stand_beside(kind: Any) -> None:
    built, values = method(kind).eval(), sounds()
    assert built.degraded == built.spec.field and torch.equal(built.degrade(values, SampleDraws(0, range(2))), values)
    rivals = built.rivals(values)
    assert list(rivals) == ["untouched", "griffin-lim"] and all(each.shape == values.shape for each in rivals.values())
    louder = built.translate(values, SampleDraws(0, range(2)))
    assert louder.shape == values.shape and float(louder.abs().max()) <= 1
    turned = built.translate(-values, SampleDraws(0, range(2)))  # phases are not looked at
    torch.testing.assert_close(turned, louder, rtol=0, atol=1e-9)
