"""One step of the adversarial autoencoder in float64 against its paper."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from belamy.methods.adversarial_autoencoder import Recipe
from belamy.registry import Part


def recipe(**fields: Any) -> Recipe:
    usual = {"discriminator": Part(name="dense", width=8), "latent": 3, "batch": 5, "train_samples": 60}
    return Recipe(**usual).changed(**fields)


def chance(scores: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-scores))


def nats(output: Tensor, target: Tensor) -> Tensor:
    return -(target * output.log() + (1 - target) * (1 - output).log()).flatten(1).mean(1)


class TestMakhzani:
    """Makhzani et al. 2015, arXiv 1511.05644, section 2: a reconstruction phase and a regularisation phase a batch."""

    def test_reconstruction_then_the_game_of_codes(self, stage: Any, check: Any) -> None:
        made = stage(recipe())
        images, method = (made.batch()[0] + 1) / 2, made.method
        prior, score = made.numbers().normal("latents", 5, 3), method.discriminator
        turns = made.turns()
        both = nn.ModuleList([method.encoder, method.decoder])
        check(next(turns), "model", both, {"reconstruction": nats(method.decoder(method.encoder(images)), images)})
        played = next(turns)  # by now the encoder has learned to reconstruct
        codes = method.encoder(images)
        told = -chance(score(prior)).log() - (1 - chance(score(codes.detach()))).log()
        check(played, "discriminator", score, {"adversarial": told})
        played = next(turns)
        check(played, "encoder", method.encoder, {"adversarial": -chance(score(method.encoder(images))).log()})
        assert next(turns, None) is None

    def test_an_encoder_that_tells_variances_draws_codes_for_each_phase(self, stage: Any, check: Any) -> None:
        """The posterior of section 2.1, by the reparametrisation of Kingma & Welling."""
        made = stage(recipe(encoder=Part(name="vae-digits", width=2, hidden=8), prior="uniform"))
        images, method, numbers = (made.batch()[0] + 1) / 2, made.method, made.numbers()
        score, first, second = method.discriminator, *(numbers.normal("code", 5, 3) for _ in range(2))

        def drawn(noise: Tensor) -> Tensor:
            mean, log_variance = method.encoder(images)
            return mean + log_variance.exp() ** 0.5 * noise

        turns = made.turns()
        both = nn.ModuleList([method.encoder, method.decoder])
        check(next(turns), "model", both, {"reconstruction": nats(method.decoder(drawn(first)), images)})
        played = next(turns)
        prior = 2 * numbers.uniform("latents", 5, 3) - 1
        told = -chance(score(prior)).log() - (1 - chance(score(drawn(second).detach()))).log()
        check(played, "discriminator", score, {"adversarial": told})
        played = next(turns)
        check(played, "encoder", method.encoder, {"adversarial": -chance(score(drawn(second))).log()})

    def test_a_loss_of_pairs_sees_codes_of_the_prior_in_the_encoders_turn(self, stage: Any, check: Any) -> None:
        made = stage(recipe(adversarial="relativistic-pairing"))
        images, method = (made.batch()[0] + 1) / 2, made.method
        prior, score = made.numbers().normal("latents", 5, 3), method.discriminator
        turns = made.turns()
        next(turns)
        next(turns)
        played = next(turns)
        fooled = -chance(score(method.encoder(images)) - score(prior)).log()
        check(played, "encoder", method.encoder, {"adversarial": fooled})


@pytest.mark.parametrize("prior", ["uniform", "spherical", "normal"])
def test_samples_come_from_the_prior(stage: Any, prior: str) -> None:
    method = stage(recipe(prior=prior)).method
    codes = method.latents(3, range(200))
    assert codes.shape == (200, 3) and torch.equal(codes[5:7], method.latents(3, range(5, 7)))
    if prior == "uniform":
        assert codes.abs().max() <= 1
