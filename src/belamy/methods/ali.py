"""ALI, or BiGAN: a discriminator of pairs cannot tell an image and its code from a code and what is made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import Field
from torch import Tensor

from belamy.data import Batch
from belamy.methods import base
from belamy.methods.autoencoder import RECONSTRUCTIONS
from belamy.methods.base import DataSpec, Turn
from belamy.methods.construction import DISCRIMINATORS
from belamy.methods.encoder_generator import EncoderGeneratorMethod, EncoderGeneratorRecipe
from belamy.methods.gan import PRIORS
from belamy.networks.joint import JointDiscriminator
from belamy.registry import Part
from belamy.seeds import Draws


class Recipe(EncoderGeneratorRecipe):
    """An encoder and a generator that learn to invert each other by a discriminator of pairs."""

    prior: Annotated[Part, PRIORS] = Part(name="normal")
    """Distribution of the codes."""
    joint_width: int = Field(default=256, gt=0, le=65536)
    """Units of the discriminator's layers of the code, and over image and code."""
    joint_dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of what the discriminator's layers over image and code see that is left out at random in training."""
    cycle: float = Field(default=0.0, ge=0)
    """Factor of how far reconstructions are from their images (ALICE); 0 learns from the game alone."""
    reconstruction: Annotated[Part, RECONSTRUCTIONS] = Part(name="squared-error")
    """That distance, as a mean over pixels."""

    @classmethod
    def tiny(cls) -> Self:
        """Narrow networks with slopes and reconstructions on few digits."""
        narrow: dict[str, Any] = {"width": 2, "hidden": 16}
        return cls(
            encoder=Part(name="vae-digits", **narrow),
            generator=Part(name="digits", **narrow),
            discriminator=Part(name="digits", **narrow),
            latent=4,
            joint_width=16,
            slope_weight=0.1,
            slope_every=2,
            cycle=0.5,
            train_samples=96,
            batch=8,
            ema_half_life=16,
        )


class Method(EncoderGeneratorMethod):
    r"""A discriminator of pairs learns, then encoder and generator, at once, to be taken for each other.

    .. math::
        L_D &= L_{real}(D(x, z)) + L_{fake}\bigl(D(G(z_p), z_p)\bigr), \qquad z \sim q(z|x),\, z_p \sim p(z) \\
        L_{Enc} = L_{Gen} &= L_{fake}\bigl(D(x, z)\bigr) + L_G\bigl(D(G(z_p), z_p)\bigr) + \lambda\, d(x, G(z))

    Where pairs of both kinds have one distribution, the encoder inverts the generator, though no pixel was ever
    compared; nothing but the game presses it to. A loss that compares real with generated pairs is its own for both
    players. An encoder that tells codes alone makes it a BiGAN. λ is :attr:`Recipe.cycle`, 0 in ALI and BiGAN: above 0
    it bounds the entropy of x given z, so that inversion is asked for (ALICE).

    *Departs from the papers*: see :class:`belamy.networks.joint.JointDiscriminator`; of the pairs of data the players'
    loss is the discriminator's for fakes, which for the cross-entropy is the swapped label of the papers.

    References:
        Dumoulin et al. 2016, "Adversarially learned inference", arXiv 1606.00704, algorithm 1; Donahue, Krähenbühl &
        Darrell 2016, "Adversarial feature learning", arXiv 1605.09782, section 3; Li et al. 2017, "ALICE", arXiv
        1709.01215, section 3.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.
    """

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        critic = DISCRIMINATORS.build(recipe.discriminator, shape=spec.shape)
        joint = JointDiscriminator(critic, spec.shape, recipe.latent, recipe.joint_width, recipe.joint_dropout)
        super().__init__(recipe, spec, recipe.prior, joint)
        self.reconstruction = RECONSTRUCTIONS.build(recipe.reconstruction)

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Images for the encoder, codes for the generator, pairs for the discriminator."""
        return {**super().inputs(), "discriminator": (self.spec.shape, (self.recipe.latent,))}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn | tuple[Turn, ...]]:
        """A turn of the discriminator, then the simultaneous turns of encoder and generator."""
        batch = next(data)
        images, code = self.real(batch.main), self.drawn(batch.main, draw)
        z = self.prior.sample(len(batch), draw, "latents")
        made = self.generator(z)
        yield self.discriminator_turn((images, code.detach()), (made.detach(), z), draw)
        terms = {"adversarial": self.fooled(self.discriminator(images, code), self.discriminator(made, z), draw)}
        weights = {}
        if self.recipe.cycle:
            terms["cycle"], weights["cycle"] = self.error(batch.main, code), self.recipe.cycle
        yield Turn("encoder", terms, weights), Turn("generator", terms, weights)

    def discriminator_turn(self, real: tuple[Tensor, Tensor], fake: tuple[Tensor, Tensor], draw: Draws) -> Turn:
        """From pairs of data and codes, and of the prior and what is made."""
        encoded, generated = self.discriminator(*real), self.discriminator(*fake)
        slopes, weights = self.slopes(draw, real, fake)
        terms = {"adversarial": self.objective.discriminator(encoded, generated, draw, draw.progress), **slopes}
        return Turn("discriminator", terms, weights, {"real": encoded.detach(), "fake": generated.detach()})

    def fooled(self, encoded: Tensor, generated: Tensor, draw: Draws) -> Tensor:
        """The loss of encoder and generator from the scores of both kinds of pairs.  # [N]"""
        if self.objective.relativistic:
            return self.objective.generator(generated, encoded, draw.progress)
        as_fake = self.objective.on_fake(encoded, draw, draw.progress)
        return self.objective.generator(generated, None, draw.progress) + as_fake

    def error(self, images: Tensor, code: Tensor) -> Tensor:
        """``[N]``: how far images in [-1, 1] are from what is made of their codes."""
        seen = (base.to_range(each, (0.0, 1.0)) for each in (self.generate(code), images))
        error: Tensor = self.reconstruction(*seen)
        return error

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The squared error of reconstructions."""
        return {"error": self.squared_error(batch.main)}
