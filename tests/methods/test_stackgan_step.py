"""StackGAN against Zhang et al. 2017, arXiv 1612.03242, in float64: stages, augmentation, what stays, samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import avg_pool2d, interpolate, softplus

from belamy.data.captions import with_captions
from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.methods import stackgan, text_to_image
from belamy.methods.derangement import deranged
from belamy.methods.stackgan import Recipe
from belamy.networks.conditioning_augmentation import Augmentation
from belamy.networks.stackgan import CaptionedUpscaler
from belamy.registry import Part
from belamy.sampling.draw import draw
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer
from belamy.training.trainer import Trainer

WORDS = ("red", "green", "blue", "dark", "light")
LATENT, SIZE = 8, 4
"""Of the tiny recipe: numbers of a latent, and those that each stage is told a text by."""


def squares(side: int = 16) -> Dataset:
    """Noise with captions of two words."""
    pixels = torch.randint(0, 256, (40, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    texts = [f"a {WORDS[number % 5]} {WORDS[number // 5 % 5]} square" for number in range(40)]
    return with_captions(Dataset("squares", Memory(pixels)), texts, unit="words")


def recipe(**fields: Any) -> Recipe:
    return Recipe.tiny().changed(**{"batch": 8, "train_samples": 96, **fields})


class Hand:
    """A step's batch, numbers and networks, in the first stage or the second."""

    def __init__(self, stage: Callable[..., Any], refines: bool) -> None:
        self.on = stage(recipe(kl_weight=0.3), squares())
        self.on.engine.clock.samples = 48 * refines
        self.method, self.numbers = self.on.method, self.on.numbers(progress=0.5 * refines)
        batch = next(self.on.batches)
        self.images, self.captions = batch.images.double(), batch["caption"]
        self.text = self.method.text_encoder(self.captions).whole * self.method.text_encoder.width**0.5
        if not refines:
            self.images = avg_pool2d(self.images, 2)
        self.networks = self.method.generator
        self.judge = self.method.discriminator.second if refines else self.method.discriminator.first

    def told(self, augmentation: Augmentation, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The numbers that a text is told by, and their divergence, from mean and deviation."""
        mean, log_variance = augmentation.moments(self.text).chunk(2, 1)
        normal = Normal(mean, (log_variance / 2).exp())
        return mean + normal.scale * noise, kl_divergence(normal, Normal(0.0, 1.0)).sum(1)

    def latents(self) -> tuple[Tensor, Tensor, Tensor]:
        z = self.numbers.normal("latents", 8, LATENT + 2 * SIZE)
        return z[:, :LATENT], z[:, LATENT : LATENT + SIZE], z[:, LATENT + SIZE :]

    def small(self) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures of the first stage, their divergence, and the noise of the second."""
        z, noise, other = self.latents()
        told, kl = self.told(self.networks.first.augmentation, noise)
        return self.networks.first.network(z, told), kl, other

    def large(self) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            small, _, noise = self.small()
        told, kl = self.told(self.networks.augmentation, noise)
        return self.networks.second(small, told), kl

    def check_both(self, made: Callable[[], tuple[Tensor, ...]], check: Callable[..., None]) -> None:
        """Turns of the judge, with wrong captions at a half, and of the generator, with the divergence."""
        turns, judge, text = self.on.turns(), self.judge, self.text
        with torch.no_grad():
            fake = made()[0]
        order, wrong = deranged(self.images, self.captions, self.numbers)
        assert bool(wrong.all())
        real = softplus(-judge(self.images, text))
        terms = {
            "adversarial": real + softplus(judge(fake, text)),
            "mismatch": real + softplus(judge(self.images, text[order])),
        }
        check(next(turns), "discriminator", self.method.discriminator, terms, {"adversarial": 0.5, "mismatch": 0.5})
        played = next(turns)  # the judge has learned
        images, divergence, *_ = made()
        terms = {"adversarial": softplus(-judge(images, text)), "kl": divergence}
        check(played, "generator", self.networks, terms, {"kl": 0.3})
        assert next(turns, None) is None


def test_first_stage_by_hand(stage: Callable[..., Any], check: Callable[..., None]) -> None:
    """Equations 3 and 4, on means over 2x2 pixels."""
    hand = Hand(stage, refines=False)
    hand.check_both(hand.small, check)


def test_second_stage_by_hand(stage: Callable[..., Any], check: Callable[..., None]) -> None:
    """Equations 5 and 6: nothing of the first stage has a gradient, and the second has noise of its own."""
    hand = Hand(stage, refines=True)
    hand.check_both(hand.large, check)


def test_text_to_image_with_augmentation_by_hand(stage: Callable[..., Any], check: Callable[..., None]) -> None:
    """The noise is the latents' last numbers; the divergence is that of captions."""
    fields = {"augmentation": SIZE, "mismatch": 0.0, "interpolation": 0.0, "penalties": (), "batch": 8}
    on = stage(text_to_image.Recipe.tiny().changed(**fields, text_encoder=Part(name="bag-of-words")), squares(8))
    batch, turns, generator, numbers = next(on.batches), on.turns(), on.method.generator, on.numbers()
    numbers.normal("latents", 8, LATENT + SIZE)  # of the discriminator's turn
    next(turns)
    played, z, encoder = next(turns), numbers.normal("latents", 8, LATENT + SIZE), on.method.text_encoder
    text = encoder(batch["caption"]).whole * encoder.width**0.5
    mean, log_variance = generator.augmentation.moments(text).chunk(2, 1)
    images = generator.network(z[:, :LATENT], mean + log_variance.exp().sqrt() * z[:, LATENT:])
    kl = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
    terms = {"adversarial": softplus(-on.method.discriminator(images, text)), "kl": kl}
    check(played, "generator", generator, terms, {"kl": 0.01})


def trained(steps: int) -> Trainer:
    data = squares()
    made = make_trainer(recipe(), data.spec, data, Options(device="cpu", progress=False), World())
    for _ in range(steps):
        made.step()
    return made


def test_first_stage_stays_and_runs_resume_over_the_switch(goes_on: Callable[..., None]) -> None:
    """Six steps of each stage: what learned in the first half does not move in the second, nor the other way round."""
    engine = trained(6)

    def weights(name: str) -> dict[str, Tensor]:
        module = getattr(engine.method, name)
        return {key: value.detach().clone() for key, value in module.named_parameters()}

    before = {name: weights(name) for name in ("generator", "discriminator")}
    fresh = trained(0).method
    for key, value in before["generator"].items():
        begun = dict(fresh.generator.named_parameters())[key]
        assert torch.equal(value, begun) != key.startswith("first."), key
    for _ in range(6):
        engine.step()
    for name, known in before.items():
        for key, value in weights(name).items():
            assert torch.equal(value, known[key]) == key.startswith("first."), key
    goes_on(trained(0), trained(0), 5, 8)


def test_samples_of_both_stages() -> None:
    """Those of stage 1 are enlarged; those of stage 2 are made of them; until it has begun they are stage 1's."""
    engine = trained(7)
    method: Any = engine.method.eval()
    first, second = (draw(method, 3, options={"stage": stage}) for stage in (1, 2))
    latents = method.latents(0, range(3))
    text = method.asked(latents, None)
    small = method.generator.small(latents[:, : LATENT + 2 * SIZE], text)
    wanted = interpolate(small, (16, 16), mode="bicubic", antialias=True).clamp(-1, 1)
    torch.testing.assert_close(first.float(), (wanted + 1) * 127.5, rtol=0, atol=0.51)
    told = method.generator.augmentation(text, latents[:, LATENT + SIZE : LATENT + 2 * SIZE])
    made = method.generator.second(small, told).clamp(-1, 1)
    torch.testing.assert_close(second.float(), (made + 1) * 127.5, rtol=0, atol=0.51)
    assert torch.equal(second, draw(method, 3)) and not torch.equal(first, second)
    method.generator.refines.fill_(False)
    assert torch.equal(draw(method, 3), first)
    with pytest.raises(UsageError, match="it has no steps of sampling"):
        draw(method, 3, steps=4)
    with pytest.raises(UsageError, match="stage is 3, but it must be"):
        draw(method, 3, options={"stage": 3})


def test_what_cannot_be_is_refused() -> None:
    spec = squares().spec
    with pytest.raises(UsageError, match=r"multiples of 16 of at least 32, but these are 16\. Type --size 32"):
        stackgan.Method(recipe(scale=4), spec)
    with pytest.raises(UsageError, match="enlarges 2 or 4 times, not 3"):
        stackgan.Method(recipe(scale=3), squares(24).spec)
    with pytest.raises(UsageError, match=r"prior is 'uniform'.* Type --prior normal, or --augmentation 0"):
        stackgan.Method(recipe(prior=Part(name="uniform")), spec)
    stackgan.Method(recipe(prior=Part(name="uniform"), augmentation=0), spec)
    with pytest.raises(UsageError, match="multiple of 4"):
        CaptionedUpscaler((3, 8, 8), 2, 4, width=6)


def test_the_published_sizes() -> None:
    """Section 3.5: 64 pixels, then 256; the text joins at 16x16 and 4x4; four residual blocks."""
    spec = squares(256).spec
    with torch.device("meta"):
        made = stackgan.Method(stackgan.Recipe(scale=4, augmentation=128), spec)
        networks: Any = CaptionedUpscaler((3, 64, 64), 4, 128)
        assert networks.look(torch.empty(1, 3, 64, 64)).shape == (1, 512, 16, 16) and len(networks.blocks) == 4
        assert networks(torch.empty(1, 3, 64, 64), torch.empty(1, 128)).shape == (1, 3, 256, 256)
        for side, judge in ((64, made.discriminator.first), (256, made.discriminator.second)):
            assert judge.look(torch.empty(1, 3, side, side)).shape[2:] == (4, 4)
