"""One step of progressive GAN against its paper, in the midst of a fade."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from belamy.data.dataset import Dataset
from belamy.methods.gan import Recipe
from belamy.registry import Part

SMALL = Part(name="progan", base=24, widest=6)
ADAM = Part(name="adam", lr=1e-3, beta1=0.0, beta2=0.99, eps=1e-8)


def recipe(**growth: Any) -> Recipe:
    return Recipe(
        generator=SMALL,
        discriminator=SMALL,
        latent=6,
        adversarial=Part(name="wasserstein"),
        penalties=(Part(name="gradient-penalty", target=750.0, relative=True), Part(name="drift")),
        growth=Part(name="progressive", training=60, transition=40, **growth),
        generator_optimizer=ADAM,
        discriminator_optimizer=ADAM,
        batch=6,
        train_samples=600,
    )


def blended(images: Tensor, share: float) -> Tensor:
    """Of pictures whose every 2x2 pixels are one: the share of those of half the size."""
    means = images.unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))
    return (1 - share) * images + share * means.repeat_interleave(2, 2).repeat_interleave(2, 3)


def test_progan_in_a_fade(stage: Any, check: Any, pictures: Dataset) -> None:
    """Karras et al. 2017, arXiv 1710.10196, appendix A.1, at 90 samples: 3/4 of the way from 7 to 14 pixels."""
    made = stage(recipe(), pictures)
    made.engine.clock.samples = 90
    images, _ = made.batch()
    at_14 = images.unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))
    real = blended(at_14, 0.25).repeat_interleave(2, 2).repeat_interleave(2, 3)
    numbers = made.numbers()
    z, u = numbers.normal("latents", 6, 6), numbers.uniform("gradient-penalty", 6, 1, 1, 1)
    score, generator = made.method.discriminator, made.method.generator
    made.method.grow(90)
    assert made.method.level == 1.25
    fake = generator(z).detach()
    between = (real + u * (fake - real)).requires_grad_()
    (slope,) = torch.autograd.grad(score(between).sum(), between, create_graph=True)
    norms = slope.flatten(1).square().sum(1).sqrt()
    terms = {
        "adversarial": score(fake) - score(real),
        "gradient-penalty": (norms - 750).square() / 750**2,
        "drift": score(real).square(),
    }
    turns = made.turns()
    check(next(turns), "discriminator", score, terms, {"gradient-penalty": 10.0, "drift": 0.001})
    check(next(turns), "generator", generator, {"adversarial": -score(generator(z))})


def test_the_books_reals_are_not_faded(stage: Any, pictures: Dataset) -> None:
    made = stage(recipe(reals="full"), pictures)
    made.engine.clock.samples = 90
    turn, _ = next(made.turns())
    images, _ = made.batch()
    shown = made.method.discriminator(images)
    torch.testing.assert_close(turn.signals["real"], shown.detach(), rtol=1e-9, atol=1e-12)
    assert float(turn.signals["level"]) == 1.25
