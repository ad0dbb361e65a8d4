"""VAE-GAN: a variational autoencoder whose reconstructions are compared by what a discriminator sees in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Self

import torch
from pydantic import Field
from torch import Tensor

from belamy.data import Batch
from belamy.methods.base import DataSpec, Turn
from belamy.methods.coding import check_variances
from belamy.methods.construction import DISCRIMINATORS
from belamy.methods.encoder_generator import EncoderGeneratorMethod, EncoderGeneratorRecipe
from belamy.networks.stochastic import active_units, divergence, sampled
from belamy.registry import Part
from belamy.seeds import Draws


class Recipe(EncoderGeneratorRecipe):
    """A variational autoencoder that is compared in the features of a discriminator."""

    beta: float = Field(default=1.0, ge=0)
    """Factor of the Kullback-Leibler term; 1 is the paper's."""
    gamma: float = Field(default=1.0, ge=0)
    """Factor of the distance of features in the generator's loss, beside the game."""

    @classmethod
    def tiny(cls) -> Self:
        """Narrow networks on few digits."""
        narrow = {"width": 2, "hidden": 16}
        return cls(
            encoder=Part(name="vae-digits", **narrow),
            generator=Part(name="digits", **narrow),
            discriminator=Part(name="digits", **narrow),
            latent=4,
            train_samples=96,
            batch=8,
            ema_half_life=16,
        )


class Method(EncoderGeneratorMethod):
    r"""Three players who learn from one pass: encoder, generator (the decoder) and discriminator.

    .. math::
        L_{prior} &= KL(q(z|x) \,\|\, N(0, I)), \qquad
        L_{like} = \tfrac12 \lVert Dis_l(x) - Dis_l(\tilde x) \rVert^2 \\
        L_{Enc} &= L_{prior} + L_{like}, \qquad L_{Gen} = \gamma L_{like} + L_G(\tilde x) + L_G(x_p) \\
        L_{Dis} &= L_{real}(x) + L_{fake}(\tilde x) + L_{fake}(x_p)

    where :math:`\tilde x` is the reconstruction from a code that the encoder tells and :math:`x_p` is made of a code of
    the prior; both are fakes. γ is in the generator's loss alone, and no gradient of the game reaches the encoder. A
    loss that compares real with generated images compares each with both.

    *Departs from the paper*: the layer l is the one behind the discriminator's score; the game is the non-saturating
    one, unless ``adversarial`` is ``minimax``.

    References:
        Larsen, Sønderby, Larochelle & Winther 2016, "Autoencoding beyond pixels using a learned similarity metric",
        arXiv 1512.09300, equations 5 to 9 and algorithm 1.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.

    Raises:
        UsageError: The encoder tells no variances.
    """

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        critic = DISCRIMINATORS.build(recipe.discriminator, shape=spec.shape)
        super().__init__(recipe, spec, Part(name="normal"), critic)
        check_variances(self.encoder, recipe.encoder.name, spec.shape)

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[tuple[Turn, ...]]:
        """The three turns of algorithm 1, simultaneous."""
        batch = next(data)
        images, count = self.real(batch.main), len(batch)
        mean, log_variance = self.told(batch.main)
        rebuilt = self.generator(sampled(mean, log_variance, draw.normal("code", count, self.recipe.latent)))
        fresh = self.generator(self.prior.sample(count, draw, "latents"))
        (real, wanted), (again, features), (new, _) = map(
            self.discriminator.scores_and_features, (images, rebuilt, fresh)
        )
        likeness = 0.5 * (wanted - features).square().sum(1)
        yield (
            Turn(
                "encoder",
                {"features": likeness, "kl": divergence(mean, log_variance)},
                {"kl": self.recipe.beta},
                {"active": active_units(mean)},
            ),
            Turn(
                "generator",
                {"features": likeness, "adversarial": self.fooled(real, again, draw) + self.fooled(real, new, draw)},
                {"features": self.recipe.gamma},
            ),
            self.discriminator_turn((images, rebuilt, fresh), (real, again, new), draw),
        )

    def told(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the codes of images in [-1, 1]."""
        mean, log_variance = super().told(images)
        assert log_variance is not None
        return mean, log_variance

    def discriminator_turn(
        self, seen: tuple[Tensor, Tensor, Tensor], scores: tuple[Tensor, Tensor, Tensor], draw: Draws
    ) -> Turn:
        """From images, reconstructions and samples, and the scores of each."""
        (images, rebuilt, fresh), (real, again, new) = seen, scores
        slopes, weights = self.slopes(draw, (images,), (rebuilt,), (fresh,))
        terms = {"adversarial": self.told_apart(real, again, new, draw), **slopes}
        signals = {"real": real.detach(), "fake": torch.cat([again, new]).detach()}
        return Turn("discriminator", terms, weights, signals)

    def fooled(self, real: Tensor, fake: Tensor, draw: Draws) -> Tensor:
        """The generator's loss of fakes.  # [N]"""
        return self.objective.generator(fake, real if self.objective.relativistic else None, draw.progress)

    def told_apart(self, real: Tensor, again: Tensor, new: Tensor, draw: Draws) -> Tensor:
        """The discriminator's loss of images, of reconstructions and of samples.  # [N]"""
        loss = self.objective.discriminator(real, again, draw, draw.progress)
        if self.objective.relativistic:
            return loss + self.objective.discriminator(real, new, draw, draw.progress)
        return loss + self.objective.on_fake(new, draw, draw.progress)

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The squared error of reconstructions and the Kullback-Leibler term in nats."""
        return {"error": self.squared_error(batch.main), "kl": divergence(*self.told(batch.main))}
