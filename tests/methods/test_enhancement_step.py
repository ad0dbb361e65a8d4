"""Enhancement: SEGAN's losses of one step, what is heard of clean sounds, and spectral distances, in float64."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from scipy.signal import stft
from torch import Tensor

from belamy.data import Batch
from belamy.data.dataset import DataSpec
from belamy.errors import UsageError
from belamy.losses.spectral.compressed import Spectral as Compressed
from belamy.losses.spectral.multi_resolution import RESOLUTIONS
from belamy.losses.spectral.multi_resolution import Spectral as MultiResolution
from belamy.methods.base import Restores, Turn
from belamy.methods.enhancement import CLASSICAL_ENHANCERS, NOISES_KEPT, QUALITIES, Method, Recipe
from belamy.modalities.fields import Field
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws

SOUND = Field("audio", (1, 1024), rate=16000.0)


def sounds(seed: int, count: int = 3, samples: int = 1024) -> Tensor:
    return 0.2 * torch.randn(count, 1, samples, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def method(fields: tuple[str, ...] = ("audio", "noisy"), samples: int = 1024, **changes: Any) -> Method:
    recipe = Recipe.tiny().changed(**changes)
    spec = DataSpec(dict.fromkeys(fields, Field("audio", (1, samples), rate=16000.0)))
    torch.manual_seed(0)
    return Method(recipe, spec).double()


def turns(made: Method, batches: list[Batch], step: int = 3) -> list[Turn]:
    return [turn for turn in made.play(iter(batches), Draws(0, step, dtype=torch.float64)) if isinstance(turn, Turn)]


SEGAN = {
    "generator": Part(name="segan", width=2),
    "discriminator": Part(name="segan", width=2),
    "spectral_weight": 0.0,
    "reconstruction_weight": 100.0,
    "turns": "separate",
}


def test_a_restorer_begins_from_the_mean_of_what_rules_make() -> None:
    """One turn; its loss is that of the mean of both rules' guesses where the first of them takes something for lost.

    That is not the silence at the end, which the second fills.
    """
    rules = (Part(name="autoregressive-interpolation", order=8), Part(name="packet-repetition"))
    made = method(
        ("audio",), 2048, generator=Part(name="restorer", width=2, depth=1), rules=rules, adversarial_weight=0.0,
        degradations=(Part(name="gaps", low=10, high=20),), reconstruction=Part(name="signal-to-noise"),
        spectral_weight=0.0,
    )  # fmt: skip
    clean = sounds(0, samples=2048)
    clean[..., -100:] = 0
    [turn] = turns(made, [Batch({"audio": clean}, torch.arange(3))])
    given, _ = made.drawn(Batch({"audio": clean}, torch.arange(3)), Draws(0, 3, dtype=torch.float64))
    first, second = (CLASSICAL_ENHANCERS.build(rule, rate=16000.0)(given) for rule in rules)
    assert (second[..., -100:] != 0).any()
    error = torch.where(first != given, (first + second) / 2, given) - clean
    share = error.square().flatten(1).sum(1) / clean.square().flatten(1).sum(1)
    torch.testing.assert_close(turn.terms["reconstruction"].detach(), 10 * (1 + 1e4 * share).log10())
    assert share.min() > 1e-3


def test_pairs_are_spoilt_by_what_the_rules_are_against() -> None:
    rules = (Part(name="packet-repetition"),)
    restorer = method(samples=2048, generator=Part(name="restorer", width=2, depth=1), rules=rules)
    assert "autoregressive-interpolation" in restorer.rivals(sounds(0, samples=2048))
    assert "log-mmse" in method().rivals(sounds(0))


class TestVariations:
    """Other sounds and other noises, to learn from alone."""

    def test_what_is_learned_is_another_sound_and_what_is_heard_is_made_of_it(self) -> None:
        plain, varied = (
            method(("audio", "other"), variations=parts, snr_low=100.0, snr_high=100.0)
            for parts in ((), (Part(name="speed", low=0.8, high=0.8),))
        )
        batch = Batch({"audio": sounds(0), "other": sounds(1)}, torch.arange(3))
        given, wanted = varied.drawn(batch, Draws(0, 3, dtype=torch.float64))
        torch.testing.assert_close(wanted, varied.variations[0](sounds(0), SampleDraws(0, [0, 1, 2])))
        torch.testing.assert_close(given, wanted, rtol=0, atol=1e-4)
        assert not torch.allclose(wanted, plain.drawn(batch, Draws(0, 3, dtype=torch.float64))[1], atol=1e-2)

    def test_noises_are_others_too(self) -> None:
        noises = [
            given - wanted
            for parts in ((), (Part(name="equaliser"),))
            for given, wanted in [
                method(("audio", "other"), variations=parts).drawn(
                    Batch({"audio": torch.ones(3, 1, 1024, dtype=torch.float64), "other": sounds(1)}, torch.arange(3)),
                    Draws(0, 3, dtype=torch.float64),
                )
            ]
        ]
        assert not torch.allclose(*noises, atol=1e-2)

    def test_held_out_sounds_stay_as_they_are(self) -> None:
        batch = Batch({"audio": sounds(0)}, torch.arange(3))
        found = [method(("audio",), variations=parts).evaluate(batch, Draws(0, 1, dtype=torch.float64))["loss"]
                 for parts in ((), (Part(name="speed"),))]  # fmt: skip
        torch.testing.assert_close(*found)

    def test_pairs_are_varied_together(self) -> None:
        made = method(variations=(Part(name="speed"), Part(name="equaliser")))
        batch = Batch({"audio": sounds(0), "noisy": 2 * sounds(0)}, torch.arange(3))
        given, wanted = made.drawn(batch, Draws(0, 3, dtype=torch.float64))
        torch.testing.assert_close(given, 2 * wanted)
        assert not torch.allclose(wanted, sounds(0), atol=1e-2)


class TestSegan:
    def test_one_step_of_the_paper(self) -> None:
        made = method(**SEGAN)
        clean, noisy = sounds(0), sounds(1)
        found = turns(made, [Batch({"audio": clean, "noisy": noisy}, torch.arange(3))])
        latents = Draws(0, 3, dtype=torch.float64).normal("latents", 3, *made.generator.latent_shape)
        assert [turn.player for turn in found] == ["discriminator", "discriminator", "generator"]
        again = Draws(0, 3, dtype=torch.float64)
        first, second = again.normal("latents", 3, *latents.shape[1:]), again.normal("latents", 3, *latents.shape[1:])
        judge = made.discriminator
        with torch.no_grad():
            for drawn in (first, second):
                fake = made.generator(noisy, drawn)
                real_score = judge(torch.cat([clean, noisy], 1))
                fake_score = judge(torch.cat([fake, noisy], 1))
                if drawn is first:
                    torch.testing.assert_close(found[0].terms["adversarial-real"], (real_score - 1) ** 2)
                    torch.testing.assert_close(found[1].terms["adversarial-fake"], fake_score**2)
        torch.testing.assert_close(found[2].terms["adversarial"], (fake_score - 1) ** 2)
        torch.testing.assert_close(found[2].terms["reconstruction"], (clean - fake).abs().mean((1, 2)))
        assert found[2].weights == {"reconstruction": 100.0, "adversarial": 1.0}

    def test_a_batch_of_its_own_for_the_generator(self) -> None:
        made = method(**SEGAN, fresh_batch=True)
        batches = [Batch({"audio": sounds(n), "noisy": sounds(n + 1)}, torch.arange(3)) for n in (0, 5)]
        last = turns(made, batches)[-1]
        draws = Draws(0, 3, dtype=torch.float64)
        shape = made.generator.latent_shape
        draws.normal("latents", 3, *shape)
        with torch.no_grad():
            fake = made.generator(sounds(6), draws.normal("latents", 3, *shape))
        torch.testing.assert_close(last.terms["reconstruction"], (sounds(5) - fake).abs().mean((1, 2)))

    def test_pre_emphasis_is_undone(self) -> None:
        made = method(pre_emphasis=0.95)
        clean = sounds(0)
        seen = made.emphasised(clean)
        np.testing.assert_allclose(seen[..., 1:], clean[..., 1:] - 0.95 * clean[..., :-1], rtol=1e-12)
        torch.testing.assert_close(made.plain(seen), clean, rtol=0, atol=1e-12)


class TestMetricGan:
    """A discriminator that foretells qualities."""

    QUALITY: ClassVar[dict[str, Any]] = {"qualities": (Part(name="stoi"),), "adversarial_weight": 2.0}

    def test_one_step_of_the_paper(self) -> None:
        made = method(**self.QUALITY)
        clean, noisy = sounds(0), sounds(1)

        def nearness(reference: np.ndarray, estimate: np.ndarray) -> float:
            return float(1 / (1 + np.square(reference - estimate).mean() / np.square(reference).mean()))

        made.qualities = [nearness, lambda reference, estimate: 0.5]
        found = turns(made, [Batch({"audio": clean, "noisy": noisy}, torch.arange(3))])
        assert [turn.player for turn in found] == ["discriminator", "generator"]
        judge = made.discriminator
        with torch.no_grad():
            fake = made.generator(noisy)
            wanted = (judge(torch.cat([clean, clean], 1)) - 1) ** 2
            for heard in (fake, noisy):
                errors = (clean - heard).square().mean((1, 2)) / clean.square().mean((1, 2))
                wanted += (judge(torch.cat([heard, clean], 1)) - (1 / (1 + errors) + 0.5) / 2) ** 2
            torch.testing.assert_close(found[0].terms, {"quality": wanted})
            raised = (judge(torch.cat([fake, clean], 1)) - 1) ** 2
        torch.testing.assert_close(found[1].terms["adversarial"], raised)
        assert found[1].weights["adversarial"] == 2.0

    def test_what_cannot_be_told_teaches_nothing(self) -> None:
        made = method(**self.QUALITY)
        made.qualities = [lambda reference, estimate: float("nan") if reference[0] == 0.25 else 0.5]
        clean = sounds(0)
        clean[1, 0, 0] = 0.25
        found = made.foretold(clean, sounds(1))
        alone = (made.judge(clean, clean) - 1).square()
        assert found.isfinite().all() and found[1] == alone[1] and (found > alone).tolist() == [True, False, True]
        found.sum().backward()
        assert all(each.grad is None or each.grad.isfinite().all() for each in made.discriminator.parameters())

    def test_qualities_want_a_discriminator_and_rates_that_they_know(self) -> None:
        with pytest.raises(UsageError, match="--adversarial-weight 1"):
            method(**{**self.QUALITY, "adversarial_weight": 0.0})
        with pytest.raises(UsageError, match="--rate 16000"):
            Method(Recipe.tiny().changed(**self.QUALITY), DataSpec({"audio": SOUND._replace(rate=4000.0)}))

    @pytest.mark.parametrize("name", QUALITIES.names())
    def test_each_quality_is_1_of_the_sound_itself_and_falls_with_noise(self, name: str) -> None:
        pytest.importorskip({"stoi": "pystoi"}.get(name, name))
        of = QUALITIES.build(Part(name=name), rate=16_000.0)
        numbers = np.random.default_rng(0)
        time = np.arange(32_000) / 16_000
        speech = (
            sum(np.sin(2 * np.pi * 130 * k * time) / k for k in range(1, 30)) * np.sin(2 * np.pi * 2 * time) ** 2 * 0.1
        )
        noise = 0.1 * numbers.standard_normal(32_000)
        qualities = [of(speech, speech + share * noise) for share in (0, 0.1, 1)]
        assert qualities[0] > 0.98 and qualities == sorted(qualities, reverse=True) and 0 <= qualities[2] < 0.8
        silent = np.zeros(32_000)
        assert not of(silent, noise) > 0


class TestWhatIsHeard:
    def test_noises_at_a_ratio_and_from_a_place_on(self) -> None:
        made = method(("audio", "other"), snr_low=3.0, snr_high=3.0)
        clean, noises = sounds(0), sounds(2)
        heard = made.spoilt(clean, noises, SampleDraws(0, range(3))) - clean
        ratio = 10 * torch.log10(clean.square().mean((1, 2)) / heard.square().mean((1, 2)))
        np.testing.assert_allclose(ratio, 3.0, atol=1e-9)
        for mine, noise in zip(heard, noises, strict=True):
            shape = torch.stack([noise.roll(-start, -1) for start in range(1024)])
            like = (shape[:, 0] @ mine[0]) / (mine.norm() * noise.norm())
            assert float(like.max()) == pytest.approx(1.0)

    def test_held_out_sounds_meet_remembered_noises(self) -> None:
        made = method(("audio", "other"))
        assert made.bank is not None
        made.bank.clips[:] = torch.randint(-3000, 3000, (NOISES_KEPT, 1, 1024), dtype=torch.int16)
        assert isinstance(made, Restores)
        three = made.degrade(sounds(0), SampleDraws(0, [4, 5, 6]))
        torch.testing.assert_close(three[1:2], made.degrade(sounds(0)[1:2], SampleDraws(0, [5])))
        assert "noises" in made.networks()
        long = sounds(0).repeat(1, 1, 2)  # noises are half as long, and come again
        noise = made.degrade(long, SampleDraws(0, [4, 5, 6])) - long
        torch.testing.assert_close(noise[..., :1024], noise[..., 1024:], rtol=1e-6, atol=1e-9)

    def test_pairs_are_heard_as_they_are(self) -> None:
        made = method(degradations=(Part(name="clipping", low=0.01, high=0.01),))
        batch = Batch({"audio": sounds(0), "noisy": sounds(1)}, torch.arange(3))
        given, wanted = made.drawn(batch, Draws(0, 0, dtype=torch.float64))
        assert torch.equal(given, sounds(1))
        assert torch.equal(wanted, sounds(0))

    @pytest.mark.parametrize(
        ("part", "one", "other"),
        [
            ("clipping", "a-spade", "wiener"),
            ("gaps", "autoregressive-interpolation", "a-spade"),
            ("packet-loss", "packet-repetition", "spectral-folding"),
            ("band-limit", "spectral-folding", "linear-interpolation"),
            ("noise", "log-mmse", "packet-repetition"),
        ],
    )
    def test_rivals_are_against_what_spoilt_the_sounds(self, part: str, one: str, other: str) -> None:
        found = method(("audio",), degradations=(Part(name=part),)).rivals(sounds(0))
        assert one in found and other not in found and torch.equal(found["untouched"], sounds(0))

    def test_rivals_of_noises_of_pairs_and_of_what_no_rule_is_against(self) -> None:
        assert "wiener" in method(("audio",)).rivals(sounds(0))
        assert "wiener" in method(("audio", "noisy"), degradations=(Part(name="gaps"),)).rivals(sounds(0))
        both = method(("audio", "other"), degradations=(Part(name="clipping", low=0.5, high=0.5),)).rivals(sounds(0))
        assert {"wiener", "a-spade"} <= set(both)
        assert set(method(("audio",), degradations=(Part(name="mu-law"),)).rivals(sounds(0))) == {"untouched"}

    @pytest.mark.parametrize(
        "changes", [{"snr_low": 5.0, "snr_high": 1.0}, {"reconstruction_weight": 0.0, "spectral_weight": 0.0}]
    )
    def test_what_cannot_be_is_refused(self, changes: dict[str, float]) -> None:
        with pytest.raises(UsageError, match="--"):
            method(**changes)

    def test_noises_of_another_length_are_refused(self) -> None:
        spec = DataSpec({"audio": SOUND, "other": SOUND._replace(shape=(1, 2048))})
        with pytest.raises(UsageError, match="--length 1024"):
            Method(Recipe.tiny(), spec)


class TestSpectralDistances:
    def test_several_resolutions_by_scipy(self) -> None:
        mine, true = sounds(0, 1, 4800)[0, 0].numpy(), sounds(1, 1, 4800)[0, 0].numpy()
        distances = []
        for transform, step, length in RESOLUTIONS:
            window = np.pad(np.hanning(length + 1)[:-1], ((transform - length) // 2,) * 2)
            sizes = []
            for sound in (mine, true):
                padded = np.pad(sound, transform // 2)
                frames = [
                    np.abs(np.fft.rfft(padded[start : start + transform] * window))
                    for start in range(0, len(padded) - transform + 1, step)
                ]
                sizes.append(np.maximum(np.stack(frames), np.sqrt(1e-7)))
            own, its = sizes
            distances.append(np.linalg.norm(its - own) / np.linalg.norm(its) + np.abs(np.log(its / own)).mean())
        found = MultiResolution()(*(torch.from_numpy(each)[None, None] for each in (mine, true)))
        assert float(found) == pytest.approx(np.mean(distances), rel=1e-9)

    def test_compressed_spectra_by_scipy(self) -> None:
        mine, true = (sounds(seed, 1, 2048)[0, 0].numpy() for seed in (0, 1))
        window = np.sqrt(np.hanning(513)[:-1])
        own, its = (stft(each, window=window, nperseg=512, noverlap=256)[2] * window.sum() for each in (mine, true))
        plain = (np.abs(own) ** 0.3 - np.abs(its) ** 0.3) ** 2
        whole = np.abs(own * np.abs(own) ** -0.7 - its * np.abs(its) ** -0.7) ** 2
        wanted = 0.7 * plain.mean() + 0.3 * whole.mean()
        found = Compressed()(*(torch.from_numpy(each)[None, None] for each in (mine, true)))
        assert float(found) == pytest.approx(wanted, rel=1e-5)

    @pytest.mark.parametrize("distance", [MultiResolution(), Compressed()])
    def test_nothing_is_0_and_a_gradient_is_finite(self, distance: Any) -> None:
        true = sounds(0, 2, 2048)
        assert float(distance(true, true).abs().max()) < 1e-3
        mine = torch.zeros_like(true).requires_grad_()
        distance(mine, true).sum().backward()
        assert mine.grad is not None
        assert bool(mine.grad.isfinite().all())
