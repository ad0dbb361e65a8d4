"""One step of VAE-GAN in float64 against its paper, and what its encoder must tell."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from belamy.errors import UsageError
from belamy.methods.vae_gan import Recipe
from belamy.registry import Part

NARROW = {"width": 2, "hidden": 8}


def recipe(**fields: Any) -> Recipe:
    networks = {"encoder": Part(name="vae-digits", **NARROW), "generator": Part(name="digits", **NARROW)}
    judge = Part(name="digits", **NARROW)
    usual = {"discriminator": judge, "latent": 3, "batch": 5, "train_samples": 60, "adversarial": "minimax"}
    return Recipe(**networks).changed(**{**usual, **fields})


def chance(scores: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-scores))


def squared_slope(score: Any, images: Tensor) -> Tensor:
    """Of the score at each image, one image at a time."""
    at = [image[None].clone().requires_grad_() for image in images.detach()]
    found = [torch.autograd.grad(score(one).sum(), one, create_graph=True)[0] for one in at]
    return torch.stack([(slope * slope).sum() for slope in found])


class Played:
    """What a step is made of, written from the paper: x, the reconstruction of a drawn code, a sample of the prior."""

    def __init__(self, made: Any) -> None:
        self.method, numbers = made.method, made.numbers()
        self.x = made.batch()[0]
        mean, log_variance = self.method.encoder((self.x + 1) / 2)
        posterior = Normal(mean, log_variance.exp() ** 0.5)
        self.kl = kl_divergence(posterior, Normal(0.0, 1.0)).sum(1)
        self.again = self.method.generator(mean + posterior.stddev * numbers.normal("code", 5, 3))
        self.new = self.method.generator(numbers.normal("latents", 5, 3))
        self.score = self.method.discriminator
        layers = [self.score.scores_and_features(images)[1] for images in (self.x, self.again)]
        self.like = ((layers[0] - layers[1]) ** 2).sum(1) / 2


class TestLarsen:
    """Larsen et al. 2016, arXiv 1512.09300, equations 5 to 9 and algorithm 1."""

    def test_the_three_losses(self, stage: Any, check: Any) -> None:
        made = stage(recipe(gamma=0.3))
        paper, turns = Played(made), made.turns()
        real, again, new = (chance(paper.score(images)) for images in (paper.x, paper.again, paper.new))
        game = real.log() + (1 - again).log() + (1 - new).log()
        check(next(turns), "encoder", paper.method.encoder, {"features": paper.like, "kl": paper.kl})
        terms = {"features": paper.like, "adversarial": game - real.log()}
        check(next(turns), "generator", paper.method.generator, terms, {"features": 0.3})
        check(next(turns), "discriminator", paper.score, {"adversarial": -game})
        assert next(turns, None) is None

    def test_the_weight_of_the_divergence_is_in_the_encoders_loss(self, stage: Any, check: Any) -> None:
        made = stage(recipe(beta=0.2))
        paper = Played(made)
        terms = {"features": paper.like, "kl": paper.kl}
        check(next(made.turns()), "encoder", paper.method.encoder, terms, {"kl": 0.2})

    def test_a_loss_of_pairs_compares_images_with_both_kinds_of_fakes(self, stage: Any, check: Any) -> None:
        made = stage(recipe(adversarial="relativistic-pairing"))
        paper, turns = Played(made), made.turns()
        real, again, new = (paper.score(images) for images in (paper.x, paper.again, paper.new))
        next(turns)
        fooled = -chance(again - real).log() - chance(new - real).log()
        check(next(turns), "generator", paper.method.generator, {"features": paper.like, "adversarial": fooled})
        told = -chance(real - again).log() - chance(real - new).log()
        check(next(turns), "discriminator", paper.score, {"adversarial": told})

    def test_slopes_where_they_are_due(self, stage: Any, check: Any) -> None:
        """R1 and R2: Mescheder et al. 2018, arXiv 1801.04406, equation 9."""
        made = stage(recipe(slope_weight=0.5, slope_every=3))
        paper = Played(made)
        at = [squared_slope(paper.score, images) / 2 for images in (paper.x, paper.again, paper.new)]
        real, again, new = (chance(paper.score(images)) for images in (paper.x, paper.again, paper.new))
        adversarial = -real.log() - (1 - again).log() - (1 - new).log()
        terms = {"adversarial": adversarial, "r1": at[0], "r2": (at[1] + at[2]) / 2}
        turns = made.turns()
        _, _, last = (next(turns) for _ in range(3))
        check(last, "discriminator", paper.score, terms, {"r1": 1.5, "r2": 1.5})
        assert next(turns, None) is None
        assert [list(turn.terms) for turn, _ in made.turns()][-1] == ["adversarial"]


def test_an_encoder_without_variances_is_refused(stage: Any) -> None:
    with pytest.raises(UsageError, match=r"encoder 'autoencoder-mnist' tells codes alone\. Type --encoder vae-digits"):
        stage(recipe(encoder="autoencoder-mnist"))


def test_reconstructions_go_by_the_mean_and_samples_by_the_prior(stage: Any) -> None:
    made = stage(recipe())
    method, x = made.method.eval(), made.batch()[0]
    mean = method.encoder((x + 1) / 2)[0]
    assert torch.equal(method.encode(x), mean) and torch.equal(method.reconstruct(x), method.generator(mean))
    error = ((method.generator(mean) - x) / 2).square().flatten(1).mean(1)
    batch = next(made.batches).map(lambda values: x)
    torch.testing.assert_close(method.evaluate(batch, made.numbers())["error"], error)
    assert method.latents(0, range(400)).std() == pytest.approx(1, abs=0.1)
